//! Places in what the program writes and takes: polygons at the antimeridian and around poles, areas there,
//! and what is said of scenes without longitude and latitude.

use std::path::Path;
use std::process::{Command, Output};

use arrow_array::cast::AsArray;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::support::{skysift, tiny_model, write_striped_tiff};

/// Side of the scenes in pixels.
const SIDE: u32 = 200;

/// A scene of noise in a reference system: x and y of its top left corner and the side of a pixel.
fn write_scene(folder: &Path, name: &str, system: &str, (x, y, side): (f64, f64, f64)) {
    let pixels = folder.join("pixels.tif");
    if !pixels.exists() {
        let noise = |x: u32, y: u32| {
            let hash = (x.wrapping_mul(73_856_093) ^ y.wrapping_mul(19_349_663)).wrapping_mul(2_654_435_761);
            [(hash >> 8) as u8, (hash >> 16) as u8, (hash >> 24) as u8]
        };
        write_striped_tiff(&pixels, (SIDE, SIDE), noise);
    }
    let band = |number: u32, colour: &str| {
        format!(
            "<VRTRasterBand dataType=\"Byte\" band=\"{number}\"><ColorInterp>{colour}</ColorInterp><SimpleSource>\
             <SourceFilename relativeToVRT=\"1\">pixels.tif</SourceFilename><SourceBand>{number}</SourceBand>\
             </SimpleSource></VRTRasterBand>"
        )
    };
    let bands = [band(1, "Red"), band(2, "Green"), band(3, "Blue")].concat();
    let system = if system.is_empty() { String::new() } else { format!("<SRS>{system}</SRS>") };
    let text = format!(
        "<VRTDataset rasterXSize=\"{SIDE}\" rasterYSize=\"{SIDE}\">{system}\
         <GeoTransform>{x},{side},0,{y},0,{}</GeoTransform>{bands}</VRTDataset>",
        -side
    );
    std::fs::write(folder.join(name), text).unwrap();
}

fn detect(folder: &Path, name: &str, args: &[&str]) -> Output {
    let mut command = skysift();
    command.args([
        "detect", name, "-k", "harbor", "--tile", "20", "--window", "2", "--device", "cpu", "--quiet",
    ]);
    command.args(["--top", "1000", "--threshold", "off", "--edges", "drop", "--model"]).arg(tiny_model());
    command.args(args).current_dir(folder).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The outer rings of all features, as far as they have a geometry; checks what the standard asks of each.
fn rings(found: &Value) -> Vec<Vec<[f64; 2]>> {
    let mut rings = Vec::new();
    for feature in found["features"].as_array().unwrap() {
        let geometry = &feature["geometry"];
        let polygons = match geometry["type"].as_str().unwrap() {
            "Polygon" => vec![geometry["coordinates"].clone()],
            "MultiPolygon" => geometry["coordinates"].as_array().unwrap().clone(),
            other => panic!("{other}"),
        };
        for polygon in polygons {
            let ring: Vec<[f64; 2]> = polygon[0]
                .as_array()
                .unwrap()
                .iter()
                .map(|place| [place[0].as_f64().unwrap(), place[1].as_f64().unwrap()])
                .collect();
            assert_eq!(ring.first(), ring.last());
            assert!(ring.iter().all(|[lon, lat]| lon.abs() <= 180.0 && lat.abs() <= 90.0), "{ring:?}");
            let twice: f64 =
                ring.windows(2).map(|pair| pair[0][0] * pair[1][1] - pair[1][0] * pair[0][1]).sum();
            assert!(twice > 0.0, "{ring:?} runs clockwise");
            rings.push(ring);
        }
    }
    rings
}

fn width(ring: &[[f64; 2]]) -> f64 {
    let lons = || ring.iter().map(|[lon, _]| *lon);
    lons().fold(f64::MIN, f64::max) - lons().fold(f64::MAX, f64::min)
}

#[test]
fn no_polygon_crosses_the_antimeridian() {
    let folder = tempfile::tempdir().unwrap();
    // 20 km across, around 180 degrees.
    write_scene(folder.path(), "utm.vrt", "EPSG:32660", (695_000.0, 5_700_000.0, 100.0));
    write_scene(folder.path(), "degrees.vrt", "EPSG:4326", (179.0, 10.0, 0.01));
    for name in ["utm.vrt", "degrees.vrt"] {
        let found = json(&detect(folder.path(), name, &["--format", "geojson"]));
        let features = found["features"].as_array().unwrap();
        let divided = features.iter().filter(|feature| feature["geometry"]["type"] == "MultiPolygon").count();
        assert!(
            features.len() == 81 && (9..=27).contains(&divided),
            "{name}: {divided} of {}",
            features.len()
        );
        let rings = rings(&found);
        assert_eq!(rings.len(), features.len() + divided, "{name}");
        assert!(rings.iter().all(|ring| width(ring) < 1.0), "{name}");
        let info = skysift().args(["info", name, "--json"]).current_dir(folder.path()).output().unwrap();
        let bounds = json(&info)["bounds_lon_lat"].clone();
        assert!(bounds[0].as_f64().unwrap() > 178.0 && bounds[2].as_f64().unwrap() < -178.0, "{bounds}");
    }
}

#[test]
fn windows_around_a_pole_reach_it() {
    let folder = tempfile::tempdir().unwrap();
    write_scene(folder.path(), "pole.vrt", "EPSG:3031", (-1e6, 1e6, 1e4));
    let found = json(&detect(folder.path(), "pole.vrt", &["--format", "geojson"]));
    // Those that only touch the pole hold to the standard as well.
    assert!(rings(&found).len() >= 81);
    let features = found["features"].as_array().unwrap();
    let middle = |feature: &&Value| feature["properties"]["x"] == 80 && feature["properties"]["y"] == 80;
    let middle = features.iter().find(middle).unwrap();
    let around = rings(&serde_json::json!({"features": [middle]}));
    assert!(around.iter().flatten().any(|[_, lat]| *lat == -90.0));
    // 400 km across: all longitudes, and between 1.8 and 2.6 degrees of latitude.
    let area = |ring: &[[f64; 2]]| -> f64 {
        ring.windows(2).map(|pair| pair[0][0] * pair[1][1] - pair[1][0] * pair[0][1]).sum::<f64>() / 2.0
    };
    let around: f64 = around.iter().map(|ring| area(ring)).sum();
    assert!((360.0 * 1.8..360.0 * 2.6).contains(&around), "{around}");
}

#[test]
fn areas_at_the_antimeridian_and_the_poles_find_their_windows() {
    let folder = tempfile::tempdir().unwrap();
    write_scene(folder.path(), "degrees.vrt", "EPSG:4326", (179.0, 10.0, 0.01));
    write_scene(folder.path(), "mercator.vrt", "EPSG:3857", (19_926_200.0, 1_110_000.0, 1113.0));
    write_scene(folder.path(), "world.vrt", "EPSG:4326", (0.0, 90.0, 1.8));
    write_scene(folder.path(), "pole.vrt", "EPSG:3031", (-1e6, 1e6, 1e4));
    let split = r#"{"type":"MultiPolygon","coordinates":[[[[179.9,9.1],[180,9.1],[180,8.9],[179.9,8.9],[179.9,9.1]]],
        [[[-180,9.1],[-179.9,9.1],[-179.9,8.9],[-180,8.9],[-180,9.1]]]]}"#;
    std::fs::write(folder.path().join("split.geojson"), split).unwrap();
    let windows =
        |name: &str, args: &[&str]| json(&detect(folder.path(), name, args))["windows"].as_u64().unwrap();
    for name in ["degrees.vrt", "mercator.vrt"] {
        let across = windows(name, &["--bounds", "179.9,8.9,-179.9,9.1"]);
        assert!((1..=16).contains(&across), "{name}: {across}");
        assert_eq!(windows(name, &["--region", "split.geojson"]), across, "{name}");
        assert_eq!(windows(name, &["--bounds", "179.9,8.9,180.1,9.1"]), across, "{name}");
    }
    // Longitudes from 0 to 360: those around Greenwich lie at both edges.
    let edges = json(&detect(folder.path(), "world.vrt", &["--bounds=-10,-10,10,10"]));
    let columns: Vec<u64> =
        edges["detections"].as_array().unwrap().iter().map(|found| found["x"].as_u64().unwrap()).collect();
    assert!(columns.iter().all(|x| *x <= 20 || *x >= 140), "{columns:?}");
    assert!(columns.contains(&0) && columns.contains(&160), "{columns:?}");
    assert_eq!(windows("pole.vrt", &["--bounds=-180,-90,180,-60"]), 81);
    let near = windows("pole.vrt", &["--bounds=-180,-90,180,-89"]);
    assert!((1..=25).contains(&near), "{near}");
}

#[test]
fn geoparquet_is_divided_at_the_antimeridian_too() {
    let folder = tempfile::tempdir().unwrap();
    write_scene(folder.path(), "degrees.vrt", "EPSG:4326", (179.0, 10.0, 0.01));
    let store = folder.path().join("store");
    let run = |args: &[&str]| {
        let mut command: Command = skysift();
        command.env("SKYSIFT_STORE", &store).args(args).arg("--model").arg(tiny_model());
        let output = command.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&["index", "degrees.vrt", "--tile", "20", "--window", "2", "--edges", "drop", "--device", "cpu"]);
    run(&["export-embeddings", "degrees.vrt", "-o", "a.parquet"]);
    let file = std::fs::File::open(folder.path().join("a.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let geo = metadata.iter().find(|entry| entry.key == "geo").unwrap().value.clone().unwrap();
    let column = serde_json::from_str::<Value>(&geo).unwrap()["columns"]["geometry"].clone();
    assert_eq!(column["geometry_types"], serde_json::json!(["MultiPolygon", "Polygon"]));
    let bounds: Vec<f64> =
        column["bbox"].as_array().unwrap().iter().map(|side| side.as_f64().unwrap()).collect();
    assert!((bounds[0] - 179.0).abs() < 1e-9 && (bounds[2] + 179.0).abs() < 1e-9, "{bounds:?}");
    let mut kinds = [0; 2];
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let column = batch.column_by_name("geometry").unwrap().as_binary::<i32>();
        for bytes in column.iter().flatten() {
            let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            match number(1) {
                3 => kinds[0] += 1,
                6 => {
                    kinds[1] += 1;
                    // Two polygons of one ring of five points each.
                    let polygon = 9 + 4 + 5 * 16;
                    assert_eq!((number(5), bytes.len()), (2, 9 + 2 * polygon));
                    assert_eq!([number(10), number(14), number(18)], [3, 1, 5]);
                }
                other => panic!("{other}"),
            }
        }
    }
    assert!(kinds[0] > 0 && kinds[1] >= 9 && kinds[0] + kinds[1] == 81, "{kinds:?}");
}

#[test]
fn scenes_without_degrees_say_why() {
    let folder = tempfile::tempdir().unwrap();
    write_scene(folder.path(), "unknown.vrt", "EPSG:29999", (5e5, 5e6, 10.0));
    write_scene(folder.path(), "none.vrt", "", (5e5, 5e6, 10.0));
    for (name, why) in [
        ("unknown.vrt", "the coordinate system isn't one that Skysift knows, since EPSG:29999 is not a code"),
        ("none.vrt", "the image does not say in which coordinate system it lies"),
        ("pixels.tif", "the image has no georeference"),
    ] {
        let refused = detect(folder.path(), name, &["--format", "geojson"]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0), "{told}");
        assert!(told.contains(why) && told.contains("--pixels"), "{name}: {told}");
        let found = json(&detect(folder.path(), name, &["--format", "geojson", "--pixels"]));
        assert_eq!(found["coordinates"], "pixels", "{name}");
        let refused = detect(folder.path(), name, &["--bounds", "14,45,16,46"]);
        assert!(refused.status.success(), "these are pixels as well");
        let refused = detect(folder.path(), name, &["--bounds", "414,45,416,46"]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && told.contains(why) && told.contains("200 x 200"),
            "{name}: {told}"
        );
    }
    let info = skysift().args(["info", "unknown.vrt"]).current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&info.stdout).into_owned();
    assert!(text.contains("isn't one that Skysift knows") && text.contains("epsg         none"), "{text}");
    // Pixels may be asked for where there are degrees, too.
    write_scene(folder.path(), "known.vrt", "EPSG:32633", (5e5, 5e6, 10.0));
    let found = json(&detect(folder.path(), "known.vrt", &["--format", "geojson", "--pixels"]));
    assert_eq!(found["coordinates"], "pixels");
}
