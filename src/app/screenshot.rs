//! `--screenshot`: wait until everything is there, then save what the window shows.

use std::path::PathBuf;

use eframe::egui::{ColorImage, Context};

use super::App;
use super::jobs::{Jobs, Report, Reporter};
use super::results::filter::Show;
use crate::export::{ExportError, write_atomically};

/// Frames drawn with everything in place before the picture is taken: fades and layouts settle.
const SETTLE_FRAMES: u32 = 12;

/// Where the window stands with its screenshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Waiting for the scene, the scan and the patches.
    Waiting {
        quiet_frames: u32,
    },
    /// The picture was asked for and is being saved.
    Saving,
    Done,
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

    /// Counts a frame; takes the picture once enough frames showed everything.
    pub fn frame(&mut self, ctx: &Context, jobs: &Jobs, everything_is_there: bool) {
        let Stage::Waiting { quiet_frames } = &mut self.stage else { return };
        *quiet_frames = if everything_is_there { *quiet_frames + 1 } else { 0 };
        if *quiet_frames < SETTLE_FRAMES {
            // Keep going also when nobody touches the window, but leave the processor to the scan.
            ctx.request_repaint_after(std::time::Duration::from_millis(if everything_is_there {
                16
            } else {
                100
            }));
            return;
        }
        self.stage = Stage::Saving;
        let (reporter, path) = (jobs.reporter(), self.path.clone());
        ctx.request_screenshot(move |image| save(&reporter, path, image));
    }

    /// Remembers that the picture was saved, or could not be.
    pub fn saved(&mut self) {
        self.stage = Stage::Done;
    }

    #[must_use]
    pub fn done(&self) -> bool {
        self.stage == Stage::Done
    }
}

/// Encodes and writes on a thread of its own.
fn save(reporter: &Reporter, path: PathBuf, image: std::sync::Arc<ColorImage>) {
    let teller = reporter.clone();
    let spawned = std::thread::Builder::new().name("screenshot".to_owned()).spawn(move || {
        let saved = write(&path, &image).map_err(|error| error.to_string());
        teller.tell(Report::ScreenshotSaved(saved));
    });
    if let Err(error) = spawned {
        reporter.mention(Report::ScreenshotSaved(Err(format!("cannot save the screenshot: {error}"))));
    }
}

fn write(path: &std::path::Path, image: &ColorImage) -> Result<(), ExportError> {
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

impl App {
    pub(super) fn screenshot_saved(&mut self, ctx: &Context, saved: Result<(), String>) {
        if let Err(error) = saved {
            self.fail(ctx, error);
            return;
        }
        let Some(screenshot) = &mut self.screenshot else { return };
        screenshot.saved();
        if screenshot.exit {
            self.leave(ctx, None);
        }
    }

    /// Takes the screenshot once everything shows.
    pub(super) fn advance_screenshot(&mut self, ctx: &Context) {
        let everything = self.shows_everything();
        if let Some(screenshot) = &mut self.screenshot {
            screenshot.frame(ctx, &self.jobs, everything);
        }
    }

    /// Whether nothing is still to come of what the window shows.
    pub(super) fn shows_everything(&self) -> bool {
        let scene = match &self.scene {
            Some(open) => {
                let crops = self.settings.show == Show::List || open.crops.complete();
                open.patches.complete() && open.picture.settled() && crops
            }
            None => self.opening.is_none(),
        };
        let idle = !self.search.running() && !self.scan_when_ready && !self.view.flying();
        scene && idle && self.heat_map_is_there()
    }
}
