//! Objects in S3 and in services with the same protocol: their URLs, signed with the user's keys.

use std::time::Duration;

use rusty_s3::actions::GetObject;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};

use crate::raster::error::RemoteError;

/// How long a signature is valid: each is used at once, but clocks differ.
const VALID: Duration = Duration::from_mins(15);

/// An object, and the credentials to read it with.
pub(super) struct S3Object {
    bucket: Bucket,
    key: String,
    credentials: Option<Credentials>,
}

impl S3Object {
    /// `address` is what follows `s3://`. `variable` looks up environment variables; they are those of AWS's
    /// own tools.
    pub fn new(address: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, RemoteError> {
        let variable =
            |name| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let wrong = || RemoteError::new("it is not the address of an object", "write it as s3://BUCKET/KEY");
        let (name, key) = address.split_once('/').ok_or_else(wrong)?;
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
        // Segments of dots would refer to another object.
        let dots = key.split('/').any(|segment| matches!(segment, "." | ".."));
        if name.is_empty() || key.is_empty() || dots || !name.chars().all(plain) {
            return Err(wrong());
        }
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let own = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
        // Host names with dots match no certificate, and host names have no upper case.
        let host = !name.contains('.')
            && !name.contains(|letter: char| letter.is_ascii_uppercase() || letter == '_');
        let style = if own.is_none() && host { UrlStyle::VirtualHost } else { UrlStyle::Path };
        let end = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let endpoint = own.unwrap_or_else(|| format!("https://s3.{region}.{end}"));
        let refused = || {
            RemoteError::new(
                "AWS_ENDPOINT_URL or AWS_REGION does not name a server",
                "correct it, or leave it unset for Amazon's own servers",
            )
        };
        let endpoint = endpoint.parse().map_err(|_| refused())?;
        let bucket = Bucket::new(endpoint, style, name.to_owned(), region).map_err(|_| refused())?;
        let unsigned = variable("AWS_NO_SIGN_REQUEST").is_some_and(|answer| {
            ["yes", "true", "1", "on"].iter().any(|yes| answer.eq_ignore_ascii_case(yes))
        });
        let credentials = match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
            (Some(id), Some(secret)) if !unsigned => Some(match variable("AWS_SESSION_TOKEN") {
                Some(token) => Credentials::new_with_token(id, secret, token),
                None => Credentials::new(id, secret),
            }),
            _ => None,
        };
        Ok(Self { bucket, key: key.to_owned(), credentials })
    }

    pub fn is_signed(&self) -> bool {
        self.credentials.is_some()
    }

    /// The URL for one request.
    pub fn url(&self) -> String {
        GetObject::new(&self.bucket, self.credentials.as_ref(), &self.key).sign(VALID).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(address: &str, variables: &[(&str, &str)]) -> Result<String, RemoteError> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        S3Object::new(address, &variable).map(|object| object.url())
    }

    #[test]
    fn without_keys_nothing_is_signed() {
        let regional = [("AWS_REGION", "eu-west-1")];
        assert_eq!(
            url("images/a b/c.tif", &[]).unwrap(),
            "https://images.s3.us-east-1.amazonaws.com/a%20b/c.tif"
        );
        assert_eq!(
            url("images/c.tif", &regional).unwrap(),
            "https://images.s3.eu-west-1.amazonaws.com/c.tif"
        );
        assert_eq!(
            url("my.images/c.tif", &[]).unwrap(),
            "https://s3.us-east-1.amazonaws.com/my.images/c.tif"
        );
        let own = [("AWS_ENDPOINT_URL", "http://localhost:9000")];
        assert_eq!(url("images/c.tif", &own).unwrap(), "http://localhost:9000/images/c.tif");
    }

    #[test]
    fn keys_sign() {
        let keys = [("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "SK"), ("AWS_SESSION_TOKEN", "T")];
        let signed = url("images/c.tif", &keys).unwrap();
        assert!(signed.contains("X-Amz-Signature=") && signed.contains("X-Amz-Security-Token=T"), "{signed}");
        assert!(signed.contains("X-Amz-Credential=AK%2F"), "{signed}");
        let unsigned = [keys.as_slice(), &[("AWS_NO_SIGN_REQUEST", "YES")]].concat();
        assert!(!url("images/c.tif", &unsigned).unwrap().contains("X-Amz"));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for address in ["", "bucket", "bucket/", "/key", "bucket/../other/key", "id:secret@bucket/key"] {
            assert!(url(address, &[]).is_err(), "{address}");
        }
        for endpoint in ["nonsense", "ftp://host"] {
            let error = url("b/k", &[("AWS_ENDPOINT_URL", endpoint)]).unwrap_err().to_string();
            assert!(error.contains("AWS_ENDPOINT_URL"), "{error}");
        }
    }
}
