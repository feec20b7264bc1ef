//! Opening a scene without a window, with a bar while a large picture is decoded.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};

use super::progress_bar::progress;
use crate::raster::{OpenProgress, RasterError, Scene, SceneOptions, Storage};

/// How often the bar moves; whatever opens faster shows none.
const STEP: Duration = Duration::from_millis(200);

/// Opens a scene.
///
/// # Errors
/// As [`Scene::open`].
pub fn open_scene(image: &Path, quiet: bool, storage: &Storage) -> Result<Scene, RasterError> {
    if quiet {
        return Scene::open_with(image, &SceneOptions::from(storage));
    }
    let opening = OpenProgress::default();
    let watched = opening.clone();
    let (opened, wait) = bounded::<()>(0);
    thread::scope(|scope| {
        let show = move || {
            let mut bar = None;
            while wait.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
                if let Some(part) = watched.fraction() {
                    let bar = bar.get_or_insert_with(|| progress(1000, "thousandths decoded"));
                    bar.set_position((part * 1000.0) as u64);
                }
            }
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
        };
        // Without a thread there is no bar.
        let _ = thread::Builder::new().spawn_scoped(scope, show);
        let options = SceneOptions { progress: opening, ..SceneOptions::from(storage) };
        let scene = Scene::open_with(image, &options);
        drop(opened);
        scene
    })
}
