//! What the rest of this module asks of a file format, and which format a file has.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::display::bands::Band;
use super::error::Fault;
use super::formats::{containers, jp2, picture, product, sidecar, tiff, vrt};
use super::georeference::Georeference;
use super::storage::Storage;
use super::{BlockInfo, OpenProgress, RasterError, Rect, SampleType};
use crate::notices::Notices;

/// An open file of one format. Reads may come from several threads at once.
pub(super) trait Reader: Send + Sync {
    fn header(&self) -> &Header;

    /// The samples of some bands (indices into [`Header::bands`]) inside `rect`, which lies inside the level:
    /// row by row, pixel by pixel, in the order of `bands`, in the byte order of this machine.
    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, Fault>;

    /// One byte a pixel, 0 where the file's own mask says that there is no data; `None` without a mask.
    fn read_mask(&self, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, Fault> {
        let _ = (level, rect);
        Ok(None)
    }

    /// One byte a pixel, 0 where one of some bands is missing because a file that holds it can't be opened;
    /// `None` where nothing is missing.
    fn gaps(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Option<Vec<u8>>, Fault> {
        let _ = (level, rect, bands);
        Ok(None)
    }

    /// The files that make this scene beside the one that was opened: bands, sources.
    fn contents(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// Where some bands have data: the mask of the file, less what is missing.
pub(super) fn mask(
    reader: &dyn Reader,
    level: usize,
    rect: Rect,
    bands: &[usize],
) -> Result<Option<Vec<u8>>, Fault> {
    let mask = reader.read_mask(level, rect)?;
    let Some(gaps) = reader.gaps(level, rect, bands)? else { return Ok(mask) };
    let Some(mut mask) = mask else { return Ok(Some(gaps)) };
    mask.iter_mut().zip(gaps).for_each(|(mask, gap)| *mask = (*mask).min(gap));
    Ok(Some(mask))
}

/// Mosaics within mosaics.
const DEEPEST: usize = 8;
/// Sources that mosaics within a mosaic may have in all, each as often as it is reached: a few short files
/// that name each other are reached in more ways than anybody can wait for.
const MOST_NESTED: usize = 1 << 15;
/// What a mosaic within one may always have, however many others there are.
const LEAST_NESTED: usize = 16;

/// How a file is opened: on its own, or as a part of a mosaic.
pub(super) struct Opening {
    /// Decoded blocks that stay in memory.
    pub cache_bytes: usize,
    /// Leave out overviews in a file beside it.
    pub skip_ovr: bool,
    /// Told how far a picture that has to be decoded is.
    progress: OpenProgress,
    /// Told what is missing, approximate or left out, now and at any read later on.
    pub notices: Notices,
    /// The mosaics that the file is a part of.
    chain: Vec<PathBuf>,
    /// Sources that the file may have if it is a mosaic itself, with those of the mosaics in it.
    most_sources: usize,
}

impl Opening {
    fn new(progress: OpenProgress, notices: Notices) -> Self {
        let cache_bytes = Storage::get().block_cache_bytes();
        Self { cache_bytes, skip_ovr: false, progress, notices, chain: Vec::new(), most_sources: usize::MAX }
    }

    /// How what is inside of a mosaic is opened, before anybody knows how much that is.
    pub fn inside(&self, mosaic: &Path) -> Result<Self, Fault> {
        let mut chain = self.chain.clone();
        let own = std::fs::canonicalize(mosaic).map_err(Fault::Io)?;
        if chain.contains(&own) {
            let advice = "make one GeoTIFF of it all, with `gdal_translate -of COG {file} scene.tif`";
            return Err(Fault::unsupported("it is made of itself", advice));
        }
        chain.push(own);
        if chain.len() > DEEPEST {
            return Err(Fault::TooNested(format!(
                "mosaics lie within one another there, more than {DEEPEST} deep"
            )));
        }
        let Self { cache_bytes, most_sources, .. } = *self;
        // How far one of its parts is would say little.
        let notices = self.notices.clone();
        Ok(Self {
            cache_bytes,
            skip_ovr: false,
            progress: OpenProgress::default(),
            notices,
            chain,
            most_sources,
        })
    }

    /// How each of a mosaic's sources is opened, of which `open` stay so: they share what the mosaic may
    /// take.
    pub fn of_sources(&self, sources: usize, open: usize) -> Result<Self, Fault> {
        if sources > self.most_sources {
            let what = format!("the mosaics within it have more than {MOST_NESTED} sources in all");
            return Err(Fault::TooNested(what));
        }
        let sources = sources.max(1);
        // The outermost list is as long as its file, so that its length is bounded already.
        let most_sources = match self.depth() {
            1 => (MOST_NESTED / sources).max(LEAST_NESTED),
            _ => self.most_sources / sources,
        };
        Ok(Self {
            cache_bytes: self.cache_bytes / open,
            skip_ovr: self.skip_ovr,
            progress: self.progress.clone(),
            notices: self.notices.clone(),
            chain: self.chain.clone(),
            most_sources,
        })
    }

    /// 1 inside of the mosaic that somebody opened, 2 inside of one in there.
    pub fn depth(&self) -> usize {
        self.chain.len()
    }
}

/// What a file says of itself.
#[derive(Clone)]
pub(super) struct Header {
    /// "TIFF", "`BigTIFF`", "PNG"…
    pub format: &'static str,
    /// "deflate", "jpeg", "none"…
    pub compression: &'static str,
    pub sample_type: SampleType,
    /// Bits of a sample that are in use; fewer than the type has for 1-, 2-, 4- or 12-bit files.
    pub bits: u16,
    /// At least one.
    pub bands: Vec<Band>,
    /// How the file says that level 0 is stored; [`Level`] says what can be read at once. `None` for a file
    /// that is decoded as a whole, whose overviews were made when it was opened.
    pub stored: Option<BlockInfo>,
    /// Finest first; at least one.
    pub levels: Vec<Level>,
    /// Of level 0 in strips that have to be unpacked: how many of its rows stay in memory.
    pub strip_rows: Option<u32>,
    pub nodata: Option<f64>,
    /// The colours that the first band's values stand for.
    pub palette: Option<Vec<[u8; 3]>>,
    /// 0 is white (photometric interpretation `MinIsWhite`).
    pub white_is_zero: bool,
    pub has_mask: bool,
    pub georeference: Option<Georeference>,
    /// What a person should know of how it is read, as [`Notices::tell`] wants it after the file's name and a
    /// colon.
    pub remarks: Vec<String>,
}

/// The size of a level, and of the blocks that can be decoded on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub width: u32,
    pub height: u32,
    pub block_width: u32,
    pub block_height: u32,
}

/// Opens a file by what is in it, whatever its name.
pub(super) fn open(
    path: &Path,
    progress: &OpenProgress,
    notices: &Notices,
) -> Result<Box<dyn Reader>, RasterError> {
    open_within(path, &Opening::new(progress.clone(), notices.clone()))
}

/// As [`open`], but for an `.ovr` beside the file, which is about to be made anew.
pub(super) fn open_without_ovr(path: &Path) -> Result<Box<dyn Reader>, RasterError> {
    open_within(
        path,
        &Opening { skip_ovr: true, ..Opening::new(OpenProgress::default(), Notices::default()) },
    )
}

/// Opens a file, or the folder of a product, with what lies beside it.
pub(super) fn open_within(path: &Path, opening: &Opening) -> Result<Box<dyn Reader>, RasterError> {
    if path.is_file()
        && let Some(product) = product::open_metadata(path, opening)
    {
        return product;
    }
    open_format(path, opening).map(|reader| sidecar::attach(path, reader, opening))
}

fn open_format(path: &Path, opening: &Opening) -> Result<Box<dyn Reader>, RasterError> {
    let failed = |source| RasterError::Open { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        let product = product::open_folder(path, opening);
        let other = || containers::recognise_folder(path).map(|fault| Err(fault.of(path)));
        return product.or_else(other).unwrap_or_else(|| Err(RasterError::Folder { path: path.to_owned() }));
    }
    if !metadata.is_file() {
        // Reading a pipe or a device may wait for ever.
        return Err(Fault::unsupported("it is not a regular file", "copy it to a disk first").of(path));
    }
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(16).read_to_end(&mut start)).map_err(failed)?;
    match start.as_slice() {
        [] => Err(RasterError::Empty { path: path.to_owned() }),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => {
            tiff::open_within(path, opening.cache_bytes)
        }
        [0x89, b'P', b'N', b'G', ..] => picture::open_png(path, &opening.progress),
        [0xff, 0xd8, 0xff, ..] => picture::open_jpeg(path, &opening.progress),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            picture::open_webp(path, &opening.progress)
        }
        [b'<', ..] | [0xef, 0xbb, 0xbf, b'<', ..] if is_vrt(path) => vrt::open(path, opening),
        [0, 0, 0, 12, b'j', b'P', ..] | [0xff, 0x4f, 0xff, 0x51, ..] => jp2::open(path, opening.cache_bytes),
        _ => Err(match containers::recognise(path) {
            Some(fault) => fault.of(path),
            None => RasterError::UnknownFormat { path: path.to_owned() },
        }),
    }
}

/// The files that make the scene at a path beside that one, as [`Reader::contents`]. Only what is made of
/// several files is opened to know it.
pub(super) fn contents_of(path: &Path) -> Result<Vec<PathBuf>, RasterError> {
    if !path.is_dir() && !product::is_metadata(path) && !is_vrt(path) {
        return Ok(Vec::new());
    }
    Ok(open(path, &OpenProgress::default(), &Notices::default())?.contents())
}

/// Whether a text is a VRT: that is the first element in it.
pub(super) fn is_vrt(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start));
    read.is_ok() && String::from_utf8_lossy(&start).contains("<VRTDataset")
}
