//! From a scene to model input: which level to read, what to read at once, how to pad.

use super::blocks::Block;
use super::gaps::{self, Content};
use super::{Grid, Preprocessor, ScanError, SceneSource};
use crate::raster::{Pixels, Rect};

/// A read stays below this many pixels (64 MiB of RGBA), so that a few of them fit beside the model.
const READ_PIXELS: u64 = 1 << 24;

/// Where no overview helps, a window larger than this is averaged down to it on the way in.
const LARGEST_WINDOW: u32 = 4096;

/// One window as it was read.
pub enum Prepared {
    /// Ready for the encoder.
    Ready(Ready),
    /// The window has no data at all, so there is nothing to encode.
    Empty,
}

pub struct Ready {
    pub window: usize,
    /// The part of the window without data, 0 to 1.
    pub nodata: f32,
    pub input: Vec<f32>,
}

/// How windows of one grid are read from one scene.
pub struct Reader<'a> {
    scene: &'a dyn SceneSource,
    grid: &'a Grid,
    preprocessor: &'a dyn Preprocessor,
    level: usize,
    level_size: (u32, u32),
    /// Level pixels in a level-0 pixel, at most 1.
    scale: f64,
}

impl<'a> Reader<'a> {
    pub fn new(
        scene: &'a dyn SceneSource,
        grid: &'a Grid,
        preprocessor: &'a dyn Preprocessor,
        input_size: u32,
        exact: bool,
    ) -> Self {
        let sizes = scene.level_sizes();
        let level =
            if exact { 0 } else { coarsest_level(&sizes, grid.settings().window_pixels(), input_size) };
        let level_size = sizes.get(level).copied().unwrap_or_else(|| scene.size());
        let scale = f64::from(level_size.0) / f64::from(scene.size().0);
        Self { scene, grid, preprocessor, level, level_size, scale }
    }

    /// How many windows a side a block may have, so that one read stays within its bounds.
    pub fn block_side(&self) -> usize {
        let settings = self.grid.settings();
        let step = f64::from(settings.step.saturating_mul(settings.tile)) * self.scale;
        let window = f64::from(settings.window_pixels()) * self.scale;
        let room = (READ_PIXELS as f64).sqrt() - window;
        ((room / step).floor().max(0.0) as usize + 1).min(16)
    }

    /// Reads a block and hands its windows to `take` in grid order, until that returns false; then this does,
    /// too. After an error no window was handed over.
    pub fn read(&self, block: &Block, mut take: impl FnMut(Prepared) -> bool) -> Result<bool, ScanError> {
        let (pixels, scale) = self.region(block.area)?;
        let side = f64::from(self.grid.settings().window_pixels()) * scale;
        let has_gaps = gaps::any(&pixels);
        for window in block.windows(self.grid) {
            let rect = self.grid.rect(window);
            let left = f64::from(rect.x - block.area.x) * scale;
            let top = f64::from(rect.y - block.area.y) * scale;
            let content = if has_gaps { content(&pixels, left, top, side) } else { Content::Full };
            let mut input = vec![0.0; self.preprocessor.input_len()];
            let nodata = match content {
                Content::Full => {
                    self.preprocessor.window(&pixels, left, top, side, &mut input);
                    0.0
                }
                Content::Partly { nodata, filled } => {
                    // The same square among the window's own pixels.
                    self.preprocessor.window(&filled, left.fract(), top.fract(), side, &mut input);
                    nodata
                }
                Content::Empty => {
                    if !take(Prepared::Empty) {
                        return Ok(false);
                    }
                    continue;
                }
            };
            if !take(Prepared::Ready(Ready { window, nodata, input })) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The pixels of a level-0 area and the number of them in a level-0 pixel. What reaches past the scene
    /// repeats its edge.
    fn region(&self, area: Rect) -> Result<(Pixels, f64), ScanError> {
        let (width, height) = self.scene.size();
        let inside = Rect::new(
            area.x,
            area.y,
            area.width.min(width.saturating_sub(area.x)),
            area.height.min(height.saturating_sub(area.y)),
        );
        let side = f64::from(area.width.max(area.height)) * self.scale;
        let (pixels, scale) = if side > f64::from(LARGEST_WINDOW) {
            let scale = f64::from(LARGEST_WINDOW) / f64::from(area.width.max(area.height));
            let pixels =
                self.scene.read_scaled(inside, scaled(inside.width, scale), scaled(inside.height, scale))?;
            (pixels, scale)
        } else {
            (self.scene.read(self.level, self.to_level(inside))?, self.scale)
        };
        Ok((pad(pixels, scaled(area.width, scale), scaled(area.height, scale)), scale))
    }

    /// The same area in pixels of the level that is read.
    fn to_level(&self, rect: Rect) -> Rect {
        let (width, height) = self.level_size;
        let left = ((f64::from(rect.x) * self.scale) as u32).min(width.saturating_sub(1));
        let top = ((f64::from(rect.y) * self.scale) as u32).min(height.saturating_sub(1));
        Rect::new(
            left,
            top,
            scaled(rect.width, self.scale).min(width - left),
            scaled(rect.height, self.scale).min(height - top),
        )
    }
}

/// What the pixels that a square touches hold.
fn content(pixels: &Pixels, left: f64, top: f64, side: f64) -> Content {
    let longest = (left.fract().max(top.fract()) + side).ceil();
    gaps::look(pixels, left as usize, top as usize, longest as usize)
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

/// Makes a picture at least `width` x `height` by repeating its last column and row.
fn pad(pixels: Pixels, width: u32, height: u32) -> Pixels {
    if pixels.width >= width && pixels.height >= height {
        return pixels;
    }
    let width = width.max(pixels.width);
    let height = height.max(pixels.height);
    let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
    let rows: Vec<&[u8]> = pixels.rgba.chunks_exact(pixels.width as usize * 4).collect();
    for y in 0..height as usize {
        let Some(row) = rows.get(y).or(rows.last()) else { break };
        rgba.extend_from_slice(row);
        let edge = &row[row.len() - 4..];
        for _ in pixels.width..width {
            rgba.extend_from_slice(edge);
        }
    }
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
    fn padding_repeats_the_edge() {
        let pixels = Pixels { width: 1, height: 2, rgba: vec![1, 1, 1, 255, 2, 2, 2, 255] };
        let padded = pad(pixels, 2, 3);
        let reds: Vec<u8> = padded.rgba.chunks_exact(4).map(|pixel| pixel[0]).collect();
        assert_eq!(reds, [1, 1, 2, 2, 2, 2]);
    }
}
