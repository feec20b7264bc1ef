//! Detections as they leave: the same boxes in every format, as GDAL, SQLite, pycocotools and Skysift itself
//! read them back.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::needed::python;
use crate::support::{gdal, require, skysift, tiny_model};

/// Windows of 128 pixels, half a window apart.
const GRID: [&str; 4] = ["--tile", "64", "--window", "2"];
const WORDS: [&str; 4] = ["-k", "harbor", "-k", "pier & <quay>"];
/// A degree has 111 km: half a metre, which is a pixel of the scene.
const PIXEL: f64 = 0.5 / 111_000.0;
/// The time that the program under test is told.
const TIME: &str = "2001-09-09T01:46:40Z";

/// A folder with a painted scene of 1000 x 900 pixels.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        let painted = skysift()
            .args(["sample-scene", "--size", "1000x900", "--seed", "3", "-o"])
            .arg(bench.at("scene.tif"))
            .output()
            .unwrap();
        assert!(painted.status.success(), "{}", String::from_utf8_lossy(&painted.stderr));
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, command: &str, args: &[&str]) -> Output {
        let mut program = skysift();
        program.arg(command).args(args).args(["--device", "cpu", "--model"]).arg(tiny_model());
        program.current_dir(self.folder.path()).output().unwrap()
    }

    fn done(&self, command: &str, args: &[&str]) -> String {
        let output = self.run(command, args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Looks for words in the scene.
    fn detect(&self, args: &[&str]) -> String {
        let all = [&["scene.tif"][..], &GRID, &WORDS, &["--top", "12", "--quiet"], args].concat();
        self.done("detect", &all)
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.at(name)).unwrap()).unwrap()
    }

    /// What a command refuses in one sentence.
    fn refusal(&self, args: &[&str], status: i32) -> String {
        let all = [&["scene.tif"][..], &GRID, &WORDS, &["--top", "12", "--quiet"], args].concat();
        let output = self.run("detect", &all);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{stderr}");
        stderr
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// Keyword, rank and box in pixels of each detection, in order of keyword and rank.
type Boxes = BTreeSet<(String, u64, [u64; 4])>;

fn boxes_of(detections: &[Value], field: impl Fn(&Value, &str) -> Value) -> Boxes {
    let one = |found: &Value| {
        let whole = |name: &str| match field(found, name) {
            Value::String(text) => text.parse::<u64>().unwrap(),
            number => number.as_u64().unwrap(),
        };
        let place = ["x", "y", "width", "height"].map(whole);
        (field(found, "keyword").as_str().unwrap().to_owned(), whole("rank"), place)
    };
    detections.iter().map(one).collect()
}

fn plain(found: &Value, name: &str) -> Value {
    found[name].clone()
}

fn property(feature: &Value, name: &str) -> Value {
    feature["properties"][name].clone()
}

/// The corners of a feature's only ring, sorted, since formats begin at other ones.
fn corners(feature: &Value) -> Vec<[f64; 2]> {
    let geometry = &feature["geometry"];
    let rings = &geometry["coordinates"];
    let ring = if geometry["type"] == "MultiPolygon" { &rings[0][0] } else { &rings[0] };
    let mut corners: Vec<[f64; 2]> =
        list(ring).iter().skip(1).map(|at| [number(&at[0]), number(&at[1])]).collect();
    corners.sort_by(|a, b| a.partial_cmp(b).unwrap());
    corners
}

/// Asserts that features lie where others do, to a tenth of a pixel.
fn assert_same_places(found: &[Value], expected: &[Value]) {
    let key =
        |feature: &Value| (property(feature, "keyword").to_string(), property(feature, "rank").to_string());
    assert_eq!(found.len(), expected.len());
    for feature in found {
        let same = expected.iter().find(|other| {
            key(other).0 == key(feature).0 && {
                let rank = |one: &Value| key(one).1.trim_matches('"').to_owned();
                rank(other) == rank(feature)
            }
        });
        let same = same.unwrap_or_else(|| panic!("{feature} is not among the others"));
        let (found, expected) = (corners(feature), corners(same));
        assert_eq!(found.len(), expected.len());
        // Sorted corners of nearly upright boxes come in the same order.
        for (one, other) in found.iter().zip(&expected) {
            let off = (one[0] - other[0]).abs().max((one[1] - other[1]).abs());
            assert!(off < PIXEL / 10.0, "{one:?} and {other:?}");
        }
    }
}

#[test]
fn every_table_has_all_fields() {
    let bench = Bench::new();
    let found: Value = serde_json::from_str(&bench.detect(&[])).unwrap();
    assert_eq!((&found["time"], &found["prompt"]), (&TIME.into(), &"a photo of a {}".into()));
    let first = &found["detections"][0];
    assert_eq!((&first["verdict"], &first["note"]), (&"".into(), &"".into()));
    assert_eq!(first["score"], first["probability"]);
    let by_cosine: Value = serde_json::from_str(&bench.detect(&["--rank-by", "cosine"])).unwrap();
    let first = &by_cosine["detections"][0];
    assert_eq!(first["score"], first["cosine"]);

    bench.detect(&["-o", "boxes.csv"]);
    let mut csv = csv::Reader::from_path(bench.at("boxes.csv")).unwrap();
    let columns: Vec<String> = csv.headers().unwrap().iter().map(str::to_owned).collect();
    let old = "keyword,rank,probability,cosine,x,y,width,height,lon,lat,nodata";
    let new = "score,verdict,note,model,prompt,tile,window,scene,time";
    assert_eq!(columns.join(","), format!("{old},{new}"), "the old ones stay where they were");
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    let cell = |row: &csv::StringRecord, name: &str| {
        row[columns.iter().position(|column| column == name).unwrap()].to_owned()
    };
    assert_eq!(rows.len(), 24);
    assert_eq!((cell(&rows[0], "tile"), cell(&rows[0], "window")), ("64".to_owned(), "2".to_owned()));
    assert_eq!((cell(&rows[0], "scene"), cell(&rows[0], "time")), ("scene.tif".to_owned(), TIME.to_owned()));
    assert_eq!(cell(&rows[0], "model"), found["model"].as_str().unwrap());

    bench.detect(&["-o", "boxes.geojson"]);
    let geojson = bench.json("boxes.geojson");
    let properties = &geojson["features"][0]["properties"];
    for name in old.split(',').chain(new.split(',')) {
        assert!(properties.get(name).is_some(), "GeoJSON has no {name}");
    }
    assert_eq!((&properties["tile"], &properties["time"]), (&64.into(), &TIME.into()));
    let expected = boxes_of(list(&found["detections"]), plain);
    assert_eq!(boxes_of(list(&geojson["features"]), property), expected);
}

#[test]
fn kml_lies_where_geojson_does() {
    let bench = Bench::new();
    bench.detect(&["-o", "boxes.geojson"]);
    bench.detect(&["-o", "boxes.kml"]);
    let expected = bench.json("boxes.geojson");
    let text = fs::read_to_string(bench.at("boxes.kml")).unwrap();
    let kml = roxmltree::Document::parse(&text).unwrap();
    let data = |mark: roxmltree::Node, name: &str| {
        let one = mark.descendants().find(|node| node.attribute("name") == Some(name));
        let value = one?.children().find(|node| node.has_tag_name("value"))?;
        Some(value.text()?.to_owned())
    };
    let marks: Vec<roxmltree::Node> =
        kml.descendants().filter(|node| node.has_tag_name("Placemark")).collect();
    assert_eq!(marks.len(), 24);
    for name in ["keyword", "score", "probability", "rank", "model", "prompt", "tile", "window", "scene"] {
        assert!(data(marks[0], name).is_some(), "KML has no {name}");
    }
    assert_eq!(data(marks[23], "keyword").unwrap(), "pier & <quay>");
    assert_eq!(data(marks[0], "time").unwrap(), TIME);
    // Every keyword has its own style.
    let styles: BTreeSet<&str> = marks
        .iter()
        .filter_map(|mark| mark.children().find(|node| node.has_tag_name("styleUrl"))?.text())
        .collect();
    assert_eq!(styles, BTreeSet::from(["#k0", "#k1"]));
    for style in styles {
        assert!(kml.descendants().any(|node| node.attribute("id") == Some(&style[1..])), "{style}");
    }

    if gdal(bench.folder.path(), "ogr2ogr -f GeoJSON read.geojson boxes.kml harbor").is_none() {
        return;
    }
    let read = bench.json("read.geojson");
    let harbors: Vec<Value> = list(&expected["features"])
        .iter()
        .filter(|one| property(one, "keyword") == "harbor")
        .cloned()
        .collect();
    assert_eq!(list(&read["features"]).len(), harbors.len());
    for (read, expected) in list(&read["features"]).iter().zip(&harbors) {
        let name = read["properties"]["Name"].as_str().unwrap();
        assert_eq!(name, format!("harbor {}", property(expected, "rank")));
        for (one, other) in corners(read).iter().zip(&corners(expected)) {
            assert!((one[0] - other[0]).abs().max((one[1] - other[1]).abs()) < PIXEL / 10.0);
        }
    }
}

#[test]
fn kmz_holds_a_picture_of_each_box() {
    let bench = Bench::new();
    bench.detect(&["--crops", "-o", "boxes.kmz"]);
    let mut archive = zip::ZipArchive::new(fs::File::open(bench.at("boxes.kmz")).unwrap()).unwrap();
    assert_eq!(archive.len(), 25);
    let mut text = String::new();
    archive.by_index(0).unwrap().read_to_string(&mut text).unwrap();
    let kml = roxmltree::Document::parse(&text).unwrap();
    let mut pictures = 0;
    for mark in kml.descendants().filter(|node| node.has_tag_name("Placemark")) {
        let told = mark.children().find(|node| node.has_tag_name("description")).unwrap().text().unwrap();
        let name = told.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
        let mut bytes = Vec::new();
        archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        let picture = image::load_from_memory(&bytes).unwrap();
        assert!(picture.width() <= 128 && picture.width() >= 100, "{name}");
        pictures += 1;
    }
    assert_eq!(pictures, 24);
    // Without pictures it is the document alone.
    bench.detect(&["-o", "plain.kmz"]);
    let plain = zip::ZipArchive::new(fs::File::open(bench.at("plain.kmz")).unwrap()).unwrap();
    assert_eq!(plain.len(), 1);
    if let Some(told) = gdal(bench.folder.path(), "ogrinfo -so /vsizip/boxes.kmz/doc.kml harbor") {
        assert!(told.contains("Feature Count: 12"), "{told}");
    }
}

#[test]
fn a_geopackage_is_read_by_gdal_and_has_a_style() {
    let bench = Bench::new();
    bench.detect(&["-o", "boxes.geojson"]);
    bench.detect(&["-o", "boxes.gpkg"]);
    let expected = bench.json("boxes.geojson");
    let degrees =
        "ogr2ogr -f GeoJSON -t_srs EPSG:4326 -lco COORDINATE_PRECISION=12 read.geojson boxes.gpkg detections";
    if gdal(bench.folder.path(), degrees).is_some() {
        let read = bench.json("read.geojson");
        assert_same_places(list(&read["features"]), list(&expected["features"]));
        assert_eq!(
            boxes_of(list(&read["features"]), property),
            boxes_of(list(&expected["features"]), property)
        );
        for name in ["score", "probability", "cosine", "lon", "lat", "nodata"] {
            let values = |features: &Value| -> f64 {
                list(&features["features"]).iter().map(|one| number(&property(one, name))).sum()
            };
            assert!((values(&read) - values(&expected)).abs() < 1e-3, "{name}");
        }
        // Nothing to complain of, and the scene's own system.
        let info = Command::new("ogrinfo")
            .args(["-so", "boxes.gpkg", "detections"])
            .current_dir(bench.folder.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&info.stdout).into_owned();
        assert!(info.stderr.is_empty(), "{}", String::from_utf8_lossy(&info.stderr));
        let scene = gdal(bench.folder.path(), "gdalinfo -json scene.tif").unwrap();
        let scene: Value = serde_json::from_str(&scene).unwrap();
        let wkt = scene["coordinateSystem"]["wkt"].as_str().unwrap();
        let code = wkt.rsplit("ID[\"EPSG\",").next().unwrap().trim_end_matches([']', '\n']).to_owned();
        assert!(told.contains(&format!("ID[\"EPSG\",{code}]")), "{code}: {told}");
        for words in ["Geometry: Polygon", "Feature Count: 24", "time: DateTime", "verdict: String"] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
    if !require("sqlite3") {
        return;
    }
    let ask = |sql: &str| {
        let output = Command::new("sqlite3").arg(bench.at("boxes.gpkg")).arg(sql).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(ask("PRAGMA integrity_check"), "ok");
    assert_eq!(ask("PRAGMA foreign_key_check"), "");
    assert_eq!(ask("PRAGMA application_id"), "1196444487");
    let place = ask("SELECT f_table_name, f_geometry_column, useAsDefault FROM layer_styles");
    assert_eq!(place, "detections|geom|1");
    let qml = ask("SELECT styleQML FROM layer_styles");
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let qml = roxmltree::Document::parse_with_options(&qml, options).unwrap();
    let categories: Vec<&str> = qml
        .descendants()
        .filter(|node| node.has_tag_name("category"))
        .filter_map(|node| node.attribute("value"))
        .collect();
    assert_eq!(categories, ["harbor", "pier & <quay>"]);
    assert_eq!(ask("SELECT DISTINCT time FROM detections"), TIME.replace('Z', ".000Z"));
    // To the standard output, too.
    let all = [&["scene.tif"][..], &GRID, &WORDS, &["--top", "12", "--quiet", "--format", "gpkg"]].concat();
    let printed = bench.run("detect", &all);
    assert!(printed.stdout.starts_with(b"SQLite format 3\0"));
}

#[test]
fn outlines_leave_in_every_format() {
    let bench = Bench::new();
    let dense = |args: &[&str]| {
        let all =
            ["scene.tif", "--dense", "--tile", "64", "-k", "harbor", "-k", "forest", "--quiet", "--top", "8"];
        bench.done("detect", &[&all[..], args].concat())
    };
    dense(&["-o", "boxes.geojson"]);
    dense(&["-o", "boxes.gpkg"]);
    dense(&["--format", "coco", "-o", "boxes.json"]);
    let (geojson, coco) = (bench.json("boxes.geojson"), bench.json("boxes.json"));
    let features = list(&geojson["features"]);
    let annotations = list(&coco["annotations"]);
    assert_eq!(annotations.len(), features.len());
    let mut corners_seen = BTreeSet::new();
    for (annotation, feature) in annotations.iter().zip(features) {
        let ring: Vec<f64> = list(&annotation["segmentation"][0]).iter().map(number).collect();
        let outline: Vec<f64> = list(&property(feature, "outline"))
            .iter()
            .flat_map(|at| [number(&at[0]), number(&at[1])])
            .collect();
        assert_eq!(ring, outline);
        assert!(number(&annotation["area"]) > 0.0);
        corners_seen.insert(ring.len() / 2);
    }
    assert!(corners_seen.iter().any(|&count| count > 4), "some region is no rectangle");
    let degrees =
        "ogr2ogr -f GeoJSON -t_srs EPSG:4326 -lco COORDINATE_PRECISION=12 read.geojson boxes.gpkg detections";
    if gdal(bench.folder.path(), degrees).is_some() {
        let read = bench.json("read.geojson");
        let count = |features: &Value| -> Vec<usize> {
            list(&features["features"]).iter().map(|one| corners(one).len()).collect()
        };
        assert_eq!(count(&read), count(&geojson));
    }
}

#[test]
fn coco_is_what_evaluate_detect_reads() {
    let bench = Bench::new();
    bench.detect(&["--format", "coco", "-o", "scene.json"]);
    let coco = bench.json("scene.json");
    assert_eq!(coco["images"][0]["file_name"], "scene.tif");
    let found: Value = serde_json::from_str(&bench.detect(&[])).unwrap();
    let names: Vec<&str> =
        list(&coco["categories"]).iter().map(|category| category["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["harbor", "pier & <quay>"]);
    let field = |annotation: &Value, name: &str| match name {
        "keyword" => names[annotation["category_id"].as_u64().unwrap() as usize - 1].into(),
        "x" => annotation["bbox"][0].clone(),
        "y" => annotation["bbox"][1].clone(),
        "width" => annotation["bbox"][2].clone(),
        "height" => annotation["bbox"][3].clone(),
        name => annotation[name].clone(),
    };
    assert_eq!(boxes_of(list(&coco["annotations"]), field), boxes_of(list(&found["detections"]), plain));

    let all = [&["."][..], &GRID, &["--top", "12", "--json", "--quiet"]].concat();
    let measured: Value = serde_json::from_str(&bench.done("evaluate-detect", &all)).unwrap();
    let categories = list(&measured["categories"]);
    assert_eq!(categories.len(), 2);
    for category in categories {
        assert_eq!(category["boxes"], 12);
        for at in list(&category["at"]) {
            assert_eq!(at["precision"], 1.0, "{category}");
        }
        assert_eq!(category["pointing_accuracy"], 1.0);
        for at in list(&category["by_overlap"]) {
            assert!((number(&at["average_precision"]) - 1.0).abs() < 1e-9, "{category}");
        }
        assert!((number(&category["overlap"]) - 1.0).abs() < 1e-9);
    }
}

#[test]
fn what_was_cut_out_is_trained_on() {
    let bench = Bench::new();
    for (cut, words) in [("crops", "harbor"), ("tiles", "pier & <quay>")] {
        let (folder, out) = (format!("set-{cut}"), format!("trained-{cut}"));
        let options = ["--format", "coco", "--cut", cut, "--cut-size", "256", "--val-split", "0.25"];
        bench.detect(&[&options[..], &["-o", &folder]].concat());
        let (train, val) =
            (bench.json(&format!("{folder}/train.json")), bench.json(&format!("{folder}/val.json")));
        let (training, validation) = (list(&train["images"]).len(), list(&val["images"]).len());
        assert_eq!(validation, (training + validation) / 4, "{cut}");
        for image in list(&train["images"]).iter().chain(list(&val["images"])) {
            let path = bench.at(&folder).join(image["file_name"].as_str().unwrap());
            let (width, height) = image::image_dimensions(path).unwrap();
            assert_eq!((&image["width"], &image["height"]), (&width.into(), &height.into()));
        }
        assert!(train["categories"].to_string().contains(words));
        let data = format!("{folder}/train.json");
        let args = [&data, "--out", &out, "--epochs", "1", "--batch", "4", "--quiet", "--val-split", "0"];
        bench.done("finetune", &args);
        assert!(bench.at(&out).join("model.safetensors").is_file());
        let measured = bench.done("evaluate-detect", &[&folder, "--tile", "32", "--json", "--quiet"]);
        let measured: Value = serde_json::from_str(&measured).unwrap();
        assert_eq!(list(&measured["images"]).len(), training + validation, "{cut}");
    }
    // Crops are of one class each, so they are classes to measure.
    let measured = bench.done("evaluate", &["set-crops/train.json", "--json", "--quiet"]);
    let measured: Value = serde_json::from_str(&measured).unwrap();
    assert_eq!(measured["classification"]["classes"], serde_json::json!(["harbor", "pier & <quay>"]));
    // Nothing that is there is replaced.
    let again = bench.refusal(&["--format", "coco", "--cut", "crops", "-o", "set-crops"], 1);
    assert!(again.contains("it is there already") && again.trim().lines().count() == 1, "{again}");
}

#[test]
fn yolo_has_the_boxes_of_the_json() {
    let bench = Bench::new();
    let found: Value = serde_json::from_str(&bench.detect(&[])).unwrap();
    bench.detect(&["--format", "yolo", "--cut-size", "300", "-o", "set"]);
    let data = fs::read_to_string(bench.at("set/data.yaml")).unwrap();
    let names = "names:\n  0: \"harbor\"\n  1: \"pier & <quay>\"\n";
    assert_eq!(data, format!("train: images/train\nval: images/val\n{names}"));
    let (mut whole, mut parts, mut pictures) = (BTreeSet::new(), 0, 0);
    for part in ["train", "val"] {
        for entry in fs::read_dir(bench.at("set/images").join(part)).unwrap() {
            let picture = entry.unwrap().path();
            pictures += 1;
            let (width, height) = image::image_dimensions(&picture).unwrap();
            let stem = picture.file_stem().unwrap().to_str().unwrap();
            let (left, top) = stem.split_once("_x").unwrap().1.split_once("_y").unwrap();
            let (left, top): (f64, f64) = (left.parse().unwrap(), top.parse().unwrap());
            let labels = bench.at("set/labels").join(part).join(format!("{stem}.txt"));
            for line in fs::read_to_string(labels).unwrap().lines() {
                let numbers: Vec<f64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
                let &[class, x, y, wide, high] = &numbers[..] else { panic!("{line}") };
                let (wide, high) = (wide * f64::from(width), high * f64::from(height));
                let (x, y) =
                    (left + x * f64::from(width) - wide / 2.0, top + y * f64::from(height) - high / 2.0);
                let [x, y, wide, high] = [x, y, wide, high].map(|value| {
                    assert!((value - value.round()).abs() < 0.01, "{line}: {value}");
                    value.round() as u64
                });
                // It is one of the JSON's boxes, or what a tile leaves of one.
                let keyword = ["harbor", "pier & <quay>"][class as usize];
                let inside = |found: &&Value| {
                    let at = |name: &str| found[name].as_u64().unwrap();
                    let (left, top) = (left as u64, top as u64);
                    let (right, bottom) = (left + u64::from(width), top + u64::from(height));
                    found["keyword"] == keyword
                        && x == at("x").max(left)
                        && y == at("y").max(top)
                        && x + wide == (at("x") + at("width")).min(right)
                        && y + high == (at("y") + at("height")).min(bottom)
                };
                let one = list(&found["detections"]).iter().find(inside);
                let one = one.unwrap_or_else(|| panic!("{line} in {stem} is no box of the JSON"));
                if one["width"] == wide && one["height"] == high {
                    whole.insert((keyword, one["rank"].as_u64().unwrap()));
                } else {
                    parts += 1;
                }
            }
        }
    }
    assert!(pictures > 1 && whole.len() + parts >= 24, "{pictures} {} {parts}", whole.len());
    let tile = |pixels: u64, length: u64| (pixels / 300, (pixels + length - 1) / 300);
    for found in list(&found["detections"]) {
        let at = |name: &str| found[name].as_u64().unwrap();
        let ((left, right), (top, bottom)) = (tile(at("x"), at("width")), tile(at("y"), at("height")));
        if left == right && top == bottom {
            let key = (found["keyword"].as_str().unwrap(), at("rank"));
            assert!(whole.contains(&key), "{key:?} lies in one tile and is missing");
        }
    }
    // All tiles on demand: 4 x 3 of them.
    bench.detect(&["--format", "yolo", "--cut-size", "300", "--empty-tiles", "-o", "all"]);
    let count = |part: &str| fs::read_dir(bench.at("all/images").join(part)).unwrap().count();
    assert_eq!(count("train") + count("val"), 12);
    // Pixels are those of the scene as the model sees it.
    let crops = ["--format", "yolo", "--cut", "crops", "--val-split", "0", "-o", "crops"];
    bench.detect(&crops);
    assert!(fs::read_to_string(bench.at("crops/data.yaml")).unwrap().contains("val: images/train"));
    for entry in fs::read_dir(bench.at("crops/labels/train")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.trim_end().ends_with(" 0.50000000 0.50000000 1.00000000 1.00000000"), "{text}");
    }
}

#[test]
fn pycocotools_reads_coco() {
    if !require("pycocotools") {
        return;
    }
    let bench = Bench::new();
    bench.detect(&["--format", "coco", "-o", "scene.json"]);
    let script = "
import json, sys
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
truth = COCO(sys.argv[1])
ids = truth.getAnnIds()
assert len(ids) == 24, len(ids)
for one in truth.loadAnns(ids):
    mask = truth.annToMask(one)
    assert abs(int(mask.sum()) - one['area']) < 0.02 * one['area'], (int(mask.sum()), one['area'])
found = truth.loadRes([dict(image_id=one['image_id'], category_id=one['category_id'], bbox=one['bbox'],
                            score=one['score']) for one in truth.loadAnns(ids)])
measure = COCOeval(truth, found, 'bbox')
measure.evaluate(); measure.accumulate(); measure.summarize()
assert measure.stats[0] > 0.999, measure.stats
";
    let run = Command::new(python()).args(["-c", script]).arg(bench.at("scene.json")).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn a_search_writes_the_same() {
    let bench = Bench::new();
    let paint = |name: &str, seed: &str| {
        let arguments = ["sample-scene", "--size", "600", "--seed", seed, "-o", name];
        let painted = skysift().args(arguments).current_dir(bench.folder.path()).status().unwrap();
        assert!(painted.success());
    };
    paint("other.tif", "5");
    let index = ["scene.tif", "other.tif", "--store", "store", "--tile", "64", "--window", "2", "--quiet"];
    bench.done("index", &index);
    let search = |args: &[&str]| {
        let all = [&WORDS[..], &["--store", "store", "--top", "12", "--quiet"], args].concat();
        bench.done("search", &all)
    };
    let found: Value = serde_json::from_str(&search(&[])).unwrap();
    assert_eq!((&found["time"], &found["detections"][0]["verdict"]), (&TIME.into(), &"".into()));
    let expected = boxes_of(list(&found["detections"]), plain);
    assert_eq!(expected.len(), 24);
    search(&["-o", "found.geojson"]);
    search(&["-o", "found.gpkg"]);
    search(&["--crops", "-o", "found.kmz"]);
    search(&["--format", "coco", "-o", "found.json"]);
    search(&["--format", "yolo", "-o", "set"]);
    let geojson = bench.json("found.geojson");
    assert_eq!(boxes_of(list(&geojson["features"]), property), expected);
    let scenes: BTreeSet<String> = list(&geojson["features"])
        .iter()
        .map(|one| {
            Path::new(property(one, "scene").as_str().unwrap()).file_name().unwrap().to_string_lossy().into()
        })
        .collect();
    let coco = bench.json("found.json");
    let named: BTreeSet<String> =
        list(&coco["images"]).iter().map(|one| one["file_name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(named, scenes);
    assert_eq!(list(&coco["annotations"]).len(), 24);
    let archive = zip::ZipArchive::new(fs::File::open(bench.at("found.kmz")).unwrap()).unwrap();
    assert_eq!(archive.len(), 25);
    assert!(bench.at("set/data.yaml").is_file());
    let read = "ogr2ogr -f GeoJSON -lco COORDINATE_PRECISION=12 read.geojson found.gpkg detections";
    if gdal(bench.folder.path(), read).is_some() {
        assert_same_places(list(&bench.json("read.geojson")["features"]), list(&geojson["features"]));
    }
}

#[test]
fn a_scene_without_a_place_is_refused_or_stays_in_pixels() {
    let bench = Bench::new();
    image::RgbImage::from_fn(300, 200, |x, y| image::Rgb([x as u8, y as u8, 90]))
        .save(bench.at("photo.png"))
        .unwrap();
    let detect = |args: &[&str]| {
        let all = ["photo.png", "-k", "harbor", "--tile", "32", "--window", "2", "--quiet"];
        bench.run("detect", &[&all[..], args].concat())
    };
    for (name, format) in [("a.kml", "KML"), ("a.kmz", "KMZ"), ("a.geojson", "GeoJSON")] {
        let refused = detect(&["-o", name]);
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{stderr}");
        let says = |words: &str| stderr.contains(words);
        assert!(says(format) && says("no georeference") && says("--format json"), "{stderr}");
        assert_eq!(stderr.trim().lines().count(), 1, "{stderr}");
        assert!(!bench.at(name).exists());
    }
    assert!(detect(&["-o", "a.gpkg"]).status.success());
    if let Some(told) = gdal(bench.folder.path(), "ogrinfo -al a.gpkg detections") {
        assert!(told.contains("Feature Count: 5"), "{told}");
        // As GIS programs show a picture without a place: to the right and down from zero.
        let extent = told.lines().find(|line| line.starts_with("Extent")).unwrap();
        let numbers: Vec<f64> = extent
            .split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
            .filter_map(|word| word.parse().ok())
            .collect();
        let &[left, bottom, right, top] = &numbers[..] else { panic!("{extent}") };
        assert!(left >= 0.0 && right <= 300.0 && top <= 0.0 && bottom >= -200.0, "{extent}");
    }
}

#[test]
fn options_that_do_not_go_together_are_named() {
    let bench = Bench::new();
    for (args, words) in [
        (&["--crops", "-o", "a.kml"][..], "--crops"),
        (&["--cut", "tiles", "-o", "a.gpkg"], "--cut"),
        (&["--format", "yolo"], "-o DIR"),
        (&["--format", "coco", "--cut", "crops", "-o", "-"], "-o DIR"),
        (&["--format", "yolo", "-o", "set", "--val-split", "1"], "--val-split"),
    ] {
        let told = bench.refusal(args, 2);
        assert!(told.contains(words), "{args:?}: {told}");
    }
    let told = bench.refusal(&["-o", "scene.tif", "--format", "gpkg"], 1);
    assert!(told.contains("would replace"), "{told}");
    let told = bench.refusal(&["-o", "none/a.gpkg"], 1);
    assert!(told.contains("none/a.gpkg") && told.matches("os error").count() == 1, "{told}");
    let before: BTreeSet<PathBuf> =
        fs::read_dir(bench.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(before, BTreeSet::from([bench.at("scene.tif")]), "nothing is left behind");
}
