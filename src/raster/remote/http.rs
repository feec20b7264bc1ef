//! One range of a file, asked for until it is there.
//!
//! What passes by itself (no connection, silence, 429, 5xx, half an answer) is asked for again, a little later each
//! time; what does not (404, 403, a server without ranges) is told at once. Nothing waits for ever: a server has to
//! answer within the patience, to go on within the patience, and to be done in the time that a slow line takes.

use std::io::{self, Read};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::{Agent, Body};

use super::s3::S3Object;
use super::{RemoteError, RemoteOptions};

/// Requests that are under way at once.
const CONNECTIONS: usize = 8;
/// Times that a range is asked for.
const TRIES: u32 = 4;
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Bytes a second of a line that is slow, but not to be given up.
const SLOW_LINE: u64 = 32 << 10;
const REDIRECTS: u32 = 5;

/// Where requests go.
pub(super) enum Target {
    Http(String),
    S3(Box<S3Object>),
}

/// A file on a server.
pub(super) struct Server {
    agent: Agent,
    target: Target,
    patience: Duration,
    pause: Duration,
    free: Mutex<usize>,
    freed: Condvar,
}

/// A part of the file, and what the server says of the whole.
pub(super) struct Part {
    pub bytes: Vec<u8>,
    pub length: u64,
    /// Another one means another file: the `ETag`, or the time of the last change.
    pub version: Option<String>,
}

/// Why one request failed.
pub(crate) enum Trouble {
    /// It may go well the next time, perhaps after a time that the server named.
    Passing(RemoteError, Option<Duration>),
    Lasting(RemoteError),
}

impl Server {
    pub fn new(target: Target, options: &RemoteOptions) -> Self {
        let config = Agent::config_builder()
            .user_agent(concat!("skysift/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(REDIRECTS)
            .max_idle_connections(CONNECTIONS)
            .max_idle_connections_per_host(CONNECTIONS)
            .timeout_connect(Some(options.patience.min(Duration::from_secs(10))))
            .timeout_resolve(Some(options.patience))
            .timeout_recv_response(Some(options.patience))
            .timeout_per_read(Some(options.patience))
            .timeout_per_write(Some(options.patience));
        // A proxy's way to this machine is not this machine's way to itself.
        let config = if is_here(&target.url()) { config.proxy(None) } else { config };
        Self {
            agent: config.build().into(),
            target,
            patience: options.patience,
            pause: options.pause,
            free: Mutex::new(CONNECTIONS),
            freed: Condvar::new(),
        }
    }

    /// `count` bytes from `start` on, or those up to the end of the file.
    pub fn get(&self, start: u64, count: u64) -> Result<Part, RemoteError> {
        let began = Instant::now();
        let mut pause = self.pause;
        let mut tries = 1;
        loop {
            match self.get_once(start, count) {
                Ok(part) => return Ok(part),
                Err(Trouble::Lasting(error)) => return Err(error),
                Err(Trouble::Passing(error, wait)) => {
                    let wait = wait.unwrap_or(pause).min(LONGEST_WAIT);
                    if tries == TRIES || began.elapsed() + wait > self.patience * 3 {
                        return Err(error);
                    }
                    log::debug!("asking a server again in {wait:?}: {error}");
                    std::thread::sleep(wait);
                    pause *= 2;
                    tries += 1;
                }
            }
        }
    }

    fn get_once(&self, start: u64, count: u64) -> Result<Part, Trouble> {
        let _connection = Connection::wait(self);
        let slow = self.patience + Duration::from_secs(count / SLOW_LINE);
        let last = start.saturating_add(count).saturating_sub(1);
        let response = self
            .agent
            .get(self.target.url())
            .header("Range", format!("bytes={start}-{last}"))
            // A range of a compressed copy is of no use.
            .header("Accept-Encoding", "identity")
            .config()
            .timeout_recv_body(Some(slow))
            .build()
            .call()
            .map_err(|error| self.unanswered(error))?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => part(response, start, count),
            StatusCode::RANGE_NOT_SATISFIABLE => match content_range(response.headers()) {
                Some((None, Some(0))) => Ok(Part { bytes: Vec::new(), length: 0, version: None }),
                _ => Err(Trouble::Lasting(RemoteError::changed())),
            },
            StatusCode::OK => Err(Trouble::Lasting(no_ranges())),
            status => Err(self.refused(status, response.headers())),
        }
    }

    /// What it means when there is no answer. Amazon sends those who ask in the wrong region away without saying
    /// where to.
    fn unanswered(&self, error: ureq::Error) -> Trouble {
        match (&self.target, &error) {
            (Target::S3(_), ureq::Error::Protocol(reason)) if reason.to_string().contains("location") => {
                Trouble::Lasting(RemoteError::new(
                    "its bucket is in another region",
                    "set AWS_REGION to the region of the bucket",
                ))
            }
            _ => unanswered(error),
        }
    }

    /// What any other answer means.
    fn refused(&self, status: StatusCode, headers: &HeaderMap) -> Trouble {
        let answer = format!("the server answered {status}").replace(" <unknown status code>", "");
        match status.as_u16() {
            408 | 429 | 500..=599 => {
                let seconds = header(headers, "retry-after").and_then(|text| text.trim().parse().ok());
                let wait = seconds.map(Duration::from_secs);
                Trouble::Passing(RemoteError::new(answer, "try again later"), wait)
            }
            401 | 403 => {
                let advice = match &self.target {
                    Target::S3(object) if !object.is_signed() => {
                        "check the address, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY if it is not public"
                    }
                    _ => "check the address and that you may read it",
                };
                Trouble::Lasting(RemoteError::new(answer, advice))
            }
            404 | 410 => Trouble::Lasting(RemoteError::new(
                format!("there is no such file on the server ({})", status.as_u16()),
                "check the address",
            )),
            _ => Trouble::Lasting(RemoteError::new(answer, "check the address")),
        }
    }
}

impl Target {
    fn url(&self) -> String {
        match self {
            Self::Http(url) => url.clone(),
            Self::S3(object) => object.url(),
        }
    }
}

/// One of the connections that may be open at once.
struct Connection<'a>(&'a Server);

impl<'a> Connection<'a> {
    fn wait(server: &'a Server) -> Self {
        let free = server.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            server.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Self(server)
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

/// The bytes of an answer that says it has them.
fn part(mut response: Response<Body>, start: u64, count: u64) -> Result<Part, Trouble> {
    let headers = response.headers();
    let nonsense = |what: &str| {
        Trouble::Lasting(RemoteError::new(
            format!("the server's answers make no sense ({what})"),
            "download the file and open it from disk",
        ))
    };
    if header(headers, "content-encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"))
    {
        return Err(nonsense("a part of a compressed copy"));
    }
    let (first, last, length) = match content_range(headers) {
        Some((Some((first, last)), Some(length))) => (first, last, length),
        Some((_, None)) => return Err(nonsense("it does not say how long the file is")),
        _ => return Err(nonsense("it does not say which part it sends")),
    };
    if first != start || last < first || last >= length {
        return Err(nonsense("another part than the one that was asked for"));
    }
    let version = version(headers);
    let wanted = count.min(length - start);
    let mut bytes = Vec::new();
    // Whatever follows was not asked for.
    let read = response.body_mut().as_reader().take(wanted).read_to_end(&mut bytes);
    if let Err(error) = read {
        return Err(unanswered(error.into()));
    }
    if bytes.len() as u64 != wanted {
        let what = format!("the server sent {} bytes of {wanted}", bytes.len());
        return Err(Trouble::Passing(RemoteError::new(what, "try again later"), None));
    }
    Ok(Part { bytes, length, version })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

/// First and last byte, and the length of the file, as far as they are told: "bytes 0-99/1000", "bytes */1000".
#[expect(clippy::type_complexity, reason = "taken apart at once")]
fn content_range(headers: &HeaderMap) -> Option<(Option<(u64, u64)>, Option<u64>)> {
    let (range, length) = header(headers, "content-range")?.trim().strip_prefix("bytes")?.split_once('/')?;
    let range = range.trim_matches([' ', '=']).split_once('-');
    let range = range.and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
    Some((range, length.trim().parse().ok()))
}

/// A strong `ETag` names the very bytes; a weak one may outlive a change that the date tells.
fn version(headers: &HeaderMap) -> Option<String> {
    let etag = header(headers, "etag");
    let strong = etag.filter(|etag| !etag.starts_with("W/"));
    strong.or_else(|| header(headers, "last-modified")).or(etag).map(str::to_owned)
}

fn no_ranges() -> RemoteError {
    RemoteError::new(
        "its server does not answer range requests, so that only the whole file could be read",
        "download the file and open it from disk",
    )
}

/// What it means when there is no answer, or not all of one. The other crate's words may hold the address.
pub(crate) fn unanswered(error: ureq::Error) -> Trouble {
    const CONNECTION: &str = "check the address and your connection";
    let passing = |what: String| Trouble::Passing(RemoteError::new(what, CONNECTION), None);
    let lasting = |what: &str, advice: &str| Trouble::Lasting(RemoteError::new(what, advice));
    match error {
        ureq::Error::Timeout(_) => passing("the server does not answer in time".to_owned()),
        ureq::Error::HostNotFound => passing("there is no server of that name".to_owned()),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            passing("the server does not answer in time".to_owned())
        }
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            passing("the server closed the connection too early".to_owned())
        }
        ureq::Error::Io(error) => passing(format!("the connection failed ({error})")),
        ureq::Error::ConnectionFailed => passing("the connection failed".to_owned()),
        ureq::Error::ConnectProxyFailed(_) => passing("the proxy does not let it through".to_owned()),
        ureq::Error::TooManyRedirects => lasting("its redirects do not come to an end", "check the address"),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            lasting("it is not an address of a file on a server", "check it")
        }
        ureq::Error::InvalidProxyUrl => lasting(
            "the proxy that the environment names is not an address",
            "correct HTTPS_PROXY or HTTP_PROXY",
        ),
        error @ (ureq::Error::Tls(_) | ureq::Error::Rustls(_)) => lasting(
            &format!("no secure connection can be made ({error})"),
            "check the address and the clock of this computer",
        ),
        _ => passing("the server's answer is not HTTP".to_owned()),
    }
}

/// Whether an address leads to this machine.
pub(crate) fn is_here(url: &str) -> bool {
    let host = url.parse::<ureq::http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    let host = host.unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_of_a_part_is_read() {
        let range = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("content-range", text.parse().unwrap());
            content_range(&headers)
        };
        assert_eq!(range("bytes 0-99/1000"), Some((Some((0, 99)), Some(1000))));
        assert_eq!(range("bytes */0"), Some((None, Some(0))));
        assert_eq!(range("bytes 5-9/*"), Some((Some((5, 9)), None)));
        assert_eq!(range("bytes -9/8"), Some((None, Some(8))));
        assert_eq!(range("lines 1-2/3"), None);
        assert_eq!(range("bytes 0-99999999999999999999/1"), Some((None, Some(1))));
    }

    #[test]
    fn this_machine_is_known() {
        for url in
            ["http://127.0.0.1:80/a", "http://localhost/a", "http://[::1]:9/a", "http://u:p@127.1.2.3/"]
        {
            assert!(is_here(url), "{url}");
        }
        assert!(!is_here("https://example.com/127.0.0.1") && !is_here("http://10.0.0.1/"));
    }
}
