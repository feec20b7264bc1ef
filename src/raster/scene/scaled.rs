//! Reading a region at any scale, within a budget of decoded pixels.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x4;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use rayon::prelude::*;

use super::Scene;
use crate::raster::display::tone_map::ToneMap;
use crate::raster::error::RasterError;
use crate::raster::pixels::Pixels;
use crate::raster::reader::Level;
use crate::raster::rect::Rect;
use crate::raster::sampling::{cell_rects, cells, decoded_pixels, samples_rows};
use crate::raster::threads::decode;

/// How many pixels one call decodes at most: about a second of work. Whatever would need more is sampled.
pub(super) const MAX_DECODED_PIXELS: u64 = 64 << 20;
/// In a view, each pixel of the picture is worth this many decoded ones, and a picture of any size a quarter
/// of a second: the first one of a scene is small, and should appear at once.
const VIEW_FACTOR: u64 = 512;
const MIN_VIEW_BUDGET: u64 = 16 << 20;
/// How many cells are read before checking whether any of them could be.
const CELLS_AT_ONCE: usize = 1 << 10;
/// How many pixels are in memory at once while a large region is averaged down.
const CHUNK_PIXELS: u64 = 4 << 20;

/// A scene, and how to read it.
#[derive(Clone, Copy)]
pub(super) struct ScaledRead<'a> {
    pub scene: &'a Scene,
    pub tone_map: &'a ToneMap,
    pub levels: &'a [Level],
    /// How many pixels may be decoded for a picture.
    pub budget: u64,
}

/// The budget for a picture in a view, in decoded pixels.
pub(super) fn view_budget(width: u32, height: u32) -> u64 {
    (u64::from(width) * u64::from(height) * VIEW_FACTOR).clamp(MIN_VIEW_BUDGET, MAX_DECODED_PIXELS)
}

impl ScaledRead<'_> {
    /// As [`Scene::read_scaled`].
    pub fn read_scaled(self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
        self.scene.check_inside(0, rect)?;
        self.scene.check_pixel_count(0, rect, width, height)?;
        decode(|| read(self, rect, width, height))
    }

    fn read(self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        self.scene.read_tone_mapped(self.tone_map, level, rect)
    }

    /// Resizes a part of a picture, with colours weighted by alpha.
    fn resize(
        self,
        pixels: &Pixels,
        crop: Area,
        width: u32,
        height: u32,
        filter: FilterType,
    ) -> Result<Pixels, RasterError> {
        resize(pixels, crop, width, height, filter).map_err(|reason| {
            let part = Rect::new(0, 0, pixels.width, pixels.height);
            let reason = format!("it can't be made {width} x {height} pixels large: {reason}");
            self.scene.region_error(0, part, &reason)
        })
    }
}

/// A rectangle on a level, in fractional pixels.
#[derive(Clone, Copy, Debug)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// Reads `rect` (level-0 pixels, inside the scene) as a picture of `width` x `height` pixels.
fn read(view: ScaledRead<'_>, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
    if width == 0 || height == 0 || rect.width == 0 || rect.height == 0 {
        return Ok(Pixels::empty(width, height));
    }
    let levels = view.levels;
    let area = |level: &Level| Area::on(rect, levels.first().unwrap_or(level), level);
    let fine_enough = |level: &Level| {
        let area = area(level);
        // An overview of odd size is a hair coarser than half.
        area.width >= f64::from(width) * 0.99 && area.height >= f64::from(height) * 0.99
    };
    let best = levels.iter().rposition(fine_enough).unwrap_or(0);
    let affordable = |index: &usize| {
        levels.get(*index).is_some_and(|level| decoded_pixels(level, area(level).cover(level)) <= view.budget)
    };
    let Some(level) = levels.get(best) else { return Ok(Pixels::empty(width, height)) };
    if affordable(&best) {
        return average(view, best, area(level), width, height);
    }
    // Too much to decode. A coarser level, enlarged, may still show more than a sample of this one.
    let cover = area(level).cover(level);
    let (columns, _) = cells(level, cover, view.budget);
    let columns = if samples_rows(level, cover) { width } else { columns };
    let coarser = (best + 1..levels.len()).find(affordable);
    match coarser.and_then(|index| levels.get(index).map(|level| (index, area(level)))) {
        Some((index, area)) if area.width >= f64::from(columns) => average(view, index, area, width, height),
        _ => sample(view, best, cover, width, height),
    }
}

impl Area {
    /// Where a level-0 rectangle lies on a level.
    fn on(rect: Rect, base: &Level, level: &Level) -> Self {
        let x = f64::from(level.width) / f64::from(base.width);
        let y = f64::from(level.height) / f64::from(base.height);
        Self {
            left: f64::from(rect.x) * x,
            top: f64::from(rect.y) * y,
            width: f64::from(rect.width) * x,
            height: f64::from(rect.height) * y,
        }
    }

    /// The smallest rectangle of whole pixels that contains it.
    fn cover(self, level: &Level) -> Rect {
        // Rounding errors must not add another row.
        let first = |value: f64, end: u32| ((value + 1e-6).floor() as u32).min(end.saturating_sub(1));
        let last = |value: f64, end: u32| ((value - 1e-6).ceil() as u32).min(end);
        let (x, y) = (first(self.left, level.width), first(self.top, level.height));
        let right = last(self.left + self.width, level.width).max(x + 1);
        let bottom = last(self.top + self.height, level.height).max(y + 1);
        Rect::new(x, y, right - x, bottom - y)
    }
}

/// Averages a region down, a band of output rows at a time.
fn average(
    view: ScaledRead<'_>,
    index: usize,
    area: Area,
    width: u32,
    height: u32,
) -> Result<Pixels, RasterError> {
    let levels = view.levels;
    let Some(level) = levels.get(index) else { return Ok(Pixels::empty(width, height)) };
    let whole = area.cover(level);
    if (whole.width, whole.height) == (width, height) {
        return view.read(index, whole);
    }
    let step = rows_at_once(whole, height);
    let mut out = Pixels { width, height, rgba: Vec::with_capacity(width as usize * height as usize * 4) };
    let mut row = 0;
    while row < height {
        let rows = step.min(height - row);
        let part = Area {
            top: area.top + area.height * f64::from(row) / f64::from(height),
            height: area.height * f64::from(rows) / f64::from(height),
            ..area
        };
        let cover = part.cover(level);
        let pixels = view.read(index, cover)?;
        let crop = Area { left: part.left - f64::from(cover.x), top: part.top - f64::from(cover.y), ..part };
        // A box filter narrower than a pixel picks the nearest one.
        out.rgba.extend(view.resize(&pixels, crop, width, rows, FilterType::Box)?.rgba);
        row += rows;
    }
    Ok(out)
}

/// How many output rows are made from about [`CHUNK_PIXELS`].
fn rows_at_once(whole: Rect, height: u32) -> u32 {
    let pixels = u64::from(whole.width) * u64::from(whole.height);
    let chunks = pixels.div_ceil(CHUNK_PIXELS).max(1);
    u32::try_from(u64::from(height).div_ceil(chunks)).unwrap_or(height).max(1)
}

/// A coarse picture from a few blocks, enlarged smoothly.
fn sample(
    view: ScaledRead<'_>,
    index: usize,
    cover: Rect,
    width: u32,
    height: u32,
) -> Result<Pixels, RasterError> {
    let levels = view.levels;
    let Some(level) = levels.get(index) else { return Ok(Pixels::empty(width, height)) };
    let (columns, mut rows) = cells(level, cover, view.budget);
    // A row of blocks keeps its horizontal detail; more of them than the picture has rows add little.
    let across = if samples_rows(level, cover) { width } else { 1 };
    if across > 1 {
        rows = rows.min(height.saturating_mul(2));
    }
    let rects = cell_rects(level, cover, columns, rows);
    let shrink = |rect: &Rect| {
        let pixels = view.read(index, *rect)?;
        Ok(view.resize(&pixels, Area::of(&pixels), across, 1, FilterType::Box)?.rgba)
    };
    let mut coarse = Pixels { width: columns * across, height: rows, rgba: Vec::new() };
    let mut some = false;
    for rects in rects.chunks(CELLS_AT_ONCE) {
        let parts: Vec<Result<_, RasterError>> = rects.par_iter().map(shrink).collect();
        some |= parts.iter().any(Result::is_ok);
        for part in parts {
            match part {
                Ok(part) => coarse.rgba.extend(part),
                // A damaged block leaves a hole; if all are damaged there is nothing to show.
                Err(error) if some => {
                    view.scene.notices().tell(format!("{error}; nothing is shown there"));
                    coarse.rgba.extend(vec![0; across as usize * 4]);
                }
                Err(error) => return Err(error),
            }
        }
    }
    view.resize(&coarse, Area::of(&coarse), width, height, FilterType::Bilinear)
}

impl Area {
    fn of(pixels: &Pixels) -> Self {
        Self { left: 0.0, top: 0.0, width: f64::from(pixels.width), height: f64::from(pixels.height) }
    }
}

/// As [`ScaledRead::resize`], with an error that doesn't name the scene.
fn resize(
    pixels: &Pixels,
    crop: Area,
    width: u32,
    height: u32,
    filter: FilterType,
) -> Result<Pixels, String> {
    let left = crop.left.max(0.0);
    let top = crop.top.max(0.0);
    let crop_width = crop.width.min(f64::from(pixels.width) - left);
    let crop_height = crop.height.min(f64::from(pixels.height) - top);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(
        left,
        top,
        crop_width,
        crop_height,
    );
    let mut rgba = vec![0; width as usize * height as usize * 4];
    // Typed, since `Resizer::resize` brings the code for all types of pixels: 4 MB of program.
    let source = TypedImageRef::<U8x4>::from_buffer(pixels.width, pixels.height, &pixels.rgba)
        .map_err(|error| error.to_string())?;
    let mut out =
        TypedImage::<U8x4>::from_buffer(width, height, &mut rgba).map_err(|error| error.to_string())?;
    Resizer::new().resize_typed(&source, &mut out, &options).map_err(|error| error.to_string())?;
    Ok(Pixels { width, height, rgba })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(width: u32, height: u32, block_width: u32, block_height: u32) -> Level {
        Level { width, height, block_width, block_height }
    }

    #[test]
    fn a_failed_resize_is_a_failure_and_no_picture() {
        let pixels = Pixels { width: 4, height: 4, rgba: vec![255; 4 * 4 * 4] };
        let beyond = Area { left: 9.0, top: 0.0, width: 2.0, height: 2.0 };
        assert!(resize(&pixels, beyond, 3, 3, FilterType::Box).is_err());
        assert!(resize(&pixels, Area::of(&pixels), 3, 3, FilterType::Box).is_ok());
        let cut = Pixels { rgba: vec![255; 7], ..pixels };
        assert!(resize(&cut, Area::of(&cut), 3, 3, FilterType::Box).is_err());
    }

    #[test]
    fn a_small_picture_is_worth_less() {
        assert_eq!(view_budget(1, 1), 16 << 20);
        assert_eq!(view_budget(256, 256), 32 << 20);
        assert_eq!(view_budget(20_000, 20_000), MAX_DECODED_PIXELS);
    }

    #[test]
    fn an_area_covers_whole_pixels_inside_the_level() {
        let base = level(1001, 1001, 256, 256);
        let half = level(501, 501, 256, 256);
        let whole = Area::on(Rect::new(0, 0, 1001, 1001), &base, &half);
        assert_eq!(whole.cover(&half), Rect::new(0, 0, 501, 501));
        let corner = Area::on(Rect::new(1000, 1000, 1, 1), &base, &half);
        assert_eq!(corner.cover(&half), Rect::new(500, 500, 1, 1));
    }
}
