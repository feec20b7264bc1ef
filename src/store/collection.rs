//! The embeddings of one scene by one model.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use half::f16;

use super::claims::{Claims, alone};
use super::files::{EXTENSION, files, read_file};
use super::manifest::About;
use super::writer::{MOST_FILES, Opened, Writer};
use super::{Part, Provenance, Record, Store, files, inventory, remarks};
use crate::windows::WindowKey;

/// Windows that are copied at once.
const COPIED_TOGETHER: usize = 1024;

/// Where a window is found: the number of its part, and its row there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowId {
    pub part: u32,
    pub row: u32,
}

/// Embeddings that are there, and room for more. Only the places of windows are in memory, about 30 bytes
/// each; the embeddings are mapped from disk.
pub struct Collection {
    provenance: Provenance,
    embedding_len: usize,
    parts: Vec<Part>,
    index: HashMap<WindowKey, WindowId>,
    writer: Option<Writer>,
    /// How many batches of the writer's file are among the parts.
    own_read: usize,
    /// The files of other programs, with the number of their batches that are among the parts.
    others: HashMap<PathBuf, usize>,
    /// Appended and not yet among the parts.
    pending: usize,
    remarks: Vec<String>,
    /// Where it is kept; `None` for a temporary one, and for one that is only looked at.
    kept: Option<Kept>,
    /// What a person should know: what is damaged, why something can't be kept.
    notices: Vec<String>,
}

/// The place of a collection that is added to.
struct Kept {
    folder: PathBuf,
    claims: Claims,
}

impl Collection {
    /// Opens what is stored for a scene and model, or begins it. Without a store, embeddings lie in a
    /// temporary file. What is damaged is left out and leaves the files, so that it is encoded again; see
    /// [`Self::take_notices`].
    ///
    /// # Errors
    /// When not even a temporary file can be made.
    pub fn open(store: Option<&Store>, provenance: Provenance, embedding_len: usize) -> io::Result<Self> {
        let mut collection = Self::empty(provenance, embedding_len);
        if let Some(store) = store
            && let Err(error) = collection.open_kept(store)
        {
            collection.notices.push(format!(
                "embeddings can't be kept in {}, so that this scan has to be done again another time: {error}",
                store.root.display()
            ));
            // What was read until then is good, but nothing is added to it.
            collection.writer = None;
        }
        if collection.writer.is_none() {
            collection.writer = Some(Writer::temporary(embedding_len, &collection.provenance)?);
            collection.own_read = 0;
        }
        Ok(collection)
    }

    fn empty(provenance: Provenance, embedding_len: usize) -> Self {
        Self {
            provenance,
            embedding_len,
            parts: Vec::new(),
            index: HashMap::new(),
            writer: None,
            own_read: 0,
            others: HashMap::new(),
            pending: 0,
            remarks: Vec::new(),
            kept: None,
            notices: Vec::new(),
        }
    }

    fn open_kept(&mut self, store: &Store) -> io::Result<()> {
        let folder = store.root.join(self.provenance.folder());
        std::fs::create_dir_all(&folder)?;
        About::new(&self.provenance, self.embedding_len).write(&folder)?;
        let (mut damaged, mut is_doubtful) = (0, false);
        for path in files(&folder)? {
            let open = || Writer::open(&path, self.embedding_len, &self.provenance);
            // One file to append to is enough; others are only opened to mend them.
            let mut opened = if self.writer.is_none() { open()? } else { None };
            let mut read = None;
            if opened.is_none() {
                let found = read_file(&path, self.embedding_len)?;
                if found.is_damaged() {
                    opened = open()?;
                }
                read = Some(found);
            }
            if let Some(Opened { writer, parts, damaged: lost, is_doubtful: doubt }) = opened {
                self.take(parts);
                (damaged, is_doubtful) = (damaged + lost, is_doubtful || doubt);
                if self.writer.is_none() {
                    self.own_read = writer.batches();
                    self.writer = Some(writer);
                } else if let Some(path) = writer.path() {
                    self.others.insert(path.to_owned(), writer.batches());
                }
            } else if let Some(read) = read {
                damaged += read.contents.damaged;
                is_doubtful |= read.is_doubtful;
                self.others.insert(path, read.records.len());
                self.take(read.contents.parts);
            }
        }
        if damaged > 0 || is_doubtful {
            self.notices.push(format!("{}; they are encoded anew", self.damage(&folder, damaged)));
        }
        let mut number = 0;
        while self.writer.is_none() && number < MOST_FILES {
            let path = folder.join(format!("{number}.{EXTENSION}"));
            if !path.exists()
                && let Some(opened) = Writer::open(&path, self.embedding_len, &self.provenance)?
            {
                self.writer = Some(opened.writer);
            }
            number += 1;
        }
        self.remarks = remarks::read(&folder);
        if let Some(path) = self.writer.as_ref().and_then(Writer::path) {
            self.kept = Some(Kept { claims: Claims::of(path), folder });
        }
        Ok(())
    }

    /// The sentence on what is lost.
    fn damage(&self, folder: &Path, batches: usize) -> String {
        let scene = crate::raster::without_secrets(&self.provenance.scene);
        let some = match batches {
            0 => "some stored embeddings".to_owned(),
            1 => "a batch of stored embeddings".to_owned(),
            several => format!("{several} batches of stored embeddings"),
        };
        format!("{some} of {} are damaged and left out (in {})", scene.display(), folder.display())
    }

    /// Reads everything in a folder, to look at and not to add to. What is damaged is left out; see
    /// [`Self::take_notices`].
    ///
    /// # Errors
    /// When a file can't be read, or the folder holds no embeddings.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let (about, _) = inventory::about(folder)?;
        let nothing = || io::Error::new(io::ErrorKind::InvalidData, "it holds no embeddings");
        let about = about.ok_or_else(nothing)?;
        let mut collection = Self::empty(about.provenance(), about.embedding_len);
        collection.remarks = remarks::read(folder);
        let (mut damaged, mut is_doubtful) = (0, false);
        for read in files::read_all(folder, about.embedding_len)? {
            collection.take(read.contents.parts);
            (damaged, is_doubtful) = (damaged + read.contents.damaged, is_doubtful || read.is_doubtful);
        }
        if damaged > 0 || is_doubtful {
            let damage = collection.damage(folder, damaged);
            collection.notices.push(format!("{damage}; scan it again to encode them anew"));
        }
        Ok(collection)
    }

    fn take(&mut self, parts: Vec<Part>) {
        for part in parts {
            let number = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
            for row in 0..part.len() {
                let id = WindowId { part: number, row: row as u32 };
                // The first counts: what two programs encoded at once is the same.
                self.index.entry(part.key(row)).or_insert(id);
            }
            self.parts.push(part);
        }
    }

    /// What a person should know, once.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// The bytes that the collection takes in its store; `None` when it isn't kept, or not all of it.
    #[must_use]
    pub fn kept_bytes(&self) -> Option<u64> {
        let kept = self.kept.as_ref()?;
        let is_there = self.writer.as_ref().is_some_and(Writer::is_in_place);
        inventory::measure(&kept.folder).ok().flatten().map(|(bytes, _)| bytes).filter(|_| is_there)
    }

    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    #[must_use]
    pub fn embedding_len(&self) -> usize {
        self.embedding_len
    }

    /// The number of different windows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Where a window is, if it was encoded. Windows that were appended since [`Self::parts`] are not found.
    #[must_use]
    pub fn find(&self, key: WindowKey) -> Option<WindowId> {
        self.index.get(&key).copied()
    }

    /// The embedding of a window; `None` when it isn't there or has no data.
    #[must_use]
    pub fn embedding(&self, key: WindowKey) -> Option<Vec<f32>> {
        let (nodata, values) = self.window(self.find(key)?)?;
        (nodata < 1.0).then(|| values.iter().map(|value| value.to_f32()).collect())
    }

    /// All different windows, row by row.
    #[must_use]
    pub fn in_order(&self) -> Vec<(WindowKey, WindowId)> {
        let mut windows: Vec<_> = self.index.iter().map(|(key, id)| (*key, *id)).collect();
        windows.sort_unstable_by_key(|(key, _)| *key);
        windows
    }

    /// The part of a window without data, and its embedding.
    #[must_use]
    pub fn window(&self, id: WindowId) -> Option<(f32, &[f16])> {
        let (part, row) = (self.parts.get(id.part as usize)?, id.row as usize);
        let values = part.embeddings().get(row * self.embedding_len..(row + 1) * self.embedding_len)?;
        Some((*part.nodata().get(row)?, values))
    }

    /// Appends windows as one batch, but for those that another program stored meanwhile; they are on disk
    /// when this returns. When the disk is full or the store gone, a temporary file goes on, and a notice
    /// says so.
    ///
    /// # Errors
    /// When neither can be written.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let _alone = self.kept.as_ref().and_then(|kept| alone(&kept.folder));
        self.look_around();
        let is_new = |record: &&Record| !self.index.contains_key(&record.key);
        let new = records.iter().filter(is_new).count();
        let some: Vec<Record>;
        let records = if new == records.len() {
            records
        } else {
            some = records.iter().filter(is_new).cloned().collect();
            &some
        };
        if records.is_empty() {
            return Ok(());
        }
        let Some(writer) = &mut self.writer else {
            return Err(io::Error::other("these embeddings were opened to be read"));
        };
        let Err(error) = writer.append(records) else {
            self.pending += records.len();
            return Ok(());
        };
        let Some(kept) = self.kept.take() else { return Err(error) };
        self.refresh()?;
        let mut temporary = Writer::temporary(self.embedding_len, &self.provenance)?;
        temporary.append(records)?;
        self.pending = records.len();
        self.writer = Some(temporary);
        self.own_read = 0;
        self.notices.push(format!("embeddings can't be kept in {} any more: {error}", kept.folder.display()));
        Ok(())
    }

    /// What was told of the scene while windows of it were read.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Keeps what was told of the scene while its windows were read, where these are kept.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn remark(&mut self, told: Vec<String>) -> io::Result<()> {
        let kept = self.kept.as_ref().filter(|_| self.remarks != told);
        let outcome = kept.map_or(Ok(()), |kept| remarks::add(&kept.folder, &told));
        // Also where it failed, which is to be told once.
        self.remarks = told;
        outcome
    }

    /// Takes what was appended among the parts.
    ///
    /// # Errors
    /// When it can't be read back.
    pub fn refresh(&mut self) -> io::Result<()> {
        if self.pending == 0 {
            return Ok(());
        }
        let Some(writer) = &self.writer else { return Ok(()) };
        let (contents, batches) = (writer.read_back(self.own_read)?, writer.batches());
        if contents.damaged > 0 {
            return Err(io::Error::other(
                "embeddings that were only just written are damaged; look at the disk",
            ));
        }
        self.take(contents.parts);
        self.own_read = batches;
        self.pending = 0;
        Ok(())
    }

    /// Takes what other programs appended among the parts.
    pub fn look_around(&mut self) {
        let Some(kept) = &self.kept else { return };
        let own = self.writer.as_ref().and_then(Writer::path).map(Path::to_owned);
        let news = files::news(&kept.folder, own.as_deref(), &self.others, self.embedding_len);
        for (path, batches, parts) in news {
            self.take(parts);
            self.others.insert(path, batches);
        }
    }

    /// Says that windows are about to be encoded; for each whether that is this program's task. The others
    /// are being encoded by another one, which stores them or lets go of them within a bounded time.
    pub fn claim(&mut self, keys: &[WindowKey]) -> Vec<bool> {
        let Some(kept) = &mut self.kept else { return vec![true; keys.len()] };
        let _alone = alone(&kept.folder);
        kept.claims.claim(keys)
    }

    /// Says that nothing is being encoded any more.
    pub fn release(&self) {
        if let Some(kept) = &self.kept {
            kept.claims.release();
        }
    }

    /// A temporary collection becomes that of a scene in a store: its windows are added to what is there.
    ///
    /// # Errors
    /// When they can't be read back, or not even a temporary file can be made.
    pub fn move_to(&mut self, store: &Store, provenance: Provenance) -> io::Result<()> {
        self.refresh()?;
        let mut kept = Self::open(Some(store), provenance, self.embedding_len)?;
        let mut records = Vec::with_capacity(COPIED_TOGETHER);
        for part in &self.parts {
            for row in 0..part.len() {
                records.push(part.record(row, self.embedding_len));
                if records.len() == COPIED_TOGETHER {
                    kept.append(&records)?;
                    records.clear();
                }
            }
        }
        kept.append(&records)?;
        kept.refresh()?;
        if !self.remarks.is_empty()
            && let Err(error) = kept.remark(std::mem::take(&mut self.remarks))
        {
            kept.notices.push(remarks::lost(&error));
        }
        kept.notices.splice(0..0, self.take_notices());
        *self = kept;
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn lock_up(&mut self, sums: bool) {
        if let Some(writer) = &mut self.writer {
            writer.lock_up(sums);
        }
    }

    /// All parts that are known, the windows of each in the order in which they were encoded.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::to_half;

    fn provenance() -> Provenance {
        Provenance { scene_fingerprint: "s".to_owned(), scene: "here.tif".into(), ..Provenance::default() }
    }

    fn open(root: &Path) -> Collection {
        let mut collection = Collection::open(Some(&Store::new(root)), provenance(), 2).unwrap();
        assert_eq!(collection.take_notices(), Vec::<String>::new());
        collection
    }

    fn record(x: u32) -> Record {
        let length = (x as f32).hypot(1.0);
        Record { key: key(x), nodata: 0.0, embedding: to_half(&[1.0 / length, x as f32 / length]) }
    }

    fn embedding(x: u32) -> Vec<f32> {
        record(x).embedding.iter().map(|value| value.to_f32()).collect()
    }

    fn key(x: u32) -> WindowKey {
        WindowKey { x, y: 0, side: 64 }
    }

    #[test]
    fn windows_are_found_by_their_place_after_all_is_closed() {
        let root = tempfile::tempdir().unwrap();
        let mut collection = open(root.path());
        collection.append(&[record(1), record(2)]).unwrap();
        collection.append(&[Record { nodata: 1.0, embedding: Vec::new(), ..record(3) }]).unwrap();
        assert_eq!(collection.embedding(key(2)), None, "not yet looked at");
        collection.refresh().unwrap();
        assert_eq!(collection.embedding(key(2)), Some(embedding(2)));
        drop(collection);
        let collection = open(root.path());
        assert_eq!(collection.len(), 3);
        assert_eq!(collection.embedding(key(2)), Some(embedding(2)));
        assert!(collection.find(key(3)).is_some() && collection.embedding(key(3)).is_none());
        assert!(collection.find(WindowKey { side: 128, ..key(1) }).is_none());
        let folder = collection.kept.as_ref().unwrap().folder.clone();
        drop(collection);
        let read = Collection::read(&folder).unwrap();
        assert_eq!((read.provenance().scene.to_str(), read.len()), (Some("here.tif"), 3));
    }

    #[test]
    fn two_programs_write_side_by_side() {
        let root = tempfile::tempdir().unwrap();
        let (mut one, mut two) = (open(root.path()), open(root.path()));
        one.append(&[record(1), record(2)]).unwrap();
        two.append(&[record(2), record(3)]).unwrap();
        drop((one, two));
        assert_eq!(open(root.path()).len(), 3);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_told_and_does_no_harm() {
        let root = tempfile::NamedTempFile::new().unwrap();
        let store = Store::new(root.path());
        let mut collection = Collection::open(Some(&store), provenance(), 2).unwrap();
        assert!(collection.take_notices()[0].contains("can't be kept"));
        assert_eq!(collection.kept_bytes(), None);
        collection.append(&[record(1)]).unwrap();
        collection.refresh().unwrap();
        assert_eq!(collection.embedding(key(1)), Some(embedding(1)));
    }

    #[test]
    fn another_model_or_scene_has_another_folder() {
        let other = Provenance { model_fingerprint: "m".to_owned(), ..provenance() };
        assert_ne!(provenance().folder(), other.folder());
        let moved = Provenance { scene: "there.tif".into(), ..provenance() };
        assert_eq!(provenance().folder(), moved.folder());
    }

    #[test]
    fn what_others_store_meanwhile_is_taken_over_and_not_stored_again() {
        let root = tempfile::tempdir().unwrap();
        let (mut one, mut two) = (open(root.path()), open(root.path()));
        one.append(&[record(1), record(2)]).unwrap();
        assert_eq!((two.len(), two.embedding(key(2))), (0, None));
        two.look_around();
        assert_eq!((two.len(), two.embedding(key(2))), (2, Some(embedding(2))));
        two.append(&[record(2), record(3)]).unwrap();
        one.append(&[record(3), record(2)]).unwrap();
        one.refresh().unwrap();
        two.refresh().unwrap();
        assert_eq!((one.len(), two.len()), (3, 3));
        let stored: usize = two.parts().iter().map(Part::len).sum();
        assert_eq!(stored, 3, "each window once");
    }

    #[test]
    fn a_store_that_is_removed_meanwhile_is_told_and_the_rest_goes_on() {
        let root = tempfile::tempdir().unwrap();
        let mut collection = open(root.path());
        collection.append(&[record(1)]).unwrap();
        assert!(collection.kept_bytes().is_some_and(|bytes| bytes > 0));
        for entry in std::fs::read_dir(root.path()).unwrap() {
            std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
        assert_eq!(collection.kept_bytes(), None);
        collection.append(&[record(2)]).unwrap();
        assert!(collection.take_notices()[0].contains("any more"));
        collection.refresh().unwrap();
        assert_eq!(collection.embedding(key(1)), Some(embedding(1)));
        assert_eq!(collection.embedding(key(2)), Some(embedding(2)));
    }

    #[test]
    fn a_temporary_collection_moves_into_a_store() {
        let root = tempfile::tempdir().unwrap();
        open(root.path()).append(&[record(1), record(2)]).unwrap();
        let mut collection = Collection::open(None, Provenance::default(), 2).unwrap();
        collection.append(&[record(2), record(3)]).unwrap();
        collection.move_to(&Store::new(root.path()), provenance()).unwrap();
        assert_eq!(collection.len(), 3);
        collection.append(&[record(4)]).unwrap();
        drop(collection);
        assert_eq!(open(root.path()).len(), 4);
    }
}
