//! The download of one model, on a thread of its own.

use std::time::{Duration, Instant};

use eframe::egui::Context;

use crate::app::format;
use crate::app::jobs::{Job, Monitor, OutOfThreads};
use crate::models::{DownloadProgress, ModelError, ModelPlaces, Pace, Watch, size_text};

/// Progress is told this often at most.
const REST: Duration = Duration::from_millis(100);

/// A download, whether it runs or not.
pub struct Download {
    name: String,
    progress: DownloadProgress,
    pace: Pace,
    state: State,
    job: Option<Job<Result<(), ModelError>, DownloadProgress>>,
}

/// What a download does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    /// It was asked to stop, and will in a moment.
    Pausing,
    Cancelling,
    Paused,
    Failed(String),
}

impl Download {
    /// Begins to fetch a model. `progress` is how far an earlier download of it came.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(
        ctx: &Context,
        place: ModelPlaces,
        name: &str,
        progress: DownloadProgress,
    ) -> Result<Self, OutOfThreads> {
        let wanted = name.to_owned();
        let job = Job::start(ctx, "download a model", move |monitor| fetch(&place, &wanted, monitor))?;
        let (pace, state) = (Pace::default(), State::Running);
        Ok(Self { name: name.to_owned(), progress, pace, state, job: Some(job) })
    }

    /// The name of the model.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn progress(&self) -> &DownloadProgress {
        &self.progress
    }

    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Notes how far it is. Returns how it ended, once it has.
    pub fn poll(&mut self) -> Option<Result<(), ModelError>> {
        let fetched = Job::poll(&mut self.job);
        if let Some(progress) = self.job.as_ref().and_then(Job::progress).filter(|now| **now != self.progress)
        {
            self.pace.note(Instant::now(), progress.done);
            self.progress = progress.clone();
        }
        fetched
    }

    /// Asks it to stop; `state` tells what for.
    pub fn stop(&mut self, state: State) {
        if let Some(job) = &self.job {
            job.stop();
        }
        self.state = state;
    }

    /// It has ended before all was there.
    pub fn end(&mut self, error: ModelError) {
        self.state = match error {
            ModelError::Stopped => State::Paused,
            error => State::Failed(error.to_string()),
        };
    }

    /// The part that is here, 0 to 1.
    #[must_use]
    pub fn part(&self) -> f32 {
        self.progress.done as f32 / self.progress.total.max(1) as f32
    }

    /// "123 MB of 605 MB, 5.5 MB a second, about 2 min left".
    #[must_use]
    pub fn how_far(&self) -> String {
        let Self { progress, pace, state, .. } = self;
        let far = format!("{} of {}", size_text(progress.done), size_text(progress.total));
        match state {
            State::Pausing | State::Cancelling => return format!("{far}, stopping…"),
            State::Paused => return format!("{far}, paused"),
            _ if progress.waiting => return "Another program is fetching it; waiting for that".to_owned(),
            _ if progress.total == 0 => return "Asking the hub…".to_owned(),
            _ => {}
        }
        let speed = pace.speed().map(|speed| format!(", {} a second", size_text(speed as u64)));
        let left = pace.seconds_left(progress.total.saturating_sub(progress.done));
        let left = left.map(|seconds| format!(", {} left", format::about(seconds)));
        format!("{far}{}{}", speed.unwrap_or_default(), left.unwrap_or_default())
    }
}

fn fetch(place: &ModelPlaces, name: &str, monitor: &Monitor<DownloadProgress>) -> Result<(), ModelError> {
    let models = place.models()?;
    let entry = models.named(name)?;
    let mut told: Option<(Instant, String, bool)> = None;
    let mut tell = |progress: &DownloadProgress| {
        let now = Instant::now();
        let news = told.as_ref().is_none_or(|(last, file, waiting)| {
            now.duration_since(*last) >= REST || *file != progress.file || *waiting != progress.waiting
        });
        if news {
            told = Some((now, progress.file.clone(), progress.waiting));
            monitor.report(progress.clone());
        }
    };
    models.fetch(entry, &mut Watch::new(monitor.stop_flag(), &mut tell)).map(drop)
}
