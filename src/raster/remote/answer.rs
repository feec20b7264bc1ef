//! What a server's answer says and means: the bytes of a part, or why there are none.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use ureq::Body;
use ureq::http::HeaderMap;

use super::RemoteError;

/// Bytes a second of a request on a line that is slow, but not to be given up.
const SLOW_LINE: u64 = 4 << 10;

/// A part of the file, and what the server says of the whole.
pub(super) struct Part {
    pub bytes: Vec<u8>,
    pub length: u64,
    /// Another one means another file: the `ETag`, or the time of the last change.
    pub version: Option<String>,
}

/// Why one request failed.
pub(crate) struct Trouble {
    pub error: RemoteError,
    pub kind: Kind,
}

/// What helps against a trouble.
pub(crate) enum Kind {
    /// To wait, perhaps for a time that the server named.
    Passing(Option<Duration>),
    /// To wait, but it may be about this part of the file alone.
    OfPart,
    /// The server answers, but does not give the file: to try a few times, if it did before.
    Refused,
    /// Nothing.
    End,
}

impl Trouble {
    pub fn new(kind: Kind, what: impl Into<String>, advice: &str) -> Self {
        Self { error: RemoteError::new(what, advice), kind }
    }

    pub fn changed() -> Self {
        Self { error: RemoteError::changed(), kind: Kind::End }
    }
}

/// The time in which `count` bytes have to be there.
pub(super) fn due(patience: Duration, count: u64) -> Duration {
    patience + Duration::from_secs(count / SLOW_LINE)
}

/// What the head of an answer with a part says.
pub(super) struct PartHead {
    start: u64,
    pub length: u64,
    pub version: Option<String>,
}

impl PartHead {
    /// The head of the answer with the part from `start` on.
    pub fn read(headers: &HeaderMap, start: u64) -> Result<Self, Trouble> {
        let nonsense = |what: &str| {
            Trouble::new(
                Kind::Refused,
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

    /// The part, of which `count` bytes were asked for, or those up to the end of the file.
    pub fn with_body(self, mut body: Body, count: u64, patience: Duration) -> Result<Part, Trouble> {
        let began = Instant::now();
        let wanted = count.min(self.length - self.start);
        let mut bytes = Vec::new();
        // Whatever follows was not asked for.
        let mut body = body.as_reader().take(wanted);
        let mut piece = [0; 16 << 10];
        loop {
            match body.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => bytes.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unanswered(error.into())),
            }
            // A byte now and then is no answer either.
            if began.elapsed() > due(patience, bytes.len() as u64) {
                return Err(unanswered(io::Error::from(io::ErrorKind::TimedOut).into()));
            }
        }
        if bytes.len() as u64 != wanted {
            let what = format!("the server sent {} bytes of {wanted}", bytes.len());
            return Err(Trouble::new(Kind::OfPart, what, "try again later"));
        }
        Ok(Part { bytes, length: self.length, version: self.version })
    }
}

/// The time that a server asks to be left alone, in seconds or until a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = header(headers, "retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTimeParser::new().parse_timestamp(text).ok()?.as_second();
    let seconds = date.saturating_sub(Timestamp::now().as_second());
    Some(Duration::from_secs(seconds.try_into().unwrap_or(0)))
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
}

/// First and last byte, and the length of the file, as far as they are told: "bytes 0-99/1000", "bytes
/// */1000".
#[expect(clippy::type_complexity, reason = "taken apart at once")]
pub(super) fn content_range(headers: &HeaderMap) -> Option<(Option<(u64, u64)>, Option<u64>)> {
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

/// What it means when there is no answer, or not all of one. The other crate's words may hold the address.
pub(crate) fn unanswered(error: ureq::Error) -> Trouble {
    const CONNECTION: &str = "check the address and your connection";
    let passing = |what: String| Trouble::new(Kind::Passing(None), what, CONNECTION);
    let refused = |what: &str, advice: &str| Trouble::new(Kind::Refused, what, advice);
    match error {
        ureq::Error::Timeout(_) => passing("the server does not answer in time".to_owned()),
        ureq::Error::HostNotFound => passing("there is no server of that name".to_owned()),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            passing("the server does not answer in time".to_owned())
        }
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Trouble::new(Kind::OfPart, "the server closed the connection too early", CONNECTION)
        }
        ureq::Error::Io(error) => passing(format!("the connection failed ({error})")),
        ureq::Error::ConnectionFailed => passing("the connection failed".to_owned()),
        ureq::Error::ConnectProxyFailed(_) => passing("the proxy does not let it through".to_owned()),
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
        _ => passing("the server's answer is not HTTP".to_owned()),
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
        let Trouble { error, kind } =
            unanswered(ureq::Error::RequireHttpsOnly("http://a/?sig=hush".to_owned()));
        assert!(matches!(kind, Kind::Refused) && error.what.contains("without encryption"), "{error}");
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
