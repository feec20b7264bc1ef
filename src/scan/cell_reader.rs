//! Reading the cells of a scene ahead of the encoder, in blocks.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender;

use super::blocks::{BlockQueue, WindowBlock};
use super::cells::{CellBlock, CellCut};
use super::read_ahead::lock;
use super::reader::{Beyond, pad};
use super::{ScanError, SceneSource};
use crate::encoder::{CellModel, PictureSize, Preprocessor};
use crate::raster::{Pixels, Rect};
use crate::windows::{Grid, WindowLayout};

/// Reads blocks of the cells of one grid, always at full resolution.
pub struct CellReader<'a> {
    scene: &'a dyn SceneSource,
    preprocessor: &'a dyn Preprocessor,
    grid: &'a Grid,
    /// The number of the grid's first cell in the layout.
    first: usize,
    model: CellModel,
    pub cut: CellCut,
}

/// A block as the model takes it.
pub struct PreparedCells {
    pub grid: usize,
    /// Of the cells that were wanted: the number in the layout, the part without data, 0 to 1, and the place
    /// among the cells of the picture.
    pub cells: Vec<(u32, f32, usize)>,
    /// Cells that can't be read, and why the first of them can't.
    pub failed: Option<(Vec<u32>, ScanError)>,
    pub input: Vec<f32>,
}

/// Cells of a picture that can't be read.
struct Damage {
    /// Where they lie, in level-0 pixels.
    places: Vec<Rect>,
    /// Why the picture can't be read as a whole.
    why: ScanError,
}

/// One of several threads that read blocks until there are none, or until the scene is gone.
pub fn read_cell_blocks(
    readers: &[CellReader],
    queue: &Mutex<BlockQueue>,
    stop: &AtomicBool,
    sender: &Sender<Result<PreparedCells, ScanError>>,
) {
    while !stop.load(Ordering::Relaxed) {
        let Some(block) = lock(queue).next() else { return };
        let read = readers[block.grid].read(&block);
        let is_last = read.is_err();
        if sender.send(read).is_err() || is_last {
            return;
        }
    }
}

impl<'a> CellReader<'a> {
    pub fn new(
        scene: &'a dyn SceneSource,
        preprocessor: &'a dyn Preprocessor,
        layout: &'a WindowLayout,
        grid: usize,
        model: CellModel,
        cores: usize,
    ) -> Self {
        let first = layout.number(grid, 0);
        let grid = &layout.grids()[grid];
        Self { scene, preprocessor, grid, first, model, cut: CellCut::new(grid, model, cores) }
    }

    /// Reads a block. Where there is no data the model sees the mean colour of what it was trained on, and
    /// beyond the scene its edge again and again: neither depends on the block. What is damaged counts as
    /// without data for the cells around it.
    ///
    /// # Errors
    /// When nothing more of the scene can be read, or a picture can't be resized.
    fn read(&self, block: &WindowBlock) -> Result<PreparedCells, ScanError> {
        let columns = self.grid.columns();
        let at = |cell: u32| {
            let number = cell as usize - self.first;
            (number / columns, number % columns)
        };
        let (row, column) = block.windows.first().map_or((0, 0), |cell| at(*cell));
        let seen = self.cut.block_of(row, column);
        let area = self.area(&seen);
        let inside = area.within(self.scene.size());
        let (read, damage) = match self.scene.read(0, inside) {
            Ok(read) => (read, None),
            Err(error) => {
                let (read, damage) = self.read_by_cells(inside, error.into())?;
                (read, Some(damage))
            }
        };
        let damaged = || damage.iter().flat_map(|damage| &damage.places);
        let (mut cells, mut failed) = (Vec::new(), Vec::new());
        for &cell in &block.windows {
            let (row, column) = at(cell);
            let rect = self.grid.at(column, row);
            if damaged().any(|place| place.intersects(&rect)) {
                failed.push(cell);
            } else {
                let nodata = missing(&read, rect.x - area.x, rect.y - area.y, rect.width);
                cells.push((cell, nodata, seen.place(row, column)));
            }
        }
        let size = PictureSize {
            height: seen.rows.len() * self.model.side,
            width: seen.columns.len() * self.model.side,
        };
        let completed = completed(read, self.preprocessor.mean_color());
        let pixels = pad(completed, area.width, area.height, Beyond::Edge);
        Ok(PreparedCells {
            grid: block.grid,
            cells,
            failed: damage.map(|damage| (failed, damage.why)),
            input: self.preprocessor.stretched(&pixels, size)?,
        })
    }

    /// What a block's picture shows, in level-0 pixels; it may reach past the scene.
    fn area(&self, seen: &CellBlock) -> Rect {
        let side = self.grid.settings().window_pixels();
        let at = |cells: usize| u32::try_from(cells).unwrap_or(u32::MAX).saturating_mul(side);
        Rect::new(at(seen.columns.start), at(seen.rows.start), at(seen.columns.len()), at(seen.rows.len()))
    }

    /// Reads a place cell by cell, since a part of it is damaged, as `why` says: what can be read, and where
    /// there is nothing.
    fn read_by_cells(&self, inside: Rect, why: ScanError) -> Result<(Pixels, Damage), ScanError> {
        if why.is_lasting() {
            return Err(why);
        }
        let side = self.grid.settings().window_pixels();
        let row_length = inside.width as usize * 4;
        let mut rgba = vec![0; row_length * inside.height as usize];
        let mut places = Vec::new();
        for y in (inside.y..inside.bottom()).step_by(side as usize) {
            for x in (inside.x..inside.right()).step_by(side as usize) {
                let cell = Rect::new(x, y, side.min(inside.right() - x), side.min(inside.bottom() - y));
                match self.scene.read(0, cell).map_err(ScanError::from) {
                    Ok(pixels) => {
                        let lines = pixels.rgba.chunks_exact(cell.width as usize * 4);
                        for (line, row) in lines.zip(cell.y - inside.y..) {
                            let start = row as usize * row_length + (x - inside.x) as usize * 4;
                            rgba[start..start + line.len()].copy_from_slice(line);
                        }
                    }
                    Err(gone) if gone.is_lasting() => return Err(gone),
                    Err(_) => places.push(cell),
                }
            }
        }
        Ok((Pixels { width: inside.width, height: inside.height, rgba }, Damage { places, why }))
    }
}

/// A picture with a colour in place of what it lacks.
fn completed(mut picture: Pixels, [red, green, blue]: [u8; 3]) -> Pixels {
    for pixel in picture.rgba.as_chunks_mut::<4>().0 {
        if pixel[3] == 0 {
            *pixel = [red, green, blue, 255];
        }
    }
    picture
}

/// The part without data of a square at (`left`, `top`), which may reach beyond the picture.
fn missing(picture: &Pixels, left: u32, top: u32, side: u32) -> f32 {
    let square = Rect::new(left, top, side, side).within((picture.width, picture.height));
    let pixels = picture.rgba.as_chunks::<4>().0;
    let row = |y: u32| {
        let first = y as usize * picture.width as usize + square.x as usize;
        &pixels[first..first + square.width as usize]
    };
    let there = (square.y..square.bottom()).flat_map(row).filter(|pixel| pixel[3] != 0).count();
    (1.0 - there as f64 / f64::from(side).powi(2)) as f32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::clip::{Clip, DeviceChoice, ModelPreset, ModelSource, write_random_model};
    use crate::encoder::Encoder;
    use crate::raster::RasterError;

    /// A scene of waves.
    struct Waves;

    impl SceneSource for Waves {
        fn size(&self) -> (u32, u32) {
            (1003, 771)
        }

        fn level_sizes(&self) -> Vec<(u32, u32)> {
            vec![self.size()]
        }

        fn read(&self, _: usize, rect: Rect) -> Result<Pixels, RasterError> {
            let wave = |x: u32, y: u32, turn: f64| {
                let (x, y) = (f64::from(x), f64::from(y));
                (127.0 + 60.0 * (x / 7.0 + turn).sin() + 60.0 * (y / 11.0 + x * y / 9000.0 - turn).sin())
                    as u8
            };
            let pixel = |x, y| [wave(x, y, 0.0), wave(x, y, 1.0), wave(x, y, 2.0), 255];
            let row = |y| (rect.x..rect.right()).flat_map(move |x| pixel(x, y));
            let rgba = (rect.y..rect.bottom()).flat_map(row).collect();
            Ok(Pixels { width: rect.width, height: rect.height, rgba })
        }

        fn read_scaled(&self, rect: Rect, _: u32, _: u32) -> Result<Pixels, RasterError> {
            self.read(0, rect)
        }
    }

    /// The embeddings of all cells, and the shapes of the blocks that they were read in.
    fn embeddings(clip: &mut Clip, side: u32, cores: usize) -> (BTreeMap<u32, Vec<f32>>, (usize, usize)) {
        let model = Encoder::card(clip).cells.unwrap();
        let layout = WindowLayout::of_cells(Waves.size(), &[2 * side, side], &[]).unwrap();
        let preprocessor = Encoder::preprocessor(clip);
        let readers = [0, 1].map(|grid| CellReader::new(&Waves, &*preprocessor, &layout, grid, model, cores));
        let shapes = [readers[0].cut.shape(), readers[1].cut.shape()];
        let mut queue = BlockQueue::new(&layout, &shapes, |_| true, None);
        let mut all = BTreeMap::new();
        while let Some(block) = queue.next() {
            let reader = &readers[block.grid];
            let prepared = reader.read(&block).unwrap();
            let encoded = Encoder::encode_cells(clip, &prepared.input, reader.cut.picture()).unwrap();
            for (cell, nodata, place) in prepared.cells {
                assert!(nodata < 1.0);
                let length = clip.embedding_len();
                assert!(all.insert(cell, encoded[place * length..][..length].to_vec()).is_none());
            }
        }
        assert_eq!(all.len(), layout.len());
        (all, shapes[1])
    }

    #[test]
    fn a_cell_is_the_same_in_every_block() {
        for (preset, side) in [(ModelPreset::TinyResnet, 9), (ModelPreset::Tiny, 11)] {
            let folder = tempfile::tempdir().unwrap();
            write_random_model(folder.path(), preset, 5).unwrap();
            let source = ModelSource { path: folder.path().to_owned(), arch: None };
            let mut clip = Clip::load(&source, DeviceChoice::Cpu).unwrap();
            let (one, shape_of_one) = embeddings(&mut clip, side, 1);
            let (other, shape_of_other) = embeddings(&mut clip, side, 7);
            assert_ne!(shape_of_one, shape_of_other, "{preset:?}");
            for (cell, one) in one {
                let cosine: f32 = one.iter().zip(&other[&cell]).map(|(a, b)| a * b).sum();
                assert!(cosine > 0.9999, "{preset:?}, cell {cell}: {cosine}");
            }
        }
    }

    #[test]
    fn what_is_missing_gets_a_colour_and_is_counted() {
        let picture = || Pixels { width: 2, height: 1, rgba: vec![0, 0, 0, 0, 1, 2, 3, 255] };
        assert_eq!(completed(picture(), [7, 8, 9]).rgba, [7, 8, 9, 255, 1, 2, 3, 255]);
        assert_eq!(missing(&picture(), 0, 0, 2), 0.75);
        assert_eq!(missing(&picture(), 1, 0, 1), 0.0);
        assert_eq!(missing(&picture(), 0, 0, 1), 1.0);
    }
}
