//! Overviews that Skysift makes: read by itself, read by GDAL, and whole or not there at all.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use skysift::raster::{Pixels, Rect, Scene, SceneOptions, SceneView, Storage, write_overviews};
use tempfile::TempDir;

use crate::support::{require, skysift, write_striped_tiff};

/// The cache folder of all tests of this program.
fn cache() -> &'static Path {
    static CACHE: OnceLock<TempDir> = OnceLock::new();
    CACHE.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

/// Opens a scene with that cache folder.
fn open(path: &Path) -> Scene {
    let storage = Storage { cache: Some(cache().to_owned()), ..Storage::default() };
    Scene::open_with(path, &SceneOptions::from(&storage)).unwrap()
}

/// A colour that changes slowly, so that means are easily told.
fn colour(x: u32, y: u32) -> [u8; 3] {
    [(x / 32 % 256) as u8, (y / 32 % 256) as u8, ((x + y) / 64 % 256) as u8]
}

/// A striped RGB image without overviews.
fn striped(folder: &Path, width: u32, height: u32) -> PathBuf {
    let path = folder.join("scene.tif");
    write_striped_tiff(&path, (width, height), colour);
    path
}

/// Files that stand for something half done.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
}

fn mean(pixels: &Pixels) -> [f64; 3] {
    let count = pixels.rgba.len() as f64 / 4.0;
    [0, 1, 2].map(|band| pixels.rgba.chunks(4).map(|pixel| f64::from(pixel[band])).sum::<f64>() / count)
}

#[test]
fn a_scene_without_overviews_gets_some_and_keeps_them() {
    cache();
    let folder = tempfile::tempdir().unwrap();
    let path = striped(folder.path(), 5000, 4300);
    let scene = Arc::new(open(&path));
    assert!(scene.lacks_overviews());
    let own = scene.read_scaled(Rect::new(0, 0, 5000, 4300), 250, 215).unwrap();

    let steps = AtomicUsize::new(0);
    let made = scene.make_overviews(&|part| {
        assert!((0.0..=1.0).contains(&part));
        steps.fetch_add(1, Ordering::SeqCst);
        true
    });
    assert!(made.unwrap());
    assert!(steps.into_inner() > 2);
    assert!(!scene.lacks_overviews());

    // What a model sees is the same as before; what is shown comes from the overviews, and looks the same.
    assert_eq!(scene.level_sizes(), [(5000, 4300)]);
    assert_eq!(scene.read_scaled(Rect::new(0, 0, 5000, 4300), 250, 215).unwrap(), own);
    let shown = SceneView::with_default_settings(Arc::clone(&scene))
        .read_scaled(Rect::new(0, 0, 5000, 4300), 250, 215)
        .unwrap();
    for (shown, own) in mean(&shown).into_iter().zip(mean(&own)) {
        assert!((shown - own).abs() < 1.0, "{shown} for {own}");
    }

    let again = open(&path);
    assert!(!again.lacks_overviews(), "they were made anew");
    // Another date is another scene.
    std::fs::File::options().append(true).open(&path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    assert!(open(&path).lacks_overviews());
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "something was written beside the source"
    );
}

#[test]
fn whoever_stops_is_left_with_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = striped(folder.path(), 5000, 4300);
    let target = folder.path().join("out.ovr");
    assert!(!write_overviews(&path, &target, &|part| part < 0.4).unwrap());
    assert!(!target.exists());
    assert_eq!(leftovers(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_file_that_shrinks_meanwhile_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = striped(folder.path(), 5000, 4300);
    let target = folder.path().join("out.ovr");
    let error = write_overviews(&path, &target, &|part| {
        if part > 0.3 {
            std::fs::File::options().write(true).open(&path).unwrap().set_len(10_000_000).unwrap();
        }
        true
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("scene.tif"), "{error}");
    assert!(!target.exists());
}

#[test]
fn pyramid_writes_what_gdal_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = striped(folder.path(), 3001, 2050);
    let output = skysift().arg("pyramid").arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sizes = [(1501, 1025), (751, 513), (376, 257), (188, 129)];
    let scene = open(&path);
    assert_eq!(scene.level_sizes()[1..], sizes);
    let half = scene.read_samples(1, Rect::new(700, 400, 2, 1)).unwrap();
    let expected = [700, 701].map(|x| {
        [0, 1, 2].map(|band| {
            let corners = [(0, 0), (1, 0), (0, 1), (1, 1)];
            let sum: u32 = corners.iter().map(|(dx, dy)| u32::from(colour(2 * x + dx, 800 + dy)[band])).sum();
            ((sum + 2) / 4) as u8
        })
    });
    assert_eq!(half.data, expected.as_flattened());

    // A second time only with --force.
    let again = skysift().arg("pyramid").arg(&path).output().unwrap();
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));

    if !require("gdal") {
        return;
    }
    let gdal = Command::new("gdalinfo").arg(&path).output().unwrap();
    let text = String::from_utf8_lossy(&gdal.stdout).into_owned();
    assert!(text.contains("Overviews: 1501x1025, 751x513, 376x257, 188x129"), "{text}");
    let raw = folder.path().join("gdal.raw");
    let dump = |source: &Path| {
        let mut command = Command::new("gdal_translate");
        command.args(["-q", "-of", "ENVI", "-co", "INTERLEAVE=BIP", "-oo", "OVERVIEW_LEVEL=1"]);
        assert!(command.arg(source).arg(&raw).status().unwrap().success());
        std::fs::read(&raw).unwrap()
    };
    let ours = dump(&path);
    assert_eq!(ours, scene.read_samples(2, Rect::new(0, 0, 751, 513)).unwrap().data);
    // As GDAL's own averages are, give or take the rounding of the level between.
    std::fs::remove_file(folder.path().join("scene.tif.ovr")).unwrap();
    let args = ["-q", "-ro", "-r", "average"];
    assert!(Command::new("gdaladdo").args(args).arg(&path).args(["2", "4"]).status().unwrap().success());
    let theirs = dump(&path);
    assert_eq!(ours.len(), theirs.len());
    let worst = ours.iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= 1, "{worst}");
}

#[test]
fn killed_in_the_middle_nothing_is_half_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = striped(folder.path(), 9000, 9000);
    let target = folder.path().join("scene.tif.ovr");
    // Killed at the first sign of what it writes, and some time later; often enough to hit it in the middle.
    let mut unfinished = 0;
    for pause in [0, 20, 60, 150, 300] {
        let mut child =
            skysift().args(["pyramid", "--force"]).arg(&path).stdout(Stdio::null()).spawn().unwrap();
        let before = folder.path().read_dir().unwrap().count();
        while folder.path().read_dir().unwrap().count() == before && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(pause));
        unfinished += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!target.exists() || open(&path).level_sizes().len() == 7);
    }
    assert!(unfinished > 0, "no kill fell into the writing");
    let output = skysift().args(["pyramid", "--force"]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(open(&path).level_sizes().last(), Some(&(141, 141)));
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = striped(folder.path(), 5000, 4300);
    // Files may grow to 20 kB.
    let script = "trap '' XFSZ; ulimit -f 20; exec \"$@\"";
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash"]).arg(env!("CARGO_BIN_EXE_skysift")).arg("pyramid").arg(&path);
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("cannot write overviews of") && error.contains("free some space"), "{error}");
    assert!(!folder.path().join("scene.tif.ovr").exists());
    assert_eq!(leftovers(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn without_need_none_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = striped(folder.path(), 200, 100);
    let output = skysift().arg("pyramid").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs no more overviews"));
}
