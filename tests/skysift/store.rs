//! Embeddings that are kept, from the outside: index, search, export-embeddings.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use skysift::store::{Collection, Inventory, Store};
use tempfile::TempDir;
use tiff_reader::{PhotometricInterpretation, Tag, TagValue};
use tiff_writer::{ImageBuilder, TiffWriter, WriteOptions};

use crate::needed;
use crate::support::{skysift, tiny_model};

pub const WIDTH: u32 = 1024;
pub const HEIGHT: u32 = 768;
/// Windows of 4 x 4 tiles of 64 pixels: 13 columns, 9 rows.
pub const GRID: [&str; 4] = ["--tile", "64", "--window", "4"];
pub const WINDOWS: usize = 13 * 9;

/// Squares of colours that depend on `seed`, in degrees.
pub fn scene(folder: &Path, name: &str, seed: u32) -> PathBuf {
    let path = folder.join(name);
    let mut writer = TiffWriter::new(std::fs::File::create(&path).unwrap(), WriteOptions::auto()).unwrap();
    let step = 0.001;
    let matrix = [
        [step, 0.0, 0.0, 10.0 + f64::from(seed)],
        [0.0, -step, 0.0, 50.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0],
    ];
    let keys = vec![1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326];
    let image = ImageBuilder::new(WIDTH, HEIGHT)
        .sample_type::<u8>()
        .samples_per_pixel(3)
        .photometric(PhotometricInterpretation::Rgb)
        .strips(64)
        .tag(Tag::new(34264, TagValue::Double(matrix.concat())))
        .tag(Tag::new(34735, TagValue::Short(keys)));
    let handle = writer.add_image(image).unwrap();
    let colour = |x: u32, y: u32| {
        let mixed =
            (x / 32 + 1).wrapping_mul(2_654_435_761) ^ (y / 32 + seed * 97).wrapping_mul(2_246_822_519);
        [(mixed >> 8) as u8, (mixed >> 16) as u8, (mixed >> 24) as u8]
    };
    for (index, top) in (0..HEIGHT).step_by(64).enumerate() {
        let strip: Vec<u8> =
            (top..top + 64).flat_map(|y| (0..WIDTH).flat_map(move |x| colour(x, y))).collect();
        writer.write_block(&handle, index, &strip).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// A command with the tiny model and a store.
pub fn command(name: &str, store: &Path) -> Command {
    let mut command = skysift();
    command.arg(name).arg("--model").arg(tiny_model()).arg("--store").arg(store);
    if name != "export-embeddings" {
        command.args(["--device", "cpu"]);
    }
    command
}

pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub fn index(store: &Path, images: &[&Path]) -> String {
    output(command("index", store).args(images).args(GRID))
}

pub fn detect(store: &Path, image: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&output(command("detect", store).arg(image).args(args))).unwrap()
}

pub fn search(store: &Path, args: &[&str]) -> Value {
    serde_json::from_str(&output(command("search", store).args(args))).unwrap()
}

pub fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// A store, and two scenes beside it.
pub fn two_scenes() -> (TempDir, PathBuf, [PathBuf; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir_all(images.join("deep")).unwrap();
    let scenes = [scene(&images, "a.tif", 1), scene(&images.join("deep"), "b.tif", 2)];
    let store = folder.path().join("store");
    (folder, store, scenes)
}

#[test]
fn what_was_indexed_is_never_encoded_again() {
    let (_folder, store, [image, _]) = two_scenes();
    let said = index(&store, &[&image]);
    assert!(said.contains(&format!("{WINDOWS} windows, 0 of them known")), "{said}");
    let said = index(&store, &[&image]);
    assert!(said.contains(&format!("{WINDOWS} windows, {WINDOWS} of them known")), "{said}");
    for keyword in ["harbor", "field"] {
        let found = detect(&store, &image, &[&["-k", keyword], &GRID[..]].concat());
        assert_eq!((number(&found["windows"]), number(&found["known"])), (WINDOWS, WINDOWS));
        let fresh = detect(Path::new("none"), &image, &[&["-k", keyword], &GRID[..]].concat());
        assert_eq!(number(&fresh["known"]), 0);
        assert_eq!(found["detections"], fresh["detections"]);
    }
    // The same pixels, cut into other tiles.
    let coarser = detect(&store, &image, &["-k", "harbor", "--tile", "128", "--window", "2"]);
    assert_eq!((number(&coarser["windows"]), number(&coarser["known"])), (35, 35));
}

#[test]
fn a_folder_is_searched_and_a_damaged_image_is_told() {
    let (folder, store, _) = two_scenes();
    let images = folder.path().join("images");
    std::fs::write(images.join("c.tif"), "no image").unwrap();
    std::fs::write(images.join("notes.txt"), "no image either").unwrap();
    let output = command("index", &store).arg(&images).args(GRID).output().unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(said.contains("a.tif: ") && said.contains("b.tif: "), "{said}");
    assert!(told.contains("c.tif") && told.contains("1 of 3 images") && !told.contains("notes"), "{told}");
}

#[test]
fn a_search_is_what_scans_of_all_scenes_find_together() {
    let (_folder, store, [a, b]) = two_scenes();
    index(&store, &[&a, &b]);
    let mut expected = Vec::new();
    for image in [&a, &b] {
        let found = detect(&store, image, &[&["-k", "harbor", "--top", "20"], &GRID[..]].concat());
        for detection in found["detections"].as_array().unwrap() {
            expected.push((image.display().to_string(), detection.clone()));
        }
    }
    // Stable, so that equal windows stay in the order of scenes and grids.
    let score = |detection: &Value| detection["probability"].as_f64().unwrap();
    expected.sort_by(|(_, a), (_, b)| score(b).total_cmp(&score(a)));
    let found = search(&store, &["--all", "-k", "harbor", "--top", "20"]);
    assert_eq!((number(&found["scenes"]), number(&found["windows"])), (2, 2 * WINDOWS));
    let detections = found["detections"].as_array().unwrap();
    assert_eq!(detections.len(), 20);
    for (position, (found, (image, expected))) in detections.iter().zip(&expected).enumerate() {
        assert_eq!(number(&found["rank"]), position + 1);
        assert_eq!(found["image"], **image);
        assert_eq!(number(&found["image_width"]), WIDTH as usize);
        for name in ["x", "y", "width", "probability", "cosine", "lon", "lat"] {
            assert_eq!(found[name], expected[name], "{name} at {position}");
        }
    }
    let one = search(&store, &[b.to_str().unwrap(), "-k", "harbor"]);
    assert_eq!(number(&one["scenes"]), 1);
    let detections = one["detections"].as_array().unwrap();
    assert_eq!(detections.len(), 5);
    assert!(detections.iter().all(|found| found["image"] == *b.to_str().unwrap()));
}

#[test]
fn a_scene_that_is_gone_is_still_found() {
    let (_folder, store, [a, _]) = two_scenes();
    index(&store, &[&a]);
    std::fs::remove_file(&a).unwrap();
    let args = ["-k", "harbor", "--format", "geojson"];
    let output = command("search", &store).args(args).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("gone"), "{told}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let features = found["features"].as_array().unwrap();
    assert_eq!(features.len(), 5);
    assert!(features.iter().all(|feature| feature["geometry"].is_null()));
    assert!(features[0]["properties"]["x"].is_u64());
}

#[test]
fn two_programs_may_index_the_same_scene_at_once() {
    let (folder, store, [image, _]) = two_scenes();
    let start = || command("index", &store).arg(&image).args(GRID).stdout(Stdio::null()).spawn().unwrap();
    let (mut one, mut two) = (start(), start());
    assert!(one.wait().unwrap().success() && two.wait().unwrap().success());
    let found = detect(&store, &image, &[&["-k", "harbor"], &GRID[..]].concat());
    assert_eq!((number(&found["windows"]), number(&found["known"])), (WINDOWS, WINDOWS));
    let alone = folder.path().join("alone");
    index(&alone, &[&image]);
    let args = ["-k", "harbor", "--top", "50"];
    assert_eq!(search(&store, &args)["detections"], search(&alone, &args)["detections"]);
}

#[test]
fn none_keeps_nothing() {
    let (folder, _, [image, _]) = two_scenes();
    let mut detect = command("detect", Path::new("none"));
    output(detect.arg(&image).args(["-k", "harbor"]).args(GRID).current_dir(folder.path()));
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["images"]);
    for name in ["index", "search"] {
        let mut command = command(name, Path::new("none"));
        let arguments: &[&str] = if name == "search" { &["-k", "harbor"] } else { &[] };
        let output = command.args(arguments).args((name == "index").then_some(&image)).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("none"));
    }
}

#[test]
fn embeddings_leave_as_geoparquet() {
    let (folder, store, [image, _]) = two_scenes();
    index(&store, &[&image]);
    let file = folder.path().join("a.parquet");
    output(command("export-embeddings", &store).arg(&image).arg("-o").arg(&file));

    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&file).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let geo = pairs.iter().find(|pair| pair.key == "geo").and_then(|pair| pair.value.as_deref()).unwrap();
    let geo: Value = serde_json::from_str(geo).unwrap();
    assert_eq!((&geo["version"], &geo["primary_column"]), (&"1.1.0".into(), &"geometry".into()));
    let column = &geo["columns"]["geometry"];
    assert!(column["encoding"] == "WKB" && column.get("crs").is_none(), "{column}");
    let bounds: Vec<f64> =
        column["bbox"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    for (found, expected) in bounds.iter().zip([11.0, 49.232, 12.024, 50.0]) {
        assert!((found - expected).abs() < 1e-9, "{bounds:?}");
    }
    let mut rows = 0;
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        if rows == 0 {
            // The first window: little endian, a polygon, one ring of five points, counterclockwise from the
            // top left.
            let polygon = batch.column_by_name("geometry").unwrap().as_binary::<i32>().value(0);
            assert_eq!(polygon[..13], [1, 3, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0]);
            let points: Vec<f64> =
                polygon[13..].chunks(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect();
            let expected = [11.0, 50.0, 11.0, 49.744, 11.256, 49.744, 11.256, 50.0, 11.0, 50.0];
            assert_eq!(points.len(), expected.len());
            assert!(points.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{points:?}");
            assert_eq!(batch.column_by_name("width").unwrap().as_primitive::<UInt32Type>().value(0), 256);
        }
        rows += batch.num_rows();
    }
    assert_eq!(rows, WINDOWS);

    if needed::require("pyarrow") {
        let script = "import sys, pyarrow.parquet as p; t = p.read_table(sys.argv[1]); print(t.num_rows)";
        let output = Command::new(needed::python()).args(["-c", script]).arg(&file).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), WINDOWS.to_string(), "{output:?}");
    }
}

/// The windows in a store's only collection.
fn stored(store: &Path) -> usize {
    let inventory = Inventory::of(&Store::new(store)).unwrap();
    let read = |folder: &PathBuf| Collection::read(folder).unwrap().len();
    inventory.entries.iter().map(|entry| read(&entry.folder)).sum()
}

#[test]
fn an_index_that_is_killed_goes_on_where_it_stopped() {
    let (folder, store, [image, _]) = two_scenes();
    let undisturbed = folder.path().join("undisturbed");
    index(&undisturbed, &[&image]);
    let mut seed = 7_u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    let bytes = |store: &Path| Inventory::of(&Store::new(store)).map_or(0, |inventory| inventory.bytes());
    let (mut before, mut interrupted) = (0, 0);
    for round in 0..50 {
        let mut index = command("index", &store);
        index.arg(&image).args(GRID).stdout(Stdio::null()).stderr(Stdio::null());
        let at_first = bytes(&store);
        let mut process = index.spawn().unwrap();
        // Every fourth is killed while it starts or reads, the others once something new is stored.
        if round % 4 == 0 {
            std::thread::sleep(Duration::from_millis(random() % 200));
        } else {
            while bytes(&store) == at_first && process.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_micros(random() % 15_000));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        let now = stored(&store);
        assert!(now >= before, "of {before} windows {now} are left");
        interrupted += usize::from(now > before && now < WINDOWS);
        before = now;
        if now == WINDOWS {
            // Once more from the start.
            std::fs::remove_dir_all(&store).unwrap();
            before = 0;
        }
    }
    println!("{interrupted} of 50 were killed in the middle");
    assert!(interrupted > 0, "no kill fell into a scan");
    index(&store, &[&image]);
    assert_eq!(stored(&store), WINDOWS);
    let args = [&["-k", "harbor", "--top", "200"], &GRID[..]].concat();
    let (found, expected) = (detect(&store, &image, &args), detect(&undisturbed, &image, &args));
    assert_eq!(number(&found["known"]), WINDOWS);
    assert_eq!(found["detections"], expected["detections"]);
}

#[test]
fn bounds_and_regions_look_at_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("coast.tif");
    let painted = skysift().args(["sample-scene", "--size", "1024", "-o"]).arg(&scene).output().unwrap();
    assert!(painted.status.success());
    let detect = |args: &[&str]| -> Value {
        let mut command = skysift();
        command.arg("detect").arg(&scene).arg("--model").arg(tiny_model());
        let output = command.args(["-k", "harbor", "--quiet"]).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let all = detect(&["--top", "100"]);
    let first = &all["detections"].as_array().unwrap()[0];
    let (lon, lat) = (first["lon"].as_f64().unwrap(), first["lat"].as_f64().unwrap());
    let near = format!("{},{},{},{}", lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4);
    let part = detect(&["--top", "100", "--bounds", &near]);
    let (part_windows, windows) = (part["windows"].as_u64().unwrap(), all["windows"].as_u64().unwrap());
    assert!(part_windows > 0 && part_windows < windows, "{part_windows} of {windows}");
    let found = part["detections"].as_array().unwrap();
    assert!(found.iter().any(|window| (&window["x"], &window["y"]) == (&first["x"], &first["y"])));

    // What detect writes is a region again.
    let region = folder.path().join("region.geojson");
    let mut command = skysift();
    command.arg("detect").arg(&scene).arg("--model").arg(tiny_model()).args(["-k", "harbor", "--top", "1"]);
    let written = command.args(["--format", "geojson", "--quiet", "-o"]).arg(&region).output().unwrap();
    assert!(written.status.success());
    let again = detect(&["--top", "1", "--region", region.to_str().unwrap()]);
    assert_eq!((&again["detections"][0]["x"], &again["detections"][0]["y"]), (&first["x"], &first["y"]));
}

/// Windows that were encoded in other batches, or by other programs, have the same numbers to the last bit.
pub fn assert_same_detections(found: &Value, expected: &Value) {
    let detections = |report: &Value| report["detections"].as_array().unwrap().clone();
    let (found, expected) = (detections(found), detections(expected));
    assert!(!found.is_empty() && found.len() == expected.len(), "{} of {}", found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
}
