//! Painted scenes from the outside.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use skysift::raster::{Rect, Scene};
use tempfile::TempDir;

use crate::support::skysift;

fn sample_scene(folder: &TempDir, args: &[&str]) -> Output {
    skysift().arg("sample-scene").args(args).current_dir(folder.path()).output().unwrap()
}

fn paint(folder: &TempDir, args: &[&str]) {
    let output = sample_scene(folder, args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn assert_fails(output: &Output, status: i32, words: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert!(stderr.contains(words), "{stderr:?} does not say {words:?}");
    if status == 1 {
        assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr:?} is not one line");
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_same_seed_paints_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    for (name, seed) in [("a.tif", "7"), ("b.tif", "7"), ("c.tif", "8")] {
        paint(&folder, &["--size", "768x512", "--seed", seed, "-o", name]);
    }
    let [a, b, c] = ["a.tif", "b.tif", "c.tif"].map(|name| read(&folder.path().join(name)));
    assert_eq!(a, b);
    assert_ne!(a, c);
    // Nothing temporary is left.
    assert_eq!(names(folder.path()), ["a.tif", "b.tif", "c.tif"]);
}

#[test]
fn the_program_opens_what_it_painted() {
    let folder = TempDir::new().unwrap();
    paint(&folder, &["--size", "1100x700", "--gsd", "0.4", "-o", "coast.tif"]);
    let scene = Scene::open(&folder.path().join("coast.tif")).unwrap();
    assert_eq!(scene.size(), (1100, 700));
    assert_eq!(scene.info().epsg, Some(32654));
    assert_eq!(scene.level_sizes(), [(1100, 700), (550, 350), (275, 175), (138, 88)]);
    // The place of the far corner follows from that of the near one and the pixels' size.
    let (near, far) = (scene.lon_lat(0.0, 0.0).unwrap(), scene.lon_lat(0.0, 700.0).unwrap());
    let metres = (near.1 - far.1) * 111_000.0;
    assert!((metres - 280.0).abs() < 3.0, "{metres} m");
    // It's a picture, and its overviews show the same.
    let mean = |level: usize| {
        let (width, height) = scene.level_sizes()[level];
        let pixels = scene.read(level, Rect::new(0, 0, width, height)).unwrap().rgba;
        let green: u64 = pixels.chunks_exact(4).map(|pixel| u64::from(pixel[1])).sum();
        green as f64 / (f64::from(width) * f64::from(height))
    };
    assert!((30.0..220.0).contains(&mean(0)), "{}", mean(0));
    assert!((mean(0) - mean(3)).abs() < 6.0, "{} and {}", mean(0), mean(3));
}

#[test]
fn the_truth_lies_within_the_scene_and_names_every_kind() {
    let folder = TempDir::new().unwrap();
    // As large a piece of the world as the default scene, in fewer pixels.
    paint(&folder, &["--size", "1024", "--gsd", "2", "-o", "coast.tif", "--truth", "truth.json"]);
    let truth: Value = serde_json::from_slice(&read(&folder.path().join("truth.json"))).unwrap();
    assert_eq!(truth["images"][0]["file_name"], "coast.tif");
    let annotations = truth["annotations"].as_array().unwrap();
    for annotation in annotations {
        let side = |index: usize| annotation["bbox"][index].as_u64().unwrap();
        assert!(side(2) > 0 && side(3) > 0, "{annotation}");
        assert!(side(0) + side(2) <= 1024 && side(1) + side(3) <= 1024, "{annotation}");
    }
    for category in truth["categories"].as_array().unwrap() {
        let found = annotations.iter().any(|annotation| annotation["category_id"] == category["id"]);
        assert!(found, "no {}", category["name"]);
    }
    let is_there =
        |name: &str| truth["categories"].as_array().unwrap().iter().any(|kind| kind["name"] == name);
    assert!(["harbor", "beach", "storage tanks", "airplane", "sea"].into_iter().all(is_there));
}

#[test]
fn a_scene_goes_on_the_same_however_wide_it_is() {
    let folder = TempDir::new().unwrap();
    paint(&folder, &["--size", "4608x512", "-o", "narrow.tif"]);
    paint(&folder, &["--size", "20000x512", "-o", "wide.tif"]);
    let part = |name: &str| {
        let scene = Scene::open(&folder.path().join(name)).unwrap();
        scene.read(0, Rect::new(0, 0, 4608, 512)).unwrap().rgba
    };
    assert!(part("narrow.tif") == part("wide.tif"));
}

#[test]
fn a_very_wide_scene_opens() {
    let folder = TempDir::new().unwrap();
    paint(&folder, &["--size", "100000x512", "-o", "strip.tif", "--truth", "strip.json"]);
    let scene = Scene::open(&folder.path().join("strip.tif")).unwrap();
    assert_eq!(scene.size(), (100_000, 512));
    let end = scene.read(0, Rect::new(99_900, 400, 100, 112)).unwrap().rgba;
    assert!(end.chunks_exact(4).any(|pixel| pixel != &end[..4]));
    let truth: Value = serde_json::from_slice(&read(&folder.path().join("strip.json"))).unwrap();
    assert!(truth["annotations"].as_array().unwrap().len() > 100);
}

#[test]
fn patches_lie_in_folders_named_after_what_they_show() {
    let folder = TempDir::new().unwrap();
    paint(&folder, &["--patches", "patches", "--count", "2", "--seed", "5"]);
    let kinds = names(&folder.path().join("patches"));
    assert!(kinds.len() >= 18, "{kinds:?}");
    assert!(kinds.contains(&"harbor".to_owned()) && kinds.contains(&"tennis court".to_owned()));
    for kind in &kinds {
        let files = names(&folder.path().join("patches").join(kind));
        assert_eq!(files, ["00000.jpg", "00001.jpg"], "{kind}");
    }
    let patch = Scene::open(&folder.path().join("patches/harbor/00001.jpg")).unwrap();
    assert_eq!(patch.size(), (256, 256));
}

#[test]
fn rich_patches_show_what_no_scene_holds() {
    let folder = TempDir::new().unwrap();
    paint(&folder, &["--patches", "plain", "--count", "1", "--seed", "5"]);
    paint(&folder, &["--patches", "rich", "--count", "1", "--seed", "5", "--rich"]);
    let (plain, rich) = (names(&folder.path().join("plain")), names(&folder.path().join("rich")));
    assert!(plain.iter().all(|kind| rich.contains(kind)), "{rich:?}");
    let sites =
        ["stadium", "running track", "bridge", "ships at sea", "railway station", "airport", "clouds"];
    let land = ["bare land", "commercial area", "desert", "meadow", "mountain", "pond"];
    for kind in sites.into_iter().chain(land) {
        assert!(rich.contains(&kind.to_owned()) && !plain.contains(&kind.to_owned()), "{kind}");
        let patch = Scene::open(&folder.path().join("rich").join(kind).join("00000.jpg")).unwrap();
        assert_eq!(patch.size(), (256, 256), "{kind}");
    }
}

#[test]
fn bad_arguments_end_in_a_sentence() {
    let folder = TempDir::new().unwrap();
    for size in ["0", "0x512", "512x0", "1000001", "99999999999x512"] {
        assert_fails(&sample_scene(&folder, &["--size", size, "-o", "a.tif"]), 1, "cannot be painted");
    }
    for gsd in ["0", "-1", "NaN", "1000"] {
        let gsd = format!("--gsd={gsd}");
        assert_fails(&sample_scene(&folder, &[&gsd, "-o", "a.tif"]), 1, "cannot be painted");
    }
    assert_fails(&sample_scene(&folder, &["--size", "wide", "-o", "a.tif"]), 2, "not a number of pixels");
    assert_fails(&sample_scene(&folder, &["--size", "512"]), 2, "--output");
    assert_fails(&sample_scene(&folder, &["--patches", "p"]), 2, "--count");
    assert_fails(&sample_scene(&folder, &["--count", "2", "-o", "a.tif"]), 2, "--patches");
    assert_fails(&sample_scene(&folder, &["--rich", "-o", "a.tif"]), 2, "--patches");
    assert_fails(
        &sample_scene(&folder, &["--size", "512", "-o", "no/such/folder/a.tif"]),
        1,
        "no/such/folder/a.tif",
    );
    assert!(names(folder.path()).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_in_a_sentence_that_names_the_file() {
    let folder = TempDir::new().unwrap();
    assert_fails(&sample_scene(&folder, &["--size", "512", "-o", "/dev/full"]), 1, "cannot write /dev/full");
}
