//! A file on a server, for a decoder that reads bytes wherever it likes.
//!
//! The file is cut into blocks. A block that several readers want is fetched once, neighbouring blocks in one
//! request, and what was fetched stays for a while: a few in memory, more on disk.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

use sha2::{Digest, Sha256};
use tiff_reader::TiffError;
use tiff_reader::source::TiffSource;

use super::RemoteError;
use super::block_cache::BlockCache;
use super::http::Server;
use crate::fingerprint;
use crate::notices::Notices;
use crate::raster::RasterError;
use crate::raster::error::Fault;

/// Bytes of a block; the last one of a file is shorter.
pub(super) const BLOCK: u64 = 64 << 10;
/// Blocks of the first request: the tables of most scenes.
const FIRST: u64 = 4;
/// Blocks that one request asks for, at most.
const RUN: u64 = 64;
/// Blocks that are taken for broken together.
const FEW: usize = 2;
/// Blocks that stay in memory.
const IN_MEMORY: usize = 512;

pub(super) type Block = Arc<[u8]>;
type Blocks = BTreeMap<u64, Block>;

pub(in crate::raster) struct RemoteSource {
    server: Arc<Server>,
    length: u64,
    /// What distinguishes this file from all others of its length and start.
    version: String,
    cache: Option<BlockCache>,
    /// The first block.
    start: Vec<u8>,
    /// Why something could not be read, the first time.
    failure: OnceLock<RemoteError>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    memory: Memory,
    /// Which blocks are being fetched.
    flights: HashMap<u64, Arc<Flight>>,
    /// Blocks that the server could not send, and until when they aren't asked for again: each window that
    /// needs one of them would wait for it otherwise.
    broken: HashMap<u64, (RemoteError, Instant)>,
}

impl RemoteSource {
    /// Asks for the start of a file. `cache` makes the place on disk for a version of it.
    pub(super) fn open(
        server: Server,
        cache: impl FnOnce(&str) -> Option<BlockCache>,
        notices: &Notices,
    ) -> Result<Self, RemoteError> {
        let server = Arc::new(server);
        let part = server.get(0, FIRST * BLOCK)?;
        // Without a version nobody could say whether what lies on disk is still true.
        let cache = part.version.as_ref().and_then(|version| cache(&format!("{version}\n{}", part.length)));
        let version = part.version.unwrap_or_else(|| {
            notices.tell(
                "its server doesn't say which version of the file it sends, so a change goes unnoticed while it is \
                 read, and what is found in it isn't used again",
            );
            this_moment()
        });
        let start = part.bytes.get(..BLOCK as usize).unwrap_or(&part.bytes).to_vec();
        let source = Self {
            server,
            length: part.length,
            version,
            cache,
            start,
            failure: OnceLock::new(),
            state: Mutex::default(),
        };
        let blocks = source.keep(0, &part.bytes);
        let mut state = source.lock();
        for (index, block) in blocks {
            state.memory.insert(index, block);
        }
        drop(state);
        Ok(source)
    }

    /// Whether all that was asked for until now was there.
    ///
    /// # Errors
    /// Why not, of the file by this name.
    pub fn check_complete(&self, name: &Path) -> Result<(), RasterError> {
        match self.failure.get() {
            Some(error) => Err(Fault::Remote(error.clone()).of(name)),
            None => Ok(()),
        }
    }

    /// As [`crate::raster::Scene::stop_waiting`].
    pub fn stop_waiting(&self) {
        self.server.stop_waiting();
    }

    /// The first bytes of the file.
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// As a file's on disk, but of what is known without reading it at 64 places: length, version and start.
    /// Where the server tells no version, it is another one each time, so that nothing is taken for what is
    /// no longer so.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.length.to_le_bytes());
        hash.update(&self.version);
        hash.update(&self.start);
        fingerprint::finish(hash)
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, RemoteError> {
        // What is at hand of a file that has changed since fits to nothing any more.
        self.server.ended()?;
        let mut bytes = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let end = range.end.min((at / BLOCK + RUN) * BLOCK);
            for (index, block) in self.blocks(at / BLOCK..end.div_ceil(BLOCK))? {
                let offset = index * BLOCK;
                let from = at.max(offset) - offset;
                let to = end.min(offset + BLOCK) - offset;
                let piece = block.get(from as usize..to as usize).ok_or_else(RemoteError::changed)?;
                bytes.extend_from_slice(piece);
            }
            at = end;
        }
        Ok(bytes)
    }

    /// Some neighbouring blocks: those at hand, those that others are fetching, and the rest.
    fn blocks(&self, range: Range<u64>) -> Result<Blocks, RemoteError> {
        let mut found = Blocks::new();
        let mut awaited = Vec::new();
        let mut missing = Vec::new();
        let now = Instant::now();
        let mut state = self.lock();
        for index in range {
            if let Some(block) = state.memory.get(index) {
                found.insert(index, block);
            } else if let Some((error, _)) = state.broken.get(&index).filter(|(_, until)| *until > now) {
                return Err(error.clone());
            } else if let Some(flight) = state.flights.get(&index) {
                awaited.push((index, Arc::clone(flight)));
            } else {
                missing.push(index);
            }
        }
        let flight = Arc::new(Flight::default());
        for &index in &missing {
            state.flights.insert(index, Arc::clone(&flight));
        }
        drop(state);
        // What others may wait for comes before what is waited for, so that nobody waits in a circle.
        if !missing.is_empty() {
            let mut landing = Landing { source: self, flight, indices: missing, outcome: None };
            let outcome = self.load(&landing.indices);
            landing.outcome = Some(outcome.clone());
            drop(landing);
            found.extend(outcome?);
        }
        for (index, flight) in awaited {
            if let Some(block) = flight.wait()?.get(&index) {
                found.insert(index, Arc::clone(block));
            }
        }
        Ok(found)
    }

    /// Blocks from disk, or else from the server.
    fn load(&self, indices: &[u64]) -> Result<Blocks, RemoteError> {
        let mut blocks = Blocks::new();
        let mut missing = Vec::new();
        for &index in indices {
            let length = BLOCK.min(self.length - index * BLOCK) as usize;
            match self.cache.as_ref().and_then(|cache| cache.get(index, length)) {
                Some(block) => {
                    blocks.insert(index, block);
                }
                None => missing.push(index),
            }
        }
        for run in missing.chunk_by(|a, b| a + 1 == *b) {
            let (Some(&first), Some(&last)) = (run.first(), run.last()) else { continue };
            let start = first * BLOCK;
            let part = self.server.get(start, (last * BLOCK + BLOCK).min(self.length) - start)?;
            blocks.extend(self.keep(first, &part.bytes));
        }
        Ok(blocks)
    }

    /// Cuts what was fetched into blocks, which are also written to disk.
    fn keep(&self, first: u64, bytes: &[u8]) -> Blocks {
        let blocks: Blocks = (first..).zip(bytes.chunks(BLOCK as usize).map(Block::from)).collect();
        if let Some(cache) = &self.cache {
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

/// Blocks on their way, for whoever else wants them.
#[derive(Default)]
struct Flight {
    outcome: Mutex<Option<Result<Blocks, RemoteError>>>,
    landed: Condvar,
}

impl Flight {
    fn wait(&self) -> Result<Blocks, RemoteError> {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = self.landed.wait_while(outcome, |outcome| outcome.is_none());
        outcome.unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(|| Err(given_up()))
    }
}

/// Ends a flight, whatever happens: those who wait must never do so in vain.
struct Landing<'a> {
    source: &'a RemoteSource,
    flight: Arc<Flight>,
    indices: Vec<u64>,
    outcome: Option<Result<Blocks, RemoteError>>,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or_else(|| Err(given_up()));
        let mut state = self.source.lock();
        for (index, block) in outcome.iter().flatten() {
            state.memory.insert(*index, Arc::clone(block));
        }
        for index in &self.indices {
            state.flights.remove(index);
        }
        // Of many neighbours most are fine, and come when somebody asks for fewer.
        if let Err(error) = &outcome
            && !error.lasting
            && !error.stopped
            && self.indices.len() <= FEW
        {
            let until = Instant::now() + self.source.server.rest_of_part();
            state.broken.extend(self.indices.iter().map(|index| (*index, (error.clone(), until))));
        }
        drop(state);
        *self.flight.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.flight.landed.notify_all();
    }
}

/// A version that nothing else has.
fn this_moment() -> String {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{} {}", time.as_nanos(), std::process::id())
}

fn given_up() -> RemoteError {
    RemoteError::new("reading it was given up", "try again")
}

/// The blocks that were used last.
#[derive(Default)]
struct Memory {
    blocks: HashMap<u64, (Block, u64)>,
    uses: u64,
}

impl Memory {
    fn get(&mut self, index: u64) -> Option<Block> {
        self.uses += 1;
        let (block, used) = self.blocks.get_mut(&index)?;
        *used = self.uses;
        Some(Arc::clone(block))
    }

    fn insert(&mut self, index: u64, block: Block) {
        self.uses += 1;
        self.blocks.insert(index, (block, self.uses));
        if self.blocks.len() > IN_MEMORY {
            let oldest = self.blocks.iter().min_by_key(|(_, (_, used))| *used).map(|(index, _)| *index);
            oldest.map(|index| self.blocks.remove(&index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_leaves_memory_first() {
        let mut memory = Memory::default();
        (0..IN_MEMORY as u64).for_each(|index| memory.insert(index, Block::from([0])));
        assert!(memory.get(0).is_some());
        memory.insert(1 << 40, Block::from([1]));
        assert!(memory.get(0).is_some() && memory.get(1).is_none());
        assert_eq!(memory.blocks.len(), IN_MEMORY);
    }
}
