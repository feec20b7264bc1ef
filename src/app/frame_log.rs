//! A log of how much CPU time each frame took, to hold the promise of a smooth window.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, bounded};

/// Frames that wait to be written at most; a frame beyond that is left out rather than waited for.
const MAX_WAITING: usize = 4096;

/// The log can't be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the frame log {path}: {source}", path = path.display())]
pub struct FrameLogError {
    path: PathBuf,
    source: std::io::Error,
}

/// Writes `frame,ms` lines on its own thread.
pub struct FrameLog {
    lines: Option<Sender<(u64, f64)>>,
    writer: Option<JoinHandle<()>>,
    frame: u64,
    /// CPU time of the window's thread when the last frame began, in milliseconds.
    before: Option<f64>,
}

impl FrameLog {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path) -> Result<Self, FrameLogError> {
        let failed = |source| FrameLogError { path: path.to_owned(), source };
        let file = std::fs::File::create(path).map_err(failed)?;
        let (lines, waiting) = bounded::<(u64, f64)>(MAX_WAITING);
        let writer = std::thread::Builder::new()
            .name("frame log".to_owned())
            .spawn(move || {
                let mut file = BufWriter::new(file);
                let mut write = || {
                    writeln!(file, "frame,ms")?;
                    for (frame, ms) in &waiting {
                        writeln!(file, "{frame},{ms:.3}")?;
                        if waiting.is_empty() {
                            file.flush()?;
                        }
                    }
                    file.flush()
                };
                if let Err(error) = write() {
                    let _ = writeln!(std::io::stderr(), "skysift: the frame log ends early: {error}");
                }
            })
            .map_err(failed)?;
        Ok(Self { lines: Some(lines), writer: Some(writer), frame: 0, before: None })
    }

    /// Marks the beginning of a frame: what the window's thread used since the last one is what that took,
    /// events, layout, tessellation and drawing included. `wall_ms` is what the frame before took by the
    /// clock on the wall, for systems that do not tell the time of a thread.
    pub fn next_frame(&mut self, wall_ms: Option<f64>) {
        let now = thread_cpu_ms();
        let took = match (self.before, now) {
            (Some(before), Some(now)) => Some(now - before),
            _ => wall_ms.filter(|_| now.is_none()),
        };
        if let (Some(ms), Some(lines)) = (took, &self.lines) {
            // A full queue means a slow disk: better to leave out a line than to wait.
            let _ = lines.try_send((self.frame, ms));
            self.frame += 1;
        }
        self.before = now;
    }
}

impl Drop for FrameLog {
    /// Waits for the last lines; the window is closed by then.
    fn drop(&mut self) {
        self.lines = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// CPU time that this thread has used, in milliseconds, where the system tells (Linux).
fn thread_cpu_ms() -> Option<f64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    // The kernel brings the number up to date when the thread gives way.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.csv");
        let mut log = FrameLog::create(&path).unwrap();
        for _ in 0..5 {
            log.next_frame(Some(2.0));
        }
        drop(log);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "frame,ms");
        assert!(lines.len() >= 5, "{text}");
        for line in &lines[1..] {
            let (_, ms) = line.split_once(',').unwrap();
            assert!(ms.parse::<f64>().unwrap() >= 0.0);
        }
    }

    #[test]
    fn a_log_that_cannot_be_written_is_named() {
        let error = FrameLog::create(Path::new("/no/such/folder/frames.csv")).err().unwrap().to_string();
        assert!(error.contains("/no/such/folder/frames.csv"), "{error}");
    }
}
