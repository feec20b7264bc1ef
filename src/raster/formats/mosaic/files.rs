//! The files of a mosaic, opened when a region needs them. Only a few stay open.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::raster::error::{RasterError, ReaderError};
use crate::raster::formats::open_context::OpenContext;
use crate::raster::reader::Reader;

/// How many files stay open of a mosaic, of one inside it, and of one inside that.
const MAX_OPEN: [NonZeroUsize; 3] =
    [NonZeroUsize::new(16).unwrap(), NonZeroUsize::new(4).unwrap(), NonZeroUsize::MIN];
/// How many files are looked for when a mosaic is opened.
const MAX_CHECKED: usize = 1024;

pub(super) struct SourceFiles {
    paths: Vec<PathBuf>,
    /// The files that existed when the mosaic was opened, among those that were looked for.
    existing: HashSet<usize>,
    max_open: NonZeroUsize,
    context: OpenContext,
    state: Mutex<State>,
}

struct State {
    readers: LruCache<usize, Arc<dyn Reader>>,
    /// The files that can't be opened.
    missing: HashSet<usize>,
    /// The files that could be opened, some of which may be closed again.
    available: HashSet<usize>,
}

/// Why there is no reader for a file.
pub(super) enum Unavailable {
    /// It can't be opened; there was a notice the first time.
    Unreadable(String),
    /// As [`ReaderError::TooNested`].
    TooNested(String),
}

impl SourceFiles {
    /// `inside` is the context of the mosaic's sources, `source_count` their number.
    pub fn new(paths: Vec<PathBuf>, source_count: usize, inside: &OpenContext) -> Result<Self, ReaderError> {
        let max_open = MAX_OPEN.get(inside.depth().saturating_sub(1)).copied().unwrap_or(NonZeroUsize::MIN);
        let context = inside.for_sources(source_count, max_open.get())?;
        let checked = paths.iter().take(MAX_CHECKED).enumerate();
        let (existing, absent): (Vec<_>, Vec<_>) = checked.partition(|(_, path)| path.exists());
        if let Some((_, first)) = absent.first().filter(|_| !existing.is_empty()) {
            inside.notices.tell(format!(
                "{} of its {} source files are missing, such as {}; their parts of the scene have no data",
                absent.len(),
                paths.len(),
                first.display()
            ));
        }
        // If none exists at all, the error when opening one says why.
        let missing = if existing.is_empty() { Vec::new() } else { absent };
        let missing = missing.into_iter().map(|(index, _)| index).collect();
        let existing = existing.into_iter().map(|(index, _)| index).collect();
        let state = State { readers: LruCache::new(max_open), missing, available: HashSet::new() };
        Ok(Self { paths, existing, max_open, context, state: Mutex::new(state) })
    }

    pub fn max_open(&self) -> usize {
        self.max_open.get()
    }

    pub fn path(&self, index: usize) -> Option<&Path> {
        self.paths.get(index).map(PathBuf::as_path)
    }

    /// An open file; `None` for one that can't be opened, for which there was a notice the first time.
    ///
    /// # Errors
    /// When the file has disappeared since the mosaic was opened, or is nested too deep: its part of the
    /// scene would look as if there had never been anything.
    pub fn get(&self, index: usize) -> Result<Option<Arc<dyn Reader>>, ReaderError> {
        let file = match self.try_get(index) {
            Ok(file) => file,
            Err(Unavailable::TooNested(what)) => return Err(ReaderError::TooNested(what)),
            Err(Unavailable::Unreadable(_)) => None,
        };
        let gone = || self.path(index).filter(|path| self.existing.contains(&index) && !path.exists());
        match file.is_none().then(gone).flatten() {
            Some(path) => {
                let what = format!("its source file {} was there and is gone", path.display());
                Err(ReaderError::unsupported(what, "put it back and open the image again"))
            }
            None => Ok(file),
        }
    }

    pub fn try_get(&self, index: usize) -> Result<Option<Arc<dyn Reader>>, Unavailable> {
        {
            let mut state = self.lock();
            if state.missing.contains(&index) {
                let path = self.path(index).map(|path| path.display().to_string()).unwrap_or_default();
                return Err(Unavailable::Unreadable(format!("cannot open {path}")));
            }
            if let Some(reader) = state.readers.get(&index) {
                return Ok(Some(Arc::clone(reader)));
            }
        }
        // Opening may take a while, so the lock isn't held; if two threads open the same file, that does no
        // harm.
        let Some(path) = self.path(index) else { return Ok(None) };
        let opened = self.open(path);
        let mut state = self.lock();
        match opened {
            Ok(reader) => {
                state.available.insert(index);
                state.readers.put(index, Arc::clone(&reader));
                Ok(Some(reader))
            }
            Err(unavailable) => {
                if let Unavailable::Unreadable(message) = &unavailable
                    && state.missing.insert(index)
                {
                    self.context.notices.tell(format!("{message}; its part of the scene has no data"));
                }
                Err(unavailable)
            }
        }
    }

    fn open(&self, path: &Path) -> Result<Arc<dyn Reader>, Unavailable> {
        self.context.open(path).map(Arc::from).map_err(|error| match error {
            RasterError::TooNested { what, .. } => Unavailable::TooNested(what),
            error => Unavailable::Unreadable(error.to_string()),
        })
    }

    /// Whether a file can't be opened. Usually that is known, since the region has been read before; but this
    /// mosaic may be a source of another one, and may have been closed and opened again since.
    pub fn is_missing(&self, index: usize) -> Result<bool, ReaderError> {
        let state = self.lock();
        if state.available.contains(&index) {
            return Ok(false);
        }
        let is_known = state.missing.contains(&index);
        drop(state);
        Ok(is_known || self.get(index)?.is_none())
    }

    /// Whether a file may be a mosaic itself, by its name.
    pub fn may_be_mosaic(&self, index: usize) -> bool {
        let is_vrt = |path: &Path| path.extension().is_none_or(|end| end.eq_ignore_ascii_case("vrt"));
        self.path(index).is_some_and(is_vrt)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
