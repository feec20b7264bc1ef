//! How much memory and disk scenes may take, and where.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

static STORAGE: RwLock<Storage> = RwLock::new(Storage::DEFAULT);

/// The program's budgets. A scene has those that counted when it was opened.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Bytes of memory for decoded pixels, beside the model.
    pub memory: usize,
    /// The folder for what can be made again: overviews, blocks of remote files. `None` keeps overviews in
    /// temporary files that vanish with the program.
    pub cache: Option<PathBuf>,
    /// Bytes that the folder may take; the oldest files leave first.
    pub cache_bytes: u64,
}

impl Default for Storage {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Storage {
    const DEFAULT: Self = Self { memory: Self::DEFAULT_MEMORY, cache: None, cache_bytes: 20 << 30 };
    pub const DEFAULT_MEMORY: usize = 1 << 30;
    /// With less, blocks of usual files don't fit.
    pub const LEAST_MEMORY: usize = 128 << 20;

    /// The folder of this user and program for what can be made again. A user without a home has at least a
    /// temporary one.
    #[must_use]
    pub fn user_cache() -> PathBuf {
        directories::ProjectDirs::from("", "", "skysift")
            .map_or_else(|| std::env::temp_dir().join("skysift"), |folders| folders.cache_dir().to_owned())
    }

    /// Sets the budgets of this program.
    pub fn set(self) {
        *STORAGE.write().unwrap_or_else(PoisonError::into_inner) = self;
    }

    pub(super) fn get() -> Self {
        STORAGE.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Textures of the scene that a window shows; those in view are always kept.
    #[must_use]
    pub fn texture_bytes() -> usize {
        Self::get().memory / 4
    }

    /// Decoded blocks of one scene that stay in memory.
    pub(super) fn block_cache_bytes(&self) -> usize {
        self.memory / 4
    }

    /// The largest block, and the largest region, that is decoded at once.
    pub(super) fn decoded_bytes(&self) -> usize {
        self.memory / 2
    }
}
