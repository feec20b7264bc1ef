//! One scene made of many files: what VRTs and products have in common.
//!
//! Each piece puts a window of a file's pixels into a window of the scene, over what earlier pieces put there.
//! Files are opened when a region needs them, and only a few stay open. What no piece covers is nodata.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::bands::{Band, Role};
use super::error::Fault;
use super::georeference::Georeference;
use super::reader::{self, Header, Level, Opening, Reader};
use super::samples::{Raw, value};
use super::{Rect, SampleType};

/// Files of a mosaic that stay open, of one within it, and of one within that.
const OPEN_FILES: [usize; 3] = [16, 4, 1];
/// Pixels of a file that are read at once.
const CHUNK_PIXELS: u64 = 4 << 20;
/// Files that are looked into for the levels, at most.
const LOOKED_INTO: usize = 8;
/// Cells of the index, along each side, and entries in all of them. A few pieces need none.
const CELLS: u32 = 64;
const FEW_PIECES: usize = 64;
const MOST_ENTRIES: usize = 16 << 20;
/// The block that is assumed where the files have none of a handy size.
const BLOCK: u32 = 512;

/// A rectangle in fractions of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// A window of a file, and where it goes.
#[derive(Clone, Debug)]
pub(super) struct Piece {
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
}

/// What a mosaic is made from.
pub(super) struct Plan {
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
    /// The files that say what this scene is, when that is not the one that was opened.
    pub contents: Vec<PathBuf>,
}

pub(super) struct Mosaic {
    header: Header,
    pieces: Vec<Piece>,
    /// For each cell of the scene, row by row, the pieces in it; `None` where that would be too long or isn't worth it.
    cells: Option<Vec<Vec<u32>>>,
    files: Vec<PathBuf>,
    open_files: usize,
    opening: Opening,
    open: Mutex<Open>,
    contents: Vec<PathBuf>,
}

#[derive(Default)]
struct Open {
    /// The one that was used last comes last.
    readers: VecDeque<(usize, Arc<dyn Reader>)>,
    missing: HashSet<usize>,
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
            nodata: plan.nodata,
            palette: plan.palette,
            white_is_zero: false,
            has_mask: plan.has_mask,
            georeference: plan.georeference,
        };
        let cells = cells(&plan.pieces, full);
        let mut mosaic = Self {
            header,
            pieces: plan.pieces,
            cells,
            files: plan.files,
            open_files,
            opening,
            open: Mutex::default(),
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
                Err(message) => {
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
    fn file(&self, index: usize) -> Option<Arc<dyn Reader>> {
        self.try_file(index).ok().flatten()
    }

    fn try_file(&self, index: usize) -> Result<Option<Arc<dyn Reader>>, String> {
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.missing.contains(&index) {
                return Ok(None);
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
                open.readers.push_back((index, Arc::clone(&reader)));
                if open.readers.len() > self.open_files {
                    open.readers.pop_front();
                }
                Ok(Some(reader))
            }
            Err(message) => {
                if open.missing.insert(index) {
                    log::warn!("{message}; its part of the scene stays empty");
                }
                Err(message)
            }
        }
    }

    fn open_file(&self, path: &Path) -> Result<Arc<dyn Reader>, String> {
        reader::open_within(path, &self.opening).map(Arc::from).map_err(|error| error.to_string())
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
        let Some(full) = self.header.levels.first() else { return Vec::new() };
        let (columns, rows) = (span(left, right, full.width), span(top, bottom, full.height));
        let mut found: Vec<usize> = rows
            .flat_map(|row| columns.clone().map(move |column| row * CELLS as usize + column))
            .filter_map(|cell| cells.get(cell))
            .flatten()
            .map(|&index| index as usize)
            .collect();
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
        let pixel = fill.len() * bands.len();
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
            let Some(file) = (!wanted.is_empty()).then(|| self.file(piece.file)).flatten() else {
                return Ok(());
            };
            let theirs: Vec<usize> = wanted.iter().map(|&(_, band)| band).collect();
            if theirs.iter().any(|&band| band >= file.header().bands.len()) {
                return Err(
                    self.name(piece, Fault::Damaged("it has fewer bands than are asked of it".to_owned()))
                );
            }
            let their_type = file.header().sample_type;
            let bytes = their_type.bytes();
            let plain = their_type == sample_type && piece.scale.is_none();
            let in_order = plain
                && piece.nodata.is_none()
                && !piece.masked
                && wanted.len() == bands.len()
                && wanted.iter().enumerate().all(|(index, &(slot, _))| index == slot);
            Sampling::of(piece, &file.header().levels, rect, factor).each_part(
                |level, part, rows, columns| {
                    let data = file.read(level, part, &theirs).map_err(|fault| self.name(piece, fault))?;
                    let mask = if piece.masked { mask_of(&*file, level, part)? } else { None };
                    for &(y, row) in rows {
                        for &(x, column) in columns {
                            let from =
                                (row - part.y) as usize * part.width as usize + (column - part.x) as usize;
                            if mask.as_ref().is_some_and(|mask| mask.get(from) == Some(&0)) {
                                continue;
                            }
                            let to =
                                ((y - rect.y) as usize * rect.width as usize + (x - rect.x) as usize) * pixel;
                            let Some(samples) = data.get(from * bytes * wanted.len()..) else { continue };
                            let Some(out) = out.get_mut(to..to + pixel) else { continue };
                            if in_order {
                                if let Some(samples) = samples.get(..pixel) {
                                    out.copy_from_slice(samples);
                                }
                                continue;
                            }
                            for (sample, &(slot, _)) in samples.chunks_exact(bytes).zip(&wanted) {
                                put(piece, their_type, sample, sample_type, plain, out, slot);
                            }
                        }
                    }
                    Ok(())
                },
            )
        })?;
        Ok(out)
    }

    fn read_mask(&self, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, Fault> {
        if !self.header.has_mask {
            return Ok(None);
        }
        let mut out = vec![0; rect.width as usize * rect.height as usize];
        self.each_piece(level, rect, |piece, factor| {
            let Some(file) = piece.bands.is_empty().then(|| self.file(piece.file)).flatten() else {
                return Ok(());
            };
            Sampling::of(piece, &file.header().levels, rect, factor).each_part(
                |level, part, rows, columns| {
                    let mask = mask_of(&*file, level, part).map_err(|fault| self.name(piece, fault))?;
                    for &(y, row) in rows {
                        for &(x, column) in columns {
                            let from =
                                (row - part.y) as usize * part.width as usize + (column - part.x) as usize;
                            let value =
                                mask.as_ref().map_or(255, |mask| mask.get(from).copied().unwrap_or(0));
                            let to = (y - rect.y) as usize * rect.width as usize + (x - rect.x) as usize;
                            if let Some(out) = out.get_mut(to) {
                                *out = value;
                            }
                        }
                    }
                    Ok(())
                },
            )
        })?;
        Ok(Some(out))
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

/// One sample into its slot, unless it stands for nothing.
fn put(
    piece: &Piece,
    theirs: SampleType,
    sample: &[u8],
    ours: SampleType,
    plain: bool,
    out: &mut [u8],
    slot: usize,
) {
    let range = slot * ours.bytes()..(slot + 1) * ours.bytes();
    let Some(out) = out.get_mut(range) else { return };
    if plain && piece.nodata.is_none() {
        return out.copy_from_slice(sample);
    }
    let number = value(theirs, sample);
    if piece.nodata.is_some_and(|nodata| number == nodata || (nodata.is_nan() && number.is_nan())) {
        return;
    }
    if plain {
        return out.copy_from_slice(sample);
    }
    let (ratio, offset) = piece.scale.unwrap_or((1.0, 0.0));
    out.copy_from_slice(&encode(ours, number * ratio + offset));
}

/// Which pixels of a file become which pixels of a region: the nearest ones.
struct Sampling {
    level: usize,
    /// Column of the region's level with column of the file's level, and the same for rows.
    columns: Vec<(u32, u32)>,
    rows: Vec<(u32, u32)>,
}

impl Sampling {
    fn of(piece: &Piece, levels: &[Level], rect: Rect, (x, y): (f64, f64)) -> Self {
        let (across, down) =
            (piece.source.width / piece.place.width, piece.source.height / piece.place.height);
        let fine_enough = |level: &Level, base: &Level| {
            f64::from(base.width) / f64::from(level.width) <= x * across * 1.02
                && f64::from(base.height) / f64::from(level.height) <= y * down * 1.02
        };
        let base = levels.first().copied();
        let chosen =
            levels.iter().rposition(|level| base.is_some_and(|base| fine_enough(level, &base))).unwrap_or(0);
        let (Some(base), Some(level)) = (base, levels.get(chosen)) else {
            return Self { level: 0, columns: Vec::new(), rows: Vec::new() };
        };
        let axis = |start: f64,
                    length: f64,
                    from: f64,
                    step: f64,
                    factor: f64,
                    first: u32,
                    end: u32,
                    full: u32,
                    side: u32| {
            // As GDAL: a pixel that is touched is filled.
            let low = (start / factor + 1e-3).floor().max(f64::from(first)) as u32;
            let high = ((start + length) / factor - 1e-3).ceil().clamp(0.0, f64::from(end)) as u32;
            let last = (from + length * step).min(f64::from(full)) - 1e-6;
            (low..high)
                .filter(|_| last >= from)
                .map(|at| {
                    let place = ((f64::from(at) + 0.5) * factor - start) * step + from;
                    let place = place.clamp(from.max(0.0), last.max(0.0)) * f64::from(side) / f64::from(full);
                    (at, (place as u32).min(side - 1))
                })
                .collect::<Vec<_>>()
        };
        let Piece { source, place, .. } = piece;
        Self {
            level: chosen,
            columns: axis(
                place.x,
                place.width,
                source.x,
                across,
                x,
                rect.x,
                rect.right(),
                base.width,
                level.width,
            ),
            rows: axis(
                place.y,
                place.height,
                source.y,
                down,
                y,
                rect.y,
                rect.bottom(),
                base.height,
                level.height,
            ),
        }
    }

    /// Calls `draw` with a rectangle of the file's level at a time, and the rows and columns inside.
    fn each_part(
        &self,
        mut draw: impl FnMut(usize, Rect, &[(u32, u32)], &[(u32, u32)]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (Some(&(_, left)), Some(&(_, right))) = (self.columns.first(), self.columns.last()) else {
            return Ok(());
        };
        let width = right - left + 1;
        let most = (CHUNK_PIXELS / u64::from(width)).max(1);
        let mut rows = self.rows.as_slice();
        while let Some(&(_, top)) = rows.first() {
            let count = rows.partition_point(|&(_, row)| u64::from(row - top) < most);
            let (now, later) = rows.split_at(count);
            let bottom = now.last().map_or(top, |&(_, row)| row);
            draw(self.level, Rect::new(left, top, width, bottom - top + 1), now, &self.columns)?;
            rows = later;
        }
        Ok(())
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

/// The cells that a stretch of pixels touches.
fn span(start: f64, end: f64, length: u32) -> std::ops::Range<usize> {
    let cell = |at: f64| (at / f64::from(length) * f64::from(CELLS)).clamp(0.0, f64::from(CELLS));
    let first = (cell(start).floor() as usize).min(CELLS as usize - 1);
    first..(cell(end).ceil() as usize).max(first + 1)
}

fn cells(pieces: &[Piece], full: Level) -> Option<Vec<Vec<u32>>> {
    if pieces.len() <= FEW_PIECES {
        return None;
    }
    let mut cells = vec![Vec::new(); (CELLS * CELLS) as usize];
    let mut entries = 0;
    for (index, Piece { place, .. }) in pieces.iter().enumerate() {
        let columns = span(place.x, place.x + place.width, full.width);
        let rows = span(place.y, place.y + place.height, full.height);
        entries += columns.len() * rows.len();
        if entries > MOST_ENTRIES {
            return None;
        }
        for row in rows {
            for column in columns.clone() {
                cells.get_mut(row * CELLS as usize + column)?.push(u32::try_from(index).ok()?);
            }
        }
    }
    Some(cells)
}
