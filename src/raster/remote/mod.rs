//! Scenes on servers, read by range requests as if they lay on a disk.
//!
//! A cloud-optimised GeoTIFF says at its start where its tiles lie, so a few small requests show it, however large
//! it is. [`address`] tells what is asked for, [`http`] asks for one range and asks again when that fails,
//! [`source`] cuts the file into blocks that are fetched once, and [`block_cache`] keeps them on disk for the next
//! time. Only TIFF is read this way: other formats are decoded as a whole, and would have to be downloaded first.

mod address;
mod block_cache;
mod http;
mod s3;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use address::{has_secrets, is_address, without_secrets};
pub(crate) use http::{Trouble, is_here, unanswered};

use super::error::{Fault, guard};
use super::reader::Reader;
use super::storage::Storage;
use super::{RasterError, tiff};
use block_cache::BlockCache;
use http::Server;
use source::RemoteSource;

/// How scenes on servers are read.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// The folder for what was fetched; `None` for the user's cache.
    pub cache: Option<PathBuf>,
    /// What the folder may hold before the least recently used leaves; 0 for nothing at all.
    pub cache_bytes: u64,
    /// How long a server may stay silent.
    pub patience: Duration,
    /// The time before a request that failed is sent again; it doubles each time.
    pub pause: Duration,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            cache: None,
            cache_bytes: 2 << 30,
            patience: Duration::from_secs(20),
            pause: Duration::from_millis(250),
        }
    }
}

/// Why a server did not give what was asked for, in two parts of a sentence: what happened, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}; {advice}")]
pub(crate) struct RemoteError {
    pub what: String,
    pub advice: String,
}

impl RemoteError {
    fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: advice.into() }
    }

    fn changed() -> Self {
        Self::new("the file has changed on the server since it was opened", "open it again")
    }
}

/// A scene on a server.
pub(super) struct Opened {
    pub reader: Box<dyn Reader>,
    /// The address as it may be shown to anybody.
    pub name: PathBuf,
    pub fingerprint: String,
}

/// Opens a TIFF by its address.
pub(super) fn open(address: &Path, options: &RemoteOptions) -> Result<Opened, RasterError> {
    let name = without_secrets(address);
    let open = || {
        let target = address::parse(address, &|name| std::env::var(name).ok()).map_err(Fault::Remote)?;
        let server = Server::new(target, options);
        let place = without_secrets(address);
        let cache = |version: &str| BlockCache::new(options, &place.to_string_lossy(), version);
        RemoteSource::open(server, cache).map_err(Fault::Remote)
    };
    let source = open().map_err(|fault| fault.of(&name))?;
    let fingerprint = source.fingerprint();
    match source.start() {
        [] => return Err(RasterError::Empty { path: name }),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => {}
        _ => {
            return Err(Fault::unsupported(
                "it is not a TIFF, and only GeoTIFF (COG) can be opened from a server",
                "download the file and open it from disk",
            )
            .of(&name));
        }
    }
    let source: tiff_reader::source::SharedSource = Arc::new(source);
    let reader = guard(|| tiff::open_source(&source, Storage::get().block_cache_bytes()))
        .map_err(|fault| fault.of(&name))?;
    Ok(Opened { reader, name, fingerprint })
}
