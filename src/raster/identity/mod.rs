//! Which scene this is, whatever its name: the bytes of all files that it is made of.
//!
//! Every byte counts: those of the image, of what lies beside it (mask, overviews, `.aux.xml`, world file…)
//! and of all sources of a mosaic. They are read once, at the disk's speed and in the background, and
//! remembered as long as a file's stamp stays the same.

pub mod known_files;
pub mod scene_files;
pub mod stamp;

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};

use super::error::RasterError;
use super::formats::{sidecar, vrt};
use super::{reader, remote};
use crate::fingerprint;
use stamp::Stamp;

/// Part of every fingerprint; raised when other files count.
const VERSION: &str = "skysift scene 2";
/// With more files than this, folders are listed once rather than asked for each name.
const MANY: usize = 16;

/// A file of a scene.
struct Part {
    path: PathBuf,
    /// What it is for the image it lies beside, so that two such files can't be swapped: "msk", "aux.xml"…
    role: String,
    /// `None` for one that isn't there.
    stamp: Option<Stamp>,
}

/// The identity of a scene that is open.
pub(super) struct Identity(Arc<Shared>);

struct Shared {
    path: PathBuf,
    /// In the state in which the scene was opened.
    parts: Vec<Part>,
    /// Nobody wants to know any more.
    given_up: AtomicBool,
    known: Mutex<Known>,
    news: Condvar,
}

enum Known {
    NotAsked,
    Reading,
    Fingerprint(String),
    /// The sentence.
    Failed(String),
}

impl Identity {
    /// That of a scene on a server, whose version the server tells.
    pub fn remote(path: &Path, fingerprint: String) -> Self {
        Self::new(path, Vec::new(), Known::Fingerprint(fingerprint))
    }

    /// That of a scene in files: the one that was opened, in the state that it had before, and those that its
    /// reader names.
    pub fn of(path: &Path, before: Option<Stamp>, contents: Vec<PathBuf>) -> Self {
        let parts = parts(path, contents);
        let changed = before.is_some() && parts.first().is_none_or(|first| first.stamp != before);
        let known = if changed { Known::Failed(changed_sentence(path)) } else { Known::NotAsked };
        Self::new(path, parts, known)
    }

    fn new(path: &Path, parts: Vec<Part>, known: Known) -> Self {
        let given_up = AtomicBool::new(false);
        let shared =
            Shared { path: path.to_owned(), parts, given_up, known: Mutex::new(known), news: Condvar::new() };
        Self(Arc::new(shared))
    }

    /// The fingerprint, or a sentence why there is none: a file can't be read, or isn't what was opened.
    /// Starts reading when nobody asked before. `None` when it isn't known after so long.
    pub fn within(&self, patience: Duration) -> Option<Result<String, String>> {
        let shared = &self.0;
        let mut known = shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*known, Known::NotAsked) {
            *known = Known::Reading;
            let reading = Arc::clone(shared);
            let spawned = std::thread::Builder::new().name("fingerprint".to_owned()).spawn(move || {
                if let Some(found) = reading.read() {
                    *reading.known.lock().unwrap_or_else(PoisonError::into_inner) = found;
                }
                reading.news.notify_all();
            });
            if let Err(error) = spawned {
                *known = Known::Failed(format!("cannot read {}: {error}", shared.path.display()));
            }
        }
        // A time that long is none.
        let end = Instant::now().checked_add(patience);
        loop {
            match &*known {
                Known::Fingerprint(fingerprint) => return Some(Ok(fingerprint.clone())),
                Known::Failed(sentence) => return Some(Err(sentence.clone())),
                Known::NotAsked | Known::Reading => {}
            }
            let left = match end {
                Some(end) => end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?,
                None => Duration::from_hours(1),
            };
            known = shared.news.wait_timeout(known, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether all files are as they were when the scene was opened; takes a look at each, without reading
    /// it.
    pub fn is_unchanged(&self) -> bool {
        self.0.is_unchanged()
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn is_unchanged(&self) -> bool {
        self.parts.iter().all(|part| Stamp::of(&part.path).ok() == part.stamp)
    }

    fn read(&self) -> Option<Known> {
        let found = match read(&self.parts, &|| !self.given_up.load(Ordering::Relaxed)) {
            Ok(fingerprint) => fingerprint?,
            Err((path, error)) => {
                return Some(Known::Failed(format!("cannot read {}: {error}", path.display())));
            }
        };
        let same = self.is_unchanged();
        Some(if same { Known::Fingerprint(found) } else { Known::Failed(changed_sentence(&self.path)) })
    }
}

fn changed_sentence(path: &Path) -> String {
    let path = path.display();
    format!("{path} was changed after it was opened, so what is seen of it isn't kept; open it again")
}

/// The fingerprint of the scene at a path as it is now, as that of [`super::Scene`]. What is remembered isn't
/// read.
///
/// # Errors
/// When there is no such file, it can't be read or isn't an image, or it changes meanwhile.
pub fn fingerprint_of(path: &Path) -> Result<String, RasterError> {
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
    let parts = parts(path, reader::contents_of(path)?);
    let found = read(&parts, &|| true).map_err(failed)?.unwrap_or_default();
    if parts.iter().any(|part| Stamp::of(&part.path).ok() != part.stamp) {
        let what = "it changes while it is read".to_owned();
        let advice = "try again when it is complete".to_owned();
        return Err(RasterError::Unsupported { path: path.to_owned(), what, advice });
    }
    Ok(found)
}

/// `None` when nobody waits for it any more.
fn read(parts: &[Part], go_on: &dyn Fn() -> bool) -> Result<Option<String>, (PathBuf, std::io::Error)> {
    let mut hash = Sha256::new_with_prefix(VERSION);
    for part in parts {
        hash.update(&part.role);
        hash.update([0, u8::from(part.stamp.is_some())]);
        let Some(stamp) = &part.stamp else { continue };
        let checksum = match known_files::find(&part.path, stamp) {
            Some(checksum) => checksum,
            None => match read_file(part, stamp, go_on).map_err(|error| (part.path.clone(), error))? {
                Some(checksum) => checksum,
                None => return Ok(None),
            },
        };
        hash.update(checksum.to_le_bytes());
    }
    Ok(Some(fingerprint::finish(hash)))
}

fn read_file(part: &Part, stamp: &Stamp, go_on: &dyn Fn() -> bool) -> std::io::Result<Option<u128>> {
    let began = SystemTime::now();
    let checksum = fingerprint::checksum_of(&mut File::open(&part.path)?, go_on)?;
    if let Some(checksum) = checksum
        && stamp.is_settled(began)
        && Stamp::of(&part.path).is_ok_and(|now| now == *stamp)
    {
        known_files::remember(&part.path, stamp, checksum);
    }
    Ok(checksum)
}

/// All files of a scene in an order that doesn't depend on their names: the one that was opened, then those
/// that its reader names and the sources of mosaics among them, each followed by what lies beside it.
fn parts(path: &Path, contents: Vec<PathBuf>) -> Vec<Part> {
    let mut files = Vec::new();
    let mut met = HashSet::new();
    let mut queue: Vec<PathBuf> = contents.into_iter().rev().collect();
    if path.is_file() {
        queue.push(path.to_owned());
    }
    while let Some(file) = queue.pop() {
        if !met.insert(file.clone()) {
            continue;
        }
        // The sources of the one that was opened are known.
        if file != path && !has_image_name(&file) {
            queue.extend(vrt::sources_of(&file).into_iter().rev());
        }
        files.push(file);
    }
    let mut folders = (files.len() > MANY).then(Folders::default);
    let mut parts = Vec::new();
    for file in files {
        let stamp = Stamp::of(&file).ok();
        let beside = if stamp.is_some() { sidecar::names(&file) } else { Vec::new() };
        parts.push(Part { path: file, role: String::new(), stamp });
        for (role, path) in beside {
            let is_there = folders.as_mut().is_none_or(|folders| folders.hold(&path)) && path.is_file();
            let stamp = Stamp::of(&path).ok().filter(|_| is_there);
            // On some systems names in upper and lower case are one file.
            let is_last = |last: &Part| last.role == role && last.stamp == stamp;
            if stamp.is_some() && !parts.last().is_some_and(is_last) {
                parts.push(Part { path, role, stamp });
            }
        }
    }
    parts
}

/// Whether a file goes by the name of an image that isn't made of others, so that nobody looks into it for
/// sources.
fn has_image_name(path: &Path) -> bool {
    const NAMES: [&str; 9] = ["tif", "tiff", "jp2", "j2k", "jpx", "png", "jpg", "jpeg", "webp"];
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| NAMES.contains(&&*extension))
}

/// The names in some folders.
#[derive(Default)]
struct Folders(HashMap<PathBuf, HashSet<OsString>>);

impl Folders {
    fn hold(&mut self, path: &Path) -> bool {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return true };
        let names = self.0.entry(folder.to_owned()).or_insert_with(|| {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name()).collect()
        });
        names.contains(name)
    }
}
