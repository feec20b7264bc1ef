//! Work that must not hold up the window: each job runs on a thread of its own, and its owner polls it once a
//! frame.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use eframe::egui::Context;

/// Reports of progress that wait at most; those beyond are left out.
const MAX_WAITING: usize = 8;

/// No thread could be started.
#[derive(Debug, thiserror::Error)]
#[error("The system is out of threads; close something and try again.")]
pub struct OutOfThreads(#[from] io::Error);

/// Work on another thread that ends in a `T`, and tells meanwhile how far it is. Dropping it asks the work to
/// stop; what comes of it then is lost.
pub struct Job<T, P = ()> {
    done: Receiver<T>,
    reports: Receiver<P>,
    progress: Option<P>,
    stop: Arc<AtomicBool>,
    began: Instant,
}

/// The job as the work itself sees it.
pub struct Monitor<P> {
    ctx: Context,
    reports: Sender<P>,
    stop: Arc<AtomicBool>,
}

impl<P> Monitor<P> {
    /// Tells how far the work is. It is left out when the window is busy.
    pub fn report(&self, progress: P) {
        // An error also means that nobody wants to know any more.
        let _ = self.reports.try_send(progress);
        self.ctx.request_repaint();
    }

    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Is set once the work should stop.
    #[must_use]
    pub fn stop_flag(&self) -> &AtomicBool {
        &self.stop
    }
}

impl<T: Send + 'static, P: Send + 'static> Job<T, P> {
    /// Starts the work; the window is drawn anew when it ends.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        ctx: &Context,
        name: &str,
        work: impl FnOnce(&Monitor<P>) -> T + Send + 'static,
    ) -> Result<Self, OutOfThreads> {
        let (sender, done) = bounded(1);
        let (reports_sender, reports) = bounded(MAX_WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let monitor = Monitor { ctx: ctx.clone(), reports: reports_sender, stop: Arc::clone(&stop) };
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // An error means that the owner is gone.
            let _ = sender.send(work(&monitor));
            monitor.ctx.request_repaint();
        })?;
        Ok(Self { done, reports, progress: None, stop, began: Instant::now() })
    }

    /// Looks how far a job is. What came of it is returned once, and the job is gone then.
    pub fn poll(job: &mut Option<Self>) -> Option<T> {
        let running = job.as_mut()?;
        if let Some(latest) = running.reports.try_iter().last() {
            running.progress = Some(latest);
        }
        match running.done.try_recv() {
            Ok(result) => {
                *job = None;
                Some(result)
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                // The work ended in a panic, which was logged.
                *job = None;
                None
            }
        }
    }

    /// What the work told last.
    #[must_use]
    pub fn progress(&self) -> Option<&P> {
        self.progress.as_ref()
    }
}

impl<T, P> Job<T, P> {
    /// Asks the work to stop.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl<T> Job<T, f32> {
    /// How far the work is, 0 to 1.
    #[must_use]
    pub fn part(&self) -> f32 {
        self.progress.unwrap_or_default()
    }

    /// Seconds until it is done, as it looks now; unknown at the very beginning.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        let part = f64::from(self.part());
        (part > 0.01).then(|| self.began.elapsed().as_secs_f64() * (1.0 - part) / part)
    }
}

impl<T, P> Drop for Job<T, P> {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs work that nobody waits for. It is left out when no thread can be started.
pub fn run_detached(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.to_owned()).spawn(work) {
        log::warn!("{name} is left out: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait<T: Send + 'static>(job: &mut Option<Job<T, f32>>) -> Option<T> {
        while job.is_some() {
            if let Some(result) = Job::poll(job) {
                return Some(result);
            }
            std::thread::yield_now();
        }
        None
    }

    #[test]
    fn a_job_ends_once_and_tells_how_far_it_is() {
        let (go_on, wait_for_it) = bounded::<()>(0);
        let job = Job::start(&Context::default(), "test", move |monitor| {
            monitor.report(0.5);
            wait_for_it.recv().is_ok()
        });
        let mut job = Some(job.unwrap());
        while job.as_ref().unwrap().part() < 0.5 {
            assert_eq!(Job::poll(&mut job), None);
            std::thread::yield_now();
        }
        go_on.send(()).unwrap();
        assert_eq!(wait(&mut job), Some(true));
        assert_eq!(Job::poll(&mut job), None);
    }

    #[test]
    fn a_dropped_job_is_asked_to_stop() {
        let (told, stopped) = bounded::<()>(1);
        let job: Job<(), f32> = Job::start(&Context::default(), "test", move |monitor| {
            while !monitor.is_stopped() {
                std::thread::yield_now();
            }
            told.send(()).unwrap();
        })
        .unwrap();
        drop(job);
        stopped.recv().unwrap();
    }
}
