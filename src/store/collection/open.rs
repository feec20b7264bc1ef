//! Opening a collection: to be added to, or only to be looked at.

use std::io;
use std::path::Path;

use super::{Collection, KeptFolder};
use crate::store::claims::Claims;
use crate::store::files::{self, EXTENSION, MOST_FILES, read_file};
use crate::store::manifest::Manifest;
use crate::store::writer::{OpenedSegment, SegmentWriter};
use crate::store::{Provenance, Store, inventory, remarks};

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
            collection.writer = Some(SegmentWriter::temporary(embedding_len, &collection.provenance)?);
            collection.own_read = 0;
        }
        Ok(collection)
    }

    fn open_kept(&mut self, store: &Store) -> io::Result<()> {
        let folder = store.root.join(self.provenance.folder());
        std::fs::create_dir_all(&folder)?;
        Manifest::new(&self.provenance, self.embedding_len).write(&folder)?;
        let (mut damaged, mut is_doubtful) = (0, false);
        for path in files::files(&folder)? {
            let open = || SegmentWriter::open(&path, self.embedding_len, &self.provenance);
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
            if let Some(OpenedSegment { writer, batches, damaged: lost, is_doubtful: doubt }) = opened {
                self.take(batches);
                (damaged, is_doubtful) = (damaged + lost, is_doubtful || doubt);
                if self.writer.is_none() {
                    self.own_read = writer.batch_count();
                    self.writer = Some(writer);
                } else if let Some(path) = writer.path() {
                    self.others.insert(path.to_owned(), writer.batch_count());
                }
            } else if let Some(read) = read {
                damaged += read.contents.damaged;
                is_doubtful |= read.is_doubtful;
                self.others.insert(path, read.records.len());
                self.take(read.contents.batches);
            }
        }
        if damaged > 0 || is_doubtful {
            self.notices.push(format!("{}; they are encoded anew", self.damage(&folder, damaged)));
        }
        let mut number = 0;
        while self.writer.is_none() && number < MOST_FILES {
            let path = folder.join(format!("{number}.{EXTENSION}"));
            if !path.exists()
                && let Some(opened) = SegmentWriter::open(&path, self.embedding_len, &self.provenance)?
            {
                self.writer = Some(opened.writer);
            }
            number += 1;
        }
        self.remarks = remarks::read(&folder);
        if let Some(path) = self.writer.as_ref().and_then(SegmentWriter::path) {
            self.kept = Some(KeptFolder { claims: Claims::of(path), folder });
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
        let (manifest, _) = inventory::manifest_of(folder)?;
        let nothing = || io::Error::new(io::ErrorKind::InvalidData, "it holds no embeddings");
        let manifest = manifest.ok_or_else(nothing)?;
        let mut collection = Self::empty(manifest.provenance(), manifest.embedding_len);
        collection.remarks = remarks::read(folder);
        let (mut damaged, mut is_doubtful) = (0, false);
        for read in files::read_all(folder, manifest.embedding_len)? {
            collection.take(read.contents.batches);
            (damaged, is_doubtful) = (damaged + read.contents.damaged, is_doubtful || read.is_doubtful);
        }
        if damaged > 0 || is_doubtful {
            let damage = collection.damage(folder, damaged);
            collection.notices.push(format!("{damage}; scan it again to encode them anew"));
        }
        Ok(collection)
    }
}
