//! Adding to a file of embeddings.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_ipc::writer::StreamWriter;
use arrow_schema::SchemaRef;

use super::Provenance;
use super::batch::{Part, Record, record_batch, schema};
use super::checksums::{Sum, SumsFile};
use super::files::{EXTENSION, lock_path, read_file, sums_path};
use super::segment::{self, Contents, arrow};
use crate::atomic::{NewFile, temporary_file};

/// A file that this program appends to.
pub struct Writer {
    file: File,
    /// Where it lies; `None` for a temporary file, which nobody else sees.
    place: Option<Place>,
    schema: SchemaRef,
    /// Makes the bytes of each batch.
    encoder: StreamWriter<Vec<u8>>,
    embedding_len: usize,
    /// Where the batches lie that it holds.
    records: Vec<Option<Sum>>,
    /// Where the last complete batch ends.
    end: u64,
}

struct Place {
    path: PathBuf,
    sums: SumsFile,
    /// Held as long as the writer.
    _lock: File,
}

/// What opening a file to append to found.
pub struct Opened {
    pub writer: Writer,
    pub parts: Vec<Part>,
    /// Batches that were damaged; the file doesn't hold them any more.
    pub damaged: usize,
    /// The checksums were damaged beyond knowing how many batches there were.
    pub is_doubtful: bool,
}

impl Writer {
    /// Opens a file to append to, or begins it. `None` when another program does. What is damaged leaves the
    /// file, which is written anew under the next free number for it; so does one of many small batches.
    ///
    /// # Errors
    /// When the file can't be opened or written.
    pub fn open(path: &Path, embedding_len: usize, provenance: &Provenance) -> io::Result<Option<Opened>> {
        let Some(lock) = try_lock(path)? else { return Ok(None) };
        let read = read_file(path, embedding_len)?;
        let (damaged, is_doubtful) = (read.contents.damaged, read.is_doubtful);
        if read.is_damaged() || is_cut_small(&read.contents.parts) {
            // A file that can't be replaced, since the disk is full or the system holds it, is good as it is.
            if let Ok(Some((path, lock))) = rewrite(path, &read.contents, embedding_len, provenance) {
                let new = read_file(&path, embedding_len)?;
                let writer = Self::go_on(&path, lock, new.records, embedding_len, provenance)?;
                return Ok(Some(Opened { writer, parts: new.contents.parts, damaged, is_doubtful }));
            }
        }
        let writer = Self::go_on(path, lock, read.records, embedding_len, provenance)?;
        Ok(Some(Opened { writer, parts: read.contents.parts, damaged, is_doubtful }))
    }

    /// Goes on after the last batch that has a record; what a kill left behind it is removed.
    fn go_on(
        path: &Path,
        lock: File,
        records: Vec<Option<Sum>>,
        embedding_len: usize,
        provenance: &Provenance,
    ) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        let sums = SumsFile::open(&sums_path(path), records.len())?;
        let end = records.iter().flatten().map(|sum| sum.end).max().unwrap_or(0);
        file.set_len(end)?;
        let place = Some(Place { path: path.to_owned(), sums, _lock: lock });
        Self::new(file, place, embedding_len, provenance, records)
    }

    /// A file without a name that vanishes with the program.
    ///
    /// # Errors
    /// When the folder for temporary files can't be written to.
    pub fn temporary(embedding_len: usize, provenance: &Provenance) -> io::Result<Self> {
        Self::new(temporary_file()?, None, embedding_len, provenance, Vec::new())
    }

    fn new(
        file: File,
        place: Option<Place>,
        embedding_len: usize,
        provenance: &Provenance,
        records: Vec<Option<Sum>>,
    ) -> io::Result<Self> {
        let schema = Arc::new(schema(embedding_len, provenance));
        let mut encoder = StreamWriter::try_new(Vec::new(), &schema).map_err(arrow)?;
        let end = records.iter().flatten().map(|sum| sum.end).max().unwrap_or(0);
        if end > 0 {
            // The file begins with it already.
            encoder.get_mut().clear();
        }
        Ok(Self { file, place, schema, encoder, embedding_len, records, end })
    }

    /// Appends windows as one batch. After an error the file holds what it held before.
    ///
    /// # Errors
    /// When the disk is full or gone, or the file was removed.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        if !self.is_in_place() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it was removed"));
        }
        let batch = record_batch(&self.schema, records, self.embedding_len).map_err(arrow)?;
        self.encoder.write(&batch).map_err(arrow)?;
        let bytes = self.encoder.get_ref();
        let sum = Sum::new(self.end, bytes);
        let mut write = || {
            self.file.seek(SeekFrom::Start(self.end))?;
            self.file.write_all(bytes)?;
            self.place.as_mut().map_or(Ok(()), |place| place.sums.add(sum))
        };
        if let Err(error) = write() {
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end = sum.end;
        self.records.push(Some(sum));
        self.encoder.get_mut().clear();
        Ok(())
    }

    /// Where the file lies; `None` for a temporary one.
    pub fn path(&self) -> Option<&Path> {
        self.place.as_ref().map(|place| &*place.path)
    }

    /// Whether nobody removed the file since.
    pub fn is_in_place(&self) -> bool {
        self.place.as_ref().is_none_or(|place| is_at(&self.file, &place.path))
    }

    /// What was appended since the file had `batches` of them.
    ///
    /// # Errors
    /// When the file can't be read back.
    pub fn read_back(&self, batches: usize) -> io::Result<Contents> {
        segment::read(&self.file, self.records.get(batches..).unwrap_or_default(), self.embedding_len)
    }

    /// Nothing more can be written to the file, or to its checksums, as on a disk that became read-only.
    #[cfg(test)]
    pub fn lock_up(&mut self, sums: bool) {
        if let Some(Place { path, sums: file, .. }) = &mut self.place {
            if sums {
                file.lock_up(&sums_path(path));
            } else {
                self.file = File::open(path).unwrap();
            }
        }
    }

    /// How many batches the file holds.
    pub fn batches(&self) -> usize {
        self.records.len()
    }
}

/// Takes the lock of a file; `None` when another program has it.
pub fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(lock_path(path))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Whether a file still lies at its place.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let number = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), path.metadata()) {
        (Ok(file), Ok(path)) => number(file) == number(path),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Batches from which on a file may be worth to be written anew, and windows of a batch then.
const MANY_BATCHES: usize = 64;
const LARGE_BATCH: usize = 4096;

/// Whether a file has many batches that are far smaller than they could be.
fn is_cut_small(parts: &[Part]) -> bool {
    let windows: usize = parts.iter().map(Part::len).sum();
    parts.len() > MANY_BATCHES && windows / parts.len() < LARGE_BATCH / 8
}

/// Writes what is good of a file into another one, with large batches: a scan's small ones take a hundred
/// times as long to open. Returns that file's place and lock; the old one is gone, but whoever holds it open
/// keeps it. `None` when there is no free number.
fn rewrite(
    path: &Path,
    contents: &Contents,
    embedding_len: usize,
    provenance: &Provenance,
) -> io::Result<Option<(PathBuf, File)>> {
    let Some((place, lock)) = free_place(path)? else { return Ok(None) };
    let new = NewFile::beside(&place)?;
    let mut writer = Writer::new(new.file().try_clone()?, None, embedding_len, provenance, Vec::new())?;
    let mut records = Vec::with_capacity(LARGE_BATCH);
    for part in &contents.parts {
        for row in 0..part.len() {
            records.push(part.record(row, embedding_len));
            if records.len() == LARGE_BATCH {
                writer.append(&records)?;
                records.clear();
            }
        }
    }
    if !records.is_empty() {
        writer.append(&records)?;
    }
    // What it replaces can only be made again by a scan.
    writer.file.sync_data()?;
    let sums = NewFile::beside(&sums_path(&place))?;
    let mut file = SumsFile::begin(sums.file().try_clone()?)?;
    writer.records.iter().flatten().try_for_each(|sum| file.add(*sum))?;
    new.finish()?;
    sums.finish()?;
    for old in [sums_path(path), path.to_owned()] {
        match std::fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(Some((place, lock)))
}

/// The next number in a file's folder that is free, locked.
fn free_place(path: &Path) -> io::Result<Option<(PathBuf, File)>> {
    for number in 0..MOST_FILES {
        let place = path.with_file_name(format!("{number}.{EXTENSION}"));
        if place != path
            && !place.exists()
            && !sums_path(&place).exists()
            && let Some(lock) = try_lock(&place)?
        {
            return Ok(Some((place, lock)));
        }
    }
    Ok(None)
}

/// Files in one collection: programs that may append to it at once, and as many again for those that are
/// replaced.
pub const MOST_FILES: u32 = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::files::ReadFile;
    use crate::store::to_half;
    use crate::windows::WindowKey;

    fn record(x: u32) -> Record {
        let length = (x as f32).hypot(1.0);
        let embedding = to_half(&[0.0, x as f32 / length, -1.0 / length]);
        Record { key: WindowKey { x, y: 7, side: 64 }, nodata: 0.25, embedding }
    }

    fn keys(parts: &[Part]) -> Vec<u32> {
        parts.iter().flat_map(|part| (0..part.len()).map(|row| part.key(row).x)).collect()
    }

    fn provenance() -> Provenance {
        Provenance { scene: "a.tif".into(), ..Provenance::default() }
    }

    fn open(path: &Path) -> Opened {
        Writer::open(path, 3, &provenance()).unwrap().unwrap()
    }

    fn read(path: &Path) -> ReadFile {
        read_file(path, 3).unwrap()
    }

    #[test]
    fn what_is_appended_comes_back_and_more_can_follow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.arrows");
        for round in 0..3 {
            let Opened { mut writer, parts, damaged, is_doubtful } = open(&path);
            assert_eq!((keys(&parts).len(), damaged, is_doubtful), (round * 3, 0, false));
            let before = writer.batches();
            writer.append(&[record(1), record(2)]).unwrap();
            writer.append(&[record(3)]).unwrap();
            assert_eq!(keys(&writer.read_back(before).unwrap().parts), [1, 2, 3]);
        }
        let parts = read(&path).contents.parts;
        assert_eq!(parts[0].nodata(), [0.25, 0.25]);
        assert_eq!(parts[0].embeddings()[3..], record(2).embedding);
        assert_eq!(parts[0].key(1), WindowKey { x: 2, y: 7, side: 64 });
        let schema = segment::schema_of(&File::open(&path).unwrap()).unwrap().unwrap();
        assert_eq!(Provenance::of_metadata(schema.metadata()), provenance());
        assert_eq!(segment::embedding_len(&schema), Some(3));
    }

    #[test]
    fn a_batch_that_a_kill_cut_off_anywhere_is_all_that_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.arrows");
        let mut writer = open(&path).writer;
        writer.append(&[record(1)]).unwrap();
        let (first, sums) = (writer.end, std::fs::read(sums_path(&path)).unwrap());
        writer.append(&[record(2)]).unwrap();
        drop(writer);
        let bytes = std::fs::read(&path).unwrap();
        // A batch is written before its record.
        for cut in first as usize..=bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            std::fs::write(sums_path(&path), &sums).unwrap();
            let Opened { mut writer, parts, damaged, .. } = open(&path);
            assert_eq!((keys(&parts), damaged), (vec![1], 0), "cut at {cut}");
            writer.append(&[record(9)]).unwrap();
            assert_eq!(keys(&writer.read_back(0).unwrap().parts), [1, 9], "cut at {cut}");
        }
    }

    #[test]
    fn any_damage_is_known_and_leaves_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.arrows");
        let mut writer = open(&path).writer;
        for x in 1..4 {
            writer.append(&[record(x)]).unwrap();
        }
        drop(writer);
        let (bytes, sums) = (std::fs::read(&path).unwrap(), std::fs::read(sums_path(&path)).unwrap());
        let restore = || {
            for number in 0..2 {
                let path = path.with_file_name(format!("{number}.arrows"));
                let _ = (std::fs::remove_file(sums_path(&path)), std::fs::remove_file(path));
            }
            std::fs::write(&path, &bytes).unwrap();
            std::fs::write(sums_path(&path), &sums).unwrap();
        };
        for place in (0..bytes.len()).step_by(7) {
            for kind in ["bit", "cut"] {
                restore();
                let mut damaged = bytes.clone();
                damaged[place] ^= 16;
                damaged.truncate(if kind == "cut" { place } else { bytes.len() });
                std::fs::write(&path, damaged).unwrap();
                let Opened { writer, parts, damaged, .. } = open(&path);
                let kept = keys(&parts);
                assert_eq!(kept.len() + damaged, 3, "{kind} at {place}");
                assert!(kept.iter().all(|x| (1..4).contains(x)) && damaged > 0, "{kind} at {place}");
                let new = writer.path().unwrap().to_owned();
                drop(writer);
                assert!(new != path && !read(&new).is_damaged(), "{kind} at {place}");
                assert_eq!(keys(&read(&new).contents.parts), kept, "{kind} at {place}");
            }
        }
        restore();
        std::fs::remove_file(sums_path(&path)).unwrap();
        assert!(read(&path).is_doubtful);
        restore();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read(&path).contents.damaged, 3);
    }

    #[test]
    fn many_small_batches_become_a_large_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.arrows");
        let mut writer = open(&path).writer;
        for x in 0..200 {
            writer.append(&[record(x)]).unwrap();
        }
        let reading = read(&path);
        drop(writer);
        let Opened { mut writer, parts, .. } = open(&path);
        assert_eq!((parts.len(), keys(&parts)), (1, (0..200).collect()));
        assert_eq!(parts[0].embeddings()[3..6], record(1).embedding);
        writer.append(&[record(200)]).unwrap();
        assert_eq!(keys(&writer.read_back(0).unwrap().parts).len(), 201);
        assert_eq!(keys(&reading.contents.parts), (0..200).collect::<Vec<_>>(), "the old file is still read");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4, "a file, its checksums, two locks");
    }

    #[test]
    fn two_writers_never_share_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.arrows");
        let first = open(&path);
        assert!(Writer::open(&path, 3, &provenance()).unwrap().is_none());
        drop(first);
        assert!(Writer::open(&path, 3, &provenance()).unwrap().is_some());
    }

    #[test]
    fn another_kind_of_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.arrows");
        let mut writer = Writer::open(&path, 2, &provenance()).unwrap().unwrap().writer;
        writer.append(&[Record { embedding: to_half(&[0.0, 1.0]), ..record(1) }]).unwrap();
        drop(writer);
        let opened = open(&path);
        assert!(opened.parts.is_empty() && opened.damaged == 1);
        drop(opened);
        std::fs::write(&path, [0xff; 999]).unwrap();
        let opened = open(&path);
        assert!(opened.parts.is_empty() && opened.is_doubtful);
    }
}
