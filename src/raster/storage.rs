//! How much memory and disk space a scene may use, and where.

use std::path::PathBuf;

/// Budgets for memory and disk space, and the cache folder.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Bytes of memory for decoded pixels, not counting the model.
    pub memory: usize,
    /// The folder for what can be made again, such as overviews. `None` keeps overviews in temporary files
    /// that vanish with the program.
    pub cache: Option<PathBuf>,
    /// The largest size of that folder in bytes; the least recently used files are removed first.
    pub cache_bytes: u64,
}

impl Default for Storage {
    /// A gigabyte of memory, and no cache folder.
    fn default() -> Self {
        Self { memory: Self::DEFAULT_MEMORY, cache: None, cache_bytes: 20 << 30 }
    }
}

impl Storage {
    pub const DEFAULT_MEMORY: usize = 1 << 30;
    /// With less, the blocks of common files don't fit.
    pub const LEAST_MEMORY: usize = 128 << 20;

    /// The current user's cache folder for this program, or a temporary folder for a user without a home.
    #[must_use]
    pub fn user_cache() -> PathBuf {
        directories::ProjectDirs::from("", "", "skysift")
            .map_or_else(|| std::env::temp_dir().join("skysift"), |folders| folders.cache_dir().to_owned())
    }

    /// Some memory, and the current user's cache folder.
    #[must_use]
    pub fn with_user_cache(memory: usize) -> Self {
        Self { memory, cache: Some(Self::user_cache()), ..Self::default() }
    }

    /// The share of memory for the textures of the scene in a window; those in view are always kept.
    #[must_use]
    pub fn texture_bytes(&self) -> usize {
        self.memory / 4
    }

    /// The share of memory for one open file.
    pub(in crate::raster) fn memory_budget(&self) -> MemoryBudget {
        MemoryBudget { total: self.memory, block_cache: self.memory / 4 }
    }
}

/// The memory that one open file may use, in bytes.
#[derive(Clone, Copy, Debug)]
pub(in crate::raster) struct MemoryBudget {
    /// For everything.
    pub total: usize,
    /// For decoded blocks that stay in memory.
    pub block_cache: usize,
}

impl MemoryBudget {
    /// The largest block, and the largest region, that may be decoded at once.
    pub fn decoded_bytes(self) -> usize {
        self.total / 2
    }
}
