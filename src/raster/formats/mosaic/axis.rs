//! Where the pixels of a source lie on its file, one direction at a time.

use super::layout::{FloatRect, MosaicSource};
use crate::raster::reader::Level;
use crate::raster::rect::Rect;

/// The rows or columns of a region of the mosaic that a source fills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Where the source begins on level 0 of the mosaic.
    dst_start: f64,
    /// Where it begins and ends on level 0 of its file.
    src_start: f64,
    src_end: f64,
    /// File pixels per mosaic pixel, both on level 0.
    step: f64,
    /// Level-0 pixels of the mosaic per pixel of the level that is read.
    factor: f64,
    /// The pixels of that level that are filled.
    low: u32,
    high: u32,
    /// The length of the file in pixels, on level 0 and on the level that is read.
    full_length: u32,
    length: u32,
}

/// Both axes of a source in a region, and the level of its file that is fine enough for them.
pub(super) struct Axes {
    pub level: usize,
    pub columns: Axis,
    pub rows: Axis,
    /// The region.
    pub rect: Rect,
}

impl Axes {
    /// `factor` is the width and height of a pixel of the mosaic's level, in level-0 pixels.
    pub fn of(source: &MosaicSource, levels: &[Level], rect: Rect, factor: (f64, f64)) -> Option<Self> {
        let MosaicSource { src_rect: src, dst_rect: dst, .. } = source;
        let (across, down) = (src.width / dst.width, src.height / dst.height);
        let base = levels.first()?;
        let is_fine_enough = |level: &Level| {
            f64::from(base.width) / f64::from(level.width) <= factor.0 * across * 1.02
                && f64::from(base.height) / f64::from(level.height) <= factor.1 * down * 1.02
        };
        let chosen = levels.iter().rposition(is_fine_enough).unwrap_or(0);
        let level = levels.get(chosen)?;
        let columns = Axis::of(src, dst, factor.0, rect.x..rect.right(), (base.width, level.width));
        let (src, dst) = (transposed(src), transposed(dst));
        let rows = Axis::of(&src, &dst, factor.1, rect.y..rect.bottom(), (base.height, level.height));
        Some(Self { level: chosen, columns, rows, rect })
    }

    /// Whether pixels of the file become pixels of the mosaic one by one.
    pub fn is_one_to_one(&self) -> bool {
        [&self.columns, &self.rows].iter().all(|axis| (axis.scale() - 1.0).abs() < 1e-3)
    }
}

fn transposed(rect: &FloatRect) -> FloatRect {
    FloatRect { x: rect.y, y: rect.x, width: rect.height, height: rect.width }
}

impl Axis {
    /// The horizontal axis.
    fn of(
        src: &FloatRect,
        dst: &FloatRect,
        factor: f64,
        region: std::ops::Range<u32>,
        (full_length, length): (u32, u32),
    ) -> Self {
        // As in GDAL, a pixel that is touched is filled.
        let low = (dst.x / factor + 1e-3).floor().max(f64::from(region.start)) as u32;
        let end = ((dst.x + dst.width) / factor - 1e-3).ceil();
        let high = end.clamp(0.0, f64::from(region.end)) as u32;
        let src_end = (src.x + src.width).min(f64::from(full_length)) - 1e-6;
        let high = if src_end >= src.x { high } else { low };
        let step = src.width / dst.width;
        Self { dst_start: dst.x, src_start: src.x, src_end, step, factor, low, high, full_length, length }
    }

    /// The pixels of the mosaic's level that are filled.
    pub fn filled(&self) -> std::ops::Range<u32> {
        self.low..self.high
    }

    /// Pixels of the file's level per pixel of the mosaic's.
    pub fn scale(&self) -> f64 {
        self.factor * self.step * f64::from(self.length) / f64::from(self.full_length)
    }

    /// The length of the file's level in pixels.
    pub fn length(&self) -> u32 {
        self.length
    }

    /// Where the centre of a mosaic pixel lies on the file's level.
    pub fn centre(&self, at: u32) -> f64 {
        self.on_file(at) * f64::from(self.length) / f64::from(self.full_length)
    }

    /// The pixel of the file's level in which that centre lies.
    pub fn nearest(&self, at: u32) -> u32 {
        let inside = self.on_file(at).clamp(self.src_start.max(0.0), self.src_end.max(0.0));
        ((inside * f64::from(self.length) / f64::from(self.full_length)) as u32).min(self.length - 1)
    }

    fn on_file(&self, at: u32) -> f64 {
        ((f64::from(at) + 0.5) * self.factor - self.dst_start) * self.step + self.src_start
    }
}
