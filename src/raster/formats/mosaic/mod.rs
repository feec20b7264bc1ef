//! One scene made of many files: what VRTs and products have in common.
//!
//! Each piece puts a window of a file's pixels into a window of the scene, over what earlier pieces put
//! there. Files are opened when a region needs them, and only a few stay open. What no piece covers is
//! nodata.

pub mod axis;
pub mod cells;
pub mod draw;
pub mod gaps;
pub mod kernel;

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::raster::display::bands::{Band, Role};
use crate::raster::error::Fault;
use crate::raster::georeference::Georeference;
use crate::raster::reader;
use crate::raster::reader::{Header, Level, Opening, Reader};
use crate::raster::samples::{Raw, value};
use crate::raster::{RasterError, Rect, SampleType};
use axis::Axes;
use cells::Cells;
use draw::{Drawing, each_part};
pub(in crate::raster) use kernel::Resampling;

/// Files of a mosaic that stay open, of one within it, and of one within that.
const OPEN_FILES: [usize; 3] = [16, 4, 1];
/// Pixels of a file that are read at once.
const CHUNK_PIXELS: u64 = 4 << 20;
/// Files that are looked into for the levels, at most, and that are looked for at all.
const LOOKED_INTO: usize = 8;
const LOOKED_FOR: usize = 1024;
/// The block that is assumed where the files have none of a handy size.
const BLOCK: u32 = 512;

/// A rectangle in fractions of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::raster) struct Window {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// A window of a file, and where it goes.
#[derive(Clone, Debug)]
pub(in crate::raster) struct Piece {
    pub file: usize,
    /// Bands of the scene with the bands of the file that fill them; empty for a piece of the mask.
    pub bands: Vec<(usize, usize)>,
    pub source: Window,
    pub place: Window,
    /// The value of the file that is left out.
    pub nodata: Option<f64>,
    /// Values are multiplied by the first and then raised by the second.
    pub scale: Option<(f64, f64)>,
    /// Leaves out what the file's own mask leaves out.
    pub masked: bool,
    /// How its pixels become more or fewer.
    pub resampling: Resampling,
}

/// What a mosaic is made from.
pub(in crate::raster) struct Plan {
    pub format: &'static str,
    pub width: u32,
    pub height: u32,
    pub sample_type: SampleType,
    pub bands: Vec<Band>,
    pub nodata: Option<f64>,
    pub palette: Option<Vec<[u8; 3]>>,
    pub georeference: Option<Georeference>,
    pub files: Vec<PathBuf>,
    pub pieces: Vec<Piece>,
    pub has_mask: bool,
    /// As [`Reader::contents`].
    pub contents: Vec<PathBuf>,
}

pub(in crate::raster) struct Mosaic {
    header: Header,
    pieces: Vec<Piece>,
    cells: Option<Cells>,
    files: Vec<PathBuf>,
    /// Those that were there when the mosaic was opened, as far as somebody looked.
    there: HashSet<usize>,
    open_files: usize,
    opening: Opening,
    open: Mutex<Open>,
    contents: Vec<PathBuf>,
}

struct Open {
    /// The one that was used last comes last.
    readers: VecDeque<(usize, Arc<dyn Reader>)>,
    missing: HashSet<usize>,
    /// Those that could be opened, and may be closed again.
    seen: HashSet<usize>,
}

/// Why there is no reader of a file.
enum Absence {
    /// It can't be opened, of which a notice told the first time.
    Unreadable(String),
    /// It is there, but as [`Fault::TooNested`].
    TooNested(String),
}

impl Mosaic {
    /// `inside` is how the mosaic's own path says that its parts are opened.
    pub fn new(plan: Plan, inside: &Opening) -> Result<Self, Fault> {
        let open_files = OPEN_FILES.get(inside.depth().saturating_sub(1)).copied().unwrap_or(1);
        let opening = inside.of_sources(plan.pieces.len(), open_files)?;
        let full = Level { width: plan.width, height: plan.height, block_width: BLOCK, block_height: BLOCK };
        let header = Header {
            format: plan.format,
            compression: "none",
            sample_type: plan.sample_type,
            bits: u16::try_from(plan.sample_type.bytes() * 8).unwrap_or(64),
            bands: plan.bands,
            stored: None,
            levels: vec![full],
            strip_rows: None,
            nodata: plan.nodata,
            palette: plan.palette,
            white_is_zero: false,
            has_mask: plan.has_mask,
            georeference: plan.georeference,
            remarks: Vec::new(),
        };
        let cells = Cells::of(&plan.pieces, full);
        let looked_for = plan.files.iter().take(LOOKED_FOR).enumerate();
        let (there, absent): (Vec<_>, Vec<_>) = looked_for.partition(|(_, path)| path.exists());
        if let Some((_, first)) = absent.first().filter(|_| !there.is_empty()) {
            inside.notices.tell(format!(
                "{} of its {} source files are missing, such as {}; their parts of the scene have no data",
                absent.len(),
                plan.files.len(),
                first.display()
            ));
        }
        // Where nothing is there at all, opening says why.
        let missing = if there.is_empty() { Vec::new() } else { absent };
        let missing = missing.into_iter().map(|(index, _)| index).collect();
        let there = there.into_iter().map(|(index, _)| index).collect();
        let mut mosaic = Self {
            header,
            there,
            pieces: plan.pieces,
            cells,
            files: plan.files,
            open_files,
            opening,
            open: Mutex::new(Open { readers: VecDeque::new(), missing, seen: HashSet::new() }),
            contents: plan.contents,
        };
        mosaic.look_into_files()?;
        Ok(mosaic)
    }

    /// Blocks, compression and levels as a few of the files have them.
    fn look_into_files(&mut self) -> Result<(), Fault> {
        let count = self.pieces.len();
        // Those within one another would look into each other without end.
        let looks = count.min(LOOKED_INTO).min(self.open_files);
        let mut coarsest: Option<u32> = None;
        let mut failed = None;
        let mut block = None;
        for step in 0..looks {
            let Some(piece) = self.pieces.get(step * count / looks).cloned() else {
                continue;
            };
            let file = match self.try_file(piece.file) {
                Ok(Some(file)) => file,
                Ok(None) => continue,
                Err(Absence::TooNested(what)) => return Err(Fault::TooNested(what)),
                Err(Absence::Unreadable(message)) => {
                    failed.get_or_insert(message);
                    continue;
                }
            };
            let theirs = file.header();
            let Some(base) = theirs.levels.first() else { continue };
            let ratio = piece.source.width / piece.place.width;
            let last = theirs.levels.last().map_or(1.0, |last| f64::from(base.width) / f64::from(last.width));
            // An overview of odd size is a hair finer or coarser than half.
            let powers = (last / ratio * 1.02).log2().clamp(0.0, 31.0) as u32;
            coarsest = Some(coarsest.map_or(powers, |coarsest| coarsest.min(powers)));
            if block.is_none() {
                self.header.compression = theirs.compression;
                block = Some((base.block_width, base.block_height));
            }
        }
        let Some(coarsest) = coarsest else {
            let reason = failed.unwrap_or_else(|| "it names none".to_owned());
            if count > looks {
                return Ok(());
            }
            let what = format!("none of its source files can be opened ({reason})");
            return Err(Fault::unsupported(what, "put them where it names them"));
        };
        let handy = |side: &u32| (64..=2048).contains(side);
        let (block_width, block_height) =
            block.filter(|(width, height)| handy(width) && handy(height)).unwrap_or((BLOCK, BLOCK));
        let full = self.header.levels.first().copied();
        let sizes = (0..=coarsest).filter_map(|power| {
            let full = full?;
            let width = full.width.div_ceil(1 << power);
            let height = full.height.div_ceil(1 << power);
            (power == 0 || width > 1 || height > 1).then_some(Level {
                width,
                height,
                block_width,
                block_height,
            })
        });
        self.header.levels = sizes.collect();
        Ok(())
    }

    /// An open file; `None` for one that cannot be opened, of which a notice told the first time.
    ///
    /// # Errors
    /// When it went away since the mosaic was opened, or is too nested: what it holds would look as if there
    /// never was anything.
    fn file(&self, index: usize) -> Result<Option<Arc<dyn Reader>>, Fault> {
        let file = match self.try_file(index) {
            Ok(file) => file,
            Err(Absence::TooNested(what)) => return Err(Fault::TooNested(what)),
            Err(Absence::Unreadable(_)) => None,
        };
        let gone = || self.files.get(index).filter(|path| self.there.contains(&index) && !path.exists());
        match file.is_none().then(gone).flatten() {
            Some(path) => {
                let what = format!("its source file {} was there and is gone", path.display());
                Err(Fault::unsupported(what, "put it back and open the image again"))
            }
            None => Ok(file),
        }
    }

    fn try_file(&self, index: usize) -> Result<Option<Arc<dyn Reader>>, Absence> {
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.missing.contains(&index) {
                let path = self.files.get(index).map(|path| path.display().to_string()).unwrap_or_default();
                return Err(Absence::Unreadable(format!("cannot open {path}")));
            }
            if let Some(at) = open.readers.iter().position(|(file, _)| *file == index)
                && let Some((_, reader)) = open.readers.remove(at)
            {
                open.readers.push_back((index, Arc::clone(&reader)));
                return Ok(Some(reader));
            }
        }
        // Opening may take a while; two threads that open the same file at once do no harm.
        let Some(path) = self.files.get(index) else { return Ok(None) };
        let opened = self.open_file(path);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match opened {
            Ok(reader) => {
                open.seen.insert(index);
                open.readers.push_back((index, Arc::clone(&reader)));
                if open.readers.len() > self.open_files {
                    open.readers.pop_front();
                }
                Ok(Some(reader))
            }
            Err(absence) => {
                if let Absence::Unreadable(message) = &absence
                    && open.missing.insert(index)
                {
                    self.opening.notices.tell(format!("{message}; its part of the scene has no data"));
                }
                Err(absence)
            }
        }
    }

    fn open_file(&self, path: &Path) -> Result<Arc<dyn Reader>, Absence> {
        reader::open_within(path, &self.opening).map(Arc::from).map_err(|error| match error {
            RasterError::TooNested { what, .. } => Absence::TooNested(what),
            error => Absence::Unreadable(error.to_string()),
        })
    }

    /// The pieces that touch a region of level 0, in their order.
    fn touching(&self, left: f64, top: f64, right: f64, bottom: f64) -> Vec<usize> {
        let touches = |index: &usize| {
            self.pieces.get(*index).is_some_and(|Piece { place, .. }| {
                place.x < right
                    && place.y < bottom
                    && place.x + place.width > left
                    && place.y + place.height > top
            })
        };
        let Some(cells) = &self.cells else { return (0..self.pieces.len()).filter(touches).collect() };
        let mut found = cells.touching(left, top, right, bottom);
        found.sort_unstable();
        found.dedup();
        found.retain(touches);
        found
    }

    fn on_level(&self, level: usize) -> Result<(f64, f64), Fault> {
        match (self.header.levels.first(), self.header.levels.get(level)) {
            (Some(full), Some(level)) => Ok((
                f64::from(full.width) / f64::from(level.width),
                f64::from(full.height) / f64::from(level.height),
            )),
            _ => Err(Fault::Damaged(format!("it has no level {level}"))),
        }
    }

    /// Calls `draw` with each piece that touches a region of a level.
    fn each_piece(
        &self,
        level: usize,
        rect: Rect,
        mut draw: impl FnMut(&Piece, (f64, f64)) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (x, y) = self.on_level(level)?;
        let (left, top) = (f64::from(rect.x) * x, f64::from(rect.y) * y);
        let (right, bottom) = (f64::from(rect.right()) * x, f64::from(rect.bottom()) * y);
        for index in self.touching(left, top, right, bottom) {
            if let Some(piece) = self.pieces.get(index) {
                draw(piece, (x, y))?;
            }
        }
        Ok(())
    }
}

impl Reader for Mosaic {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, Fault> {
        let sample_type = self.header.sample_type;
        let fill = encode(sample_type, self.header.nodata.unwrap_or(0.0));
        let mut out = fill.repeat(rect.width as usize * rect.height as usize * bands.len());
        self.each_piece(level, rect, |piece, factor| {
            // Where each of the file's bands goes: the slot in a pixel, and the band.
            let wanted: Vec<(usize, usize)> = bands
                .iter()
                .enumerate()
                .flat_map(|(slot, band)| {
                    piece
                        .bands
                        .iter()
                        .filter(move |(ours, _)| ours == band)
                        .map(move |&(_, theirs)| (slot, theirs))
                })
                .collect();
            if wanted.is_empty() {
                return Ok(());
            }
            let Some(file) = self.file(piece.file)? else { return Ok(()) };
            if wanted.iter().any(|&(_, band)| band >= file.header().bands.len()) {
                return Err(
                    self.name(piece, Fault::Damaged("it has fewer bands than are asked of it".to_owned()))
                );
            }
            let Some(axes) = Axes::of(piece, &file.header().levels, rect, factor) else { return Ok(()) };
            let slots = bands.len();
            let drawing = Drawing { piece, file: &*file, axes, wanted, rect, sample_type, slots };
            drawing.draw(&mut out).map_err(|fault| self.name(piece, fault))
        })?;
        Ok(out)
    }

    fn read_mask(&self, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, Fault> {
        if !self.header.has_mask {
            return Ok(None);
        }
        let mut out = vec![0; rect.width as usize * rect.height as usize];
        self.each_piece(level, rect, |piece, factor| {
            if !piece.bands.is_empty() {
                return Ok(());
            }
            let Some(file) = self.file(piece.file)? else { return Ok(()) };
            let Some(axes) = Axes::of(piece, &file.header().levels, rect, factor) else { return Ok(()) };
            each_part(&axes, |level, part, rows, columns| {
                let mask = mask_of(&*file, level, part).map_err(|fault| self.name(piece, fault))?;
                for &(y, row) in rows {
                    for &(x, column) in columns {
                        let from = (row - part.y) as usize * part.width as usize + (column - part.x) as usize;
                        let value = mask.as_ref().map_or(255, |mask| mask.get(from).copied().unwrap_or(0));
                        let to = (y - rect.y) as usize * rect.width as usize + (x - rect.x) as usize;
                        if let Some(out) = out.get_mut(to) {
                            *out = value;
                        }
                    }
                }
                Ok(())
            })
        })?;
        Ok(Some(out))
    }

    fn gaps(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Option<Vec<u8>>, Fault> {
        self.find_gaps(level, rect, bands)
    }

    fn contents(&self) -> Vec<PathBuf> {
        self.contents.clone()
    }
}

impl Mosaic {
    /// A fault of a source, with the source's name.
    fn name(&self, piece: &Piece, fault: Fault) -> Fault {
        let path = self.files.get(piece.file).map(|path| path.display().to_string()).unwrap_or_default();
        match fault {
            Fault::Damaged(reason) => Fault::Damaged(format!("{path}: {reason}")),
            Fault::Io(error) => Fault::Damaged(format!("{path}: {error}")),
            fault => fault,
        }
    }
}

/// What a file says is there: its mask, its alpha, or whatever is not nodata.
fn mask_of(file: &dyn Reader, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, Fault> {
    if let Some(mask) = file.read_mask(level, rect)? {
        return Ok(Some(mask));
    }
    let header = file.header();
    let alpha = header.bands.iter().position(|band| band.role == Role::Alpha);
    let Some((band, nothing)) = alpha.map(|band| (band, 0.0)).or(header.nodata.map(|nodata| (0, nodata)))
    else {
        return Ok(None);
    };
    let data = file.read(level, rect, &[band])?;
    let samples = data.chunks_exact(header.sample_type.bytes());
    Ok(Some(samples.map(|sample| u8::from(value(header.sample_type, sample) != nothing) * 255).collect()))
}

/// A number in a scene's own type: rounded, and the nearest that it has.
fn encode(sample_type: SampleType, value: f64) -> Vec<u8> {
    let mut out = Vec::with_capacity(8);
    let whole = value.round();
    match sample_type {
        SampleType::Uint8 => (whole as u8).put(&mut out),
        SampleType::Int8 => (whole as i8).put(&mut out),
        SampleType::Uint16 => (whole as u16).put(&mut out),
        SampleType::Int16 => (whole as i16).put(&mut out),
        SampleType::Uint32 => (whole as u32).put(&mut out),
        SampleType::Int32 => (whole as i32).put(&mut out),
        SampleType::Uint64 => (whole as u64).put(&mut out),
        SampleType::Int64 => (whole as i64).put(&mut out),
        SampleType::Float32 => (value as f32).put(&mut out),
        SampleType::Float64 => value.put(&mut out),
    }
    out
}
