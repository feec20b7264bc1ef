//! What is missing from a result is told: windows that can't be read, windows that reach past the scene,
//! notices.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{skysift, tiny_model, write_striped_tiff};

/// Windows of 64 pixels, 32 apart.
const GRID: [&str; 4] = ["--tile", "32", "--window", "2"];
/// The rows of a strip of [`write_deflated`].
const ROWS: usize = 64;

fn noise(x: usize, y: usize) -> u8 {
    ((x * 7919 + y * 104_729) ^ (x * y)).to_le_bytes()[0]
}

/// Writes an RGB image in deflated strips, of which one is damaged if so wanted. A pixel is a hundredth of a
/// degree, and the top left corner lies at 10 degrees east and 50 degrees north.
pub fn write_deflated(path: &Path, (width, height): (usize, usize), damaged: Option<usize>) {
    let mut file = vec![b'I', b'I', 42, 0, 0, 0, 0, 0];
    let (mut offsets, mut counts) = (Vec::new(), Vec::new());
    for (index, top) in (0..height).step_by(ROWS).enumerate() {
        let mut strip = ZlibEncoder::new(Vec::new(), Compression::fast());
        for y in top..(top + ROWS).min(height) {
            for x in 0..width {
                strip.write_all(&[noise(x, y), noise(y, x), 90]).unwrap();
            }
        }
        let mut strip = strip.finish().unwrap();
        if damaged == Some(index) {
            strip.fill(0xAA);
        }
        offsets.push(file.len() as u32);
        counts.push(strip.len() as u32);
        file.extend(strip);
    }
    let mut put = |numbers: &[u32]| {
        let at = file.len() as u32;
        for number in numbers {
            file.extend(number.to_le_bytes());
        }
        at
    };
    let strips = offsets.len() as u32;
    let (offsets, counts) = (put(&offsets), put(&counts));
    let bits = file.len() as u32;
    file.extend([8, 0, 8, 0, 8, 0, 0, 0]);
    let mut put = |numbers: &[f64]| {
        let at = file.len() as u32;
        for number in numbers {
            file.extend(number.to_le_bytes());
        }
        at
    };
    let (scale, tie) = (put(&[0.01, 0.01, 0.0]), put(&[0.0, 0.0, 0.0, 10.0, 50.0, 0.0]));
    let keys = file.len() as u32;
    for number in [1_u16, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326] {
        file.extend(number.to_le_bytes());
    }
    let directory = file.len() as u32;
    file[4..8].copy_from_slice(&directory.to_le_bytes());
    let (short, long, double) = (3_u16, 4_u16, 12_u16);
    let entries = [
        (256_u16, long, 1, width as u32),
        (257, long, 1, height as u32),
        (258, short, 3, bits),
        (259, short, 1, 8),
        (262, short, 1, 2),
        (273, long, strips, offsets),
        (277, short, 1, 3),
        (278, long, 1, ROWS as u32),
        (279, long, strips, counts),
        (33550, double, 3, scale),
        (33922, double, 6, tie),
        (34735, short, 16, keys),
    ];
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    std::fs::write(path, file).unwrap();
}

fn command(name: &str, path: &Path, args: &[&str]) -> Command {
    let mut command = skysift();
    command.arg(name).arg(path).arg("--model").arg(tiny_model()).args(["--device", "cpu"]).args(args);
    command
}

fn detect(image: &Path, args: &[&str]) -> Output {
    command("detect", image, &[&["-k", "harbor"], args].concat()).output().unwrap()
}

fn told(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{:?}", told(output)))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// A scene of 640 x 640 pixels, whole or with its fifth strip damaged.
fn scene(damaged: bool) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.tif");
    write_deflated(&path, (640, 640), damaged.then_some(4));
    (folder, path)
}

/// Windows of [`GRID`] over [`scene`], and those that touch the damaged strip: three rows of 19.
const WINDOWS: u64 = 19 * 19;
const LOST: u64 = 3 * 19;

#[test]
fn a_scan_that_could_not_read_all_writes_the_rest_and_fails() {
    let (folder, image) = scene(true);
    let (picture, map) = (folder.path().join("boxes.png"), folder.path().join("map.tif"));
    let outputs = ["--annotate", picture.to_str().unwrap(), "--heatmap", map.to_str().unwrap()];
    for quiet in [&[][..], &["--quiet"]] {
        let output = detect(&image, &[&GRID[..], &["--top", "1000"], quiet].concat());
        let lines = told(&output);
        assert_eq!((output.status.code(), lines.len()), (Some(1), 1), "{lines:?}");
        let start = format!("skysift: {LOST} of {WINDOWS} windows could not be read: ");
        assert!(lines[0].starts_with(&start) && lines[0].contains("scene.tif"), "{lines:?}");
        let found = json(&output);
        assert_eq!((number(&found["failed"]), number(&found["skipped"])), (LOST, 0));
        assert_eq!(number(&found["windows"]), WINDOWS - LOST);
        let detections = found["detections"].as_array().unwrap();
        assert_eq!(detections.len() as u64, WINDOWS - LOST);
        for detection in detections {
            let (top, height) = (number(&detection["y"]), number(&detection["height"]));
            assert!(top >= 320 || top + height <= 256, "{detection} shows what can't be read");
        }
    }
    let output = detect(&image, &[&GRID[..], &["--format", "geojson", "--quiet"]].concat());
    assert_eq!((output.status.code(), number(&json(&output)["failed"])), (Some(1), LOST));
    // A picture of a scene with a damaged strip can't be drawn; a heat map of what was found can be.
    let output = detect(&image, &[&GRID[..], &outputs, &["--quiet"]].concat());
    assert_eq!((output.status.code(), map.is_file(), picture.is_file()), (Some(1), true, false));
    assert_eq!(number(&json(&output)["failed"]), LOST);
    let lines = told(&output);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("windows could not be read") && lines[1].contains("scene.tif"), "{lines:?}");
}

#[test]
fn windows_that_failed_are_tried_again_and_those_without_data_are_not_failures() {
    let (folder, image) = scene(true);
    let store = folder.path().join("store");
    let store = ["--store", store.to_str().unwrap()];
    for known in [0, WINDOWS - LOST] {
        let output = detect(&image, &[&GRID[..], &store].concat());
        let found = json(&output);
        assert_eq!((number(&found["known"]), number(&found["failed"])), (known, LOST));
        assert_eq!(output.status.code(), Some(1));
    }
    let (_folder, whole) = scene(false);
    let output = detect(&whole, &GRID);
    assert_eq!((output.status.code(), told(&output)), (Some(0), Vec::new()));
    let found = json(&output);
    assert_eq!((number(&found["failed"]), &found["notices"]), (0, &Value::Array(Vec::new())));
    // A scene in one corner of an otherwise transparent picture.
    let corner = folder.path().join("corner.png");
    image::RgbaImage::from_fn(640, 640, |x, y| {
        let alpha = if x < 200 && y < 200 { 255 } else { 0 };
        image::Rgba([noise(x as usize, y as usize), 80, 80, alpha])
    })
    .save(&corner)
    .unwrap();
    let output = detect(&corner, &GRID);
    let found = json(&output);
    assert_eq!((output.status.code(), number(&found["failed"])), (Some(0), 0));
    assert!(number(&found["skipped"]) > 200);
}

#[test]
fn what_index_could_not_read_is_told_and_the_rest_is_kept() {
    let (folder, damaged) = scene(true);
    let whole = folder.path().join("whole.tif");
    write_deflated(&whole, (640, 640), None);
    let store = folder.path().join("store");
    let index = |images: &[&Path]| {
        let mut command = skysift();
        command.arg("index").args(images).args(["--device", "cpu", "--quiet", "--store"]).arg(&store);
        command.arg("--model").arg(tiny_model()).args(GRID).output().unwrap()
    };
    let output = index(&[&damaged]);
    let lines = told(&output);
    assert_eq!((output.status.code(), lines.len()), (Some(1), 1), "{lines:?}");
    assert!(lines[0].contains(&format!("scene.tif: {LOST} of {WINDOWS} windows")), "{lines:?}");
    let output = index(&[&damaged, &whole]);
    let lines = told(&output);
    assert_eq!((output.status.code(), lines.len()), (Some(1), 2), "{lines:?}");
    assert!(lines[0].contains(&format!("scene.tif: {LOST} of {WINDOWS} windows")), "{lines:?}");
    assert!(lines[1].contains("1 of 2 images"), "{lines:?}");
    let output = detect(&whole, &[&GRID[..], &["--store", store.to_str().unwrap()]].concat());
    assert_eq!(number(&json(&output)["known"]), WINDOWS);
}

#[test]
fn what_could_not_be_measured_is_told() {
    let (folder, _) = scene(true);
    let truth = r#"{"images": [{"id": 1, "file_name": "scene.tif", "width": 640, "height": 640}],
        "categories": [{"id": 1, "name": "harbor"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [10, 10, 50, 50]}]}"#;
    std::fs::write(folder.path().join("scene.json"), truth).unwrap();
    let args = [&GRID[..], &["--quiet", "--json"]].concat();
    let output = command("evaluate-detect", folder.path(), &args).output().unwrap();
    let lines = told(&output);
    assert_eq!((output.status.code(), lines.len()), (Some(1), 1), "{lines:?}");
    assert!(lines[0].contains(&format!("{LOST} of {WINDOWS} windows could not be read")), "{lines:?}");
    let report = json(&output);
    assert_eq!(number(&report["images"][0]["failed"]), LOST);
    assert!(report["notices"].is_array());
}

/// Whether a file below a folder holds something.
fn holds_something(folder: &Path, bytes: u64) -> bool {
    let Ok(entries) = folder.read_dir() else { return false };
    entries.flatten().any(|entry| {
        let path = entry.path();
        path.is_dir() && holds_something(&path, bytes)
            || path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > bytes)
    })
}

#[test]
fn an_image_that_is_cut_during_the_scan_ends_in_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("scene.tif");
    let noise = |x: u32, y: u32| [noise(x as usize, y as usize), (x / 32) as u8, (y / 32) as u8];
    write_striped_tiff(&image, (4096, 4096), noise);
    let store = folder.path().join("store");
    let args = [&["-k", "harbor", "--quiet", "--store", store.to_str().unwrap()], &GRID[..]].concat();
    let mut command = command("detect", &image, &args);
    let scan = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let end = Instant::now() + Duration::from_mins(2);
    while !holds_something(&store, 100_000) {
        assert!(Instant::now() < end, "nothing was encoded");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::File::options().write(true).open(&image).unwrap().set_len(1 << 20).unwrap();
    let output = scan.wait_with_output().unwrap();
    let lines = told(&output);
    assert_eq!(output.status.code(), Some(1), "{lines:?}");
    assert!(lines.last().is_some_and(|line| line.contains("windows could not be read")), "{lines:?}");
    let found = json(&output);
    let (windows, failed) = (number(&found["windows"]), number(&found["failed"]));
    assert!(windows > 0 && failed > 0, "{windows} windows, {failed} failed");
    assert_eq!((windows + failed, number(&found["skipped"])), (127 * 127, 0));
}

#[test]
fn a_box_never_reaches_past_the_scene_in_any_output() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("small.tif");
    write_deflated(&image, (300, 200), None);
    let picture = folder.path().join("boxes.png");
    let store = folder.path().join("store");
    let kept = ["--store", store.to_str().unwrap()];
    let whole = |found: &Value| {
        let sides = ["x", "y", "width", "height"].map(|side| number(&found[side]));
        assert_eq!(sides, [0, 0, 300, 200], "{found}");
        let nodata = found["nodata"].as_f64().unwrap();
        assert!((nodata - (1.0 - 60_000.0 / 262_144.0)).abs() < 1e-6, "{nodata}");
    };
    let output = detect(&image, &[&["--annotate", picture.to_str().unwrap()], &kept[..]].concat());
    let found = json(&output);
    assert_eq!((output.status.code(), number(&found["windows"]), number(&found["skipped"])), (Some(0), 1, 0));
    whole(&found["detections"][0]);
    // The box is drawn along the edges of the picture.
    let drawn = image::open(&picture).unwrap().to_rgb8();
    assert_eq!(drawn.dimensions(), (300, 200));
    assert_eq!(drawn.get_pixel(299, 150).0, skysift::export::keyword_color(0));
    assert_eq!(drawn.get_pixel(150, 199).0, skysift::export::keyword_color(0));

    let geojson = json(&detect(&image, &["--format", "geojson", "--quiet"]));
    let ring = &geojson["features"][0]["geometry"]["coordinates"][0];
    for corner in ring.as_array().unwrap() {
        let (lon, lat) = (corner[0].as_f64().unwrap(), corner[1].as_f64().unwrap());
        assert!(
            (10.0 - 1e-9..=13.0 + 1e-9).contains(&lon) && (48.0 - 1e-9..=50.0 + 1e-9).contains(&lat),
            "{ring}"
        );
    }

    let csv = detect(&image, &["--format", "csv", "--quiet"]);
    let csv = String::from_utf8(csv.stdout).unwrap();
    assert!(csv.lines().nth(1).unwrap().contains(",0,0,300,200,"), "{csv}");

    let mut search = skysift();
    search.args(["search", "-k", "harbor", "--device", "cpu", "--model"]).arg(tiny_model()).args(kept);
    whole(&json(&search.output().unwrap())["detections"][0]);

    let parquet = folder.path().join("windows.parquet");
    let mut export = skysift();
    export.arg("export-embeddings").arg(&image).args(kept).arg("--model").arg(tiny_model());
    assert!(export.arg("-o").arg(&parquet).status().unwrap().success());
    let file = std::fs::File::open(&parquet).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let column = |name: &str| {
        let column = batch.column_by_name(name).unwrap().as_any();
        column.downcast_ref::<arrow_array::UInt32Array>().unwrap().value(0)
    };
    assert_eq!(["x", "y", "width", "height"].map(column), [0, 0, 300, 200]);
}

#[test]
fn a_model_without_a_finite_logit_scale_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for entry in tiny_model().read_dir().unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let weights = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let about: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let scale = &about["logit_scale"];
    assert_eq!(scale["dtype"], "F32");
    let at = 8 + header + number(&scale["data_offsets"][0]) as usize;
    let (_folder, image) = scene(false);
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e9] {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        std::fs::write(&weights, bytes).unwrap();
        let mut command = skysift();
        command.arg("detect").arg(&image).args(["-k", "harbor", "--device", "cpu", "--model"]);
        let output = command.arg(folder.path()).output().unwrap();
        let lines = told(&output);
        assert_eq!((output.status.code(), lines.len()), (Some(1), 1), "{value}: {lines:?}");
        assert!(lines[0].contains("logit_scale") && lines[0].contains("model.safetensors"), "{lines:?}");
        assert!(output.stdout.is_empty());
    }
}

/// A VRT of two halves, the right one of which isn't there.
fn without_its_right_half(folder: &Path) -> PathBuf {
    write_deflated(&folder.join("left.tif"), (320, 640), None);
    let source = |file: &str, band: u32, left: u32| {
        format!(
            "<SimpleSource><SourceFilename relativeToVRT=\"1\">{file}</SourceFilename><SourceBand>{band}</SourceBand>
            <SourceProperties RasterXSize=\"320\" RasterYSize=\"640\" DataType=\"Byte\" BlockXSize=\"320\" BlockYSize=\"64\"/>
            <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"320\" ySize=\"640\"/>
            <DstRect xOff=\"{left}\" yOff=\"0\" xSize=\"320\" ySize=\"640\"/></SimpleSource>"
        )
    };
    let band = |(number, colour): (u32, &str)| {
        let (left, right) = (source("left.tif", number, 0), source("right.tif", number, 320));
        format!(
            "<VRTRasterBand dataType=\"Byte\" band=\"{number}\"><ColorInterp>{colour}</ColorInterp>{left}{right}\
             </VRTRasterBand>"
        )
    };
    let bands: String = [(1, "Red"), (2, "Green"), (3, "Blue")].map(band).concat();
    let text = format!(
        "<VRTDataset rasterXSize=\"640\" rasterYSize=\"640\"><SRS>EPSG:4326</SRS>
        <GeoTransform>10, 0.01, 0, 50, 0, -0.01</GeoTransform>{bands}</VRTDataset>"
    );
    let path = folder.join("both.vrt");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_missing_source_is_told_wherever_the_scene_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let image = without_its_right_half(folder.path());
    let speaks = |notices: &Value| {
        let notices = notices.as_array().unwrap();
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(notices[0].as_str().unwrap().contains("right.tif"), "{notices:?}");
    };
    let info = skysift().arg("info").arg(&image).arg("--json").output().unwrap();
    speaks(&json(&info)["notices"]);
    let store = folder.path().join("store");
    let store = ["--store", store.to_str().unwrap()];
    // From the image, and from what is stored of it.
    for quiet in [&[][..], &["--quiet"], &["--quiet"]] {
        let output = detect(&image, &[&GRID[..], &store, quiet].concat());
        let (found, lines) = (json(&output), told(&output));
        speaks(&found["notices"]);
        assert_eq!(lines.iter().filter(|line| line.contains("right.tif")).count(), 1, "{lines:?}");
        assert_eq!((output.status.code(), number(&found["failed"])), (Some(0), 0), "{lines:?}");
        // Columns that lie in the right half alone.
        assert_eq!(number(&found["skipped"]), 9 * 19, "{found}");
    }
    let geojson = detect(&image, &[&GRID[..], &["--format", "geojson", "--quiet"]].concat());
    speaks(&json(&geojson)["notices"]);
}
