//! `skysift evaluate-detect` from the outside, on a painted scene whose truth is known, against sums done
//! here a second time from what `skysift detect` prints.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::{skysift, tiny_model};

const GRID: [&str; 6] = ["--tile", "64", "--window", "2", "--step", "1"];

fn run(command: &str, path: &Path, args: &[&str]) -> Output {
    let mut program = skysift();
    program.arg(command).arg(path).arg("--model").arg(tiny_model()).args(["--device", "cpu"]).args(args);
    program.output().unwrap()
}

fn json_of(command: &str, path: &Path, args: &[&str]) -> Value {
    let output = run(command, path, args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn assert_fails(data: &Path, args: &[&str], status: i32, words: &[&str]) {
    let output = run("evaluate-detect", data, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    for words in words {
        assert!(stderr.contains(words), "{stderr:?} does not say {words:?}");
    }
    assert!(status != 1 || stderr.trim_end().lines().count() == 1, "{stderr:?} is not one line");
    assert!(!stderr.contains("panicked") && output.stdout.is_empty(), "{stderr}");
}

/// A folder with scenes of 1024 pixels, each with its truth beside it.
fn scenes(seeds: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for seed in seeds {
        let (image, truth) = (format!("{seed}.tif"), format!("{seed}.json"));
        let mut command = skysift();
        command.args(["sample-scene", "--size", "1024", "--seed", seed, "-o", &image, "--truth", &truth]);
        let output = command.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    folder
}

/// Left, top, width, height.
type Area = [f64; 4];

fn has_inside([left, top, width, height]: Area, (x, y): (f64, f64)) -> bool {
    x >= left && x < left + width && y >= top && y < top + height
}

fn middle([left, top, width, height]: Area) -> (f64, f64) {
    (left + width / 2.0, top + height / 2.0)
}

fn is_hit(window: Area, thing: Area) -> bool {
    has_inside(window, middle(thing)) || has_inside(thing, middle(window))
}

fn area(value: &Value, keys: [&str; 4]) -> Area {
    keys.map(|key| value[key].as_f64().unwrap())
}

/// For one category: an image's boxes, and its windows with their probabilities, the best first.
type Seen = (Vec<Area>, Vec<(f64, Area)>);

/// What the truth and `skysift detect` say of one image.
fn seen(folder: &Path, name: &str, category: &Value, found: &Value) -> Seen {
    let truth: Value =
        serde_json::from_slice(&fs::read(folder.join(format!("{name}.json"))).unwrap()).unwrap();
    let own = |one: &&Value| one["category_id"] == category["id"];
    let boxes = truth["annotations"].as_array().unwrap().iter().filter(own).map(|one| {
        let sides: Vec<f64> =
            one["bbox"].as_array().unwrap().iter().map(|side| side.as_f64().unwrap()).collect();
        [sides[0], sides[1], sides[2], sides[3]]
    });
    let own = |one: &&Value| one["keyword"] == category["name"];
    let windows = found["detections"].as_array().unwrap().iter().filter(own);
    let windows = windows
        .map(|one| (one["probability"].as_f64().unwrap(), area(one, ["x", "y", "width", "height"])))
        .collect();
    (boxes.collect(), windows)
}

fn assert_near(found: &Value, expected: f64, what: &str) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-9, "{what}: {found} is not {expected}");
}

fn precision((boxes, windows): &Seen, k: usize) -> f64 {
    let best = &windows[..k.min(windows.len())];
    let right =
        best.iter().filter(|(_, window)| boxes.iter().any(|&thing| has_inside(thing, middle(*window))));
    right.count() as f64 / best.len() as f64
}

/// From the definition: at each box found, the best precision from there on.
fn average_precision(images: &[Seen]) -> f64 {
    let mut ranked: Vec<(f64, usize, Area)> = Vec::new();
    for (image, (_, windows)) in images.iter().enumerate() {
        ranked.extend(windows.iter().map(|&(probability, window)| (probability, image, window)));
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let is_right =
        |&(_, image, window): &(f64, usize, Area)| images[image].0.iter().any(|&thing| is_hit(window, thing));
    let right: Vec<bool> = ranked.iter().map(is_right).collect();
    let precision =
        |count: usize| right[..count].iter().filter(|&&is_right| is_right).count() as f64 / count as f64;
    let (mut sum, mut boxes) = (0.0, 0);
    for (image, (things, _)) in images.iter().enumerate() {
        for &thing in things {
            boxes += 1;
            let first = ranked.iter().position(|&(_, of, window)| of == image && is_hit(window, thing));
            if let Some(first) = first {
                sum += (first + 1..=ranked.len()).map(precision).fold(0.0, f64::max);
            }
        }
    }
    sum / f64::from(boxes)
}

fn intersection_over_union(a: Area, b: Area) -> f64 {
    let side = |at: usize| ((a[at] + a[at + 2]).min(b[at] + b[at + 2]) - a[at].max(b[at])).max(0.0);
    let both = side(0) * side(1);
    both / (a[2] * a[3] + b[2] * b[3] - both)
}

/// From the definition: a window is right if it is the first to fit the box that it fits best.
fn average_precision_at(images: &[Seen], least: f64) -> f64 {
    let mut ranked: Vec<(f64, usize, Area)> = Vec::new();
    for (image, (_, windows)) in images.iter().enumerate() {
        ranked.extend(windows.iter().map(|&(probability, window)| (probability, image, window)));
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut found = std::collections::HashSet::new();
    let mut right = Vec::new();
    for (_, image, window) in ranked {
        let mut best = (0.0, 0);
        for (index, &thing) in images[image].0.iter().enumerate() {
            let overlap = intersection_over_union(window, thing);
            if overlap > best.0 {
                best = (overlap, index);
            }
        }
        right.push(best.0 >= least && found.insert((image, best.1)));
    }
    let precision =
        |count: usize| right[..count].iter().filter(|&&is_right| is_right).count() as f64 / count as f64;
    let at_each = right.iter().enumerate().filter(|(_, is_right)| **is_right);
    let sum: f64 =
        at_each.map(|(place, _)| (place + 1..=right.len()).map(precision).fold(0.0, f64::max)).sum();
    sum / images.iter().map(|(boxes, _)| boxes.len()).sum::<usize>() as f64
}

#[test]
fn scores_are_what_the_detections_say() {
    let folder = scenes(&["3", "4"]);
    fs::write(folder.path().join("spare.png"), "not even a picture").unwrap();
    let args = [&GRID[..], &["--top", "60"]].concat();
    let report = json_of("evaluate-detect", folder.path(), &[&args[..], &["--json"]].concat());

    let truth: Value = serde_json::from_slice(&fs::read(folder.path().join("3.json")).unwrap()).unwrap();
    let categories = truth["categories"].as_array().unwrap();
    let words: Vec<&str> = categories.iter().map(|category| category["name"].as_str().unwrap()).collect();
    let keywords = words.iter().flat_map(|word| ["-k", word]);
    let detect: Vec<&str> = args.iter().copied().chain(keywords).chain(["--format", "json"]).collect();
    let found = ["3", "4"].map(|name| json_of("detect", &folder.path().join(format!("{name}.tif")), &detect));

    assert_eq!(report["keywords"], json!(words));
    assert_eq!((&report["tile"], &report["window"], &report["top"]), (&json!(64), &json!(2), &json!(60)));
    for key in ["model", "model_fingerprint", "skysift_version", "prompt", "step", "edges", "device"] {
        assert_eq!(report[key], found[0][key], "{key}");
    }
    assert_eq!(report["images"][1]["scene_fingerprint"], found[1]["scene_fingerprint"]);
    assert_eq!(report["images"][1]["windows"], found[1]["windows"]);
    assert_eq!(report["images"][1]["passes"], found[1]["windows"], "nothing is kept in tests");
    assert!(report["left_out"][0].as_str().unwrap().ends_with("spare.png"));
    assert!(report["definitions"]["hit"].as_str().unwrap().starts_with("either-centre-inside"));

    let mut measured = report["categories"].as_array().unwrap().iter();
    let (mut boxes_in_all, mut recalls, mut without) = (0, Vec::new(), Vec::new());
    for category in categories {
        let name = category["name"].as_str().unwrap();
        let images = [("3", &found[0]), ("4", &found[1])]
            .map(|(scene, found)| seen(folder.path(), scene, category, found));
        let with: Vec<&Seen> = images.iter().filter(|(boxes, _)| !boxes.is_empty()).collect();
        if with.is_empty() {
            without.push(name);
            continue;
        }
        let result = measured.next().unwrap();
        let boxes: usize = with.iter().map(|(boxes, _)| boxes.len()).sum();
        boxes_in_all += boxes;
        assert_eq!(result["category"], name);
        assert_eq!((&result["images"], &result["boxes"]), (&json!(with.len()), &json!(boxes)), "{name}");
        assert_eq!(result["at"].as_array().unwrap().len(), 3, "{name}");
        for (index, k) in [5, 10, 50].into_iter().enumerate() {
            let at = &result["at"][index];
            assert_eq!(at["k"], k);
            let hit = with.iter().flat_map(|(boxes, windows)| {
                boxes.iter().filter(move |&&thing| windows[..k].iter().any(|&(_, w)| is_hit(w, thing)))
            });
            let recall = hit.count() as f64 / boxes as f64;
            assert_near(&at["recall"], recall, name);
            let mean = with.iter().map(|seen| precision(seen, k)).sum::<f64>() / with.len() as f64;
            assert_near(&at["precision"], mean, name);
            if k == 10 {
                recalls.push(recall);
            }
        }
        let pointing = with.iter().map(|seen| precision(seen, 1)).sum::<f64>() / with.len() as f64;
        assert_near(&result["pointing_accuracy"], pointing, name);
        assert_near(&result["average_precision"], average_precision(&images), name);
        for (index, least) in [0.3, 0.5].into_iter().enumerate() {
            let at = &result["by_overlap"][index];
            assert_eq!(at["least"], least);
            assert_near(&at["average_precision"], average_precision_at(&images, least), name);
        }
        // 15 x 15 windows of 128 pixels, 64 apart, have their centres at 64, 128, ..., 960.
        let centers = || (1..=15).flat_map(|row| (1..=15).map(move |column| (row, column)));
        let chance = with.iter().map(|(boxes, _)| {
            let is_inside = |&(row, column): &(i32, i32)| {
                let center = (64.0 * f64::from(column), 64.0 * f64::from(row));
                boxes.iter().any(|&thing| has_inside(thing, center))
            };
            centers().filter(is_inside).count() as f64 / 225.0
        });
        assert_near(&result["chance"], chance.sum::<f64>() / with.len() as f64, name);
    }
    assert!(measured.next().is_none());
    assert!(recalls.len() > 3 && recalls.iter().any(|&recall| recall > 0.0), "{recalls:?}");
    assert_eq!(report["categories_without_boxes"], json!(without));
    assert_near(
        &report["mean"]["at"][1]["recall"],
        recalls.iter().sum::<f64>() / recalls.len() as f64,
        "mean",
    );
    let told: u64 = (0..2).map(|image| report["images"][image]["boxes"].as_u64().unwrap()).sum();
    assert_eq!(told, boxes_in_all as u64);
}

#[test]
fn one_file_for_all_images_and_a_table() {
    let folder = scenes(&["3"]);
    fs::remove_file(folder.path().join("3.json")).unwrap();
    fs::create_dir(folder.path().join("more")).unwrap();
    image::RgbImage::from_fn(300, 200, |x, y| image::Rgb([x as u8, y as u8, 90]))
        .save(folder.path().join("more/small.png"))
        .unwrap();
    let truth = json!({
        "images": [{"id": 1, "file_name": "3.tif"}, {"id": 2, "file_name": "more/small.png"}],
        // A word that the model's authors never thought of counts like any other.
        "categories": [{"id": 1, "name": "harbor"}, {"id": 2, "name": "zxqv"}, {"id": 3, "name": "cloud"}],
        "annotations": [
            {"image_id": 2, "category_id": 1, "bbox": [0, 0, 300, 200]},
            {"image_id": 2, "category_id": 2, "bbox": [0, 0, 300, 200]},
            {"image_id": 1, "category_id": 1, "bbox": [100.5, 100.5, 9, 9]},
        ],
    });
    fs::write(folder.path().join("truth.json"), truth.to_string()).unwrap();
    let report = json_of("evaluate-detect", folder.path(), &["--background", "none", "--json"]);
    assert_eq!(
        (&report["top"], &report["window"], &report["background"]),
        (&json!(100), &json!(4), &json!([]))
    );
    assert_eq!(report["categories_without_boxes"], json!(["cloud"]));
    let [harbor, unknown] = [0, 1].map(|index| &report["categories"][index]);
    assert_eq!((&harbor["boxes"], &harbor["images"]), (&json!(2), &json!(2)));
    // The small picture is one window, which ends with it as the box does: any ranking finds that.
    assert_eq!((&unknown["pointing_accuracy"], &unknown["chance"]), (&json!(1.0), &json!(1.0)));
    assert_eq!((&unknown["at"][0]["recall"], &unknown["at"][0]["precision"]), (&json!(1.0), &json!(1.0)));
    assert_eq!(unknown["overlap"], json!(1.0));

    let output = run("evaluate-detect", folder.path(), &["--quiet"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for words in [
        "images: 2, categories: 2, boxes: 3",
        "passes of the model: ",
        "AP.3",
        "at 100",
        "zxqv",
        "mean",
        "either-centre-inside",
    ] {
        assert!(text.contains(words), "{text:?} does not say {words:?}");
    }
    assert!(output.stderr.is_empty());
}

#[test]
fn bad_truth_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    image::RgbImage::new(64, 64).save(data.join("a.png")).unwrap();
    assert_fails(data, &[], 1, &["no ground truth"]);
    assert_fails(&data.join("absent"), &[], 1, &["absent"]);

    let write = |text: &str| fs::write(data.join("truth.json"), text).unwrap();
    let truth = |image: &str, size: u32, bbox: &str| {
        write(&format!(
            r#"{{"images": [{{"id": 1, "file_name": "{image}", "width": {size}, "height": 64}}],
                "categories": [{{"id": 1, "name": "ship"}}],
                "annotations": [{bbox}]}}"#
        ));
    };
    write("{\"images\": [");
    assert_fails(data, &[], 1, &["truth.json", "COCO"]);
    let whole = r#"{"image_id": 1, "category_id": 1, "bbox": [0, 0, 64, 64]}"#;
    truth("gone.png", 64, whole);
    assert_fails(data, &[], 1, &["truth.json", "gone.png", "isn't there"]);
    truth("../a.png", 64, whole);
    assert_fails(data, &[], 1, &["truth.json", "outside"]);
    truth("a.png", 65, whole);
    assert_fails(data, &[], 1, &["a.png", "64 x 64", "65 x 64"]);
    truth("a.png", 64, "");
    assert_fails(data, &[], 1, &["without a box"]);
    truth("a.png", 64, whole);
    assert_fails(data, &["-k", "ship"], 2, &["-k"]);
    fs::write(data.join("a.png"), "no picture").unwrap();
    assert_fails(data, &[], 1, &["a.png"]);
}

/// Elsewhere than on Linux the folder of saved queries lies where that system has it.
#[cfg(target_os = "linux")]
#[test]
fn a_category_may_be_a_saved_query() {
    let folder = tempfile::tempdir().unwrap();
    let (data, home) = (folder.path().join("data"), folder.path().join("home"));
    fs::create_dir(&data).unwrap();
    image::RgbImage::from_fn(128, 64, |x, y| image::Rgb([x as u8, y as u8, 90]))
        .save(data.join("a.png"))
        .unwrap();
    let truth = json!({
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "@ports"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 64, 64]}],
    });
    fs::write(data.join("truth.json"), truth.to_string()).unwrap();
    let run = |args: &[&str]| {
        let mut program = skysift();
        program.args(args).arg("--model").arg(tiny_model()).args(["--device", "cpu"]);
        program.env("XDG_DATA_HOME", &home).output().unwrap()
    };
    let evaluate = ["evaluate-detect", data.to_str().unwrap(), "--tile", "32", "--window", "2", "--json"];
    let output = run(&evaluate);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("there is no saved query @ports"), "{stderr}");

    let image = data.join("a.png");
    let found = run(&["detect", image.to_str().unwrap(), "-k", "harbor", "--tile", "32", "--window", "2"]);
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    let embedded = run(&["embed", "--text", "a photo of a harbor"]);
    let embedded: Value = serde_json::from_slice(&embedded.stdout).unwrap();
    let query = json!({
        "name": "ports",
        "expression": "harbor",
        "model": found["model"],
        "model_fingerprint": found["model_fingerprint"],
        "embedding": embedded["text_embeddings"][0],
    });
    fs::create_dir_all(home.join("skysift/queries")).unwrap();
    fs::write(home.join("skysift/queries/ports.json"), query.to_string()).unwrap();
    let output = run(&evaluate);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["categories"][0]["category"], "@ports");
}

#[test]
fn help_tells_what_differs_from_detect() {
    let output = skysift().args(["evaluate-detect", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("[default: 100]") && !help.contains("--keyword"), "{help}");
}
