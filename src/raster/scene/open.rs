//! Opening a scene.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use super::{Scene, info};
use crate::notices::Notices;
use crate::raster::cache::file_stamp::FileStamp;
use crate::raster::display::band_selection::select_bands;
use crate::raster::display::prepared::PreparedDisplay;
use crate::raster::display::settings::DisplaySettings;
use crate::raster::display::statistics;
use crate::raster::error::{RasterError, ReaderError, catch_panics};
use crate::raster::formats::{self, tiff};
use crate::raster::georeference::Georeference;
use crate::raster::identity::Identity;
use crate::raster::overviews;
use crate::raster::progress::OpenProgress;
use crate::raster::reader::Reader;
use crate::raster::remote::{self, RemoteOptions};
use crate::raster::storage::Storage;
use crate::raster::threads::decode;

/// How a scene is opened. The default suits a single scene that nobody waits for: no cache folder, no
/// progress.
#[derive(Clone, Debug, Default)]
pub struct SceneOptions {
    /// The budgets for memory and disk space.
    pub storage: Storage,
    /// How files on servers are read.
    pub remote: RemoteOptions,
    /// Reports how much of a picture has been decoded.
    pub progress: OpenProgress,
}

impl From<&RemoteOptions> for SceneOptions {
    fn from(remote: &RemoteOptions) -> Self {
        Self { remote: remote.clone(), ..Self::default() }
    }
}

impl From<&Storage> for SceneOptions {
    fn from(storage: &Storage) -> Self {
        Self { storage: storage.clone(), ..Self::default() }
    }
}

impl Scene {
    /// Opens TIFF, `BigTIFF`, JPEG 2000, VRT, PNG, JPEG or WebP, by the content of the file and not by its
    /// name, or the folder of a Sentinel-2 or Landsat product. TIFF may also lie on a server, at an
    /// `https://`, `http://` or `s3://` address given as the path.
    ///
    /// PNG, JPEG and WebP are first decoded into a file, which takes about a second for every 50 million
    /// pixels; for large pictures that file is kept in the cache folder ([`Storage::cache`]). Scenes with
    /// more than 8 bits are sampled for their stretch.
    ///
    /// # Errors
    /// When there is no such file, it is empty, a folder, not an image, damaged, or of a kind that cannot be
    /// shown.
    pub fn open(path: &Path) -> Result<Self, RasterError> {
        Self::open_with(path, &SceneOptions::default())
    }

    /// As [`Self::open`], with options.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(path: &Path, options: &SceneOptions) -> Result<Self, RasterError> {
        let scene = if remote::is_address(path) {
            Self::open_remote(path, options)?
        } else {
            Self::open_local(path, options)?
        };
        scene.notices().opened();
        Ok(scene)
    }

    fn open_local(path: &Path, options: &SceneOptions) -> Result<Self, RasterError> {
        let SceneOptions { storage, progress, .. } = options;
        let notices = Notices::default();
        let stamp_before = FileStamp::of(path).ok().filter(|_| path.is_file());
        let reader = formats::open::open(path, storage, progress, &notices)?;
        let identity = Identity::of(path, stamp_before, reader.source_files(), storage);
        let scene = Self::new(path, path, reader, identity, storage, notices);
        if scene.lacks_overviews()
            && let Some(cached) = overviews::cached(path, &*scene.reader, storage)
        {
            // It was empty until now.
            let _ = scene.overviews.set(cached);
        }
        Ok(scene)
    }

    fn open_remote(path: &Path, options: &SceneOptions) -> Result<Self, RasterError> {
        let SceneOptions { storage, remote: remote_options, .. } = options;
        let notices = Notices::default();
        let name = remote::without_secrets(path);
        let source = Arc::new(remote::open(path, &name, remote_options, &notices)?);
        match source.start() {
            [] => return Err(RasterError::Empty { path: name }),
            start if formats::open::is_tiff(start) => {}
            _ => {
                return Err(ReaderError::unsupported(
                    "it is not a TIFF, and only GeoTIFF (COG) can be opened from a server",
                    "download the file and open it from disk",
                )
                .for_file(&name));
            }
        }
        let shared: tiff_reader::source::SharedSource = source.clone();
        let open = || tiff::open_source(&shared, &name, storage.memory_budget(), &notices);
        let reader = catch_panics(open).map_err(|error| error.for_file(&name))?;
        let identity = Identity::remote(path, source.fingerprint());
        let mut scene = Self::new(path, &name, reader, identity, storage, notices);
        // The stretch depends on everything that was sampled, so nothing of it may be missing.
        source.check_complete(&name)?;
        scene.remote = Some(source);
        scene.advise_overviews();
        Ok(scene)
    }

    /// `name` is the path as it may be shown.
    fn new(
        path: &Path,
        name: &Path,
        reader: Box<dyn Reader>,
        identity: Identity,
        storage: &Storage,
        notices: Notices,
    ) -> Self {
        let header = reader.header();
        for remark in &header.remarks {
            notices.tell(format!("{}: {remark}", name.display()));
        }
        let selection = select_bands(&header.bands);
        let settings = DisplaySettings::default_for(header, &selection);
        let sampled = if settings.stretch.needs_statistics() {
            let sampled = decode(|| statistics::sample(&*reader, selection.alpha, &selection.shown));
            sampled.into_iter().map(Arc::new).collect()
        } else {
            Vec::new()
        };
        let display = Arc::new(PreparedDisplay::new(header, selection.alpha, settings, &sampled));
        let size = header.levels.first().map_or((0, 0), |level| (level.width, level.height));
        let georeference = header.georeference.clone().map(|place| place.with_globe(size));
        georeference.iter().flat_map(Georeference::notices).for_each(|notice| notices.tell(notice));
        let info = info::describe(name, header, georeference.as_ref(), &selection, &display.ranges, notices);
        let statistics = Mutex::new(selection.shown.iter().copied().zip(sampled).collect());
        Self {
            path: path.to_owned(),
            storage: storage.clone(),
            reader,
            alpha: selection.alpha,
            default_display: display,
            georeference,
            statistics,
            info,
            identity,
            remote: None,
            overviews: OnceLock::new(),
        }
    }

    /// Without overviews, a large scene on a server can only be shown whole by fetching much of it.
    fn advise_overviews(&self) {
        const LARGE: u32 = 4096;
        let (width, height) = self.size();
        if self.levels().len() == 1 && width.max(height) > LARGE {
            self.notices().advise(
                "this file has no overviews, so much of it is fetched from the server to show it whole; a copy in the \
             form of a COG (`gdal_translate -of COG`) opens faster",
            );
        }
    }
}
