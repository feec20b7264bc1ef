//! Who encodes what right now, so that programs that scan the same scene at once share its windows instead of
//! encoding each of them several times.
//!
//! Every program writes down the windows of the batch at hand, in a file of its own, and leaves those of
//! others to them until they are stored. A claim ends by itself: with its program, whose lock is free then,
//! and after a while, since a program may have been stopped. A claim that is lost or ignored costs time and
//! never more.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::writer::try_lock;
use crate::windows::WindowKey;

const EXTENSION: &str = "claims";
/// How long others wait for a batch: several times what the last one took, within these bounds.
const LEAST_PATIENCE: Duration = Duration::from_secs(3);
const MOST_PATIENCE: Duration = Duration::from_mins(1);
const BATCHES: u32 = 4;
/// How long a program waits until it is alone. The others hold the lock for less than a millisecond, unless
/// one was stopped just then.
const ALONE_PATIENCE: Duration = Duration::from_millis(500);

/// The claims of one program.
pub struct Claims {
    file: PathBuf,
    /// When the last batch was claimed.
    last: Option<Instant>,
}

impl Claims {
    /// Those of the program that appends to a file of embeddings.
    pub fn of(path: &Path) -> Self {
        Self { file: path.with_extension(EXTENSION), last: None }
    }

    /// Claims windows; for each whether it is this program's now. The others are being encoded by another
    /// one. To be called while [`alone`].
    pub fn claim(&mut self, keys: &[WindowKey]) -> Vec<bool> {
        let taken = self.taken();
        let own: Vec<bool> = keys.iter().map(|key| !taken.contains(key)).collect();
        let took = self.last.map_or(LEAST_PATIENCE, |last| last.elapsed() * BATCHES);
        let until = now() + took.clamp(LEAST_PATIENCE, MOST_PATIENCE);
        let mut bytes = u64::try_from(until.as_millis()).unwrap_or(0).to_le_bytes().to_vec();
        for (key, _) in keys.iter().zip(&own).filter(|(_, own)| **own) {
            bytes.extend([key.x, key.y, key.side].iter().flat_map(|number| number.to_le_bytes()));
        }
        // Whoever reads half of it takes fewer windows for claimed, which costs no more than time.
        if let Err(error) = File::create(&self.file).and_then(|mut file| file.write_all(&bytes)) {
            log::debug!("nobody knows what is encoded: {}: {error}", self.file.display());
        }
        self.last = Some(Instant::now());
        own
    }

    /// The windows that others encode.
    fn taken(&self) -> HashSet<WindowKey> {
        let mut taken = HashSet::new();
        let Some(folder) = self.file.parent() else { return taken };
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path == self.file || path.extension().is_none_or(|extension| extension != EXTENSION) {
                continue;
            }
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let Some((until, keys)) = bytes.split_first_chunk() else { continue };
            let left = Duration::from_millis(u64::from_le_bytes(*until)).checked_sub(now());
            // Whatever stands there, nobody waits for longer.
            if left.is_none_or(|left| left > MOST_PATIENCE) || matches!(try_lock(&path), Ok(Some(_))) {
                continue;
            }
            taken.extend(keys.as_chunks::<12>().0.iter().map(|key| {
                let number = |at: usize| {
                    u32::from_le_bytes(
                        key.get(at..).and_then(|key| key.first_chunk()).copied().unwrap_or_default(),
                    )
                };
                WindowKey { x: number(0), y: number(4), side: number(8) }
            }));
        }
        taken
    }

    /// Gives up what isn't encoded by now.
    pub fn release(&self) {
        // A claim that stays ends by itself.
        let _ = std::fs::remove_file(&self.file);
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        self.release();
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Waits until no other program looks at a collection and adds to it at the same time, for as long as the
/// file lives. `None` when that takes too long; what two programs add then is the same.
pub fn alone(folder: &Path) -> Option<File> {
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("together.lock"));
    let lock = lock.ok()?;
    let began = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Some(lock),
            Err(std::fs::TryLockError::WouldBlock) if began.elapsed() < ALONE_PATIENCE => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(x: u32) -> WindowKey {
        WindowKey { x, y: 7, side: 64 }
    }

    #[test]
    fn a_window_is_one_programs_until_that_one_ends_or_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["0.arrows", "1.arrows"].map(|name| folder.path().join(name));
        let lock = try_lock(&one).unwrap().unwrap();
        let (mut first, mut second) = (Claims::of(&one), Claims::of(&two));
        assert_eq!(first.claim(&[key(1), key(2)]), [true, true]);
        assert_eq!(first.claim(&[key(2), key(3)]), [true, true], "its own");
        assert_eq!(second.claim(&[key(1), key(2), key(3), key(4)]), [true, false, false, true]);
        drop(lock);
        assert_eq!(second.claim(&[key(2)]), [true], "the other is gone");
        let _lock = try_lock(&one).unwrap().unwrap();
        assert_eq!(second.claim(&[key(2)]), [false]);
        first.release();
        assert_eq!(second.claim(&[key(2)]), [true]);
    }

    #[test]
    fn a_claim_of_a_program_that_was_stopped_ends() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["0.arrows", "1.arrows"].map(|name| folder.path().join(name));
        let _lock = try_lock(&one).unwrap().unwrap();
        let mut second = Claims::of(&two);
        let claim = |until: Duration| {
            let mut bytes = (until.as_millis() as u64).to_le_bytes().to_vec();
            bytes.extend([1_u32, 7, 64].iter().flat_map(|number| number.to_le_bytes()));
            std::fs::write(folder.path().join("0.claims"), bytes).unwrap();
        };
        claim(now() + Duration::from_secs(9));
        assert_eq!(second.claim(&[key(1)]), [false]);
        claim(now().saturating_sub(Duration::from_secs(1)));
        assert_eq!(second.claim(&[key(1)]), [true]);
        claim(now() + Duration::from_secs(9999));
        assert_eq!(second.claim(&[key(1)]), [true], "nobody claims for hours");
    }

    #[test]
    fn nobody_waits_for_ever_to_be_alone() {
        let folder = tempfile::tempdir().unwrap();
        let alone_now = alone(folder.path());
        assert!(alone_now.is_some() && alone(folder.path()).is_none());
        drop(alone_now);
        assert!(alone(folder.path()).is_some());
    }
}
