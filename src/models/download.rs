//! One file, from a server to its place: goes on where it was broken off, and is checked before it gets its
//! name.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use super::digest::{Checksum, Sum};
use super::error::Resume;
use super::lock::Lock;
use super::request::{Client, PAUSE, Trouble, rest};
use super::{ModelError, Watch};

const BUFFER: usize = 1 << 18;
/// Times that a transfer is taken up again without a byte having come.
const TRIES: u32 = 5;

/// A file that is wanted.
pub(super) struct Job {
    pub name: String,
    pub url: String,
    /// Where a person can read about it.
    pub page: String,
    pub size: u64,
    pub checksum: Checksum,
    /// Where it grows.
    pub partial: PathBuf,
    /// Where it lies once it is whole.
    pub done: PathBuf,
    pub lock: PathBuf,
    /// The variable that names another folder for it.
    pub variable: &'static str,
}

impl Job {
    pub fn is_done(&self) -> bool {
        self.done.metadata().is_ok_and(|metadata| metadata.len() == self.size)
    }

    /// Why no more of it could be written. What was stays, and is held to its checksum the next time.
    fn unwritable(&self, error: &io::Error, watch: &Watch<'_>) -> ModelError {
        let resume = Resume { is_kept: true, variable: self.variable };
        let folder = self.partial.parent().unwrap_or(&self.partial);
        ModelError::unwritable(folder, &self.partial, error, watch.left(), resume)
    }

    /// Bytes that are here already.
    pub fn here(&self) -> u64 {
        if self.is_done() {
            return self.size;
        }
        self.partial
            .metadata()
            .map_or(0, |metadata| if metadata.len() > self.size { 0 } else { metadata.len() })
    }
}

/// Fetches a file, unless it is here. `counted` of its bytes are part of what `watch` knows to be done.
pub(super) fn download(
    job: &Job,
    client: &Client,
    counted: u64,
    watch: &mut Watch<'_>,
) -> Result<(), ModelError> {
    watch.file(&job.name);
    let _lock = Lock::take(&job.lock, watch)?;
    watch.advance(job.here() as i64 - counted as i64);
    if job.is_done() {
        return Ok(());
    }
    let mut part = Part::open(job, watch)?;
    let mut went_on = part.len > 0;
    loop {
        part.fill(job, client, watch)?;
        if part.is_right(job, watch)? {
            return part.finish(job, watch);
        }
        part.restart(job, watch)?;
        // What an earlier time left may have been damaged; what came in one go is what the server has.
        if !std::mem::take(&mut went_on) {
            drop(part);
            let _ = fs::remove_file(&job.partial);
            return Err(ModelError::server(
                format!(
                    "what came as {} is another file (its checksum is not the one that the hub tells)",
                    job.name
                ),
                "get the model again; if that does not help, its mirror or a proxy on the way is at fault",
            ));
        }
    }
}

/// Whether the other side is gone.
fn is_end(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

/// A file that grows.
struct Part {
    file: File,
    len: u64,
    sum: Sum,
}

impl Part {
    /// Begins, or takes up what is there.
    fn open(job: &Job, watch: &Watch<'_>) -> Result<Self, ModelError> {
        let failed = |error: &io::Error| job.unwritable(error, watch);
        if let Some(folder) = job.partial.parent() {
            fs::create_dir_all(folder).map_err(|error| ModelError::file(folder, "cannot be made", &error))?;
        }
        let mut file = File::options()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&job.partial)
            .map_err(|error| failed(&error))?;
        if file.metadata().map_err(|error| failed(&error))?.len() > job.size {
            file.set_len(0).map_err(|error| failed(&error))?;
        }
        let mut sum = job.checksum.begin(job.size);
        let mut len = 0;
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = file.read(&mut buffer).map_err(|error| failed(&error))?;
            if count == 0 {
                return Ok(Self { file, len, sum });
            }
            sum.add(buffer.get(..count).unwrap_or_default());
            len += count as u64;
        }
    }

    /// Fetches until all is there.
    fn fill(&mut self, job: &Job, client: &Client, watch: &mut Watch<'_>) -> Result<(), ModelError> {
        let mut tries = 0;
        while self.len < job.size {
            watch.check()?;
            let before = self.len;
            match self.fetch(job, client, watch) {
                Ok(()) => {}
                Err(Trouble::Lasting(error)) => return Err(error),
                Err(Trouble::Passing(error, wait)) => {
                    tries = if self.len > before { 1 } else { tries + 1 };
                    if tries == TRIES {
                        return Err(error);
                    }
                    log::debug!("taking up {}: {error}", job.name);
                    rest(watch, wait.unwrap_or(PAUSE * (1 << tries)))?;
                }
            }
        }
        Ok(())
    }

    /// One transfer, as far as it goes.
    fn fetch(&mut self, job: &Job, client: &Client, watch: &mut Watch<'_>) -> Result<(), Trouble> {
        let (mut response, begins) = client.get(&job.url, &job.page, self.len, job.size)?;
        if begins != self.len {
            self.restart(job, watch).map_err(Trouble::Lasting)?;
        }
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; BUFFER];
        loop {
            watch.check().map_err(Trouble::Lasting)?;
            let count = match body.read(&mut buffer) {
                Ok(0) if self.len < job.size => return Err(self.broken_off(job)),
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if is_end(error.kind()) => return Err(self.broken_off(job)),
                Err(error) => return Err(client.silent(error.into(), &job.url)),
            };
            let bytes = buffer.get(..count).unwrap_or_default();
            if self.len + count as u64 > job.size {
                return Err(Trouble::Lasting(ModelError::server(
                    format!("the server sends more of {} than the hub told of", job.name),
                    "get the model again; if that does not help, its mirror or a proxy on the way is at fault",
                )));
            }
            self.file.write_all(bytes).map_err(|error| Trouble::Lasting(job.unwritable(&error, watch)))?;
            self.sum.add(bytes);
            self.len += count as u64;
            watch.advance(count as i64);
        }
    }

    fn broken_off(&self, job: &Job) -> Trouble {
        let what = format!("the server sent {} bytes of {} and no more", self.len, job.size);
        Trouble::Passing(ModelError::server(what, "get it again, it goes on where it stopped"), None)
    }

    /// Forgets what is there.
    fn restart(&mut self, job: &Job, watch: &mut Watch<'_>) -> Result<(), ModelError> {
        let cleared = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        cleared.map_err(|error| job.unwritable(&error, watch))?;
        watch.advance(-(self.len as i64));
        self.len = 0;
        self.sum = job.checksum.begin(job.size);
        Ok(())
    }

    /// Whether what is there is what was wanted.
    fn is_right(&mut self, job: &Job, watch: &Watch<'_>) -> Result<bool, ModelError> {
        // A file that is renamed before its bytes are on the disk may be empty after a loss of power; and
        // some systems only find out here that a disk is full.
        self.file.sync_all().map_err(|error| job.unwritable(&error, watch))?;
        let sum = std::mem::replace(&mut self.sum, Sum::Unknown);
        Ok(job.checksum.fits(sum))
    }

    /// Gives the file its name.
    fn finish(self, job: &Job, watch: &Watch<'_>) -> Result<(), ModelError> {
        drop(self.file);
        fs::rename(&job.partial, &job.done).map_err(|error| job.unwritable(&error, watch))
    }
}
