//! The two requests of a download: what a file is, and its bytes from an offset.
//!
//! Redirects are followed by hand: the hub tells a file's commit, size and checksum in the response that
//! redirects to the bytes, and the token is for the hub alone, never for the server that keeps the bytes.

use std::time::Duration;

use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::{Agent, Body};

use super::headers::{Origin, content_range, header, is_repository_missing, location, origin, retry_after};
use super::hub::is_commit;
use super::{Hub, ModelError, Watch};
use crate::raster::{RemoteFailureKind, interpret_failure, is_loopback};

/// How often a request is sent at most.
const TRIES: u32 = 5;
/// The pause before it is sent again, which doubles each time.
pub(super) const PAUSE: Duration = Duration::from_millis(250);
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const REDIRECTS: u32 = 8;
/// How often a pause checks whether to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The HTTP client for downloads.
pub(super) struct Client {
    agent: Agent,
    token: Option<String>,
    /// The server that may see the token.
    origin: Option<Origin>,
    endpoint: String,
}

/// What a server says about a file.
#[derive(Clone, Debug)]
pub(super) struct FileInfo {
    /// Of the repository, if the file is in one.
    pub commit: Option<String>,
    /// What identifies the content.
    pub etag: String,
    pub size: u64,
    /// The address of the bytes.
    pub url: String,
}

/// The answer to whether there is a file.
pub(super) enum Lookup {
    File(FileInfo),
    /// There is no such file.
    Missing,
}

/// Why one request failed.
pub(super) enum RequestError {
    /// It may succeed the next time, perhaps after a time that the server named.
    Transient(ModelError, Option<Duration>),
    Permanent(ModelError),
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

    /// Asks what there is at an address; `page` is where a person can read about it.
    pub fn look(&self, url: &str, page: &str, watch: &Watch<'_>) -> Result<Lookup, ModelError> {
        with_retries(watch, || self.look_once(url, page))
    }

    fn look_once(&self, url: &str, page: &str) -> Result<Lookup, RequestError> {
        let mut url = url.to_owned();
        let (mut commit, mut etag, mut size) = (None, None, None);
        for _ in 0..=REDIRECTS {
            let response = self.send(&url, None)?;
            let headers = response.headers();
            commit = commit.or_else(|| header(headers, "x-repo-commit").map(str::to_owned));
            // The first response to say these is the hub's; others describe their own copies.
            etag = etag.or_else(|| header(headers, "x-linked-etag").map(str::to_owned));
            size = size.or_else(|| header(headers, "x-linked-size").and_then(|text| text.parse().ok()));
            let status = response.status();
            if status.is_redirection() {
                let next =
                    location(&url, headers).ok_or_else(|| nonsense("a redirect that leads nowhere"))?;
                // The server that keeps the bytes needn't be asked: all is known, and its address may be
                // valid once only.
                if let (Some(etag), Some(size)) = (&etag, size)
                    && origin(&next) != origin(&url)
                {
                    return file_info(commit, etag, size, url).map(Lookup::File);
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
                return file_info(commit, &etag, size, url).map(Lookup::File);
            }
            if status == StatusCode::NOT_FOUND && !is_repository_missing(headers) {
                return Ok(Lookup::Missing);
            }
            return Err(self.refused(status, headers, page));
        }
        Err(nonsense("its redirects do not come to an end"))
    }

    /// The bytes of a file from an offset, and the offset at which they really begin: some servers always
    /// send all.
    pub fn get(
        &self,
        url: &str,
        page: &str,
        from: u64,
        size: u64,
    ) -> Result<(Response<Body>, u64), RequestError> {
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
                    return Err(RequestError::Permanent(ModelError::server(
                        "the file is no longer where the hub said",
                        "get the model again",
                    )));
                }
                status => return Err(self.refused(status, headers, page)),
            }
        }
        Err(nonsense("its redirects do not come to an end"))
    }

    /// Requests the bytes from an offset, or only the headers.
    fn send(&self, url: &str, from: Option<u64>) -> Result<Response<Body>, RequestError> {
        let mut request = if from.is_some() { self.agent.get(url) } else { self.agent.head(url) };
        // A compressed transfer can't be continued at an offset.
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
        request.call().map_err(|error| self.no_response(error, url))
    }

    /// The error of a request without a complete response.
    pub fn no_response(&self, error: ureq::Error, url: &str) -> RequestError {
        let server = origin(url).map_or_else(
            || self.endpoint.clone(),
            |(scheme, host, port)| {
                let port = port.map_or_else(String::new, |port| format!(":{port}"));
                format!("{scheme}://{host}{port}")
            },
        );
        let told = |what: &str, advice: &str| {
            let what = format!("{server} cannot be reached: {what}");
            ModelError::server(what, advice)
        };
        let trouble = interpret_failure(error);
        let carried = "check your connection, or fetch the files on another computer and take them from a folder with \
                       `skysift models get NAME --from FOLDER`";
        match trouble.kind {
            RemoteFailureKind::Temporary(wait) => {
                RequestError::Transient(told(&trouble.error.what, carried), wait)
            }
            RemoteFailureKind::OfRange => RequestError::Transient(told(&trouble.error.what, carried), None),
            RemoteFailureKind::Refused | RemoteFailureKind::Final => {
                RequestError::Permanent(told(&trouble.error.what, &trouble.error.advice))
            }
        }
    }

    /// The error of any other response.
    fn refused(&self, status: StatusCode, headers: &HeaderMap, page: &str) -> RequestError {
        let code = header(headers, "x-error-code").unwrap_or_default();
        let lasting =
            |what: String, advice: String| RequestError::Permanent(ModelError::server(what, advice));
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
                    Some(wait) if wait > LONGEST_WAIT => RequestError::Permanent(error),
                    wait => RequestError::Transient(error, wait),
                }
            }
            (408 | 500..=599, _) => {
                let error = ModelError::server(
                    format!("the server has a fault of its own ({})", status.as_u16()),
                    "get it again later, it goes on where it stopped",
                );
                RequestError::Transient(error, retry_after(headers))
            }
            (other, _) => lasting(format!("the server answered {other}"), format!("see {page}")),
        }
    }
}

/// Sends a request until it succeeds, after a longer pause each time.
pub(super) fn with_retries<T>(
    watch: &Watch<'_>,
    mut attempt: impl FnMut() -> Result<T, RequestError>,
) -> Result<T, ModelError> {
    let mut next_pause = PAUSE;
    for tries in 1.. {
        watch.check()?;
        match attempt() {
            Ok(value) => return Ok(value),
            Err(RequestError::Permanent(error)) => return Err(error),
            Err(RequestError::Transient(error, _)) if tries == TRIES => return Err(error),
            Err(RequestError::Transient(error, wait)) => {
                log::debug!("asking again: {error}");
                pause(watch, wait.unwrap_or(next_pause).min(LONGEST_WAIT))?;
                next_pause *= 2;
            }
        }
    }
    Err(ModelError::Stopped)
}

/// Pauses, unless the download should stop.
pub(super) fn pause(watch: &Watch<'_>, mut left: Duration) -> Result<(), ModelError> {
    while !left.is_zero() {
        watch.check()?;
        let interval = left.min(POLL_INTERVAL);
        std::thread::sleep(interval);
        left -= interval;
    }
    Ok(())
}

fn file_info(commit: Option<String>, etag: &str, size: u64, url: String) -> Result<FileInfo, RequestError> {
    if commit.as_deref().is_some_and(|commit| !is_commit(commit)) {
        return Err(nonsense("a commit that is none"));
    }
    let etag = etag.trim_start_matches("W/").trim_matches('"').to_owned();
    // The etag becomes the name of a file.
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if etag.is_empty() || etag.len() > 200 || etag.starts_with('.') || !etag.chars().all(plain) {
        return Err(nonsense("a checksum that is none"));
    }
    Ok(FileInfo { commit, etag, size, url })
}

fn nonsense(what: &str) -> RequestError {
    RequestError::Permanent(ModelError::server(
        format!("the server's answers make no sense ({what})"),
        "see that HF_ENDPOINT is a hub, or unset it",
    ))
}

fn another_file() -> RequestError {
    RequestError::Permanent(ModelError::server(
        "the server sends another file than the hub told of",
        "get the model again; if that does not help, its mirror or a proxy on the way is at fault",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_become_names_of_files() {
        let etag = |text: &str| file_info(None, text, 1, String::new()).map(|facts| facts.etag).ok();
        assert_eq!(etag("W/\"0a-b\"").as_deref(), Some("0a-b"));
        assert_eq!((etag("../../etc/passwd"), etag("\"\""), etag("..")), (None, None, None));
    }
}
