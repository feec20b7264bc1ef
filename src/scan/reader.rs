//! From a scene to model input: which level to read, what to read at once, how to pad.

use super::blocks::WindowBlock;
use super::nodata;
use super::nodata::WindowContent;
use super::{ScanError, SceneSource, uniform};
use crate::encoder::{Preprocessor, SharedRows};
use crate::raster::{Pixels, Rect};
use crate::windows::{Grid, GridSettings, WindowLayout};

/// A read stays below this many pixels (64 MiB of RGBA), so that a few of them fit beside the model.
const READ_PIXELS: u64 = 1 << 24;

/// Where no overview helps, a window larger than this is averaged down to it on the way in.
const LARGEST_WINDOW: u32 = 4096;

/// Windows a side of a square block, at most.
const LONGEST_SIDE: usize = 16;

/// One window as it was read.
pub enum ReadWindow {
    /// Ready for the encoder.
    Ready(PreparedWindow),
    /// The window of this number has no data at all, so there is nothing to encode.
    Empty(u32),
}

pub struct PreparedWindow {
    /// Its number in the layout.
    pub window: u32,
    /// The part of the window without data, 0 to 1 and never 1.
    pub nodata: f32,
    /// The window is of this colour everywhere; all such windows have the same input.
    pub color: Option<[u8; 3]>,
    pub input: Vec<f32>,
}

/// How windows of one grid are read from one scene. What a window's input is never depends on the block that
/// it is read in.
pub struct WindowReader<'a> {
    scene: &'a dyn SceneSource,
    layout: &'a WindowLayout,
    settings: GridSettings,
    preprocessor: &'a dyn Preprocessor,
    /// Levels by which the pixels of a window may differ and still count as one colour.
    tolerance: u8,
    level: usize,
    level_size: (u32, u32),
    /// Level pixels in a level-0 pixel, at most 1.
    scale: f64,
}

/// A part of the scene in memory.
struct ReadRegion {
    pixels: Pixels,
    /// Pixels of it in a level-0 pixel.
    scale: f64,
    /// Where the region begins, in its own pixels.
    left: f64,
    top: f64,
}

impl<'a> WindowReader<'a> {
    pub fn new(
        scene: &'a dyn SceneSource,
        layout: &'a WindowLayout,
        grid: &Grid,
        preprocessor: &'a dyn Preprocessor,
        options: ReadOptions,
    ) -> Self {
        let settings = grid.settings();
        let sizes = scene.level_sizes();
        let ReadOptions { input_size, exact, tolerance, .. } = options;
        let level = if exact { 0 } else { coarsest_level(&sizes, settings.window_pixels(), input_size) };
        let level_size = sizes.get(level).copied().unwrap_or_else(|| scene.size());
        let scale = f64::from(level_size.0) / f64::from(scene.size().0);
        Self { scene, layout, settings, preprocessor, tolerance, level, level_size, scale }
    }

    /// How many windows a block may have across and down, so that one read stays within its bounds. Where
    /// strips have to be decoded of which too few stay in memory for a square block's rows, blocks are flat
    /// and go along the strips.
    pub fn block_shape(&self) -> (usize, usize) {
        let step = f64::from(self.settings.step.saturating_mul(self.settings.tile)) * self.scale;
        let window = f64::from(self.settings.window_pixels()) * self.scale;
        let windows = |room: f64| ((room - window) / step).floor().max(0.0) as usize + 1;
        let side = windows((READ_PIXELS as f64).sqrt()).min(LONGEST_SIDE);
        let rows = |down: usize| window + (down - 1) as f64 * step;
        match self.scene.strip_rows(self.level).map(f64::from) {
            Some(kept) if rows(2 * side) > kept => {
                let down = flat_rows(window, step, kept).min(side);
                (windows(READ_PIXELS as f64 / rows(down)).max(side), down)
            }
            _ => (side, side),
        }
    }

    /// Reads a block and hands its windows to `take` in grid order, or why one could not be prepared, until
    /// that returns false; then this does, too. After an error no window was handed over.
    pub fn read(
        &self,
        block: &WindowBlock,
        mut take: impl FnMut(Result<ReadWindow, ScanError>) -> bool,
    ) -> Result<bool, ScanError> {
        let region = self.region(block.area)?;
        let has_nodata = nodata::has_nodata(&region.pixels);
        let mut shared = SharedRows::default();
        for &window in &block.windows {
            if !take(self.prepare(&region, window, has_nodata, &mut shared)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn prepare(
        &self,
        region: &ReadRegion,
        window: u32,
        has_nodata: bool,
        shared: &mut SharedRows,
    ) -> Result<ReadWindow, ScanError> {
        let ReadRegion { pixels, scale, .. } = region;
        let rect = self.layout.rect(window as usize);
        let side = f64::from(rect.width) * scale;
        let (left, top) = (f64::from(rect.x) * scale - region.left, f64::from(rect.y) * scale - region.top);
        // All pixels that the square touches.
        let longest = (left.fract().max(top.fract()) + side).ceil() as usize;
        let content = if has_nodata {
            nodata::inspect(pixels, left as usize, top as usize, longest)
        } else {
            WindowContent::Full
        };
        let mut input = vec![0.0; self.preprocessor.input_len()];
        let (mut nodata, mut color) = (0.0, None);
        match content {
            WindowContent::Empty => return Ok(ReadWindow::Empty(window)),
            WindowContent::Full => {
                color = uniform::color(pixels, left as usize, top as usize, longest, self.tolerance);
                match color {
                    // Of any size: a resized colour is that colour.
                    Some(color) => {
                        self.preprocessor.window(&uniform::paint(color, 8), 0.0, 0.0, 8.0, &mut input)?;
                    }
                    None => self.preprocessor.window_beside(pixels, left, top, side, shared, &mut input)?,
                }
            }
            WindowContent::Partly { nodata: part, filled } => {
                // The same square among the window's own pixels.
                self.preprocessor.window(&filled, left.fract(), top.fract(), side, &mut input)?;
                nodata = part.min(1.0 - f32::EPSILON);
            }
        }
        Ok(ReadWindow::Ready(PreparedWindow { window, nodata, color, input }))
    }

    /// The pixels of a level-0 area. Where it reaches past the scene there is no data.
    fn region(&self, area: Rect) -> Result<ReadRegion, ScanError> {
        let inside = area.within(self.scene.size());
        let side = f64::from(self.settings.window_pixels()) * self.scale;
        // A window as large is alone in its block.
        if side > f64::from(LARGEST_WINDOW) {
            let scale = f64::from(LARGEST_WINDOW) / f64::from(area.width.max(area.height));
            let pixels =
                self.scene.read_scaled(inside, scaled(inside.width, scale), scaled(inside.height, scale))?;
            let pixels = pad(pixels, scaled(area.width, scale), scaled(area.height, scale), Beyond::Nothing);
            return Ok(ReadRegion {
                pixels,
                scale,
                left: f64::from(area.x) * scale,
                top: f64::from(area.y) * scale,
            });
        }
        let scale = self.scale;
        let level = self.to_level(inside);
        let pixels = self.scene.read(self.level, level)?;
        // As far as the last window reaches, whose edges may lie within a pixel.
        let until =
            |edge: u32, first: u32| ((f64::from(edge) * scale).ceil() as u32).saturating_sub(first).max(1);
        // An overview may be smaller than its part of the scene by less than a pixel.
        let pixels =
            pad(pixels, until(inside.right(), level.x), until(inside.bottom(), level.y), Beyond::Edge);
        let pixels =
            pad(pixels, until(area.right(), level.x), until(area.bottom(), level.y), Beyond::Nothing);
        Ok(ReadRegion { pixels, scale, left: f64::from(level.x), top: f64::from(level.y) })
    }

    /// All pixels of the level that is read which an area touches.
    fn to_level(&self, rect: Rect) -> Rect {
        let (width, height) = self.level_size;
        let first =
            |edge: u32, most: u32| ((f64::from(edge) * self.scale) as u32).min(most.saturating_sub(1));
        let until = |edge: u32, most: u32| ((f64::from(edge) * self.scale).ceil() as u32).min(most);
        let (left, top) = (first(rect.x, width), first(rect.y, height));
        let (right, bottom) = (until(rect.right(), width), until(rect.bottom(), height));
        Rect::new(left, top, right.saturating_sub(left).max(1), bottom.saturating_sub(top).max(1))
    }
}

/// How many windows high a flat block is, with `kept` rows of decoded strips in memory, all in pixels of the
/// level that is read: as many as fit beside the rows of the next block, so that no strip is decoded twice.
/// Where not even one row of windows fits, strips are decoded for each block anew, and twice the overlap of
/// two windows costs least: a block's area is given, so that flatter ones are fewer along a strip, and higher
/// ones share fewer strips with the next row of them.
fn flat_rows(window: f64, step: f64, kept: f64) -> usize {
    let windows = |rows: f64| ((rows - window) / step).floor().max(0.0) as usize + 1;
    // Two rows of blocks need the rows of one, and one block's steps more.
    let fitting = f64::midpoint((kept - window) / step, 1.0);
    if fitting >= 1.0 { fitting as usize } else { windows(2.0 * (window - step)) }
}

/// What decides which pixels a window's input is made of, beside the scene and the preprocessor.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Side of the model's input.
    pub input_size: u32,
    /// Always read level 0.
    pub exact: bool,
    /// See [`uniform::color`].
    pub tolerance: u8,
    /// Cells are encoded instead of windows.
    pub dense: bool,
}

/// The coarsest level that still gives a window at least `input_size` pixels a side.
fn coarsest_level(sizes: &[(u32, u32)], window: u32, input_size: u32) -> usize {
    let Some(&(full, _)) = sizes.first() else { return 0 };
    let fine_enough = |&(width, _): &(u32, u32)| {
        u64::from(window) * u64::from(width) >= u64::from(input_size) * u64::from(full)
    };
    sizes.iter().rposition(fine_enough).unwrap_or(0)
}

fn scaled(length: u32, scale: f64) -> u32 {
    ((f64::from(length) * scale).ceil() as u32).max(1)
}

/// What stands at the right of a picture and below it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// Its last column and row, again and again.
    Edge,
    /// No data.
    Nothing,
}

/// Makes a picture at least `width` x `height`.
pub(super) fn pad(pixels: Pixels, width: u32, height: u32, beyond: Beyond) -> Pixels {
    if pixels.width >= width && pixels.height >= height {
        return pixels;
    }
    let width = width.max(pixels.width);
    let height = height.max(pixels.height);
    let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
    let rows: Vec<&[u8]> = pixels.rgba.chunks_exact(pixels.width as usize * 4).collect();
    let last = rows.last().filter(|_| beyond == Beyond::Edge);
    for y in 0..height as usize {
        let Some(row) = rows.get(y).or(last) else { break };
        rgba.extend_from_slice(row);
        let edge = if beyond == Beyond::Edge { &row[row.len() - 4..] } else { &[0; 4] };
        for _ in pixels.width..width {
            rgba.extend_from_slice(edge);
        }
    }
    rgba.resize(width as usize * height as usize * 4, 0);
    Pixels { width, height, rgba }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overview_is_used_only_while_it_is_fine_enough() {
        let sizes = [(4000, 3000), (2000, 1500), (1000, 750)];
        assert_eq!(coarsest_level(&sizes, 512, 224), 1);
        assert_eq!(coarsest_level(&sizes, 256, 224), 0);
        assert_eq!(coarsest_level(&sizes, 896, 224), 2);
        assert_eq!(coarsest_level(&sizes, 64, 224), 0);
    }

    #[test]
    fn flat_blocks_fit_into_what_is_kept() {
        // Windows of 512 pixels every 128: two rows of blocks of `down` windows have 512 + (2 down - 1) 128
        // rows.
        for (kept, down) in [(640.0, 1), (895.0, 1), (896.0, 2), (1352.0, 3), (10_000.0, 37)] {
            assert_eq!(flat_rows(512.0, 128.0, kept), down, "{kept}");
            assert!(512.0 + (2 * down - 1) as f64 * 128.0 <= kept);
        }
        // Blocks of 768 rows.
        assert_eq!(flat_rows(512.0, 128.0, 400.0), 3);
        assert_eq!(flat_rows(512.0, 512.0, 400.0), 1);
    }

    #[test]
    fn padding_repeats_the_edge_or_holds_no_data() {
        let pixels = || Pixels { width: 1, height: 2, rgba: vec![1, 1, 1, 255, 2, 2, 2, 255] };
        let channel = |beyond: Beyond, channel: usize| -> Vec<u8> {
            let padded = pad(pixels(), 2, 3, beyond);
            assert_eq!((padded.width, padded.height), (2, 3));
            padded.rgba.chunks_exact(4).map(|pixel| pixel[channel]).collect()
        };
        assert_eq!(channel(Beyond::Edge, 0), [1, 1, 2, 2, 2, 2]);
        assert_eq!(channel(Beyond::Edge, 3), [255; 6]);
        assert_eq!(channel(Beyond::Nothing, 0), [1, 0, 2, 0, 0, 0]);
        assert_eq!(channel(Beyond::Nothing, 3), [255, 0, 255, 0, 0, 0]);
    }
}
