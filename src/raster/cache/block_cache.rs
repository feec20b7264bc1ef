//! The decoded blocks of one file that stay in memory, within a budget of bytes.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use lru::LruCache;

/// A level, and the index of a block on it.
pub(in crate::raster) type BlockKey = (usize, u32);

/// Decoded blocks; the least recently used one is evicted first.
pub(in crate::raster) struct BlockCache {
    budget: usize,
    blocks: Mutex<Blocks>,
    /// The blocks that some thread is decoding.
    claimed: Mutex<HashSet<BlockKey>>,
    /// Signalled when one of them is done.
    done: Condvar,
}

struct Blocks {
    bytes: usize,
    cache: LruCache<BlockKey, Arc<Vec<u8>>>,
}

impl BlockCache {
    pub fn new(budget: usize) -> Self {
        const MOST: NonZeroUsize = NonZeroUsize::new(1 << 16).unwrap();
        let blocks = Mutex::new(Blocks { bytes: 0, cache: LruCache::new(MOST) });
        Self { budget, blocks, claimed: Mutex::default(), done: Condvar::new() }
    }

    /// A block from the cache, or else decoded and cached. When several threads ask for the same block, one
    /// decodes it and the others wait, so `decode` must neither read other blocks nor hand work to other
    /// threads.
    pub fn get_or<E>(
        &self,
        key: BlockKey,
        decode: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Arc<Vec<u8>>, E> {
        let mut claimed = self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(block) = self.get(key) {
                return Ok(block);
            }
            if claimed.insert(key) {
                break;
            }
            claimed = self.done.wait(claimed).unwrap_or_else(PoisonError::into_inner);
        }
        drop(claimed);
        let _claim = Claim { cache: self, key };
        let block = Arc::new(decode()?);
        self.insert(key, &block);
        Ok(block)
    }

    pub fn get(&self, key: BlockKey) -> Option<Arc<Vec<u8>>> {
        self.lock().cache.get(&key).cloned()
    }

    /// Caches a block, unless it alone exceeds the budget.
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

/// Released when its block is done, whether it could be decoded or not.
struct Claim<'a> {
    cache: &'a BlockCache,
    key: BlockKey,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.cache.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        self.cache.done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_block_that_several_ask_for_is_decoded_once() {
        let cache = BlockCache::new(100);
        let decoded = AtomicUsize::new(0);
        let ask = || {
            let block = cache.get_or((0, 7), || {
                std::thread::sleep(Duration::from_millis(50));
                decoded.fetch_add(1, Ordering::Relaxed);
                Ok::<_, ()>(vec![7])
            });
            assert_eq!(*block.unwrap(), [7]);
        };
        std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(ask))));
        assert_eq!(decoded.load(Ordering::Relaxed), 1);
        // After a failure the next one tries again.
        assert!(cache.get_or((0, 8), || Err(())).is_err());
        assert!(cache.get_or((0, 8), || Ok::<_, ()>(vec![8])).is_ok());
    }

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
