//! The embeddings of one scene by one model.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use half::f16;

use super::writer::Writer;
use super::{Part, Provenance, Record, Store, WindowKey, remarks, segment};

/// Programs that may append to one collection at once.
const MOST_WRITERS: u32 = 64;

/// Where a window is found: the number of its part, and its row there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowId {
    pub part: u32,
    pub row: u32,
}

/// Embeddings that are there, and room for more. Only the places of windows are in memory, about 30 bytes each; the
/// embeddings are mapped from disk.
pub struct Collection {
    provenance: Provenance,
    embedding_len: usize,
    parts: Vec<Part>,
    index: HashMap<WindowKey, WindowId>,
    writer: Option<Writer>,
    /// What of the writer's file is among the parts.
    read_to: u64,
    /// Appended and not yet among the parts.
    pending: usize,
    remarks: Vec<String>,
    /// Where it is kept; `None` for a temporary one, and for one that is only looked at.
    folder: Option<PathBuf>,
}

impl Collection {
    /// Opens what is stored for a scene and model, or begins it. Without a store, embeddings lie in a temporary file.
    /// The string tells the person why they can't be kept, if so.
    ///
    /// # Errors
    /// When not even a temporary file can be made.
    pub fn open(
        store: Option<&Store>,
        provenance: Provenance,
        embedding_len: usize,
    ) -> io::Result<(Self, Option<String>)> {
        let mut collection = Self::empty(provenance, embedding_len);
        let mut notice = None;
        if let Some(store) = store
            && let Err(error) = collection.open_kept(store)
        {
            notice = Some(format!(
                "embeddings can't be kept in {}, so that this scan has to be done again another time: {error}",
                store.root.display()
            ));
        }
        if collection.writer.is_none() {
            collection.writer = Some(Writer::temporary(embedding_len, &collection.provenance)?);
            collection.read_to = 0;
        }
        Ok((collection, notice))
    }

    fn empty(provenance: Provenance, embedding_len: usize) -> Self {
        Self {
            provenance,
            embedding_len,
            parts: Vec::new(),
            index: HashMap::new(),
            writer: None,
            read_to: 0,
            pending: 0,
            remarks: Vec::new(),
            folder: None,
        }
    }

    fn open_kept(&mut self, store: &Store) -> io::Result<()> {
        let folder = store.root.join(self.provenance.folder());
        std::fs::create_dir_all(&folder)?;
        for path in segments(&folder)? {
            let opened = match self.writer {
                None => Writer::open(&path, self.embedding_len, &self.provenance),
                Some(_) => Ok(None),
            };
            let (writer, parts) = match opened {
                Ok(Some((writer, parts))) => (Some(writer), parts),
                // Somebody else's: what is complete is read.
                Ok(None) => (None, segment::read(&File::open(&path)?, 0, self.embedding_len)?.parts),
                // What can't be read is encoded again; it leaves with the collection.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => continue,
                Err(error) => return Err(error),
            };
            self.take(parts);
            if let Some(writer) = writer {
                self.read_to = writer.end();
                self.writer = Some(writer);
            }
        }
        let mut number = 0;
        while self.writer.is_none() && number < MOST_WRITERS {
            let path = folder.join(format!("{number}.{EXTENSION}"));
            if !path.exists()
                && let Some((writer, _)) = Writer::open(&path, self.embedding_len, &self.provenance)?
            {
                self.read_to = writer.end();
                self.writer = Some(writer);
            }
            number += 1;
        }
        self.remarks = remarks::read(&folder);
        self.folder = Some(folder);
        Ok(())
    }

    /// Reads everything in a folder, to look at and not to add to.
    ///
    /// # Errors
    /// When a file can't be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut collection: Option<Self> = None;
        for path in segments(folder)? {
            let file = File::open(&path)?;
            let Some((_, embedding_len)) = segment::about(&file)? else { continue };
            let known = collection.get_or_insert_with(|| Self::empty(Provenance::default(), embedding_len));
            if embedding_len != known.embedding_len {
                continue;
            }
            let contents = segment::read(&file, 0, embedding_len)?;
            known.provenance = contents.provenance;
            known.take(contents.parts);
        }
        if let Some(known) = &mut collection {
            known.remarks = remarks::read(folder);
        }
        let nothing = || io::Error::new(io::ErrorKind::InvalidData, "it holds no embeddings");
        collection.ok_or_else(nothing)
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

    /// Appends windows as one batch; it is on disk when this returns. When the disk is full, a temporary file goes
    /// on, and the string tells the person so.
    ///
    /// # Errors
    /// When neither can be written.
    pub fn append(&mut self, records: &[Record]) -> io::Result<Option<String>> {
        self.pending += records.len();
        let Some(writer) = &mut self.writer else {
            return Err(io::Error::other("these embeddings were opened to be read"));
        };
        let Err(error) = writer.append(records) else { return Ok(None) };
        self.pending -= records.len();
        let Some(folder) = self.folder.take() else { return Err(error) };
        self.refresh()?;
        let mut temporary = Writer::temporary(self.embedding_len, &self.provenance)?;
        temporary.append(records)?;
        self.pending = records.len();
        self.writer = Some(temporary);
        self.read_to = 0;
        Ok(Some(format!("embeddings can't be kept in {} any more: {error}", folder.display())))
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
        if let Some(folder) = self.folder.as_ref().filter(|_| self.remarks != told) {
            remarks::add(folder, &told)?;
        }
        self.remarks = told;
        Ok(())
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
        let (parts, end) = (writer.read_back(self.read_to)?, writer.end());
        self.take(parts);
        self.read_to = end;
        self.pending = 0;
        Ok(())
    }

    /// All parts that are known, the windows of each in the order in which they were encoded.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }
}

pub(super) const EXTENSION: &str = "arrows";

/// The files of a collection, in the order of their numbers.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            paths.push(path);
        }
    }
    let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<u32>().ok();
    paths.sort_by_key(|path| (number(path).unwrap_or(u32::MAX), path.clone()));
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::store::to_half;

    fn provenance() -> Provenance {
        Provenance {
            scene_fingerprint: "s".to_owned(),
            scene: "here.tif".to_owned(),
            ..Provenance::default()
        }
    }

    fn open(root: &Path) -> Collection {
        let (collection, notice) = Collection::open(Some(&Store::new(root)), provenance(), 2).unwrap();
        assert_eq!(notice, None);
        collection
    }

    fn record(x: u32) -> Record {
        Record { key: key(x), nodata: 0.0, embedding: to_half(&[1.0, x as f32]) }
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
        assert_eq!(collection.embedding(key(2)), Some(vec![1.0, 2.0]));
        drop(collection);
        let collection = open(root.path());
        assert_eq!(collection.len(), 3);
        assert_eq!(collection.embedding(key(2)), Some(vec![1.0, 2.0]));
        assert!(collection.find(key(3)).is_some() && collection.embedding(key(3)).is_none());
        assert!(collection.find(WindowKey { side: 128, ..key(1) }).is_none());
        let folder = collection.folder.clone().unwrap();
        drop(collection);
        let read = Collection::read(&folder).unwrap();
        assert_eq!((read.provenance().scene.as_str(), read.len()), ("here.tif", 3));
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
        let (mut collection, notice) = Collection::open(Some(&store), provenance(), 2).unwrap();
        assert!(notice.is_some_and(|notice| notice.contains("can't be kept")));
        collection.append(&[record(1)]).unwrap();
        collection.refresh().unwrap();
        assert_eq!(collection.embedding(key(1)), Some(vec![1.0, 1.0]));
    }

    #[test]
    fn another_model_or_scene_has_another_folder() {
        let other = Provenance { model_fingerprint: "m".to_owned(), ..provenance() };
        assert_ne!(provenance().folder(), other.folder());
        let moved = Provenance { scene: "there.tif".to_owned(), ..provenance() };
        assert_eq!(provenance().folder(), moved.folder());
    }
}
