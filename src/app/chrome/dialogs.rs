//! The system's file dialogs. They are made on the window's thread, as macOS asks, and waited for on another.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rfd::{AsyncFileDialog, FileHandle};

use crate::app::jobs::{Jobs, Report};
use crate::app::results::export::{Target, What};

/// Nobody closes a dialog this fast: there was none, because the system offers none.
const TOO_FAST: Duration = Duration::from_millis(150);

/// Ends of the names of images. Some dialogs tell capitals from small letters.
const IMAGES: [&str; 16] = [
    "tif", "tiff", "jp2", "j2k", "vrt", "png", "jpg", "jpeg", "webp", "TIF", "TIFF", "JP2", "VRT", "PNG",
    "JPG", "JPEG",
];

/// Asks for a scene.
pub fn pick_image(jobs: &Jobs, near: Option<&Path>) {
    let dialog = AsyncFileDialog::new()
        .set_title("Open an image")
        .add_filter("Images", &IMAGES)
        .add_filter("All files", &["*"]);
    wait(jobs, in_folder(dialog, near).pick_file(), Report::PickedImage);
}

/// Asks for the folder of a product.
pub fn pick_folder(jobs: &Jobs, near: Option<&Path>) {
    let dialog = AsyncFileDialog::new().set_title("Open the folder of a Sentinel-2 or Landsat product");
    wait(jobs, in_folder(dialog, near).pick_folder(), Report::PickedImage);
}

/// Asks for a model's folder.
pub fn pick_model(jobs: &Jobs, near: Option<&Path>) {
    let dialog = AsyncFileDialog::new().set_title("Choose a model's folder");
    wait(jobs, in_folder(dialog, near).pick_folder(), Report::PickedModel);
}

/// Asks where to save an export of `scene`, which has this name.
pub fn pick_target(jobs: &Jobs, what: What, name: &Path, scene: &Path) {
    let stem = name.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let extension = what.extension();
    let dialog = AsyncFileDialog::new()
        .set_title(what.title())
        .set_file_name(format!("{stem}-skysift.{extension}"))
        .add_filter(extension.to_uppercase(), &[extension]);
    wait(jobs, in_folder(dialog, Some(scene)).save_file(), move |path| {
        Report::PickedTarget(Target { what, path })
    });
}

/// Opens a dialog where a known file lies.
fn in_folder(dialog: AsyncFileDialog, near: Option<&Path>) -> AsyncFileDialog {
    match near.and_then(Path::parent).filter(|folder| folder.is_dir()) {
        Some(folder) => dialog.set_directory(folder),
        None => dialog,
    }
}

fn wait(
    jobs: &Jobs,
    dialog: impl Future<Output = Option<FileHandle>> + Send + 'static,
    report: impl FnOnce(PathBuf) -> Report + Send + 'static,
) {
    let opened = Instant::now();
    jobs.start("dialog", move |reporter| match pollster::block_on(dialog) {
        Some(file) => reporter.tell(report(file.path().to_owned())),
        None if opened.elapsed() < TOO_FAST => reporter.tell(Report::NoDialog),
        None => {}
    });
}
