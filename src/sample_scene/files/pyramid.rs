//! Overviews that grow while the scene is painted. Each level keeps a single band of tiles.

use crate::sample_scene::scene::TILE;

const SIDE: usize = TILE as usize;
const HALF: usize = SIDE / 2;

/// A tile at half its resolution: the mean of every four pixels.
pub fn halved(tile: &[u8]) -> Vec<u8> {
    let mut half = Vec::with_capacity(HALF * HALF * 3);
    for row in 0..HALF {
        let upper = &tile[2 * row * SIDE * 3..(2 * row + 1) * SIDE * 3];
        let lower = &tile[(2 * row + 1) * SIDE * 3..(2 * row + 2) * SIDE * 3];
        for (above, below) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
            for channel in 0..3 {
                let sum = u16::from(above[channel])
                    + u16::from(above[channel + 3])
                    + u16::from(below[channel])
                    + u16::from(below[channel + 3]);
                half.push(((sum + 2) / 4) as u8);
            }
        }
    }
    half
}

/// One level: its size in tiles, and the tiles of the row that is being filled.
pub struct PyramidLevel {
    pub columns: u32,
    pub rows: u32,
    band: Vec<Vec<u8>>,
}

impl PyramidLevel {
    /// A level of a size in pixels.
    pub fn new(width: u32, height: u32) -> Self {
        let columns = width.div_ceil(TILE);
        Self { columns, rows: height.div_ceil(TILE), band: vec![vec![0; SIDE * SIDE * 3]; columns as usize] }
    }

    /// Adds a halved tile of the level below, given its place there in tiles.
    pub fn put(&mut self, column: u32, row: u32, half: &[u8]) {
        let Some(tile) = self.band.get_mut((column / 2) as usize) else { return };
        let (left, top) = ((column % 2) as usize * HALF, (row % 2) as usize * HALF);
        for (line, source) in half.chunks_exact(HALF * 3).enumerate() {
            let start = ((top + line) * SIDE + left) * 3;
            tile[start..start + HALF * 3].copy_from_slice(source);
        }
    }

    /// The row of tiles, which is complete once the level below has added its last row of it. The next row is
    /// written over it: what remains of this one lies beyond the image's edge.
    pub fn tiles(&self) -> &[Vec<u8>] {
        &self.band
    }
}

/// The sizes of the overviews, each half the previous one, down to a single tile.
pub fn overview_sizes(width: u32, height: u32) -> Vec<(u32, u32)> {
    let mut sizes = Vec::new();
    let (mut width, mut height) = (width, height);
    while width.max(height) > TILE {
        (width, height) = (width.div_ceil(2), height.div_ceil(2));
        sizes.push((width, height));
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_end_within_one_tile() {
        assert_eq!(overview_sizes(1000, 300), [(500, 150), (250, 75)]);
        assert_eq!(overview_sizes(200, 256), []);
        assert_eq!(overview_sizes(100_000, 512).last(), Some(&(196, 1)));
    }

    #[test]
    fn four_tiles_make_one() {
        let mut level = PyramidLevel::new(256, 256);
        for (column, row) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            let tile = vec![(10 + column * 20 + row * 50) as u8; SIDE * SIDE * 3];
            level.put(column, row, &halved(&tile));
        }
        let tile = &level.tiles()[0];
        let at = |x: usize, y: usize| tile[(y * SIDE + x) * 3];
        assert_eq!([at(0, 0), at(255, 0), at(0, 255), at(255, 255)], [10, 30, 60, 80]);
    }
}
