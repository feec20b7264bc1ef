//! How much memory and disk scenes may take, and where.

use std::path::PathBuf;
use std::sync::OnceLock;

static STORAGE: OnceLock<Storage> = OnceLock::new();

/// The program's budgets. Set once, before the first scene is opened.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Bytes of memory for decoded pixels, beside the model.
    pub memory: usize,
    /// The folder for what can be made again: overviews, blocks of remote files. `None` keeps overviews in temporary
    /// files that vanish with the program.
    pub cache: Option<PathBuf>,
    /// Bytes that the folder may take; the oldest files leave first.
    pub cache_bytes: u64,
}

impl Default for Storage {
    fn default() -> Self {
        Self { memory: Self::DEFAULT_MEMORY, cache: None, cache_bytes: 20 << 30 }
    }
}

impl Storage {
    pub const DEFAULT_MEMORY: usize = 1 << 30;
    /// With less, blocks of usual files don't fit.
    pub const LEAST_MEMORY: usize = 128 << 20;

    /// The folder of this user and program for what can be made again. A user without a home has at least a temporary
    /// one.
    #[must_use]
    pub fn user_cache() -> PathBuf {
        directories::ProjectDirs::from("", "", "skysift")
            .map_or_else(|| std::env::temp_dir().join("skysift"), |folders| folders.cache_dir().to_owned())
    }

    /// Sets the budgets of this program; only the first call counts.
    pub fn set(self) {
        if STORAGE.set(self).is_err() {
            log::warn!("the budgets for memory and disk are set already");
        }
    }

    pub(super) fn get() -> &'static Self {
        STORAGE.get_or_init(Self::default)
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
