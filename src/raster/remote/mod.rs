//! Files on servers, read by range requests as if they were on a disk.
//!
//! A cloud-optimised GeoTIFF says at its start where its tiles are, so a few small requests are enough to
//! show it, however large it is. Only TIFF is read this way: other formats are decoded as a whole, and would
//! have to be downloaded first.
//!
//! - [`address`]: what is requested, and what of it may be shown; [`s3`]: objects in S3.
//! - [`http`]: requests a range until it has arrived; [`response`]: what a response means.
//! - [`health`]: whether it is still worth asking.
//! - [`source`]: the file in blocks, each fetched once; [`disk_cache`]: blocks on disk.

mod address;
mod disk_cache;
mod health;
mod http;
mod response;
mod s3;
mod source;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use address::{has_secrets, is_address, without_secrets};
pub(crate) use http::is_loopback;
pub(crate) use response::{FailureKind, interpret_failure};
pub(in crate::raster) use source::RemoteSource;

use crate::notices::Notices;
use crate::raster::error::{RasterError, ReaderError};
use disk_cache::DiskCache;
use http::Server;

/// How scenes on servers are read.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// The folder for fetched blocks; `None` for the user's cache folder.
    pub cache: Option<PathBuf>,
    /// The largest size of that folder; the least recently used blocks are removed first. 0 turns the cache
    /// off.
    pub cache_bytes: u64,
    /// How long a server may take to respond. After three times as long without any response it is given up.
    pub patience: Duration,
    /// The time before a failed request is repeated; it doubles each time.
    pub pause: Duration,
}

impl RemoteOptions {
    /// Options for a server that may take this long to respond.
    #[must_use]
    pub fn with_patience(patience: Duration) -> Self {
        Self { cache: None, cache_bytes: 2 << 30, patience, pause: patience / 80 }
    }

    /// After this time without any response, reads fail.
    fn total_timeout(&self) -> Duration {
        self.patience.saturating_mul(3)
    }
}

impl Default for RemoteOptions {
    /// A timeout of 20 seconds, or the number in the environment variable `SKYSIFT_PATIENCE`.
    fn default() -> Self {
        Self::with_patience(timeout_from_environment().ok().flatten().unwrap_or(Duration::from_secs(20)))
    }
}

const TIMEOUT_VARIABLE: &str = "SKYSIFT_PATIENCE";

/// The environment variable for the timeout has an invalid value.
#[derive(Debug, thiserror::Error)]
#[error("{TIMEOUT_VARIABLE} is {0:?} rather than a number of seconds from 0.1 to 3600, so it is ignored")]
struct InvalidTimeout(String);

/// The timeout in the environment, if it is set.
fn timeout_from_environment() -> Result<Option<Duration>, InvalidTimeout> {
    let Ok(text) = std::env::var(TIMEOUT_VARIABLE) else { return Ok(None) };
    let seconds = text.trim().parse().ok().filter(|seconds| (0.1..=3600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).map(Some).ok_or(InvalidTimeout(text))
}

/// Opens a file by its address. `name` is the address as it may be shown.
pub(in crate::raster) fn open(
    address: &Path,
    name: &Path,
    options: &RemoteOptions,
    notices: &Notices,
) -> Result<RemoteSource, RasterError> {
    if let Err(wrong) = timeout_from_environment() {
        notices.advise(wrong.to_string());
    }
    let open = || {
        let target = address::parse(address, &|name| std::env::var(name).ok())?;
        let server = Server::new(target, options, notices);
        let cache = |version: &str| DiskCache::new(options, &name.to_string_lossy(), version, notices);
        RemoteSource::open(server, cache, notices)
    };
    open().map_err(|error| ReaderError::Remote(error).for_file(name))
}
