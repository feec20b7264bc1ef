//! How a file is opened: on its own, or as a source of a mosaic.

use std::path::{Path, PathBuf};

use crate::notices::Notices;
use crate::raster::error::{RasterError, ReaderError};
use crate::raster::progress::OpenProgress;
use crate::raster::reader::Reader;
use crate::raster::storage::{MemoryBudget, Storage};

/// How deep mosaics may be nested.
const MAX_DEPTH: usize = 8;
/// How many sources the mosaics inside a mosaic may have in all, each counted as often as it is reached: a
/// few short files that name one another can be reached in more ways than could ever be visited.
const MAX_NESTED_SOURCES: usize = 1 << 15;
/// How many sources a nested mosaic may always have, however many siblings it has.
const MIN_NESTED_SOURCES: usize = 16;

/// Opens a file in a context. Mosaics are given one, since the formats of their sources lie above them.
type OpenFn = fn(&Path, &OpenContext) -> Result<Box<dyn Reader>, RasterError>;

/// What opening a file depends on, beside its path.
#[derive(Clone)]
pub(in crate::raster) struct OpenContext {
    pub memory: MemoryBudget,
    pub storage: Storage,
    /// Ignore overviews in an `.ovr` file.
    pub skip_ovr: bool,
    /// Reports how much of a picture has been decoded.
    pub progress: OpenProgress,
    /// Collects what is missing, approximate or ignored, now and in any later read.
    pub notices: Notices,
    open: OpenFn,
    /// The mosaics that the file is a part of, outermost first.
    ancestors: Vec<PathBuf>,
    /// How many sources the file may have if it is a mosaic, including those of nested mosaics.
    max_sources: usize,
}

impl OpenContext {
    pub fn new(storage: &Storage, progress: OpenProgress, notices: Notices, open: OpenFn) -> Self {
        Self {
            memory: storage.memory_budget(),
            storage: storage.clone(),
            skip_ovr: false,
            progress,
            notices,
            open,
            ancestors: Vec::new(),
            max_sources: usize::MAX,
        }
    }

    /// Opens a source in this context.
    pub fn open(&self, path: &Path) -> Result<Box<dyn Reader>, RasterError> {
        (self.open)(path, self)
    }

    /// The context inside `mosaic`, before the number of its sources is known.
    pub fn inside(&self, mosaic: &Path) -> Result<Self, ReaderError> {
        let mut ancestors = self.ancestors.clone();
        let own = std::fs::canonicalize(mosaic).map_err(ReaderError::Io)?;
        if ancestors.contains(&own) {
            let advice = "make one GeoTIFF of it all, with `gdal_translate -of COG {file} scene.tif`";
            return Err(ReaderError::unsupported("it is made of itself", advice));
        }
        ancestors.push(own);
        if ancestors.len() > MAX_DEPTH {
            return Err(ReaderError::TooNested(format!(
                "mosaics lie within one another there, more than {MAX_DEPTH} deep"
            )));
        }
        // The progress of one source would say little.
        Ok(Self { skip_ovr: false, progress: OpenProgress::default(), ancestors, ..self.clone() })
    }

    /// The context for each of a mosaic's `count` sources, `open` of which stay open and share the mosaic's
    /// memory.
    pub fn for_sources(&self, count: usize, open: usize) -> Result<Self, ReaderError> {
        if count > self.max_sources {
            let what = format!("the mosaics within it have more than {MAX_NESTED_SOURCES} sources in all");
            return Err(ReaderError::TooNested(what));
        }
        let count = count.max(1);
        // The outermost list is as long as its file, so its length is bounded already.
        let max_sources = match self.depth() {
            1 => (MAX_NESTED_SOURCES / count).max(MIN_NESTED_SOURCES),
            _ => self.max_sources / count,
        };
        let block_cache = self.memory.block_cache / open;
        Ok(Self { memory: MemoryBudget { block_cache, ..self.memory }, max_sources, ..self.clone() })
    }

    /// 1 inside the mosaic that was opened, 2 inside a mosaic in there.
    pub fn depth(&self) -> usize {
        self.ancestors.len()
    }
}
