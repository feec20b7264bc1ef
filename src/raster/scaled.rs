//! A region at any scale, within a budget of decoded pixels.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use rayon::prelude::*;

use super::display::tone_map::Renderer;
use super::reader::Level;
use super::threads::decode;
use super::{Pixels, RasterError, Rect, Scene};

/// Pixels that one call decodes, at most: about a second of work. What would need more is read sparsely.
pub(super) const DECODED_PIXELS: u64 = 64 << 20;
/// For looking, each pixel of the picture is worth so many decoded ones, and a picture of any size a quarter
/// of a second: the first one of a scene is small, and is to be there at once.
const GLANCE_FACTOR: u64 = 512;
const LEAST_GLANCE: u64 = 16 << 20;
/// Parts that a sparse sample has, at most: blocks may be as small as a pixel, but with usual ones, from 64 x
/// 64, the budget of pixels is used up earlier.
const MOST_CELLS: u64 = 1 << 14;
/// Parts that are read before it's asked whether any could be.
const CELLS_AT_ONCE: usize = 1 << 10;
/// Pixels that are in memory at once while a large region is averaged down.
const CHUNK_PIXELS: u64 = 4 << 20;

/// A scene in one rendering.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub scene: &'a Scene,
    pub renderer: &'a Renderer,
    pub levels: &'a [Level],
    /// Pixels that may be decoded for a picture.
    pub budget: u64,
}

/// The budget of a picture that somebody looks at, in decoded pixels.
pub(super) fn glance(width: u32, height: u32) -> u64 {
    (u64::from(width) * u64::from(height) * GLANCE_FACTOR).clamp(LEAST_GLANCE, DECODED_PIXELS)
}

impl View<'_> {
    /// As [`Scene::read_scaled`].
    pub fn read_scaled(self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
        self.scene.check_inside(0, rect)?;
        self.scene.check_pixels(0, rect, width, height)?;
        decode(|| read(self, rect, width, height))
    }

    fn read(self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        self.scene.read_with(self.renderer, level, rect)
    }

    /// Resizes a part of a picture, colours weighted by alpha.
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

/// A rectangle in fractions of a level's pixels.
#[derive(Clone, Copy, Debug)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// Reads `rect` (level-0 pixels, inside the scene) as a picture of `width` x `height` pixels.
fn read(view: View<'_>, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
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
        levels.get(*index).is_some_and(|level| cost(level, area(level).cover(level)) <= view.budget)
    };
    let Some(level) = levels.get(best) else { return Ok(Pixels::empty(width, height)) };
    if affordable(&best) {
        return average(view, best, area(level), width, height);
    }
    // Too much to decode. A coarser level, enlarged, may still show more than samples of this one.
    let cover = area(level).cover(level);
    let (columns, _) = cells(level, cover, view.budget);
    let columns = if reads_rows(level, cover) { width } else { columns };
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

    /// The whole pixels that it touches.
    fn cover(self, level: &Level) -> Rect {
        // Rounding errors must not pull in another row.
        let first = |value: f64, end: u32| ((value + 1e-6).floor() as u32).min(end.saturating_sub(1));
        let last = |value: f64, end: u32| ((value - 1e-6).ceil() as u32).min(end);
        let (x, y) = (first(self.left, level.width), first(self.top, level.height));
        let right = last(self.left + self.width, level.width).max(x + 1);
        let bottom = last(self.top + self.height, level.height).max(y + 1);
        Rect::new(x, y, right - x, bottom - y)
    }
}

/// The pixels that have to be decoded to read a region: whole blocks.
fn cost(level: &Level, rect: Rect) -> u64 {
    let (columns, rows) = blocks(level, rect);
    let block = u64::from(level.block_width) * u64::from(level.block_height);
    (u64::from(columns) * u64::from(rows)).saturating_mul(block)
}

/// The number of block columns and rows that a region touches.
fn blocks(level: &Level, rect: Rect) -> (u32, u32) {
    let columns = rect.right().div_ceil(level.block_width) - rect.x / level.block_width;
    let rows = rect.bottom().div_ceil(level.block_height) - rect.y / level.block_height;
    (columns.max(1), rows.max(1))
}

/// Averages a region down, a band of output rows at a time.
fn average(view: View<'_>, index: usize, area: Area, width: u32, height: u32) -> Result<Pixels, RasterError> {
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
        // A box over fewer than one pixel picks the nearest.
        out.rgba.extend(view.resize(&pixels, crop, width, rows, FilterType::Box)?.rgba);
        row += rows;
    }
    Ok(out)
}

/// Output rows that are made from about [`CHUNK_PIXELS`].
fn rows_at_once(whole: Rect, height: u32) -> u32 {
    let pixels = u64::from(whole.width) * u64::from(whole.height);
    let chunks = pixels.div_ceil(CHUNK_PIXELS).max(1);
    u32::try_from(u64::from(height).div_ceil(chunks)).unwrap_or(height).max(1)
}

/// A coarse picture from a few blocks, enlarged smoothly.
fn sample(view: View<'_>, index: usize, cover: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
    let levels = view.levels;
    let Some(level) = levels.get(index) else { return Ok(Pixels::empty(width, height)) };
    let (columns, mut rows) = cells(level, cover, view.budget);
    // Rows of blocks show all of their columns; more of them than the picture has rows add little.
    let across = if reads_rows(level, cover) { width } else { 1 };
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
                // A damaged block leaves a hole; where all are damaged there is nothing to show.
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

/// Regions spread evenly over `area` that cost at most about `budget` decoded pixels: all of it if that is
/// cheap enough, parts of a few blocks otherwise.
pub(super) fn spread(level: &Level, area: Rect, budget: u64) -> Vec<Rect> {
    if cost(level, area) <= budget {
        return vec![area];
    }
    let (columns, rows) = cells(level, area, budget);
    cell_rects(level, area, columns, rows)
}

/// Whether a sample is better made of rows of blocks than of single blocks: flat blocks, such as strips.
fn reads_rows(level: &Level, area: Rect) -> bool {
    blocks(level, area).0 == 1 || level.block_height <= level.block_width / 16
}

/// How many columns and rows of cells the budget allows, in about the shape of the area; one column where
/// rows are read.
fn cells(level: &Level, area: Rect, budget: u64) -> (u32, u32) {
    let (columns, rows) = blocks(level, area);
    let block = u64::from(level.block_width) * u64::from(level.block_height);
    let allowed = (budget / block.max(1)).clamp(1, MOST_CELLS);
    let per_cell = (u64::from(columns) * u64::from(rows)) as f64 / allowed as f64;
    if reads_rows(level, area) {
        return (1, ((f64::from(rows) / per_cell.max(1.0)) as u32).clamp(1, rows));
    }
    let stride = per_cell.sqrt().max(1.0);
    let some = |count: u32| ((f64::from(count) / stride) as u32).clamp(1, count);
    (some(columns), some(rows))
}

/// For each cell, row by row, the block at its centre, or the row of blocks, as far as it lies in the area
/// and not more than about a million pixels of it.
fn cell_rects(level: &Level, area: Rect, columns: u32, rows: u32) -> Vec<Rect> {
    const MOST: u32 = 1 << 20;
    let centre = |start: u32, length: u32, cell: u32, count: u32| {
        let offset = (2 * u64::from(cell) + 1) * u64::from(length) / (2 * u64::from(count.max(1)));
        start + u32::try_from(offset).unwrap_or(0).min(length.saturating_sub(1))
    };
    let mut rects = Vec::new();
    for row in 0..rows {
        let y = centre(area.y, area.height, row, rows);
        for column in 0..columns {
            let x = centre(area.x, area.width, column, columns);
            let (left, right) = if reads_rows(level, area) {
                (area.x, area.right())
            } else {
                let left = x / level.block_width * level.block_width;
                (left.max(area.x), left.saturating_add(level.block_width).min(area.right()))
            };
            let top = (y / level.block_height * level.block_height).max(area.y);
            let bottom = (y / level.block_height + 1).saturating_mul(level.block_height).min(area.bottom());
            let width = right - left;
            let height = (bottom - top).min((MOST / width.max(1)).max(1));
            // Around the centre of the cell.
            let top = y.saturating_sub(height / 2).clamp(top, bottom - height);
            rects.push(Rect::new(left, top, width, height));
        }
    }
    rects
}

impl Area {
    fn of(pixels: &Pixels) -> Self {
        Self { left: 0.0, top: 0.0, width: f64::from(pixels.width), height: f64::from(pixels.height) }
    }
}

/// As [`View::resize`], with the reason alone.
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
    let mut out = Image::new(width, height, PixelType::U8x4);
    let source = ImageRef::new(pixels.width, pixels.height, &pixels.rgba, PixelType::U8x4)
        .map_err(|error| error.to_string())?;
    Resizer::new().resize(&source, &mut out, &options).map_err(|error| error.to_string())?;
    Ok(Pixels { width, height, rgba: out.into_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(width: u32, height: u32, block_width: u32, block_height: u32) -> Level {
        Level { width, height, block_width, block_height }
    }

    #[test]
    fn samples_stay_within_the_budget_and_the_area() {
        for (level, area) in [
            (level(100_000, 90_000, 256, 256), Rect::new(0, 0, 100_000, 90_000)),
            (level(100_000, 90_000, 512, 512), Rect::new(70_000, 10_001, 30_000, 79_999)),
            (level(50_000, 40_000, 50_000, 1), Rect::new(0, 0, 50_000, 40_000)),
            (level(50_000, 40_000, 50_000, 16), Rect::new(9, 9, 40_000, 39_000)),
            (level(50_000, 40_000, 1024, 1), Rect::new(9, 9, 40_000, 39_000)),
        ] {
            let rects = spread(&level, area, 16 << 20);
            let decoded: u64 = rects.iter().map(|rect| cost(&level, *rect)).sum();
            assert!((4 << 20..=16 << 20).contains(&decoded), "{decoded} pixels for {level:?}");
            for rect in rects {
                assert!(rect.width > 0 && rect.height > 0);
                assert!(rect.x >= area.x && rect.right() <= area.right(), "{rect:?}");
                assert!(rect.y >= area.y && rect.bottom() <= area.bottom(), "{rect:?}");
            }
        }
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
        assert_eq!(glance(1, 1), 16 << 20);
        assert_eq!(glance(256, 256), 32 << 20);
        assert_eq!(glance(20_000, 20_000), DECODED_PIXELS);
    }

    #[test]
    fn a_cheap_area_is_read_whole() {
        let area = Rect::new(3, 4, 500, 600);
        assert_eq!(spread(&level(1000, 1000, 256, 256), area, 16 << 20), [area]);
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
