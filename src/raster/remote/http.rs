//! One range of a file, asked for until it is there.
//!
//! What passes by itself (no connection, silence, 429, 5xx, half an answer) is asked for again, a little
//! later each time. When a file is opened, what does not pass (404, 403, a server without ranges) is told at
//! once; later on it may be the hiccup of a proxy, and is asked for a few times. A file that has changed is
//! an end. Nothing waits for ever: a server has to answer within the patience, to send at the pace of a slow
//! line, and [`Health`] bounds the rest for all who read.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode};

use super::answer::{Kind, Part, PartHead, Trouble, content_range, due, header, retry_after, unanswered};
use super::health::{Began, Health};
use super::s3::S3Object;
use super::{RemoteError, RemoteOptions};
use crate::guard;
use crate::notices::Notices;

/// Requests that are under way at once.
const CONNECTIONS: usize = 8;
/// Times that a range is asked for when the file is opened, or when the trouble is with this range alone.
const TRIES: u32 = 4;
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
    health: Health,
    /// Length and version, once it was opened.
    opened: OnceLock<(u64, Option<String>)>,
    free: Mutex<usize>,
}

impl Server {
    pub fn new(target: Target, options: &RemoteOptions, notices: &Notices) -> Self {
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
        // An address that promises encryption is never left for one without.
        let config = config.https_only(target.url().starts_with("https:"));
        // A proxy's way to this machine is not this machine's way to itself.
        let config = if is_here(&target.url()) { config.proxy(None) } else { config };
        Self {
            agent: config.build().into(),
            target,
            patience: options.patience,
            health: Health::new(options, notices.clone()),
            opened: OnceLock::new(),
            free: Mutex::new(CONNECTIONS),
        }
    }

    /// Why the file can't be read any more, if that is so for good.
    pub fn ended(&self) -> Result<(), RemoteError> {
        self.health.ended()
    }

    /// How long a part that can't be sent is left alone.
    pub fn rest_of_part(&self) -> Duration {
        self.health.rest_of_part()
    }

    /// `count` bytes from `start` on, or those up to the end of the file.
    pub fn get(self: &Arc<Self>, start: u64, count: u64) -> Result<Part, RemoteError> {
        let (began, answers, waiting) = (Instant::now(), self.health.answers(), self.health.begin());
        let (mut tries, mut refused, mut of_part) = (0, 0, 0);
        loop {
            let (sent, outcome) = self.ask(waiting, start, count)?;
            let Trouble { error, kind } = match outcome {
                Ok(part) => return Ok(part),
                Err(trouble) => trouble,
            };
            log::debug!("a request failed: {error}");
            tries += 1;
            // A server that was away and then refuses once doesn't refuse for good.
            refused += u32::from(matches!(kind, Kind::Refused));
            of_part += u32::from(matches!(kind, Kind::OfPart));
            let opening = self.opened.get().is_none();
            let last_try = TRIES
                <= match kind {
                    _ if opening => tries,
                    Kind::Refused => refused,
                    _ => of_part,
                };
            let spent = match kind {
                Kind::End => return Err(self.health.end(error)),
                Kind::Refused if opening => return Err(error),
                Kind::Refused if last_try => return Err(self.health.give_up_for_now(error)),
                Kind::Passing(named) => self.health.failed(sent, tries, &error, named)?,
                Kind::OfPart | Kind::Refused => self.health.failed(sent, tries, &error, None)?,
            };
            let is_over = match kind {
                _ if opening => last_try,
                Kind::Passing(_) => self.health.is_too_long(began),
                // Where other parts are sent, it is this one that isn't.
                _ => last_try && (self.health.answers() > answers || self.is_there(waiting)),
            };
            // What may be about this part alone is a waiting for the server once it sends nothing else
            // either.
            if matches!(kind, Kind::Passing(_)) || last_try && !is_over {
                self.health.tell_of_waiting(spent, &error);
            }
            if is_over {
                return Err(error);
            }
        }
    }

    /// Whether the server sends the first byte, which it had.
    fn is_there(self: &Arc<Self>, waiting: Began) -> bool {
        matches!(self.ask(waiting, 0, 1), Ok((_, Ok(_))))
    }

    /// Ends the waiting of all who read the file now.
    pub fn stop_waiting(&self) {
        self.health.stop_waiting();
    }

    /// Sends a request as soon as one may be sent. When, and what came of it. Nothing could end the waiting
    /// for an answer, so another thread does that, which nobody waits for any longer once they are told to
    /// stop.
    fn ask(
        self: &Arc<Self>,
        waiting: Began,
        start: u64,
        count: u64,
    ) -> Result<(Instant, Result<Part, Trouble>), RemoteError> {
        let connection = Connection::wait(self, waiting)?;
        self.health.wait(waiting)?;
        let sent = Instant::now();
        let outcome = Arc::new(Mutex::new(None));
        let place = Arc::clone(&outcome);
        let ask = move || {
            let Connection(server) = &connection;
            let outcome = guard::catch(|| server.get_once(start, count)).unwrap_or_else(|panic| {
                Err(Trouble::new(Kind::OfPart, format!("the request failed ({panic})"), "try again"))
            });
            if let Ok(part) = &outcome {
                server.opened.get_or_init(|| (part.length, part.version.clone()));
                server.health.answered();
            }
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            // Which tells those who wait.
            drop(connection);
        };
        thread::Builder::new().name("request".to_owned()).spawn(ask).map_err(|error| {
            RemoteError::new(
                format!("no request can be sent ({error})"),
                "close other programs and try again",
            )
        })?;
        let outcome = self
            .health
            .wait_for(waiting, || outcome.lock().unwrap_or_else(PoisonError::into_inner).take())?;
        Ok((sent, outcome))
    }

    /// Whether an answer that tells this length and version is of another file than those before.
    fn has_changed(&self, length: u64, version: Option<&str>) -> bool {
        self.opened.get().is_some_and(|(old_length, old_version)| {
            length != *old_length || version.zip(old_version.as_deref()).is_some_and(|(new, old)| new != old)
        })
    }

    fn get_once(&self, start: u64, count: u64) -> Result<Part, Trouble> {
        let last = start.saturating_add(count).saturating_sub(1);
        let response = self
            .agent
            .get(self.target.url())
            .header("Range", format!("bytes={start}-{last}"))
            // A range of a compressed copy is of no use.
            .header("Accept-Encoding", "identity")
            .config()
            .timeout_recv_body(Some(due(self.patience, count)))
            .build()
            .call()
            .map_err(|error| self.unanswered(error))?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let part = PartHead::read(response.headers(), start)?;
                if self.has_changed(part.length, part.version.as_deref()) {
                    return Err(Trouble::changed());
                }
                part.with_body(response.into_body(), count, self.patience)
            }
            StatusCode::RANGE_NOT_SATISFIABLE => match content_range(response.headers()) {
                Some((None, Some(0))) if self.opened.get().is_none() => {
                    Ok(Part { bytes: Vec::new(), length: 0, version: None })
                }
                _ => Err(Trouble::changed()),
            },
            StatusCode::PRECONDITION_FAILED if self.opened.get().is_some() => Err(Trouble::changed()),
            StatusCode::OK => Err(self.without_range(response.headers())),
            status => Err(self.refused(status, response.headers())),
        }
    }

    /// What an answer without a range means.
    fn without_range(&self, headers: &HeaderMap) -> Trouble {
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
        Trouble::new(Kind::Refused, what, advice)
    }

    /// What it means when there is no answer. Amazon sends those who ask in the wrong region away without
    /// saying where to.
    fn unanswered(&self, error: ureq::Error) -> Trouble {
        match (&self.target, &error) {
            (Target::S3(_), ureq::Error::Protocol(reason)) if reason.to_string().contains("location") => {
                Trouble::new(
                    Kind::Refused,
                    "its bucket is in another region",
                    "set AWS_REGION to the region of the bucket",
                )
            }
            _ => unanswered(error),
        }
    }

    /// What any other answer means.
    fn refused(&self, status: StatusCode, headers: &HeaderMap) -> Trouble {
        let opened = self.opened.get().is_some();
        let answer = format!("the server answered {status}").replace(" <unknown status code>", "");
        match status.as_u16() {
            500 => Trouble::new(Kind::OfPart, answer, "try again later"),
            408 | 429 | 501..=599 => {
                Trouble::new(Kind::Passing(retry_after(headers)), answer, "try again later")
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
                Trouble::new(Kind::Refused, answer, advice)
            }
            code @ (404 | 410) => {
                let what = if opened { "the file is no longer" } else { "there is no such file" };
                Trouble::new(Kind::Refused, format!("{what} on the server ({code})"), "check the address")
            }
            _ => Trouble::new(Kind::Refused, answer, "check the address"),
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
struct Connection(Arc<Server>);

impl Connection {
    fn wait(server: &Arc<Server>, waiting: Began) -> Result<Self, RemoteError> {
        server.health.wait_for(waiting, || {
            let mut free = server.free.lock().unwrap_or_else(PoisonError::into_inner);
            *free = free.checked_sub(1)?;
            Some(())
        })?;
        Ok(Self(Arc::clone(server)))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.health.wake();
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
    fn this_machine_is_known() {
        for url in
            ["http://127.0.0.1:80/a", "http://localhost/a", "http://[::1]:9/a", "http://u:p@127.1.2.3/"]
        {
            assert!(is_here(url), "{url}");
        }
        assert!(!is_here("https://example.com/127.0.0.1") && !is_here("http://10.0.0.1/"));
    }
}
