//! An opened image.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::display::scene_view::Prepared;
use super::display::tone_map::Renderer;
use super::display::{bands, statistics};
use super::error::{Fault, one_line};
use super::georeference::Georeference;
use super::identity::Identity;
use super::identity::stamp::Stamp;
use super::overviews::pyramid;
use super::overviews::{self, Overviews};
use super::reader::{self, Level, Reader};
use super::remote::{self, Opened, RemoteSource};
use super::scaled::{self, View};
use super::threads::decode;
use super::{
    BandStatistics, Bands, OpenProgress, Pixels, Preset, RasterError, Rect, RemoteOptions, Rendering,
    Samples, SceneInfo, info,
};
use crate::notices::Notices;

/// Samples of one region that are in memory at once, beside the pixels made from them.
const CHUNK_BYTES: usize = 64 << 20;
/// The largest region that one call returns.
const MAX_PIXELS: u64 = 1 << 28;

/// One opened image with its size, bands, overviews, nodata and georeference.
///
/// It holds metadata and a bounded cache of decoded blocks, never all pixels. All methods may be called from
/// several threads at once.
pub struct Scene {
    path: PathBuf,
    reader: Box<dyn Reader>,
    alpha: Option<usize>,
    /// How it is shown unless somebody asks for something else; never changes.
    own: Arc<Prepared>,
    /// Where it lies, with its way to the globe.
    place: Option<Georeference>,
    /// Of the bands that somebody asked about.
    statistics: Mutex<HashMap<usize, Arc<BandStatistics>>>,
    info: SceneInfo,
    identity: Identity,
    /// Where its bytes come from, if that is a server.
    remote: Option<Arc<RemoteSource>>,
    /// What was made for a file that has too few of its own.
    overviews: OnceLock<Overviews>,
}

impl Scene {
    /// Opens TIFF, `BigTIFF`, JPEG 2000, VRT, PNG, JPEG or WebP, by what is in the file and not by its name,
    /// or the folder of a Sentinel-2 or Landsat product. TIFF may also lie on a server, at an `https://`,
    /// `http://` or `s3://` address given as the path.
    ///
    /// PNG, JPEG and WebP are decoded into a file first, which takes about a second for every 50 million
    /// pixels; that of a large one is kept in the cache folder ([`super::Storage`]) for the next time. Scenes
    /// with more than 8 bits are sampled for their stretch.
    ///
    /// # Errors
    /// When there is no such file, it is empty, a folder, not an image, damaged, or of a kind that cannot be
    /// shown.
    pub fn open(path: &Path) -> Result<Self, RasterError> {
        Self::open_with(path, &RemoteOptions::default())
    }

    /// As [`Self::open`], with something to say about how files on servers are read.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(path: &Path, remote: &RemoteOptions) -> Result<Self, RasterError> {
        Self::open_watched(path, remote, &OpenProgress::default())
    }

    /// As [`Self::open_with`], for somebody who watches how far it is.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_watched(
        path: &Path,
        remote: &RemoteOptions,
        progress: &OpenProgress,
    ) -> Result<Self, RasterError> {
        let notices = Notices::default();
        if remote::is_address(path) {
            let Opened { reader, name, fingerprint, source } = remote::open(path, remote, &notices)?;
            let mut scene = Self::of(path, &name, reader, Identity::remote(path, fingerprint), notices);
            // What the values between black and white become depends on all of them.
            source.check_complete(&name)?;
            scene.remote = Some(source);
            scene.tell_of_overviews();
            scene.notices().opened();
            return Ok(scene);
        }
        let before = Stamp::of(path).ok().filter(|_| path.is_file());
        let reader = reader::open(path, progress, &notices)?;
        let identity = Identity::of(path, before, reader.contents());
        let scene = Self::of(path, path, reader, identity, notices);
        if scene.lacks_overviews()
            && let Some(kept) = overviews::kept(path, &*scene.reader)
        {
            // It was empty.
            let _ = scene.overviews.set(kept);
        }
        scene.notices().opened();
        Ok(scene)
    }

    fn of(path: &Path, name: &Path, reader: Box<dyn Reader>, identity: Identity, notices: Notices) -> Self {
        let header = reader.header();
        for remark in &header.remarks {
            notices.tell(format!("{}: {remark}", name.display()));
        }
        let choice = bands::choose(&header.bands);
        let rendering = Rendering::own(header, &choice);
        let known = if rendering.stretch.needs_statistics() {
            let known = decode(|| statistics::sample(&*reader, choice.alpha, &choice.shown));
            known.into_iter().map(Arc::new).collect()
        } else {
            Vec::new()
        };
        let own = Arc::new(Prepared::new(header, choice.alpha, rendering, &known));
        let size = header.levels.first().map_or((0, 0), |level| (level.width, level.height));
        let place = header.georeference.clone().map(|place| place.settled(size));
        place.iter().flat_map(Georeference::notices).for_each(|notice| notices.tell(notice));
        let info = info::describe(name, header, place.as_ref(), &choice, &own.ranges, notices);
        let statistics = Mutex::new(choice.shown.iter().copied().zip(known).collect());
        Self {
            path: path.to_owned(),
            reader,
            alpha: choice.alpha,
            own,
            place,
            statistics,
            info,
            identity,
            remote: None,
            overviews: OnceLock::new(),
        }
    }

    /// Without overviews, a large scene can only be shown whole by fetching much of it.
    fn tell_of_overviews(&self) {
        const LARGE: u32 = 4096;
        let (width, height) = self.size();
        if self.levels().len() == 1 && width.max(height) > LARGE {
            self.info.notices.advise(
                "this file has no overviews, so much of it is fetched from the server to show it whole; a copy in the \
             form of a COG (`gdal_translate -of COG`) opens faster",
            );
        }
    }

    /// Ends all waiting for a server at once, of whatever thread: their reads fail with an error that says so
    /// ([`RasterError::is_stopped`]). Reads that begin later wait again.
    pub fn stop_waiting(&self) {
        if let Some(remote) = &self.remote {
            remote.stop_waiting();
        }
    }

    /// The path or address it was opened by, with whatever password or signature is in it;
    /// [`SceneInfo::path`] is the one to show.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of the scene, for people and for JSON.
    #[must_use]
    pub fn info(&self) -> &SceneInfo {
        &self.info
    }

    /// What a person should know of the scene: what was found when it was opened, and at any read since.
    #[must_use]
    pub fn notices(&self) -> &Notices {
        &self.info.notices
    }

    /// Width and height in level-0 pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        (self.info.width, self.info.height)
    }

    /// Width and height of every level, finest first; the first is [`Self::size`], the others are the
    /// overviews that really exist.
    #[must_use]
    pub fn level_sizes(&self) -> Vec<(u32, u32)> {
        self.levels().iter().map(|level| (level.width, level.height)).collect()
    }

    /// Of a level that is stored in strips as wide as the scene, which have to be unpacked: how many of its
    /// rows stay in memory. Regions that lie side by side unpack such a strip once, if there are no more rows
    /// than these.
    #[must_use]
    pub fn strip_rows(&self, level: usize) -> Option<u32> {
        let (width, _) = self.size();
        let levels = self.levels();
        let Level { width: own, block_width, .. } = *levels.get(level)?;
        let rows = u64::from(self.reader.header().strip_rows?) * u64::from(width) / u64::from(own);
        (block_width == own).then(|| u32::try_from(rows).unwrap_or(u32::MAX))
    }

    /// Pixels of `rect`, given in pixels of `level` and inside it: the chosen bands, stretched to 8 bits;
    /// alpha 0 where the scene has no data.
    ///
    /// # Errors
    /// When the rectangle reaches outside the level or is larger than 2^28 pixels, or the file cannot be read
    /// or decoded there.
    pub fn read(&self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        self.read_with(&self.own.renderer, level, rect)
    }

    pub(super) fn read_with(
        &self,
        renderer: &Renderer,
        level: usize,
        rect: Rect,
    ) -> Result<Pixels, RasterError> {
        self.check(level, rect)?;
        decode(|| self.render(renderer, level, rect))
    }

    /// `rect`, given in level-0 pixels and inside the scene, as a picture of `width` x `height` pixels. It is
    /// read from the coarsest level that is fine enough and averaged down; a picture larger than its region
    /// repeats pixels. Where no level is coarse enough to do that within a budget of 64 million decoded
    /// pixels, the picture is made from a sparse sample of the file's blocks: coarse, but in bounded time.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
        let budget = scaled::DECODED_PIXELS;
        let view = View { scene: self, renderer: &self.own.renderer, levels: self.levels(), budget };
        view.read_scaled(rect, width, height)
    }

    /// How the scene is shown unless somebody asks for something else, and what a model sees of it. It never
    /// changes. For another one see [`super::Rendered`].
    #[must_use]
    pub fn rendering(&self) -> &Rendering {
        &self.own.rendering
    }

    pub(super) fn own(&self) -> &Arc<Prepared> {
        &self.own
    }

    pub(super) fn prepare(&self, rendering: Rendering, known: &[Arc<BandStatistics>]) -> Prepared {
        Prepared::new(self.reader.header(), self.alpha, rendering, known)
    }

    /// The bands of a preset, if the scene has them. Those that show a single band stand for any band.
    #[must_use]
    pub fn preset(&self, preset: Preset) -> Option<Bands> {
        let bands = &self.reader.header().bands;
        let own = self.own.rendering.bands;
        match (preset, own) {
            (Preset::TrueColour, Bands::Composite(_)) => Some(own),
            (Preset::ColourInfrared, Bands::Composite([red, green, _])) => {
                Some(Bands::Composite([bands::near_infrared(bands)?, red, green]))
            }
            (Preset::TrueColour | Preset::ColourInfrared, Bands::Single(_)) => None,
            (Preset::SingleBand, _) => Some(Bands::Single(*own.as_slice().first()?)),
        }
    }

    /// What values some bands (counted from 0) have, in that order. Taken from a sample of at most four
    /// million pixels the first time that somebody asks, so that it may take a while.
    #[must_use]
    pub fn statistics(&self, bands: &[usize]) -> Vec<Arc<BandStatistics>> {
        let known = || self.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.reader.header().bands.len();
        let mut missing: Vec<usize> =
            bands.iter().copied().filter(|band| *band < count && !known().contains_key(band)).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let sampled = decode(|| statistics::sample(&*self.reader, self.alpha, &missing));
            known().extend(missing.into_iter().zip(sampled.into_iter().map(Arc::new)));
        }
        let known = known();
        bands.iter().map(|band| known.get(band).cloned().unwrap_or_default()).collect()
    }

    /// Whether a view of the whole scene has to be made from a sparse sample, until [`Self::make_overviews`].
    #[must_use]
    pub fn lacks_overviews(&self) -> bool {
        pyramid::is_needed(self.all_levels()) && !remote::is_address(&self.path)
    }

    /// Makes the overviews that the scene lacks, in one pass over it on all cores, and keeps them in the
    /// cache folder ([`super::Storage`]) for the next time. They serve [`super::Rendered`]; what a model sees
    /// never comes from them. `tell` is told the part that is done and answers whether to go on. False when
    /// it did not want to.
    ///
    /// # Errors
    /// When the file can't be read, or there is no space. The scene stays as it was.
    pub fn make_overviews(&self, tell: &(dyn Fn(f64) -> bool + Sync)) -> Result<bool, RasterError> {
        if !self.lacks_overviews() {
            return Ok(true);
        }
        let made = overviews::make(&self.path, &*self.reader, tell)?;
        // Somebody else may have been faster.
        Ok(made.map(|made| self.overviews.set(made)).is_some())
    }

    /// The samples of all bands as the file holds them, before band choice and stretch.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_samples(&self, level: usize, rect: Rect) -> Result<Samples, RasterError> {
        self.check(level, rect)?;
        let header = self.reader.header();
        let bands: Vec<usize> = (0..header.bands.len()).collect();
        let mut samples = Samples {
            width: rect.width,
            height: rect.height,
            bands: bands.len(),
            sample_type: header.sample_type,
            data: Vec::new(),
        };
        for part in self.parts(level, rect, bands.len() * header.sample_type.bytes()) {
            let part =
                self.fetch(level, part, |reader, level| decode(|| reader.read(level, part, &bands)))?;
            samples.data.extend(part);
        }
        Ok(samples)
    }

    /// Longitude and latitude in degrees (WGS84) of a level-0 pixel position; (0, 0) is the top left corner
    /// of the top left pixel. `None` without a georeference that is understood.
    #[must_use]
    pub fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.georeference()?.lon_lat(x, y)
    }

    /// The level-0 pixel position of a longitude and latitude in degrees (WGS 84); it may lie outside of the
    /// scene.
    #[must_use]
    pub fn pixel(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        self.georeference()?.pixel(lon, lat, self.size())
    }

    /// The position on the map, in the scene's coordinate reference system, of a level-0 pixel position.
    #[must_use]
    pub fn map(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.georeference()?.map(x, y)
    }

    /// The direction of true north at the scene's centre, in degrees clockwise from image up (-180 to 180): 0
    /// for a scene whose top is north. Where the reference system is not understood it is the map's north.
    #[must_use]
    pub fn north(&self) -> Option<f64> {
        let (width, height) = self.size();
        self.georeference()?.north(f64::from(width) / 2.0, f64::from(height) / 2.0)
    }

    /// Metres on the ground that a pixel is wide and high at a level-0 pixel position.
    #[must_use]
    pub fn ground_sample_distance_at(&self, x: f64, y: f64) -> Option<[f64; 2]> {
        self.georeference()?.ground_sample_distance(x, y)
    }

    /// The short name of the coordinate reference system: "EPSG:32633", or what the file calls it.
    #[must_use]
    pub fn crs_name(&self) -> Option<String> {
        self.georeference()?.crs.as_ref()?.short_name()
    }

    /// Why the scene has no longitudes and latitudes: the reference system isn't known, isn't given, or there
    /// is no georeference at all. `None` where it has them.
    #[must_use]
    pub fn why_no_lon_lat(&self) -> Option<String> {
        let Some(place) = self.georeference().filter(|place| place.is_placed()) else {
            return Some("the image has no georeference".to_owned());
        };
        match &place.crs {
            None => Some("the image does not say in which coordinate system it lies".to_owned()),
            Some(_) => place.why_not_on_globe(),
        }
    }

    /// Whether positions have longitudes and latitudes, but for those beside the earth.
    #[must_use]
    pub fn is_on_globe(&self) -> bool {
        self.why_no_lon_lat().is_none()
    }

    /// The unit of [`Self::map`]: "metres", "degrees", "feet"…
    #[must_use]
    pub fn axis_units(&self) -> Option<String> {
        self.georeference()?.crs.as_ref()?.units()
    }

    /// Identifies the contents of the scene, whatever its name, in 64 hexadecimal digits: a hash of every
    /// byte of the files that it is made of, and of those beside them that say something of it. For a file on
    /// a server, which would have to be fetched whole: of its length, its version (`ETag` or time of change)
    /// and its first 64 KiB, so that it differs from that of a copy on disk.
    ///
    /// Waits until the files are read, unless they are as they were when that was last done. Empty where they
    /// can't be, or aren't any more what was opened.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.identity.within(Duration::MAX).and_then(Result::ok).unwrap_or_default()
    }

    /// As [`Self::fingerprint`], but `None` when it isn't known after so long; the files are read on in the
    /// background. The error is a sentence why there is none.
    #[must_use]
    pub fn fingerprint_within(&self, patience: Duration) -> Option<Result<String, String>> {
        self.identity.within(patience)
    }

    /// Whether the files of the scene are as they were when it was opened, by their size, times and number:
    /// what was read of it so far is what its fingerprint stands for.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.identity.is_unchanged()
    }

    fn georeference(&self) -> Option<&Georeference> {
        self.place.as_ref()
    }

    /// Those of the file.
    pub(super) fn levels(&self) -> &[Level] {
        &self.reader.header().levels
    }

    /// Those of the file, and those that were made.
    pub(super) fn all_levels(&self) -> &[Level] {
        self.overviews.get().map_or(self.levels(), |overviews| &overviews.levels)
    }

    fn render(&self, renderer: &Renderer, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        let pixel_count = rect.width as usize * rect.height as usize;
        let rgba = Vec::with_capacity(pixel_count * 4);
        let mut pixels = Pixels { width: rect.width, height: rect.height, rgba };
        for part in self.parts(level, rect, renderer.pixel_bytes()) {
            let data = self.fetch(level, part, |reader, level| reader.read(level, part, renderer.bands()))?;
            let mask =
                self.fetch(level, part, |reader, level| reader::mask(reader, level, part, renderer.bands()))?;
            renderer.render(&data, mask.as_deref(), &mut pixels);
        }
        pixels.rgba.resize(pixel_count * 4, 0);
        Ok(pixels)
    }

    fn fetch<T>(
        &self,
        level: usize,
        part: Rect,
        read: impl FnOnce(&dyn Reader, usize) -> Result<T, Fault>,
    ) -> Result<T, RasterError> {
        let own = self.levels().len();
        let (reader, place) = match self.overviews.get() {
            Some(overviews) if level >= own => (&overviews.reader, level - own),
            _ => (&self.reader, level),
        };
        read(&**reader, place).map_err(|fault| match fault {
            Fault::Damaged(reason) => {
                let reason =
                    format!("the file is damaged or cut off there ({reason}); copy or download it again");
                self.region_error(level, part, &reason)
            }
            Fault::Io(error) => self.region_error(level, part, &error.to_string()),
            fault => fault.of(&self.info.path),
        })
    }

    pub(super) fn region_error(&self, level: usize, rect: Rect, reason: &str) -> RasterError {
        let place = format!(
            "pixels ({}, {}) to ({}, {}) of level {level}",
            rect.x,
            rect.y,
            rect.right(),
            rect.bottom()
        );
        RasterError::Region { path: self.info.path.clone(), place, reason: one_line(reason) }
    }

    fn check(&self, level: usize, rect: Rect) -> Result<(), RasterError> {
        self.check_inside(level, rect)?;
        self.check_pixels(level, rect, rect.width, rect.height)
    }

    pub(super) fn check_inside(&self, level: usize, rect: Rect) -> Result<(), RasterError> {
        let levels = self.all_levels();
        let Some(size) = levels.get(level) else {
            return Err(self.region_error(level, rect, &format!("there are {} levels", levels.len())));
        };
        let end = |start: u32, length: u32| u64::from(start) + u64::from(length);
        let inside = end(rect.x, rect.width) <= u64::from(size.width)
            && end(rect.y, rect.height) <= u64::from(size.height);
        if inside {
            return Ok(());
        }
        let reason = format!("the level has {} x {} pixels", size.width, size.height);
        Err(self.region_error(level, rect, &reason))
    }

    pub(super) fn check_pixels(
        &self,
        level: usize,
        rect: Rect,
        width: u32,
        height: u32,
    ) -> Result<(), RasterError> {
        if u64::from(width) * u64::from(height) <= MAX_PIXELS {
            return Ok(());
        }
        let reason = format!("{width} x {height} pixels are too many at once; ask for a smaller part");
        Err(self.region_error(level, rect, &reason))
    }

    /// Cuts a region into bands of rows that fit into [`CHUNK_BYTES`], at the edges of blocks if possible.
    fn parts(&self, level: usize, rect: Rect, pixel_bytes: usize) -> Vec<Rect> {
        if rect.width == 0 || rect.height == 0 {
            return Vec::new();
        }
        let block = self.all_levels().get(level).map_or(1, |level| level.block_height);
        let rows = (CHUNK_BYTES / (rect.width as usize * pixel_bytes)).max(1);
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        let step = if rows >= block { rows / block * block } else { rows };
        let mut parts = Vec::new();
        let mut y = rect.y;
        while y < rect.bottom() {
            let bottom = (y / step + 1).saturating_mul(step).min(rect.bottom());
            parts.push(Rect::new(rect.x, y, rect.width, bottom - y));
            y = bottom;
        }
        parts
    }
}
