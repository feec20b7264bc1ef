//! Dense scans from the outside: cells instead of windows, outlines instead of boxes.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::store::{assert_same_detections, command, detect, number, output, scene, search};
use crate::support::skysift;

const DENSE: [&str; 7] = ["--dense", "--tile", "64", "-k", "harbor", "-k", "forest"];

/// A store, and a scene beside it.
fn one_scene() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (scene, store) = (scene(folder.path(), "a.tif", 1), folder.path().join("store"));
    (folder, store, scene)
}

/// The message of a command that fails with a status.
fn failure(args: &[&str], store: &Path, status: i32) -> String {
    let (name, args) = args.split_first().unwrap();
    let failed = command(name, store).args(args).output().unwrap();
    assert_eq!(failed.status.code(), Some(status));
    String::from_utf8(failed.stderr).unwrap()
}

#[test]
fn outlines_are_found_and_asked_again_at_once() {
    let (_folder, store, scene) = one_scene();
    let first = detect(&store, &scene, &DENSE);
    assert_eq!((number(&first["known"]), first["dense"].as_bool()), (0, Some(true)));
    let detections = first["detections"].as_array().unwrap();
    assert!(!detections.is_empty());
    for found in detections {
        let [x, y, width, height] = ["x", "y", "width", "height"].map(|side| number(&found[side]));
        assert!(x + width <= 1024 && y + height <= 768 && width > 0 && height > 0);
        let corners = found["outline"].as_array().unwrap();
        assert!(corners.len() >= 4 && corners.len().is_multiple_of(2), "{corners:?}");
        for corner in corners {
            let (across, down) = (number(&corner[0]), number(&corner[1]));
            assert!((x..=x + width).contains(&across) && (y..=y + height).contains(&down));
        }
        // A pixel is 0.001 degrees: about 111 m down, less across.
        let area = found["area_m2"].as_f64().unwrap();
        assert!(area > 0.0 && area <= (width * height) as f64 * 111.4 * 111.4, "{found}");
    }
    // Of one keyword, regions have nothing in common, and the best comes first.
    let scores: Vec<f64> = detections
        .iter()
        .filter(|found| found["keyword"] == "harbor")
        .map(|found| found["probability"].as_f64().unwrap())
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b));

    let again = detect(&store, &scene, &DENSE);
    assert_eq!(number(&again["known"]), number(&first["windows"]));
    assert_same_detections(&again, &first);
}

#[test]
fn windows_know_nothing_of_cells() {
    let (_folder, store, scene) = one_scene();
    let windows = ["-k", "harbor", "--tile", "64"];
    let before = detect(Path::new("none"), &scene, &windows);
    detect(&store, &scene, &DENSE);
    let after = detect(&store, &scene, &windows);
    assert_eq!(number(&after["known"]), 0, "a cell is no window");
    assert_same_detections(&after, &before);
    let found = &after["detections"][0];
    let is_new = |name: &str| found.get(name).is_some();
    assert!(after.get("dense").is_none() && !is_new("outline") && !is_new("area_m2"));
}

#[test]
fn outlines_leave_as_polygons() {
    let (folder, store, scene) = one_scene();
    let polygons = |name: &str, args: &[&str]| -> Vec<Value> {
        let file = folder.path().join(name);
        let mut command = command("detect", &store);
        command.arg(&scene).args(DENSE).args(["--format", "geojson", "--top", "20", "-o"]).arg(&file);
        output(command.args(args));
        let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        written["features"].as_array().unwrap().clone()
    };
    let (degrees, pixels) = (polygons("degrees.geojson", &[]), polygons("pixels.geojson", &["--pixels"]));
    let ring = |feature: &Value| feature["geometry"]["coordinates"][0].as_array().unwrap().clone();
    assert!(degrees.iter().any(|feature| ring(feature).len() > 5), "some region is no rectangle");
    for (degrees, pixels) in degrees.iter().zip(&pixels) {
        let (lon_lat, corners) = (ring(degrees), ring(pixels));
        assert_eq!((lon_lat.first(), lon_lat.len()), (lon_lat.last(), corners.len()));
        assert_eq!(degrees["properties"]["outline"].as_array().unwrap().len() + 1, corners.len());
        let twice_area: f64 = lon_lat
            .windows(2)
            .map(|pair| {
                let [a, b] = [0, 1].map(|at| [0, 1].map(|axis| pair[at][axis].as_f64().unwrap()));
                a[0] * b[1] - b[0] * a[1]
            })
            .sum();
        assert!(twice_area > 0.0, "outer rings run counterclockwise");
    }
    // Pictures show them, too.
    let picture = folder.path().join("annotated.png");
    output(command("detect", &store).arg(&scene).args(DENSE).arg("--annotate").arg(&picture));
    assert!(image::open(&picture).is_ok());
}

#[test]
fn cells_are_indexed_and_searched() {
    let (folder, store, scene) = one_scene();
    let path = scene.to_str().unwrap();
    let missing = failure(&["search", "--dense", "-k", "harbor", path], &store, 1);
    assert!(missing.contains("skysift index --dense"), "{missing}");
    let printed = output(command("index", &store).arg(&scene).args(["--dense", "--tile", "64"]));
    assert!(printed.contains("0 of them known"), "{printed}");
    let windows = failure(&["search", "-k", "harbor", path], &store, 1);
    assert!(windows.contains("is not indexed"), "cells are no windows: {windows}");

    let found = search(&store, &["--dense", "-k", "harbor", path]);
    let scanned = detect(&store, &scene, &["--dense", "--tile", "64", "-k", "harbor"]);
    assert_eq!(number(&scanned["known"]), number(&scanned["windows"]));
    let places = |report: &Value| -> Vec<Value> {
        let detections = report["detections"].as_array().unwrap();
        detections.iter().map(|found| found["outline"].clone()).collect()
    };
    assert_eq!(places(&found), places(&scanned));

    let file = folder.path().join("cells.parquet");
    output(command("export-embeddings", &store).arg(&scene).arg("--dense").arg("-o").arg(&file));
    assert!(file.exists());
}

#[test]
fn an_example_is_what_its_cells_are() {
    let (_folder, store, scene) = one_scene();
    let like = format!("{},256,256,64,64", scene.display());
    let found = detect(&store, &scene, &["--dense", "--tile", "64", "--like", &like, "--top", "3"]);
    assert!(!found["detections"].as_array().unwrap().is_empty());
}

#[test]
fn what_does_not_go_together_is_told() {
    for other in [&["--step", "2"][..], &["--nms"], &["--merge"], &["--tight"], &["--coarse-first"]] {
        let failed = skysift().args(["detect", "a.tif", "-k", "x", "--dense"]).args(other).output().unwrap();
        let message = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert!(failed.status.code() == Some(2) && message.contains("cannot be used with"), "{message}");
    }
}
