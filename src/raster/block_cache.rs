//! Decoded blocks of one file that stay in memory, within a budget of bytes.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

/// A level and a block's number on it.
pub(super) type BlockKey = (usize, u32);

/// Decoded blocks; the one that was not used for the longest time leaves first.
pub(super) struct BlockCache {
    budget: usize,
    blocks: Mutex<Blocks>,
}

struct Blocks {
    bytes: usize,
    cache: LruCache<BlockKey, Arc<Vec<u8>>>,
}

impl BlockCache {
    pub fn new(budget: usize) -> Self {
        const MOST: NonZeroUsize = NonZeroUsize::new(1 << 16).unwrap();
        Self { budget, blocks: Mutex::new(Blocks { bytes: 0, cache: LruCache::new(MOST) }) }
    }

    pub fn get(&self, key: BlockKey) -> Option<Arc<Vec<u8>>> {
        self.lock().cache.get(&key).cloned()
    }

    /// Keeps a block, unless it alone is over the budget.
    pub fn insert(&self, key: BlockKey, block: &Arc<Vec<u8>>) {
        let mut blocks = self.lock();
        if block.len() > self.budget {
            return;
        }
        blocks.bytes += block.len();
        if let Some((_, replaced)) = blocks.cache.push(key, Arc::clone(block)) {
            blocks.bytes -= replaced.len();
        }
        while blocks.bytes > self.budget {
            let Some((_, oldest)) = blocks.cache.pop_lru() else { break };
            blocks.bytes -= oldest.len();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_leave_when_the_budget_is_used_up() {
        let cache = BlockCache::new(100);
        let block = |bytes: usize| Arc::new(vec![0; bytes]);
        cache.insert((0, 1), &block(40));
        cache.insert((0, 2), &block(40));
        assert!(cache.get((0, 1)).is_some());
        cache.insert((0, 3), &block(40));
        assert!(cache.get((0, 1)).is_some() && cache.get((0, 3)).is_some());
        assert!(cache.get((0, 2)).is_none());
        cache.insert((0, 4), &block(101));
        assert!(cache.get((0, 4)).is_none());
        cache.insert((0, 3), &block(60));
        assert_eq!(cache.get((0, 3)).unwrap().len(), 60);
    }
}
