//! A file on a server, for a decoder that reads bytes at any offset.
//!
//! The file is divided into blocks. A block that several readers want is fetched only once, neighbouring
//! blocks are fetched in one request, and fetched blocks are cached: a few in memory, more on disk.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

use lru::LruCache;
use sha2::{Digest, Sha256};
use tiff_reader::TiffError;
use tiff_reader::source::TiffSource;

use super::disk_cache::DiskCache;
use super::http::Server;
use crate::fingerprint;
use crate::notices::Notices;
use crate::raster::error::{RasterError, ReaderError, RemoteError};

/// The size of a block; the last one of a file may be shorter.
pub(super) const BLOCK_BYTES: u64 = 64 << 10;
/// How many blocks the first request asks for: enough for the tables of most scenes.
const FIRST_BLOCKS: u64 = 4;
/// The most blocks that one request asks for.
const MAX_RUN: u64 = 64;
/// If a request for at most this many blocks fails, they are considered broken.
const MAX_BROKEN: usize = 2;
/// How many blocks stay in memory.
const IN_MEMORY: NonZeroUsize = NonZeroUsize::new(512).unwrap();

pub(super) type Block = Arc<[u8]>;
type Blocks = BTreeMap<u64, Block>;

pub(in crate::raster) struct RemoteSource {
    server: Arc<Server>,
    length: u64,
    /// Distinguishes this file from others with the same length and start.
    version: String,
    disk_cache: Option<DiskCache>,
    /// The first block.
    start: Vec<u8>,
    /// Why the first failed read failed.
    failure: OnceLock<RemoteError>,
    state: Mutex<State>,
}

struct State {
    memory: LruCache<u64, Block>,
    /// The blocks that are being fetched.
    fetches: HashMap<u64, Arc<Fetch>>,
    /// Blocks that the server could not send, with the time until which they aren't requested again:
    /// otherwise each window that needs one of them would wait for it.
    broken: HashMap<u64, (RemoteError, Instant)>,
}

impl RemoteSource {
    /// Requests the start of a file. `disk_cache` makes the cache for a version of it.
    pub(super) fn open(
        server: Server,
        disk_cache: impl FnOnce(&str) -> Option<DiskCache>,
        notices: &Notices,
    ) -> Result<Self, RemoteError> {
        let server = Arc::new(server);
        let first = server.get(0, FIRST_BLOCKS * BLOCK_BYTES)?;
        // Without a version, it couldn't be known whether cached blocks are still valid.
        let version = first.version.as_ref();
        let disk_cache = version.and_then(|version| disk_cache(&format!("{version}\n{}", first.length)));
        let version = first.version.unwrap_or_else(|| {
            notices.tell(
                "its server doesn't say which version of the file it sends, so a change goes unnoticed while it is \
                 read, and what is found in it isn't used again",
            );
            unique_version()
        });
        let start = first.bytes.get(..BLOCK_BYTES as usize).unwrap_or(&first.bytes).to_vec();
        let source = Self {
            server,
            length: first.length,
            version,
            disk_cache,
            start,
            failure: OnceLock::new(),
            state: Mutex::new(State {
                memory: LruCache::new(IN_MEMORY),
                fetches: HashMap::new(),
                broken: HashMap::new(),
            }),
        };
        let blocks = source.split(0, &first.bytes);
        let mut state = source.lock();
        for (index, block) in blocks {
            state.memory.put(index, block);
        }
        drop(state);
        Ok(source)
    }

    /// Checks that no read has failed so far.
    ///
    /// # Errors
    /// Why the first one failed; `name` is the name of the file.
    pub fn check_complete(&self, name: &Path) -> Result<(), RasterError> {
        match self.failure.get() {
            Some(error) => Err(ReaderError::Remote(error.clone()).for_file(name)),
            None => Ok(()),
        }
    }

    /// Ends all waiting for the server: those reads fail.
    pub fn stop_waiting(&self) {
        self.server.stop_waiting();
    }

    /// The first bytes of the file.
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// A hash of length, version and start, which stands in for that of all bytes. If the server sends no
    /// version, it is different each time, so that nothing outdated is ever used.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.length.to_le_bytes());
        hash.update(&self.version);
        hash.update(&self.start);
        fingerprint::finish(hash)
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, RemoteError> {
        // Cached blocks of a file that has changed since must not be mixed with new ones.
        self.server.ended()?;
        let mut bytes = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let end = range.end.min((at / BLOCK_BYTES + MAX_RUN) * BLOCK_BYTES);
            for (index, block) in self.blocks(at / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES))? {
                let offset = index * BLOCK_BYTES;
                let from = at.max(offset) - offset;
                let to = end.min(offset + BLOCK_BYTES) - offset;
                let piece = block.get(from as usize..to as usize).ok_or_else(RemoteError::changed)?;
                bytes.extend_from_slice(piece);
            }
            at = end;
        }
        Ok(bytes)
    }

    /// Some neighbouring blocks: from memory, from fetches of other threads, and the rest from disk or
    /// server.
    fn blocks(&self, range: Range<u64>) -> Result<Blocks, RemoteError> {
        let mut found = Blocks::new();
        let mut awaited = Vec::new();
        let mut missing = Vec::new();
        let now = Instant::now();
        let mut state = self.lock();
        for index in range {
            if let Some(block) = state.memory.get(&index) {
                found.insert(index, Arc::clone(block));
            } else if let Some((error, _)) = state.broken.get(&index).filter(|(_, until)| *until > now) {
                return Err(error.clone());
            } else if let Some(fetch) = state.fetches.get(&index) {
                awaited.push((index, Arc::clone(fetch)));
            } else {
                missing.push(index);
            }
        }
        let fetch = Arc::new(Fetch::default());
        for &index in &missing {
            state.fetches.insert(index, Arc::clone(&fetch));
        }
        drop(state);
        // Fetch what others may wait for before waiting for them, so that there is no deadlock.
        if !missing.is_empty() {
            let mut guard = FetchGuard { source: self, fetch, indices: missing, outcome: None };
            let outcome = self.load(&guard.indices);
            guard.outcome = Some(outcome.clone());
            drop(guard);
            found.extend(outcome?);
        }
        for (index, fetch) in awaited {
            if let Some(block) = fetch.wait()?.get(&index) {
                found.insert(index, Arc::clone(block));
            }
        }
        Ok(found)
    }

    /// Loads blocks from disk, or else from the server.
    fn load(&self, indices: &[u64]) -> Result<Blocks, RemoteError> {
        let mut blocks = Blocks::new();
        let mut missing = Vec::new();
        for &index in indices {
            let length = BLOCK_BYTES.min(self.length - index * BLOCK_BYTES) as usize;
            match self.disk_cache.as_ref().and_then(|cache| cache.get(index, length)) {
                Some(block) => {
                    blocks.insert(index, block);
                }
                None => missing.push(index),
            }
        }
        for run in missing.chunk_by(|a, b| a + 1 == *b) {
            let (Some(&first), Some(&last)) = (run.first(), run.last()) else { continue };
            let start = first * BLOCK_BYTES;
            let end = (last * BLOCK_BYTES + BLOCK_BYTES).min(self.length);
            let fetched = self.server.get(start, end - start)?;
            blocks.extend(self.split(first, &fetched.bytes));
        }
        Ok(blocks)
    }

    /// Splits fetched bytes into blocks, and writes these to the disk cache.
    fn split(&self, first: u64, bytes: &[u8]) -> Blocks {
        let blocks: Blocks = (first..).zip(bytes.chunks(BLOCK_BYTES as usize).map(Block::from)).collect();
        if let Some(cache) = &self.disk_cache {
            for (index, block) in &blocks {
                cache.put(*index, block);
            }
        }
        blocks
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TiffSource for RemoteSource {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_exact_at(&self, offset: u64, len: usize) -> Result<Vec<u8>, TiffError> {
        let length = len as u64;
        let end = offset
            .checked_add(length)
            .filter(|end| *end <= self.length)
            .ok_or(TiffError::OffsetOutOfBounds { offset, length, data_len: self.length })?;
        self.read(offset..end).map_err(|error| {
            self.failure.get_or_init(|| error.clone());
            TiffError::Io(std::io::Error::other(error), String::new())
        })
    }
}

/// Blocks that one thread is fetching, for others that want them, too.
#[derive(Default)]
struct Fetch {
    outcome: Mutex<Option<Result<Blocks, RemoteError>>>,
    done: Condvar,
}

impl Fetch {
    fn wait(&self) -> Result<Blocks, RemoteError> {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.done.wait_while(outcome, |outcome| outcome.is_none());
        outcome.unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(|| Err(given_up()))
    }
}

/// Completes a fetch when dropped, even after a panic, so that no thread waits forever.
struct FetchGuard<'a> {
    source: &'a RemoteSource,
    fetch: Arc<Fetch>,
    indices: Vec<u64>,
    outcome: Option<Result<Blocks, RemoteError>>,
}

impl Drop for FetchGuard<'_> {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or_else(|| Err(given_up()));
        let mut state = self.source.lock();
        for (index, block) in outcome.iter().flatten() {
            state.memory.put(*index, Arc::clone(block));
        }
        for index in &self.indices {
            state.fetches.remove(index);
        }
        // Of many blocks most are fine, and will arrive when fewer are requested.
        if let Err(error) = &outcome
            && !error.lasting
            && !error.stopped
            && self.indices.len() <= MAX_BROKEN
        {
            let until = Instant::now() + self.source.server.range_pause();
            state.broken.extend(self.indices.iter().map(|index| (*index, (error.clone(), until))));
        }
        drop(state);
        *self.fetch.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.fetch.done.notify_all();
    }
}

/// A version that no other file has.
fn unique_version() -> String {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{} {}", time.as_nanos(), std::process::id())
}

fn given_up() -> RemoteError {
    RemoteError::new("reading it was given up", "try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_leaves_memory_first() {
        let count = IN_MEMORY.get() as u64;
        let mut memory: LruCache<u64, Block> = LruCache::new(IN_MEMORY);
        (0..count).for_each(|index| drop(memory.put(index, Block::from([0]))));
        assert!(memory.get(&0).is_some());
        memory.put(1 << 40, Block::from([1]));
        assert!(memory.get(&0).is_some() && memory.get(&1).is_none());
        assert_eq!(memory.len() as u64, count);
    }
}
