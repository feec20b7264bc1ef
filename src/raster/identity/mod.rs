//! Which scene this is, whatever its name: a fingerprint of all files that it is made of.
//!
//! Every byte counts: those of the image, of its sidecar files (mask, overviews, `.aux.xml`, world file…) and
//! of all sources of a mosaic. They are read once, at the disk's speed and in the background, and the
//! checksums are stored and used for as long as a file's stamp stays the same.
//!
//! - [`checksum_cache`]: the stored checksums.
//! - [`scene_files`]: the files that a scene may be read from, by name.

pub mod checksum_cache;
pub mod scene_files;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};

use crate::fingerprint;
use crate::raster::cache::file_stamp::FileStamp;
use crate::raster::error::RasterError;
use crate::raster::formats::{self, sidecars, vrt};
use crate::raster::remote;
use crate::raster::storage::Storage;
use checksum_cache::ChecksumCache;

/// Part of every fingerprint; changed whenever other files count.
const VERSION: &str = "skysift scene 2";
/// With more files than this, folders are listed once instead of checking for each name.
const MANY_FILES: usize = 16;

/// A file of a scene.
struct SceneFile {
    path: PathBuf,
    /// What the file is to the image beside it, so that two sidecar files can't be swapped: "msk", "aux.xml"…
    role: String,
    /// `None` if the file doesn't exist.
    stamp: Option<FileStamp>,
}

/// The identity of an open scene.
pub(in crate::raster) struct Identity(Arc<Shared>);

struct Shared {
    path: PathBuf,
    /// As they were when the scene was opened.
    files: Vec<SceneFile>,
    checksums: ChecksumCache,
    /// The scene was closed, so nobody needs the fingerprint any more.
    cancelled: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

enum State {
    NotAsked,
    Reading,
    Fingerprint(String),
    Failed(IdentityError),
}

/// Why a scene has no fingerprint.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: Arc<io::Error> },
    #[error(
        "{} was changed after it was opened, so what is seen of it isn't kept; open it again",
        path.display()
    )]
    Changed { path: PathBuf },
}

impl Identity {
    /// The identity of a scene on a server, which is known already.
    pub fn remote(path: &Path, fingerprint: String) -> Self {
        Self::new(path, Vec::new(), ChecksumCache::disabled(), State::Fingerprint(fingerprint))
    }

    /// The identity of a scene on disk: the file that was opened, with its stamp before that, and the
    /// reader's `source_files`.
    pub fn of(
        path: &Path,
        stamp_before: Option<FileStamp>,
        source_files: Vec<PathBuf>,
        storage: &Storage,
    ) -> Self {
        let files = all_files(path, source_files);
        let changed = stamp_before.is_some() && files.first().is_none_or(|first| first.stamp != stamp_before);
        let changed_since = IdentityError::Changed { path: path.to_owned() };
        let state = if changed { State::Failed(changed_since) } else { State::NotAsked };
        Self::new(path, files, ChecksumCache::of(storage), state)
    }

    fn new(path: &Path, files: Vec<SceneFile>, checksums: ChecksumCache, state: State) -> Self {
        Self(Arc::new(Shared {
            path: path.to_owned(),
            files,
            checksums,
            cancelled: AtomicBool::new(false),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }))
    }

    /// The fingerprint, or why there is none: a file can't be read, or is no longer what was opened. The
    /// first call starts reading. `None` when the fingerprint isn't known within `timeout`.
    pub fn within(&self, timeout: Duration) -> Option<Result<String, IdentityError>> {
        let shared = &self.0;
        let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::NotAsked) {
            *state = State::Reading;
            let reading = Arc::clone(shared);
            let spawned = std::thread::Builder::new().name("fingerprint".to_owned()).spawn(move || {
                if let Some(found) = reading.read() {
                    *reading.state.lock().unwrap_or_else(PoisonError::into_inner) = found;
                }
                reading.changed.notify_all();
            });
            if let Err(error) = spawned {
                *state = State::Failed(IdentityError::read(&shared.path, error));
            }
        }
        // `None` for a timeout that never ends.
        let end = Instant::now().checked_add(timeout);
        loop {
            match &*state {
                State::Fingerprint(fingerprint) => return Some(Ok(fingerprint.clone())),
                State::Failed(error) => return Some(Err(error.clone())),
                State::NotAsked | State::Reading => {}
            }
            let left = match end {
                Some(end) => end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?,
                None => Duration::from_hours(1),
            };
            state = shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether all files have the stamps that they had when the scene was opened; reads none of them.
    pub fn is_unchanged(&self) -> bool {
        self.0.is_unchanged()
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn is_unchanged(&self) -> bool {
        self.files.iter().all(|file| FileStamp::of(&file.path).ok() == file.stamp)
    }

    fn read(&self) -> Option<State> {
        let go_on = || !self.cancelled.load(Ordering::Relaxed);
        let found = match read(&self.files, &self.checksums, &go_on) {
            Ok(fingerprint) => fingerprint?,
            Err((path, error)) => return Some(State::Failed(IdentityError::read(&path, error))),
        };
        Some(if self.is_unchanged() {
            State::Fingerprint(found)
        } else {
            State::Failed(IdentityError::Changed { path: self.path.clone() })
        })
    }
}

impl IdentityError {
    fn read(path: &Path, error: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source: Arc::new(error) }
    }
}

/// The current fingerprint of the scene at a path, as that of an open scene. Files whose checksums are stored
/// aren't read.
///
/// # Errors
/// When there is no such file, it can't be read or isn't an image, or it changes meanwhile.
pub fn fingerprint_of(path: &Path, storage: &Storage) -> Result<String, RasterError> {
    if remote::is_address(path) {
        let what = "it lies on a server".to_owned();
        let advice = "open it to know its version".to_owned();
        return Err(RasterError::Remote {
            path: path.to_owned(),
            what,
            advice,
            lasting: true,
            stopped: false,
        });
    }
    let failed = |(path, source)| RasterError::Open { path, source };
    path.metadata().map_err(|source| failed((path.to_owned(), source)))?;
    let files = all_files(path, formats::open::source_files_of(path, storage)?);
    let found = read(&files, &ChecksumCache::of(storage), &|| true).map_err(failed)?.unwrap_or_default();
    if files.iter().any(|file| FileStamp::of(&file.path).ok() != file.stamp) {
        let what = "it changes while it is read".to_owned();
        let advice = "try again when it is complete".to_owned();
        return Err(RasterError::Unsupported { path: path.to_owned(), what, advice });
    }
    Ok(found)
}

/// The fingerprint of some files; `None` when `go_on` returns false.
fn read(
    files: &[SceneFile],
    checksums: &ChecksumCache,
    go_on: &dyn Fn() -> bool,
) -> Result<Option<String>, (PathBuf, io::Error)> {
    let mut hash = Sha256::new_with_prefix(VERSION);
    for file in files {
        hash.update(&file.role);
        hash.update([0, u8::from(file.stamp.is_some())]);
        let Some(stamp) = &file.stamp else { continue };
        let checksum = match checksums.find(&file.path, stamp) {
            Some(checksum) => checksum,
            None => match checksum_of(&file.path, stamp, checksums, go_on)
                .map_err(|error| (file.path.clone(), error))?
            {
                Some(checksum) => checksum,
                None => return Ok(None),
            },
        };
        hash.update(checksum.to_le_bytes());
    }
    Ok(Some(fingerprint::finish(hash)))
}

/// Reads a file, and stores its checksum unless the file changed meanwhile.
fn checksum_of(
    path: &Path,
    stamp: &FileStamp,
    checksums: &ChecksumCache,
    go_on: &dyn Fn() -> bool,
) -> io::Result<Option<u128>> {
    let began = SystemTime::now();
    let checksum = fingerprint::checksum_of(&mut File::open(path)?, go_on)?;
    if let Some(checksum) = checksum
        && stamp.is_settled(began)
        && FileStamp::of(path).is_ok_and(|now| now == *stamp)
    {
        checksums.store(path, stamp, checksum);
    }
    Ok(checksum)
}

/// All files of a scene in an order that doesn't depend on their names: the one that was opened, then the
/// reader's `source_files` and the sources of mosaics among them, each followed by its sidecar files.
fn all_files(path: &Path, source_files: Vec<PathBuf>) -> Vec<SceneFile> {
    let mut images = Vec::new();
    let mut visited = HashSet::new();
    let mut queue: Vec<PathBuf> = source_files.into_iter().rev().collect();
    if path.is_file() {
        queue.push(path.to_owned());
    }
    while let Some(image) = queue.pop() {
        if !visited.insert(image.clone()) {
            continue;
        }
        // The sources of the file that was opened are in `source_files`.
        if image != path && !has_image_name(&image) {
            queue.extend(vrt::sources_of(&image).into_iter().rev());
        }
        images.push(image);
    }
    let mut folders = (images.len() > MANY_FILES).then(FolderListings::default);
    let mut files = Vec::new();
    for image in images {
        let stamp = FileStamp::of(&image).ok();
        let sidecars = if stamp.is_some() { sidecars::candidates(&image) } else { Vec::new() };
        files.push(SceneFile { path: image, role: String::new(), stamp });
        for (role, path) in sidecars {
            let exists = folders.as_mut().is_none_or(|folders| folders.contain(&path)) && path.is_file();
            let stamp = FileStamp::of(&path).ok().filter(|_| exists);
            // On some systems, names in upper and lower case are the same file.
            let is_last = |last: &SceneFile| last.role == role && last.stamp == stamp;
            if stamp.is_some() && !files.last().is_some_and(is_last) {
                files.push(SceneFile { path, role, stamp });
            }
        }
    }
    files
}

/// Whether a file has the name of an image that has no sources, so that it needn't be opened to look for
/// them.
fn has_image_name(path: &Path) -> bool {
    const NAMES: [&str; 9] = ["tif", "tiff", "jp2", "j2k", "jpx", "png", "jpg", "jpeg", "webp"];
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| NAMES.contains(&&*extension))
}

/// The names in some folders, each listed once.
#[derive(Default)]
struct FolderListings(HashMap<PathBuf, HashSet<OsString>>);

impl FolderListings {
    fn contain(&mut self, path: &Path) -> bool {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return true };
        let names = self.0.entry(folder.to_owned()).or_insert_with(|| {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name()).collect()
        });
        names.contains(name)
    }
}
