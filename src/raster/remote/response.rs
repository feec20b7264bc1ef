//! What a server's response means: the bytes of a range, or why there are none.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use ureq::Body;
use ureq::http::HeaderMap;

use crate::raster::error::RemoteError;

/// The slowest transfer that isn't given up, in bytes per second.
const MIN_SPEED: u64 = 4 << 10;

/// A range of the file, and what the server says about the whole.
pub(super) struct FetchedRange {
    pub bytes: Vec<u8>,
    pub length: u64,
    /// The `ETag` or the time of the last change; if it differs, so does the file.
    pub version: Option<String>,
}

/// A failed request.
pub(crate) struct RequestFailure {
    pub error: RemoteError,
    pub kind: FailureKind,
}

/// What can be done about a failed request.
pub(crate) enum FailureKind {
    /// Wait and try again, perhaps after the time that the server named (`Retry-After`).
    Temporary(Option<Duration>),
    /// Wait and try again, but the failure may affect only this range of the file.
    OfRange,
    /// The server responds, but doesn't send the file: try a few times if it did so before.
    Refused,
    /// Nothing.
    Final,
}

impl RequestFailure {
    pub fn new(kind: FailureKind, what: impl Into<String>, advice: &str) -> Self {
        Self { error: RemoteError::new(what, advice), kind }
    }

    pub fn changed() -> Self {
        Self { error: RemoteError::changed(), kind: FailureKind::Final }
    }
}

/// How long a response of `count` bytes may take.
pub(super) fn transfer_timeout(timeout: Duration, count: u64) -> Duration {
    timeout + Duration::from_secs(count / MIN_SPEED)
}

/// The header of a response with a range.
pub(super) struct RangeHeader {
    start: u64,
    pub length: u64,
    pub version: Option<String>,
}

impl RangeHeader {
    /// Reads the header of a response with the range from `start` on.
    pub fn read(headers: &HeaderMap, start: u64) -> Result<Self, RequestFailure> {
        let nonsense = |what: &str| {
            RequestFailure::new(
                FailureKind::Refused,
                format!("the server's answers make no sense ({what})"),
                "download the file and open it from disk",
            )
        };
        let encoding = header(headers, "content-encoding");
        if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
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
        Ok(Self { start, length, version: version(headers) })
    }

    /// Reads the body, for which `count` bytes were requested, or those up to the end of the file.
    pub fn with_body(
        self,
        mut body: Body,
        count: u64,
        timeout: Duration,
    ) -> Result<FetchedRange, RequestFailure> {
        let began = Instant::now();
        let wanted = count.min(self.length - self.start);
        let mut bytes = Vec::new();
        // Anything beyond was not requested.
        let mut body = body.as_reader().take(wanted);
        let mut piece = [0; 16 << 10];
        loop {
            match body.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(interpret_failure(error.into())),
            }
            // A server that sends a byte now and then doesn't respond, either.
            if began.elapsed() > transfer_timeout(timeout, bytes.len() as u64) {
                return Err(interpret_failure(io::Error::from(io::ErrorKind::TimedOut).into()));
            }
        }
        if bytes.len() as u64 != wanted {
            let what = format!("the server sent {} bytes of {wanted}", bytes.len());
            return Err(RequestFailure::new(FailureKind::OfRange, what, "try again later"));
        }
        Ok(FetchedRange { bytes, length: self.length, version: self.version })
    }
}

/// `Retry-After`, which is a number of seconds or a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = header(headers, "retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(text).ok()?.as_second();
    let seconds = date.saturating_sub(Timestamp::now().as_second());
    Some(Duration::from_secs(seconds.try_into().unwrap_or(0)))
}

/// A header with a value that isn't empty.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

/// `Content-Range`: first and last byte, and the length of the file, if given: "bytes 0-99/1000", "bytes
/// */1000".
#[expect(clippy::type_complexity, reason = "taken apart at once")]
pub(super) fn content_range(headers: &HeaderMap) -> Option<(Option<(u64, u64)>, Option<u64>)> {
    let (range, length) = header(headers, "content-range")?.trim().strip_prefix("bytes")?.split_once('/')?;
    let range = range.trim_matches([' ', '=']).split_once('-');
    let range = range.and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
    Some((range, length.trim().parse().ok()))
}

/// The version of the file. A strong `ETag` changes with every byte; a weak one may stay the same when the
/// date changes.
fn version(headers: &HeaderMap) -> Option<String> {
    let etag = header(headers, "etag");
    let strong = etag.filter(|etag| !etag.starts_with("W/"));
    strong.or_else(|| header(headers, "last-modified")).or(etag).map(str::to_owned)
}

/// Interprets the failure of a request without a complete response. The messages of `ureq` aren't used where
/// they may contain the address.
pub(crate) fn interpret_failure(error: ureq::Error) -> RequestFailure {
    const CONNECTION: &str = "check the address and your connection";
    let temporary = |what: String| RequestFailure::new(FailureKind::Temporary(None), what, CONNECTION);
    let refused = |what: &str, advice: &str| RequestFailure::new(FailureKind::Refused, what, advice);
    match error {
        ureq::Error::Timeout(_) => temporary("the server does not answer in time".to_owned()),
        ureq::Error::HostNotFound => temporary("there is no server of that name".to_owned()),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            temporary("the server does not answer in time".to_owned())
        }
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => RequestFailure::new(
            FailureKind::OfRange,
            "the server closed the connection too early",
            CONNECTION,
        ),
        ureq::Error::Io(error) => temporary(format!("the connection failed ({error})")),
        ureq::Error::ConnectionFailed => temporary("the connection failed".to_owned()),
        ureq::Error::ConnectProxyFailed(_) => temporary("the proxy does not let it through".to_owned()),
        ureq::Error::TooManyRedirects => refused("its redirects do not come to an end", "check the address"),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            refused("it is not an address of a file on a server", "check it")
        }
        ureq::Error::InvalidProxyUrl => refused(
            "the proxy that the environment names is not an address",
            "correct HTTPS_PROXY or HTTP_PROXY",
        ),
        ureq::Error::RequireHttpsOnly(_) => refused(
            "the server leads on to an address without encryption (http)",
            "ask whoever runs it for an https address, or open the http one if you trust the way there",
        ),
        error @ (ureq::Error::Tls(_) | ureq::Error::Rustls(_)) => refused(
            &format!("no secure connection can be made ({error})"),
            "check the address and the clock of this computer",
        ),
        _ => temporary("the server's answer is not HTTP".to_owned()),
    }
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
    fn encryption_is_not_given_up_on_the_way() {
        let RequestFailure { error, kind } =
            interpret_failure(ureq::Error::RequireHttpsOnly("http://a/?sig=hush".to_owned()));
        assert!(matches!(kind, FailureKind::Refused) && error.what.contains("without encryption"), "{error}");
        assert!(!error.to_string().contains("hush"));
    }

    #[test]
    fn a_server_may_say_in_two_ways_how_long_to_wait() {
        let wait = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(wait("120"), Some(Duration::from_mins(2)));
        assert_eq!(wait("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO), "it is over");
        assert!(wait("Tue, 31 Dec 2999 23:59:59 GMT").unwrap() > Duration::from_hours(24 * 365));
        assert_eq!(wait("soon"), None);
    }
}
