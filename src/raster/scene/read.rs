//! Reading regions of a scene.

use super::Scene;
use super::scaled::{self, ScaledRead};
use crate::raster::display::tone_map::ToneMap;
use crate::raster::error::{RasterError, ReaderError, one_line};
use crate::raster::pixels::Pixels;
use crate::raster::reader::{self, Reader};
use crate::raster::rect::Rect;
use crate::raster::samples::Samples;
use crate::raster::threads::decode;

/// The most bytes of samples that are in memory at once, not counting the pixels made from them.
const CHUNK_BYTES: usize = 64 << 20;
/// The largest region that one call returns.
const MAX_PIXELS: u64 = 1 << 28;

impl Scene {
    /// The pixels of `rect`, given in pixels of `level` and inside it: the shown bands, stretched to 8 bits;
    /// alpha 0 where the scene has no data.
    ///
    /// # Errors
    /// When the rectangle reaches outside the level or is larger than 2^28 pixels, or the file cannot be read
    /// or decoded there.
    pub fn read(&self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        self.read_tone_mapped(&self.default_display.tone_map, level, rect)
    }

    pub(super) fn read_tone_mapped(
        &self,
        tone_map: &ToneMap,
        level: usize,
        rect: Rect,
    ) -> Result<Pixels, RasterError> {
        self.check(level, rect)?;
        decode(|| self.tone_map(tone_map, level, rect))
    }

    /// `rect`, given in level-0 pixels and inside the scene, as a picture of `width` x `height` pixels. It is
    /// read from the coarsest level that is fine enough and averaged down; a picture larger than its region
    /// repeats pixels. Where no level is coarse enough to do that within a budget of 64 million decoded
    /// pixels, the picture is made from a sparse sample of the file's blocks: coarse, but in bounded time.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
        let tone_map = &self.default_display.tone_map;
        let budget = scaled::MAX_DECODED_PIXELS;
        let view = ScaledRead { scene: self, tone_map, levels: self.levels(), budget };
        view.read_scaled(rect, width, height)
    }

    /// The samples of all bands as stored in the file, before band selection and stretch.
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
        for chunk in self.chunks(level, rect, bands.len() * header.sample_type.bytes()) {
            let chunk =
                self.read_from(level, chunk, |reader, level| decode(|| reader.read(level, chunk, &bands)))?;
            samples.data.extend(chunk);
        }
        Ok(samples)
    }

    fn tone_map(&self, tone_map: &ToneMap, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        let pixel_count = rect.width as usize * rect.height as usize;
        let rgba = Vec::with_capacity(pixel_count * 4);
        let mut pixels = Pixels { width: rect.width, height: rect.height, rgba };
        for chunk in self.chunks(level, rect, tone_map.pixel_bytes()) {
            let data =
                self.read_from(level, chunk, |reader, level| reader.read(level, chunk, tone_map.bands()))?;
            let mask = self.read_from(level, chunk, |reader, level| {
                reader::read_valid_mask(reader, level, chunk, tone_map.bands())
            })?;
            tone_map.apply(&data, mask.as_deref(), &mut pixels);
        }
        pixels.rgba.resize(pixel_count * 4, 0);
        Ok(pixels)
    }

    /// Reads from the file, or from the overviews made for it.
    fn read_from<T>(
        &self,
        level: usize,
        chunk: Rect,
        read: impl FnOnce(&dyn Reader, usize) -> Result<T, ReaderError>,
    ) -> Result<T, RasterError> {
        let own = self.levels().len();
        let (reader, reader_level) = match self.overviews.get() {
            Some(overviews) if level >= own => (&overviews.reader, level - own),
            _ => (&self.reader, level),
        };
        read(&**reader, reader_level).map_err(|error| match error {
            ReaderError::Damaged(reason) => {
                let reason =
                    format!("the file is damaged or cut off there ({reason}); copy or download it again");
                self.region_error(level, chunk, &reason)
            }
            ReaderError::Io(error) => self.region_error(level, chunk, &error.to_string()),
            error => error.for_file(&self.info.path),
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
        self.check_pixel_count(level, rect, rect.width, rect.height)
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

    pub(super) fn check_pixel_count(
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

    /// Cuts a region into horizontal strips that fit into [`CHUNK_BYTES`], at block boundaries if possible.
    fn chunks(&self, level: usize, rect: Rect, pixel_bytes: usize) -> Vec<Rect> {
        if rect.width == 0 || rect.height == 0 {
            return Vec::new();
        }
        let block = self.all_levels().get(level).map_or(1, |level| level.block_height);
        let rows = (CHUNK_BYTES / (rect.width as usize * pixel_bytes)).max(1);
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        let step = if rows >= block { rows / block * block } else { rows };
        let mut chunks = Vec::new();
        let mut y = rect.y;
        while y < rect.bottom() {
            let bottom = (y / step + 1).saturating_mul(step).min(rect.bottom());
            chunks.push(Rect::new(rect.x, y, rect.width, bottom - y));
            y = bottom;
        }
        chunks
    }
}
