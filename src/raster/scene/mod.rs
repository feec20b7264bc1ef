//! An opened image.
//!
//! - [`open`]: opening one, from disk or from a server.
//! - [`read`]: regions at one level; [`scaled`]: regions at any size.
//! - [`location`]: positions on the map and on the globe.
//! - [`place`]: places as people write them.
//! - [`scene_view`]: the scene with other display settings.
//! - [`info`]: the metadata, for people and for JSON.

pub mod info;
mod location;
pub mod open;
mod place;
mod read;
mod scaled;
pub mod scene_view;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::notices::Notices;
use crate::raster::display::band_selection;
use crate::raster::display::prepared::PreparedDisplay;
use crate::raster::display::settings::{BandPreset, Bands, DisplaySettings};
use crate::raster::display::statistics::{self, BandStatistics};
use crate::raster::error::RasterError;
use crate::raster::georeference::Georeference;
use crate::raster::identity::{Identity, IdentityError};
use crate::raster::overviews::{self, Overviews, pyramid};
use crate::raster::reader::{Level, Reader};
use crate::raster::remote::{self, RemoteSource};
use crate::raster::storage::Storage;
use crate::raster::threads::decode;
use info::SceneInfo;

/// One opened image with its size, bands, overviews, nodata value and georeference.
///
/// It holds metadata and a bounded cache of decoded blocks, never all pixels. All methods may be called from
/// several threads at once.
pub struct Scene {
    path: PathBuf,
    storage: Storage,
    reader: Box<dyn Reader>,
    /// The alpha band.
    alpha: Option<usize>,
    /// How it is shown by default; never changes.
    default_display: Arc<PreparedDisplay>,
    georeference: Option<Georeference>,
    /// Of the bands that were asked about so far.
    statistics: Mutex<HashMap<usize, Arc<BandStatistics>>>,
    info: SceneInfo,
    identity: Identity,
    /// Where the bytes come from, if that is a server.
    remote: Option<Arc<RemoteSource>>,
    /// Overviews made for a file that has too few of its own.
    overviews: OnceLock<Overviews>,
}

impl Scene {
    /// Ends all waiting for the scene's server at once, on every thread: those reads fail with an error that
    /// says so ([`RasterError::is_stopped`]). Reads that begin later wait again.
    pub fn stop_waiting(&self) {
        if let Some(remote) = &self.remote {
            remote.stop_waiting();
        }
    }

    /// The path or address it was opened by, including any password or signature; [`SceneInfo::path`] is the
    /// one to show.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The metadata, for people and for JSON.
    #[must_use]
    pub fn info(&self) -> &SceneInfo {
        &self.info
    }

    /// What the user should know about the scene: what was found when it was opened and in any read since.
    #[must_use]
    pub fn notices(&self) -> &Notices {
        &self.info.notices
    }

    /// Width and height in level-0 pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        (self.info.width, self.info.height)
    }

    /// Width and height of every level, finest first: [`Self::size`], then the file's own overviews.
    #[must_use]
    pub fn level_sizes(&self) -> Vec<(u32, u32)> {
        self.levels().iter().map(|level| (level.width, level.height)).collect()
    }

    /// For a level that is stored in compressed strips as wide as the scene: how many of its rows stay in
    /// memory. Regions side by side decompress such a strip only once if they are no higher than this.
    #[must_use]
    pub fn strip_rows(&self, level: usize) -> Option<u32> {
        let (full_width, _) = self.size();
        let Level { width, block_width, .. } = *self.levels().get(level)?;
        let cached = u64::from(self.reader.header().cached_strip_rows?);
        let rows = cached * u64::from(full_width) / u64::from(width);
        (block_width == width).then(|| u32::try_from(rows).unwrap_or(u32::MAX))
    }

    /// How the scene is shown by default, which is also what a model sees. It never changes; for other
    /// settings see [`SceneView`](scene_view::SceneView).
    #[must_use]
    pub fn display_settings(&self) -> &DisplaySettings {
        &self.default_display.settings
    }

    fn prepare_display(
        &self,
        settings: DisplaySettings,
        statistics: &[Arc<BandStatistics>],
    ) -> PreparedDisplay {
        PreparedDisplay::new(self.reader.header(), self.alpha, settings, statistics)
    }

    /// The bands of a preset, if the scene has them. Presets of a single band stand for any band.
    #[must_use]
    pub fn preset(&self, preset: BandPreset) -> Option<Bands> {
        let bands = &self.reader.header().bands;
        let default = self.default_display.settings.bands;
        match (preset, default) {
            (BandPreset::TrueColour, Bands::Composite(_)) => Some(default),
            (BandPreset::ColourInfrared, Bands::Composite([red, green, _])) => {
                Some(Bands::Composite([band_selection::near_infrared(bands)?, red, green]))
            }
            (BandPreset::TrueColour | BandPreset::ColourInfrared, Bands::Single(_)) => None,
            (BandPreset::SingleBand, _) => Some(Bands::Single(*default.as_slice().first()?)),
        }
    }

    /// The statistics of some bands (counted from 0), in that order. The first time, they are taken from a
    /// sample of at most four million pixels, which may take a while.
    #[must_use]
    pub fn statistics(&self, bands: &[usize]) -> Vec<Arc<BandStatistics>> {
        let sampled = || self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.reader.header().bands.len();
        let mut missing: Vec<usize> =
            bands.iter().copied().filter(|band| *band < count && !sampled().contains_key(band)).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let new = decode(|| statistics::sample(&*self.reader, self.alpha, &missing));
            sampled().extend(missing.into_iter().zip(new.into_iter().map(Arc::new)));
        }
        let sampled = sampled();
        bands.iter().map(|band| sampled.get(band).cloned().unwrap_or_default()).collect()
    }

    /// Whether a view of the whole scene has to be made from a sparse sample, until [`Self::make_overviews`].
    #[must_use]
    pub fn lacks_overviews(&self) -> bool {
        pyramid::is_needed(self.all_levels()) && !remote::is_address(&self.path)
    }

    /// Makes the overviews that the scene lacks, in one pass over it on all cores, and keeps them in the
    /// cache folder ([`Storage::cache`]) for the next time. Only [`SceneView`](scene_view::SceneView) reads
    /// them, never a model. `report` is given the fraction done and returns whether to go on. False when it
    /// did not want to.
    ///
    /// # Errors
    /// When the file can't be read, or there is no space. The scene stays as it was.
    pub fn make_overviews(&self, report: &(dyn Fn(f64) -> bool + Sync)) -> Result<bool, RasterError> {
        if !self.lacks_overviews() {
            return Ok(true);
        }
        let made = overviews::make(&self.path, &*self.reader, &self.storage, report)?;
        // Another thread may have been faster, whose overviews are as good.
        Ok(made.map(|made| self.overviews.set(made)).is_some())
    }

    /// Identifies the contents of the scene, whatever its name, in 64 hexadecimal digits: a hash of every
    /// byte of the files that it is made of and of their sidecar files. A file on a server would have to be
    /// fetched whole, so there it is a hash of the length, the version (`ETag` or time of change) and the
    /// first 64 KiB, and differs from that of a copy on disk.
    ///
    /// Waits until the files are read, unless they haven't changed since that was last done. Empty where they
    /// can't be read, or are no longer what was opened.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.identity.within(Duration::MAX).and_then(Result::ok).unwrap_or_default()
    }

    /// As [`Self::fingerprint`], but `None` when it isn't known within `timeout`; the files are read on in
    /// the background.
    ///
    /// # Errors
    /// When a file can't be read, or is no longer what was opened.
    #[must_use]
    pub fn fingerprint_within(&self, timeout: Duration) -> Option<Result<String, IdentityError>> {
        self.identity.within(timeout)
    }

    /// Whether the scene's files have the size, times and inode that they had when it was opened, so that its
    /// fingerprint stands for what was read so far.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.identity.is_unchanged()
    }

    /// The levels in the file.
    fn levels(&self) -> &[Level] {
        &self.reader.header().levels
    }

    /// The levels in the file, then the overviews made by Skysift.
    fn all_levels(&self) -> &[Level] {
        self.overviews.get().map_or(self.levels(), |overviews| &overviews.levels)
    }
}
