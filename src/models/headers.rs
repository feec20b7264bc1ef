//! What the addresses and headers of responses say.

use std::time::Duration;

use ureq::http::{HeaderMap, Uri};

/// Scheme, host and port.
pub type Origin = (String, String, Option<u16>);

pub fn is_repository_missing(headers: &HeaderMap) -> bool {
    matches!(header(headers, "x-error-code"), Some("RepoNotFound" | "RevisionNotFound"))
}

pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|text| !text.is_empty())
}

pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    header(headers, "retry-after")?.parse().ok().map(Duration::from_secs)
}

/// The first byte and the length of the whole file, from a header as "bytes 10-99/100".
pub fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let (range, length) = header(headers, "content-range")?.strip_prefix("bytes")?.split_once('/')?;
    let (first, _) = range.trim().split_once('-')?;
    Some((first.trim().parse().ok()?, length.trim().parse().ok()?))
}

pub fn origin(url: &str) -> Option<Origin> {
    let uri: Uri = url.parse().ok()?;
    Some((uri.scheme_str()?.to_owned(), uri.host()?.to_lowercase(), uri.port_u16()))
}

/// The address that a redirect leads to.
pub fn location(url: &str, headers: &HeaderMap) -> Option<String> {
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
}
