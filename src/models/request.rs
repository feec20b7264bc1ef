//! The two requests that a download consists of: what is there, and its bytes from a place on.
//!
//! Redirects are followed by hand: the hub tells a file's commit, size and checksum in the answer that sends
//! on to where the bytes are, and the token is for the hub alone, never for who keeps the bytes.

use std::time::Duration;

use ureq::http::{HeaderMap, Response, StatusCode, Uri};
use ureq::{Agent, Body};

use super::hub::is_commit;
use super::{Hub, ModelError, Watch};
use crate::raster::{RemoteFailureKind, interpret_failure, is_loopback};

/// Times that a request is sent.
const TRIES: u32 = 5;
/// Before it is sent again; doubled each time.
pub(super) const PAUSE: Duration = Duration::from_millis(250);
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const REDIRECTS: u32 = 8;
/// How often it is looked whether to stop while waiting.
const GLANCE: Duration = Duration::from_millis(100);

/// Asks for files.
pub(super) struct Client {
    agent: Agent,
    token: Option<String>,
    /// Who may see the token.
    origin: Option<Origin>,
    endpoint: String,
}

/// Scheme, host and port.
type Origin = (String, String, Option<u16>);

/// What a server says of a file.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Of the repository, where it is one.
    pub commit: Option<String>,
    /// What tells this content from others.
    pub etag: String,
    pub size: u64,
    /// Where the bytes are.
    pub url: String,
}

/// What became of a question.
pub(super) enum Found {
    File(Facts),
    /// There is no such file.
    Missing,
}

/// Why one request failed.
pub(super) enum Trouble {
    /// It may go well the next time, perhaps after a time that the server named.
    Passing(ModelError, Option<Duration>),
    Lasting(ModelError),
}

impl Client {
    pub fn new(hub: &Hub) -> Self {
        let config = Agent::config_builder()
            .user_agent(concat!("skysift/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(hub.patience.min(Duration::from_secs(10))))
            .timeout_resolve(Some(hub.patience))
            .timeout_recv_response(Some(hub.patience))
            .timeout_per_read(Some(hub.patience))
            .timeout_per_write(Some(hub.patience));
        Self {
            agent: config.build().into(),
            token: hub.token.clone(),
            origin: origin(&hub.endpoint),
            endpoint: hub.endpoint.clone(),
        }
    }

    /// What there is at an address; `page` is where a person can read about it.
    pub fn look(&self, url: &str, page: &str, watch: &Watch<'_>) -> Result<Found, ModelError> {
        patiently(watch, || self.look_once(url, page))
    }

    fn look_once(&self, url: &str, page: &str) -> Result<Found, Trouble> {
        let mut url = url.to_owned();
        let (mut commit, mut etag, mut size) = (None, None, None);
        for _ in 0..=REDIRECTS {
            let response = self.send(&url, None)?;
            let headers = response.headers();
            commit = commit.or_else(|| header(headers, "x-repo-commit").map(str::to_owned));
            // The first answer that tells is the hub's; others speak of their own copy.
            etag = etag.or_else(|| header(headers, "x-linked-etag").map(str::to_owned));
            size = size.or_else(|| header(headers, "x-linked-size").and_then(|text| text.parse().ok()));
            let status = response.status();
            if status.is_redirection() {
                let next =
                    location(&url, headers).ok_or_else(|| nonsense("a redirect that leads nowhere"))?;
                // Whoever keeps the bytes need not be asked: all is known, and the address may be for one use
                // only.
                if let (Some(etag), Some(size)) = (&etag, size)
                    && origin(&next) != origin(&url)
                {
                    return facts(commit, etag, size, url).map(Found::File);
                }
                url = next;
                continue;
            }
            if status == StatusCode::OK {
                let etag = etag.or_else(|| header(headers, "etag").map(str::to_owned));
                let size =
                    size.or_else(|| header(headers, "content-length").and_then(|text| text.parse().ok()));
                let etag =
                    etag.ok_or_else(|| nonsense("it does not tell one version of a file from another"))?;
                let size = size.ok_or_else(|| nonsense("it does not say how long a file is"))?;
                return facts(commit, &etag, size, url).map(Found::File);
            }
            if status == StatusCode::NOT_FOUND && !is_repository_missing(headers) {
                return Ok(Found::Missing);
            }
            return Err(self.refused(status, headers, page));
        }
        Err(nonsense("its redirects do not come to an end"))
    }

    /// The bytes of a file from a place on. Also says where they begin: a server that can't begin there sends
    /// all.
    pub fn get(&self, url: &str, page: &str, from: u64, size: u64) -> Result<(Response<Body>, u64), Trouble> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS {
            let response = self.send(&url, Some(from))?;
            let headers = response.headers();
            match response.status() {
                status if status.is_redirection() => {
                    url = location(&url, headers).ok_or_else(|| nonsense("a redirect that leads nowhere"))?;
                }
                StatusCode::PARTIAL_CONTENT => {
                    let (begins, length) = content_range(headers)
                        .ok_or_else(|| nonsense("it does not say which part it sends"))?;
                    if begins != from {
                        return Err(nonsense("another part than the one that was asked for"));
                    }
                    if length != size {
                        return Err(another_file());
                    }
                    return Ok((response, from));
                }
                StatusCode::OK => {
                    let length = header(headers, "content-length").and_then(|text| text.parse::<u64>().ok());
                    if length.is_some_and(|length| length != size) {
                        return Err(another_file());
                    }
                    return Ok((response, 0));
                }
                StatusCode::RANGE_NOT_SATISFIABLE => return Err(another_file()),
                StatusCode::NOT_FOUND => {
                    return Err(Trouble::Lasting(ModelError::server(
                        "the file is no longer where the hub said",
                        "get the model again",
                    )));
                }
                status => return Err(self.refused(status, headers, page)),
            }
        }
        Err(nonsense("its redirects do not come to an end"))
    }

    /// Asks for the bytes from a place on, or only for what there is to know.
    fn send(&self, url: &str, from: Option<u64>) -> Result<Response<Body>, Trouble> {
        let mut request = if from.is_some() { self.agent.get(url) } else { self.agent.head(url) };
        // What is compressed on the way can't go on from a place.
        request = request.header("Accept-Encoding", "identity");
        if let Some(from) = from.filter(|from| *from > 0) {
            request = request.header("Range", format!("bytes={from}-"));
        }
        if let Some(token) =
            self.token.as_ref().filter(|_| self.origin.is_some() && origin(url) == self.origin)
        {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let request = if is_loopback(url) { request.config().proxy(None).build() } else { request };
        request.call().map_err(|error| self.silent(error, url))
    }

    /// What it means when there is no answer, or not all of one.
    pub fn silent(&self, error: ureq::Error, url: &str) -> Trouble {
        let host = origin(url)
            .map_or_else(|| self.endpoint.clone(), |(scheme, host, _)| format!("{scheme}://{host}"));
        let told = |what: &str, advice: &str| {
            let what = format!("{host} cannot be reached: {what}");
            ModelError::server(what, advice)
        };
        let trouble = interpret_failure(error);
        let carried = "check your connection, or fetch the files on another computer and take them from a folder with \
                       `skysift models get NAME --from FOLDER`";
        match trouble.kind {
            RemoteFailureKind::Temporary(wait) => Trouble::Passing(told(&trouble.error.what, carried), wait),
            RemoteFailureKind::OfRange => Trouble::Passing(told(&trouble.error.what, carried), None),
            RemoteFailureKind::Refused | RemoteFailureKind::Final => {
                Trouble::Lasting(told(&trouble.error.what, &trouble.error.advice))
            }
        }
    }

    /// What any other answer means.
    fn refused(&self, status: StatusCode, headers: &HeaderMap, page: &str) -> Trouble {
        let code = header(headers, "x-error-code").unwrap_or_default();
        let lasting = |what: String, advice: String| Trouble::Lasting(ModelError::server(what, advice));
        let tokens = format!("{}/settings/tokens", self.endpoint);
        match (status.as_u16(), code) {
            (401 | 403, "GatedRepo") => lasting(
                format!(
                    "its authors ask for an agreement before they give this model away ({})",
                    status.as_u16()
                ),
                format!("agree at {page}, make a token at {tokens}, and set HF_TOKEN to it"),
            ),
            (401, _) if self.token.is_some() => lasting(
                "the hub does not accept the token (401)".to_owned(),
                format!(
                    "make a new one at {tokens} and set HF_TOKEN to it, or unset it for models that are public"
                ),
            ),
            (401 | 403, "RepoNotFound") | (401, _) => lasting(
                format!("the hub gives this model to nobody it does not know ({})", status.as_u16()),
                format!(
                    "see whether {page} is there; if it is private, set HF_TOKEN to a token from {tokens}"
                ),
            ),
            (403, _) => lasting(
                "the server does not give this file away (403)".to_owned(),
                format!(
                    "see {page}; a model that asks for an agreement needs HF_TOKEN, a token from {tokens}"
                ),
            ),
            (404 | 410, "RevisionNotFound") => lasting(
                "the repository has no such revision any more (404)".to_owned(),
                format!("see {page}, and name another one in your models.toml"),
            ),
            (404 | 410, _) => lasting(
                "there is no such repository on the hub any more (404)".to_owned(),
                format!("see {page}, and name where it is now in your models.toml"),
            ),
            (429, _) => {
                let wait = retry_after(headers);
                let asked =
                    wait.map_or(String::new(), |wait| format!(" and asks to wait {} s", wait.as_secs()));
                let error = ModelError::server(
                    format!("the hub has had too many requests from here (429){asked}"),
                    "get it again a little later, it goes on where it stopped; requests with HF_TOKEN set may be more",
                );
                match wait {
                    Some(wait) if wait > LONGEST_WAIT => Trouble::Lasting(error),
                    wait => Trouble::Passing(error, wait),
                }
            }
            (408 | 500..=599, _) => {
                let error = ModelError::server(
                    format!("the server has a fault of its own ({})", status.as_u16()),
                    "get it again later, it goes on where it stopped",
                );
                Trouble::Passing(error, retry_after(headers))
            }
            (other, _) => lasting(format!("the server answered {other}"), format!("see {page}")),
        }
    }
}

/// Sends a request until it goes well, a little later each time.
pub(super) fn patiently<T>(
    watch: &Watch<'_>,
    mut attempt: impl FnMut() -> Result<T, Trouble>,
) -> Result<T, ModelError> {
    let mut pause = PAUSE;
    for tries in 1.. {
        watch.check()?;
        match attempt() {
            Ok(value) => return Ok(value),
            Err(Trouble::Lasting(error)) => return Err(error),
            Err(Trouble::Passing(error, _)) if tries == TRIES => return Err(error),
            Err(Trouble::Passing(error, wait)) => {
                log::debug!("asking again: {error}");
                rest(watch, wait.unwrap_or(pause).min(LONGEST_WAIT))?;
                pause *= 2;
            }
        }
    }
    Err(ModelError::Stopped)
}

/// Waits, unless it should stop.
pub(super) fn rest(watch: &Watch<'_>, mut left: Duration) -> Result<(), ModelError> {
    while !left.is_zero() {
        watch.check()?;
        let glance = left.min(GLANCE);
        std::thread::sleep(glance);
        left -= glance;
    }
    Ok(())
}

fn facts(commit: Option<String>, etag: &str, size: u64, url: String) -> Result<Facts, Trouble> {
    if commit.as_deref().is_some_and(|commit| !is_commit(commit)) {
        return Err(nonsense("a commit that is none"));
    }
    let etag = etag.trim_start_matches("W/").trim_matches('"').to_owned();
    // It becomes the name of a file.
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if etag.is_empty() || etag.len() > 200 || etag.starts_with('.') || !etag.chars().all(plain) {
        return Err(nonsense("a checksum that is none"));
    }
    Ok(Facts { commit, etag, size, url })
}

fn nonsense(what: &str) -> Trouble {
    Trouble::Lasting(ModelError::server(
        format!("the server's answers make no sense ({what})"),
        "see that HF_ENDPOINT is a hub, or unset it",
    ))
}

fn another_file() -> Trouble {
    Trouble::Lasting(ModelError::server(
        "the server sends another file than the hub told of",
        "get the model again; if that does not help, its mirror or a proxy on the way is at fault",
    ))
}

fn is_repository_missing(headers: &HeaderMap) -> bool {
    matches!(header(headers, "x-error-code"), Some("RepoNotFound" | "RevisionNotFound"))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|text| !text.is_empty())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    header(headers, "retry-after")?.parse().ok().map(Duration::from_secs)
}

/// First byte and length of the file: "bytes 10-99/100".
fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let (range, length) = header(headers, "content-range")?.strip_prefix("bytes")?.split_once('/')?;
    let (first, _) = range.trim().split_once('-')?;
    Some((first.trim().parse().ok()?, length.trim().parse().ok()?))
}

fn origin(url: &str) -> Option<Origin> {
    let uri: Uri = url.parse().ok()?;
    Some((uri.scheme_str()?.to_owned(), uri.host()?.to_lowercase(), uri.port_u16()))
}

/// Where a redirect leads.
fn location(url: &str, headers: &HeaderMap) -> Option<String> {
    let next = header(headers, "location")?;
    if next.starts_with("http://") || next.starts_with("https://") {
        return Some(next.to_owned());
    }
    let (scheme, rest) = url.split_once("://")?;
    if let Some(other_host) = next.strip_prefix("//") {
        return Some(format!("{scheme}://{other_host}"));
    }
    let host = rest.split(['/', '?', '#']).next()?;
    if let Some(path) = next.strip_prefix('/') {
        return Some(format!("{scheme}://{host}/{path}"));
    }
    let path = rest.split(['?', '#']).next()?;
    let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
    Some(format!("{scheme}://{folder}/{next}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(url: &str, next: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert("location", next.parse().unwrap());
        location(url, &headers)
    }

    #[test]
    fn redirects_lead_somewhere() {
        let url = "https://hub.example:8080/a/b/file?x=1";
        assert_eq!(to(url, "/api/c").unwrap(), "https://hub.example:8080/api/c");
        assert_eq!(to(url, "other").unwrap(), "https://hub.example:8080/a/b/other");
        assert_eq!(to(url, "//cdn.example/c").unwrap(), "https://cdn.example/c");
        assert_eq!(to(url, "http://cdn.example/c").unwrap(), "http://cdn.example/c");
    }

    #[test]
    fn checksums_become_names_of_files() {
        let etag = |text: &str| facts(None, text, 1, String::new()).map(|facts| facts.etag).ok();
        assert_eq!(etag("W/\"0a-b\"").as_deref(), Some("0a-b"));
        assert_eq!((etag("../../etc/passwd"), etag("\"\""), etag("..")), (None, None, None));
    }
}
