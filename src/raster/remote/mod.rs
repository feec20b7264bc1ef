//! Scenes on servers, read by range requests as if they lay on a disk.
//!
//! A cloud-optimised GeoTIFF says at its start where its tiles lie, so a few small requests show it, however
//! large it is. [`address`] tells what is asked for, [`http`] asks for one range until it has it, [`answer`]
//! reads what comes, [`health`] knows whether asking is still worth it, [`source`] cuts the file into blocks
//! that are fetched once, and [`block_cache`] keeps them on disk for the next time. Only TIFF is read this
//! way: other formats are decoded as a whole, and would have to be downloaded first.

mod address;
mod answer;
mod block_cache;
mod health;
mod http;
mod s3;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use address::{has_secrets, is_address, without_secrets};
pub(crate) use answer::{Kind, unanswered};
pub(crate) use http::is_here;

use super::RasterError;
use super::error::Fault;
use super::formats::tiff;
use super::reader::Reader;
use super::storage::Storage;
use crate::notices::Notices;
use crate::raster::error::guard;
use block_cache::BlockCache;
use http::Server;
pub(super) use source::RemoteSource;

/// How scenes on servers are read.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// The folder for what was fetched; `None` for the user's cache.
    pub cache: Option<PathBuf>,
    /// What the folder may hold before the least recently used leaves; 0 for nothing at all.
    pub cache_bytes: u64,
    /// How long a server may stay silent. After three times as long without any answer it is given up.
    pub patience: Duration,
    /// The time before a request that failed is sent again; it doubles each time.
    pub pause: Duration,
}

impl RemoteOptions {
    /// Options for a server that may stay silent for so long.
    #[must_use]
    pub fn with_patience(patience: Duration) -> Self {
        Self { cache: None, cache_bytes: 2 << 30, patience, pause: patience / 80 }
    }

    /// After so long without any answer, whoever reads is told that there is none.
    fn total_patience(&self) -> Duration {
        self.patience.saturating_mul(3)
    }
}

impl Default for RemoteOptions {
    /// 20 seconds of patience, or as many as the variable `SKYSIFT_PATIENCE` says.
    fn default() -> Self {
        Self::with_patience(patience_of_environment().ok().flatten().unwrap_or(Duration::from_secs(20)))
    }
}

/// The patience that the environment asks for, if it does.
///
/// # Errors
/// When it does so in other words than a number of seconds from 0.1 to 3600.
fn patience_of_environment() -> Result<Option<Duration>, String> {
    const NAME: &str = "SKYSIFT_PATIENCE";
    let Ok(text) = std::env::var(NAME) else { return Ok(None) };
    let seconds = text.trim().parse().ok().filter(|seconds| (0.1..=3600.0).contains(seconds));
    let wrong =
        || format!("{NAME} is {text:?} rather than a number of seconds from 0.1 to 3600, so it is ignored");
    seconds.map(Duration::from_secs_f64).map(Some).ok_or_else(wrong)
}

/// Why a server did not give what was asked for, in two parts of a sentence: what happened, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}; {advice}")]
pub(crate) struct RemoteError {
    pub what: String,
    pub advice: String,
    /// No other part of the file can be read either, now or ever.
    pub lasting: bool,
    /// Nobody wanted it any more, whoever waited for it.
    pub stopped: bool,
}

impl RemoteError {
    fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: advice.into(), lasting: false, stopped: false }
    }

    fn lasting(self) -> Self {
        Self { lasting: true, ..self }
    }

    fn stopped() -> Self {
        Self { stopped: true, ..Self::new("the waiting for its server was ended", "try again") }
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
    pub source: Arc<RemoteSource>,
}

/// Opens a TIFF by its address.
pub(super) fn open(
    address: &Path,
    options: &RemoteOptions,
    notices: &Notices,
) -> Result<Opened, RasterError> {
    let name = without_secrets(address);
    if let Err(wrong) = patience_of_environment() {
        notices.advise(wrong);
    }
    let open = || {
        let target = address::parse(address, &|name| std::env::var(name).ok()).map_err(Fault::Remote)?;
        let server = Server::new(target, options, notices);
        let place = without_secrets(address);
        let cache = |version: &str| BlockCache::new(options, &place.to_string_lossy(), version, notices);
        RemoteSource::open(server, cache, notices).map_err(Fault::Remote)
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
    let source = Arc::new(source);
    let shared: tiff_reader::source::SharedSource = source.clone();
    let reader = guard(|| tiff::open_source(&shared, Storage::get().block_cache_bytes()))
        .map_err(|fault| fault.of(&name))?;
    Ok(Opened { reader, name, fingerprint, source })
}
