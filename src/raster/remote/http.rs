//! Requests one range of a file until it has arrived.
//!
//! After a temporary failure (no connection, no response, 429, 5xx, an incomplete response) the request is
//! repeated, a little later each time. A permanent failure (404, 403, a server without ranges) is reported at
//! once when a file is opened; later on it may be the hiccup of a proxy, and the request is repeated a few
//! times. A file that has changed is never requested again. Nothing waits forever: a server has to respond
//! within the timeout and to send at a minimum speed, and [`Health`] limits the rest for all readers
//! together.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode};

use super::RemoteOptions;
use super::health::{Health, WaitToken};
use super::response::{
    FailureKind, FetchedRange, RangeHeader, RequestFailure, content_range, header, interpret_failure,
    retry_after, transfer_timeout,
};
use super::s3::S3Object;
use crate::guard;
use crate::notices::Notices;
use crate::raster::error::RemoteError;

/// How many requests are made at the same time.
const CONNECTIONS: usize = 8;
/// How often a range is requested when the file is opened, or when only this range fails.
const MAX_TRIES: u32 = 4;
const MAX_REDIRECTS: u32 = 5;

/// Where requests go.
pub(super) enum Target {
    Http(String),
    S3(Box<S3Object>),
}

/// A file on a server.
pub(super) struct Server {
    agent: Agent,
    target: Target,
    timeout: Duration,
    health: Health,
    /// Length and version, once the file has been opened.
    opened: OnceLock<(u64, Option<String>)>,
    free_connections: Mutex<usize>,
}

impl Server {
    pub fn new(target: Target, options: &RemoteOptions, notices: &Notices) -> Self {
        let config = Agent::config_builder()
            .user_agent(concat!("skysift/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(MAX_REDIRECTS)
            .max_idle_connections(CONNECTIONS)
            .max_idle_connections_per_host(CONNECTIONS)
            .timeout_connect(Some(options.patience.min(Duration::from_secs(10))))
            .timeout_resolve(Some(options.patience))
            .timeout_recv_response(Some(options.patience))
            .timeout_per_read(Some(options.patience))
            .timeout_per_write(Some(options.patience));
        // Never follow a redirect from https to http.
        let config = config.https_only(target.url().starts_with("https:"));
        // "localhost" means another machine to a proxy.
        let config = if is_loopback(&target.url()) { config.proxy(None) } else { config };
        Self {
            agent: config.build().into(),
            target,
            timeout: options.patience,
            health: Health::new(options, notices.clone()),
            opened: OnceLock::new(),
            free_connections: Mutex::new(CONNECTIONS),
        }
    }

    /// Fails if the file can never be read again.
    pub fn ended(&self) -> Result<(), RemoteError> {
        self.health.ended()
    }

    /// How long a range that can't be sent isn't requested again.
    pub fn range_pause(&self) -> Duration {
        self.health.range_pause()
    }

    /// Gets `count` bytes from `start` on, or those up to the end of the file.
    pub fn get(self: &Arc<Self>, start: u64, count: u64) -> Result<FetchedRange, RemoteError> {
        let (began, responses) = (Instant::now(), self.health.responses());
        let token = self.health.wait_token();
        let (mut tries, mut refused, mut of_range) = (0, 0, 0);
        loop {
            let (sent, outcome) = self.request(token, start, count)?;
            let RequestFailure { error, kind } = match outcome {
                Ok(range) => return Ok(range),
                Err(failure) => failure,
            };
            log::debug!("a request failed: {error}");
            tries += 1;
            // Only refusals count: a server that comes back may refuse once.
            refused += u32::from(matches!(kind, FailureKind::Refused));
            of_range += u32::from(matches!(kind, FailureKind::OfRange));
            let opening = self.opened.get().is_none();
            let last_try = MAX_TRIES
                <= match kind {
                    _ if opening => tries,
                    FailureKind::Refused => refused,
                    _ => of_range,
                };
            let spent = match kind {
                FailureKind::Final => return Err(self.health.end(error)),
                FailureKind::Refused if opening => return Err(error),
                FailureKind::Refused if last_try => return Err(self.health.give_up_for_now(error)),
                FailureKind::Temporary(named) => self.health.failed(sent, tries, &error, named)?,
                FailureKind::OfRange | FailureKind::Refused => {
                    self.health.failed(sent, tries, &error, None)?
                }
            };
            let is_over = match kind {
                _ if opening => last_try,
                FailureKind::Temporary(_) => self.health.is_too_long(began),
                // If other ranges arrive, only this one fails.
                _ => last_try && (self.health.responses() > responses || self.is_available(token)),
            };
            // A failure of this range becomes one of the server if that sends nothing else, either.
            if matches!(kind, FailureKind::Temporary(_)) || last_try && !is_over {
                self.health.advise_waiting(spent, &error);
            }
            if is_over {
                return Err(error);
            }
        }
    }

    /// Whether the server sends the first byte, as it did before.
    fn is_available(self: &Arc<Self>, token: WaitToken) -> bool {
        matches!(self.request(token, 0, 1), Ok((_, Ok(_))))
    }

    /// Ends the waiting of all current readers.
    pub fn stop_waiting(&self) {
        self.health.stop_waiting();
    }

    /// Sends a request as soon as one may be sent; returns when it was sent, and the outcome. The response is
    /// awaited by another thread, since that can't be interrupted: after [`Self::stop_waiting`], nobody waits
    /// for that thread.
    fn request(
        self: &Arc<Self>,
        token: WaitToken,
        start: u64,
        count: u64,
    ) -> Result<(Instant, Result<FetchedRange, RequestFailure>), RemoteError> {
        let connection = Connection::wait(self, token)?;
        self.health.wait(token)?;
        let sent = Instant::now();
        let outcome = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&outcome);
        let request = move || {
            let Connection(server) = &connection;
            let outcome = guard::catch(|| server.get_once(start, count)).unwrap_or_else(|panic| {
                Err(RequestFailure::new(
                    FailureKind::OfRange,
                    format!("the request failed ({panic})"),
                    "try again",
                ))
            });
            if let Ok(range) = &outcome {
                server.opened.get_or_init(|| (range.length, range.version.clone()));
                server.health.succeeded();
            }
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            // Wakes those who wait.
            drop(connection);
        };
        thread::Builder::new().name("request".to_owned()).spawn(request).map_err(|error| {
            RemoteError::new(
                format!("no request can be sent ({error})"),
                "close other programs and try again",
            )
        })?;
        let outcome =
            self.health.wait_for(token, || outcome.lock().unwrap_or_else(PoisonError::into_inner).take())?;
        Ok((sent, outcome))
    }

    /// Whether a response with this length and version is of another file than those before.
    fn has_changed(&self, length: u64, version: Option<&str>) -> bool {
        self.opened.get().is_some_and(|(old_length, old_version)| {
            length != *old_length || version.zip(old_version.as_deref()).is_some_and(|(new, old)| new != old)
        })
    }

    fn get_once(&self, start: u64, count: u64) -> Result<FetchedRange, RequestFailure> {
        let last = start.saturating_add(count).saturating_sub(1);
        let response = self
            .agent
            .get(self.target.url())
            .header("Range", format!("bytes={start}-{last}"))
            // A range of compressed data would be useless.
            .header("Accept-Encoding", "identity")
            .config()
            .timeout_recv_body(Some(transfer_timeout(self.timeout, count)))
            .build()
            .call()
            .map_err(|error| self.interpret_failure(error))?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = RangeHeader::read(response.headers(), start)?;
                if self.has_changed(range.length, range.version.as_deref()) {
                    return Err(RequestFailure::changed());
                }
                range.with_body(response.into_body(), count, self.timeout)
            }
            StatusCode::RANGE_NOT_SATISFIABLE => match content_range(response.headers()) {
                Some((None, Some(0))) if self.opened.get().is_none() => {
                    Ok(FetchedRange { bytes: Vec::new(), length: 0, version: None })
                }
                _ => Err(RequestFailure::changed()),
            },
            StatusCode::PRECONDITION_FAILED if self.opened.get().is_some() => Err(RequestFailure::changed()),
            StatusCode::OK => Err(self.without_range(response.headers())),
            status => Err(self.refused(status, response.headers())),
        }
    }

    /// What a response without a range means.
    fn without_range(&self, headers: &HeaderMap) -> RequestFailure {
        let is_page = header(headers, "content-type")
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
        let (what, advice) = if is_page {
            (
                "a web page came in place of the file, perhaps that of a login or a proxy",
                "open the address in a browser to see it",
            )
        } else if self.opened.get().is_some() {
            (
                "the server, or a proxy before it, does not answer range requests any more",
                "try again later, or download the file and open it from disk",
            )
        } else {
            (
                "its server does not answer range requests, so that only the whole file could be read",
                "download the file and open it from disk",
            )
        };
        RequestFailure::new(FailureKind::Refused, what, advice)
    }

    /// Interprets the failure of a request. In the wrong region, Amazon responds with a redirect without a
    /// location.
    fn interpret_failure(&self, error: ureq::Error) -> RequestFailure {
        match (&self.target, &error) {
            (Target::S3(_), ureq::Error::Protocol(reason)) if reason.to_string().contains("location") => {
                RequestFailure::new(
                    FailureKind::Refused,
                    "its bucket is in another region",
                    "set AWS_REGION to the region of the bucket",
                )
            }
            _ => interpret_failure(error),
        }
    }

    /// What any other status means.
    fn refused(&self, status: StatusCode, headers: &HeaderMap) -> RequestFailure {
        let opened = self.opened.get().is_some();
        let answer = format!("the server answered {status}").replace(" <unknown status code>", "");
        match status.as_u16() {
            500 => RequestFailure::new(FailureKind::OfRange, answer, "try again later"),
            408 | 429 | 501..=599 => {
                RequestFailure::new(FailureKind::Temporary(retry_after(headers)), answer, "try again later")
            }
            401 | 403 => {
                let advice = match &self.target {
                    Target::S3(object) if !object.is_signed() => {
                        "check the address, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY if it is not public"
                    }
                    _ if opened => {
                        "what allowed reading it may have expired: open it again with a new signature or new keys"
                    }
                    _ => "check the address and that you may read it",
                };
                RequestFailure::new(FailureKind::Refused, answer, advice)
            }
            code @ (404 | 410) => {
                let what = if opened { "the file is no longer" } else { "there is no such file" };
                RequestFailure::new(
                    FailureKind::Refused,
                    format!("{what} on the server ({code})"),
                    "check the address",
                )
            }
            _ => RequestFailure::new(FailureKind::Refused, answer, "check the address"),
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

/// One of the connections that may be open at the same time.
struct Connection(Arc<Server>);

impl Connection {
    fn wait(server: &Arc<Server>, token: WaitToken) -> Result<Self, RemoteError> {
        server.health.wait_for(token, || {
            let mut free = server.free_connections.lock().unwrap_or_else(PoisonError::into_inner);
            *free = free.checked_sub(1)?;
            Some(())
        })?;
        Ok(Self(Arc::clone(server)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        *self.0.free_connections.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.health.wake();
    }
}

/// Whether a URL refers to this machine.
pub(crate) fn is_loopback(url: &str) -> bool {
    let host = url.parse::<ureq::http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    let host = host.unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        for url in
            ["http://127.0.0.1:80/a", "http://localhost/a", "http://[::1]:9/a", "http://u:p@127.1.2.3/"]
        {
            assert!(is_loopback(url), "{url}");
        }
        assert!(!is_loopback("https://example.com/127.0.0.1") && !is_loopback("http://10.0.0.1/"));
    }
}
