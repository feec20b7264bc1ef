//! The checksums by which the hub names files.

use sha1_smol::Sha1;
use sha2::{Digest as _, Sha256};

use crate::fingerprint;

/// The checksum that a file must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    /// SHA-256 in hexadecimal: of files that the hub keeps outside of git.
    Sha256(String),
    /// The SHA-1 by which git names a file, of a header and the content.
    Git(String),
    /// Another server's etag, which distinguishes versions but can't be computed.
    Unknown,
}

/// The checksum of a file while its content arrives.
pub(super) enum RunningChecksum {
    Sha256(Box<Sha256>),
    Git(Sha1),
    Unknown,
}

impl Checksum {
    /// The checksum that an etag contains.
    pub fn of_etag(etag: &str) -> Self {
        let hexadecimal = etag.chars().all(|letter| letter.is_ascii_hexdigit());
        match etag.len() {
            64 if hexadecimal => Self::Sha256(etag.to_lowercase()),
            40 if hexadecimal => Self::Git(etag.to_lowercase()),
            _ => Self::Unknown,
        }
    }

    /// Begins to compute the checksum of a file of `size` bytes.
    pub fn begin(&self, size: u64) -> RunningChecksum {
        match self {
            Self::Sha256(_) => RunningChecksum::Sha256(Box::default()),
            Self::Git(_) => RunningChecksum::Git(Sha1::from(format!("blob {size}\0"))),
            Self::Unknown => RunningChecksum::Unknown,
        }
    }

    /// Whether the content is the right one, as far as can be known.
    pub fn matches(&self, sum: RunningChecksum) -> bool {
        match (self, sum) {
            (Self::Sha256(wanted), RunningChecksum::Sha256(hash)) => fingerprint::finish(*hash) == *wanted,
            (Self::Git(wanted), RunningChecksum::Git(hash)) => hash.digest().to_string() == *wanted,
            (Self::Unknown, RunningChecksum::Unknown) => true,
            _ => false,
        }
    }
}

impl RunningChecksum {
    pub fn add(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Git(hash) => hash.update(bytes),
            Self::Unknown => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(etag: &str, content: &[u8]) -> bool {
        let checksum = Checksum::of_etag(etag);
        let mut sum = checksum.begin(content.len() as u64);
        content.chunks(3).for_each(|part| sum.add(part));
        checksum.matches(sum)
    }

    #[test]
    fn both_kinds_are_computed() {
        // `printf hello | sha256sum`, `printf hello | git hash-object --stdin`.
        let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        let git = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0";
        assert!(fits(sha256, b"hello") && fits(git, b"hello"));
        assert!(!fits(sha256, b"hellO") && !fits(git, b"hell"));
        assert!(fits("\"0123-7\"", b"anything"));
    }
}
