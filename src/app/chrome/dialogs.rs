//! The system's file dialogs. They are made on the window's thread, as macOS asks, and waited for on another.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use eframe::egui::Context;
use rfd::{AsyncFileDialog, FileHandle};

use crate::app::action::Action;
use crate::app::format;
use crate::app::jobs::{Job, OutOfThreads};
use crate::app::results::export::{ExportTarget, What};

/// Nobody closes a dialog this fast: there was none, because the system offers none.
const TOO_FAST: Duration = Duration::from_millis(150);
const DIALOGS: &str = "on Linux, installing xdg-desktop-portal or zenity brings the dialogs";

/// Ends of the names of images. Some dialogs tell capitals from small letters.
const IMAGES: [&str; 16] = [
    "tif", "tiff", "jp2", "j2k", "vrt", "png", "jpg", "jpeg", "webp", "TIF", "TIFF", "JP2", "VRT", "PNG",
    "JPG", "JPEG",
];

/// What a dialog asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Image,
    Model,
    Export(What),
}

impl Purpose {
    /// What to do where there is no dialog.
    fn way_out(self) -> String {
        let way = match self {
            Self::Image => "Drop the file on the window, or name it on the command line",
            Self::Model => {
                "Drop the model's folder on the window, or name it with --model on the command line"
            }
            Self::Export(What::Picture | What::View) => "Save pictures with skysift detect --annotate",
            Self::Export(_) => "Save results with skysift detect --output",
        };
        format!("No file dialog could be opened. {way}; {DIALOGS}.")
    }
}

/// What came of a dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Picked {
    Path(PathBuf),
    Nothing,
    /// It was closed so fast that there was none.
    NoDialog,
}

/// A dialog that is open.
struct FileDialog {
    purpose: Purpose,
    job: Option<Job<Picked>>,
}

/// All dialogs that are open.
#[derive(Default)]
pub struct FileDialogs {
    open: Vec<FileDialog>,
    /// The last one couldn't be opened.
    failed: Option<OutOfThreads>,
}

impl FileDialogs {
    pub fn pick_image(&mut self, ctx: &Context, near: Option<&Path>) {
        let dialog = AsyncFileDialog::new()
            .set_title("Open an image – Skysift")
            .add_filter("Images", &IMAGES)
            .add_filter("All files", &["*"]);
        self.wait(ctx, Purpose::Image, in_folder(dialog, near).pick_file());
    }

    pub fn pick_folder(&mut self, ctx: &Context, near: Option<&Path>) {
        let dialog =
            AsyncFileDialog::new().set_title("Open the folder of a Sentinel-2 or Landsat product – Skysift");
        self.wait(ctx, Purpose::Image, in_folder(dialog, near).pick_folder());
    }

    pub fn pick_model(&mut self, ctx: &Context, near: Option<&Path>) {
        let dialog = AsyncFileDialog::new().set_title("Choose a model's folder – Skysift");
        self.wait(ctx, Purpose::Model, in_folder(dialog, near).pick_folder());
    }

    pub fn pick_target(&mut self, ctx: &Context, what: What, scene: &Path) {
        let name = PathBuf::from(format::file_name(scene));
        let stem = name.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let extension = what.extension();
        let dialog = AsyncFileDialog::new().set_title(format!("{} – Skysift", what.title()));
        let dialog = if extension.is_empty() {
            // A folder that isn't there yet is named like a file.
            dialog.set_file_name(format!("{stem}-skysift"))
        } else {
            dialog
                .set_file_name(format!("{stem}-skysift.{extension}"))
                .add_filter(extension.to_uppercase(), &[extension])
        };
        self.wait(ctx, Purpose::Export(what), in_folder(dialog, Some(scene)).save_file());
    }

    fn wait(
        &mut self,
        ctx: &Context,
        purpose: Purpose,
        dialog: impl Future<Output = Option<FileHandle>> + Send + 'static,
    ) {
        let opened = Instant::now();
        let job = Job::start(ctx, "dialog", move |_| match pollster::block_on(dialog) {
            Some(file) => Picked::Path(file.path().to_owned()),
            None if opened.elapsed() < TOO_FAST => Picked::NoDialog,
            None => Picked::Nothing,
        });
        match job {
            Ok(job) => self.open.push(FileDialog { purpose, job: Some(job) }),
            Err(error) => self.failed = Some(error),
        }
    }

    /// Takes what was picked.
    pub fn poll(&mut self) -> Vec<Action> {
        let failed = self.failed.take().map(|error| Action::ShowError(error.to_string()));
        let mut actions: Vec<Action> = failed.into_iter().collect();
        self.open.retain_mut(|dialog| {
            let picked = Job::poll(&mut dialog.job);
            actions.extend(picked.and_then(|picked| action(dialog.purpose, picked)));
            dialog.job.is_some()
        });
        actions
    }
}

/// What to do with what was picked.
fn action(purpose: Purpose, picked: Picked) -> Option<Action> {
    Some(match (picked, purpose) {
        (Picked::Path(path), Purpose::Image) => Action::Open(path),
        (Picked::Path(path), Purpose::Model) => Action::ChooseModel(path),
        (Picked::Path(path), Purpose::Export(what)) => Action::Export(ExportTarget { what, path }),
        (Picked::NoDialog, purpose) => Action::ShowError(purpose.way_out()),
        (Picked::Nothing, _) => return None,
    })
}

/// Opens a dialog where a known file lies.
fn in_folder(dialog: AsyncFileDialog, near: Option<&Path>) -> AsyncFileDialog {
    match near.and_then(Path::parent).filter(|folder| folder.is_dir()) {
        Some(folder) => dialog.set_directory(folder),
        None => dialog,
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    /// What the window does after a dialog that gives this.
    fn outcome(picked: Option<PathBuf>, wait: Duration) -> Vec<Action> {
        let mut dialogs = FileDialogs::default();
        let opened = Instant::now();
        // Another thread wakes whoever waits, as the system does.
        let dialog = std::future::poll_fn(move |context| {
            if opened.elapsed() >= wait {
                return Poll::Ready(picked.clone().map(FileHandle::from));
            }
            let waker = context.waker().clone();
            std::thread::spawn(move || {
                std::thread::sleep(wait);
                waker.wake();
            });
            Poll::Pending
        });
        dialogs.wait(&Context::default(), Purpose::Image, dialog);
        loop {
            let actions = dialogs.poll();
            if dialogs.open.is_empty() {
                return actions;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_dialog_is_waited_for() {
        let path = PathBuf::from("scene.tif");
        let actions = outcome(Some(path.clone()), Duration::from_millis(20));
        assert!(matches!(&actions[..], [Action::Open(opened)] if *opened == path), "{actions:?}");
    }

    #[test]
    fn the_way_out_fits_what_was_asked_for() {
        assert!(Purpose::Model.way_out().contains("--model"));
        assert!(Purpose::Export(What::Csv).way_out().contains("--output"));
        assert!(Purpose::Export(What::View).way_out().contains("--annotate"));
    }

    #[test]
    fn no_dialog_at_all_is_told_and_a_cancelled_one_is_not() {
        let actions = outcome(None, Duration::ZERO);
        assert!(
            matches!(&actions[..], [Action::ShowError(error)] if *error == Purpose::Image.way_out()),
            "{actions:?}"
        );
        assert!(outcome(None, 2 * TOO_FAST).is_empty());
    }
}
