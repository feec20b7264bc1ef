//! `--screenshot`: wait until everything is there, then save what the window shows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::bounded;
use eframe::egui::{ColorImage, Context};

use super::jobs::{Job, OutOfThreads};
use crate::export::{ExportError, write_atomically};

/// Frames drawn with everything in place before the picture is taken: fades and layouts settle.
const SETTLE_FRAMES: u32 = 12;

/// Where the window stands with its screenshot.
enum Stage {
    /// Waiting for the scene, the scan and the patches.
    Waiting {
        quiet_frames: u32,
    },
    /// The picture was asked for and is being saved.
    Saving(Option<Job<Result<(), ExportError>>>),
    Done,
}

/// Why the picture could not be saved.
#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    #[error(transparent)]
    Write(#[from] ExportError),
    #[error("cannot save the screenshot: {0}")]
    NoThread(#[from] OutOfThreads),
}

/// A screenshot that was asked for on the command line.
pub struct Screenshot {
    path: PathBuf,
    stage: Stage,
    /// Leave when it is saved.
    pub exit: bool,
}

impl Screenshot {
    #[must_use]
    pub fn new(path: PathBuf, exit: bool) -> Self {
        Self { path, stage: Stage::Waiting { quiet_frames: 0 }, exit }
    }

    /// Counts a frame; takes the picture once enough frames showed everything. Returns how saving it went,
    /// once it has ended.
    pub fn frame(&mut self, ctx: &Context, everything_is_there: bool) -> Option<Result<(), ScreenshotError>> {
        let quiet_frames = match &mut self.stage {
            Stage::Waiting { quiet_frames } => quiet_frames,
            Stage::Saving(job) => {
                let saved = Job::poll(job)?;
                self.stage = Stage::Done;
                return Some(saved.map_err(ScreenshotError::from));
            }
            Stage::Done => return None,
        };
        *quiet_frames = if everything_is_there { *quiet_frames + 1 } else { 0 };
        if *quiet_frames < SETTLE_FRAMES {
            // Keep going also when nobody touches the window, but leave the processor to the scan.
            let pause = if everything_is_there { 16 } else { 100 };
            ctx.request_repaint_after(std::time::Duration::from_millis(pause));
            return None;
        }
        let (sender, image) = bounded::<Arc<ColorImage>>(1);
        let path = self.path.clone();
        let job = Job::start(ctx, "screenshot", move |_| match image.recv() {
            Ok(image) => write(&path, &image),
            // The window was closed before.
            Err(_) => Ok(()),
        });
        let job = match job {
            Ok(job) => job,
            Err(error) => {
                self.stage = Stage::Done;
                return Some(Err(error.into()));
            }
        };
        self.stage = Stage::Saving(Some(job));
        ctx.request_screenshot(move |image| {
            let _ = sender.send(image);
        });
        None
    }

    #[must_use]
    pub fn done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }
}

fn write(path: &Path, image: &ColorImage) -> Result<(), ExportError> {
    let failed = |source| ExportError::Write { path: path.display().to_string(), source };
    let [width, height] = image.size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    let rgb: Vec<u8> = image.pixels.iter().flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()]).collect();
    write_atomically(path, |out| {
        let mut encoder = png::Encoder::new(out, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&rgb))
            .map_err(|error| failed(std::io::Error::other(error)))
    })
}
