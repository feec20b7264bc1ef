//! A scene: a part of the world at a resolution.

use super::error::SampleSceneError;
use super::frame::Frame;
use super::painter::paint;
use super::plan::corner_for;
use super::world::World;

/// The least and the largest side of a scene, in pixels.
pub const MIN_SIDE: u64 = 16;
pub const MAX_SIDE: u64 = 1_000_000;
/// The range of resolutions, in metres per pixel.
const GSD: (f64, f64) = (0.1, 2.0);
/// The side of the file's tiles, pixels.
pub const TILE: u32 = 256;

/// A scene that can be painted.
pub struct SampleScene {
    width: u32,
    height: u32,
    gsd: f64,
    /// The upper left corner in the world, in metres.
    pub(super) corner: (f64, f64),
    pub(super) world: World,
}

impl SampleScene {
    /// A scene of a size in pixels, at `gsd` metres per pixel. The same numbers give the same scene.
    ///
    /// # Errors
    /// For a size or resolution that can't be painted.
    pub fn new(width: u64, height: u64, gsd: f64, seed: u64) -> Result<Self, SampleSceneError> {
        let possible = MIN_SIDE..=MAX_SIDE;
        if !possible.contains(&width) || !possible.contains(&height) {
            return Err(SampleSceneError::Size { width, height });
        }
        // NaN is in no range.
        if !(GSD.0..=GSD.1).contains(&gsd) {
            return Err(SampleSceneError::Gsd { gsd });
        }
        let corner = corner_for((width as f64 * gsd, height as f64 * gsd));
        Ok(Self { width: width as u32, height: height as u32, gsd, corner, world: World::new(seed) })
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Metres per pixel.
    #[must_use]
    pub fn gsd(&self) -> f64 {
        self.gsd
    }

    /// The number of tiles at full resolution: the steps in which the scene is painted.
    #[must_use]
    pub fn tiles(&self) -> u64 {
        u64::from(self.width.div_ceil(TILE)) * u64::from(self.height.div_ceil(TILE))
    }

    /// The pixels of a tile, RGB, row by row. Tiles at the edge are painted whole.
    pub(super) fn tile(&self, column: u32, row: u32) -> Vec<u8> {
        let side = f64::from(TILE) * self.gsd;
        let x = self.corner.0 + f64::from(column) * side;
        let y = self.corner.1 + f64::from(row) * side;
        // Neighbours begin elsewhere in the grain, or its repetition would be visible.
        let grain = crate::random::hash(&[u64::from(column), u64::from(row)]) as usize;
        let place = (grain % 256, (grain >> 8) % 256);
        paint(&self.world, Frame::new((x, y)), self.gsd as f32, (TILE as usize, TILE as usize), place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_does_not_depend_on_how_large_the_scene_is() {
        let small = SampleScene::new(8192, 8192, 0.5, 3).unwrap();
        let large = SampleScene::new(100_000, 50_000, 0.5, 3).unwrap();
        for (column, row) in [(3, 5), (11, 0), (31, 31)] {
            assert_eq!(small.tile(column, row), large.tile(column, row));
        }
    }

    #[test]
    fn neighbouring_tiles_fit_together() {
        // Half a tile to the right, the same things are seen but for their grain.
        let scene = SampleScene::new(8192, 8192, 0.5, 3).unwrap();
        let other = SampleScene { corner: (64.0, 0.0), ..SampleScene::new(8192, 8192, 0.5, 3).unwrap() };
        let (one, two) = (scene.tile(8, 9), other.tile(8, 9));
        let mut off = 0_u64;
        for row in 0..256 {
            for column in 0..128 {
                let (at, shifted) = ((row * 256 + column + 128) * 3, (row * 256 + column) * 3);
                off += u64::from(one[at].abs_diff(two[shifted]));
            }
        }
        assert!(off / (256 * 128) < 6, "{}", off / (256 * 128));
    }

    #[test]
    fn absurd_sizes_are_refused() {
        for (width, height) in [(0, 512), (512, 0), (1_000_001, 512), (u64::MAX, u64::MAX)] {
            assert!(SampleScene::new(width, height, 0.5, 0).is_err());
        }
        for gsd in [0.0, -1.0, f64::NAN, f64::INFINITY, 50.0] {
            assert!(SampleScene::new(512, 512, gsd, 0).is_err());
        }
    }
}
