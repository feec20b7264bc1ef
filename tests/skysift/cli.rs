//! The commands from the outside.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use skysift::clip::{ModelPreset, write_random_model};

use crate::support::{fixture, require, shared, skysift, tiny_model};

fn run(args: &[&str]) -> Output {
    skysift().args(args).output().unwrap()
}

fn detect(image: &Path, args: &[&str]) -> Output {
    let mut command = skysift();
    command.arg("detect").arg(image).arg("--model").arg(tiny_model()).args(["--device", "cpu"]).args(args);
    command.output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Asserts that a command failed with one line on stderr that contains `words`.
fn assert_fails(output: &Output, status: i32, words: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert!(stderr.contains(words), "{stderr:?} does not say {words:?}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    if status == 1 {
        assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr:?} is not one line");
    }
}

fn scene() -> PathBuf {
    fixture("thesis/scene.png")
}

#[test]
fn the_thesis_window_counts() {
    for (tile, window, windows) in [("128", "4", 133), ("128", "3", 160), ("64", "2", 817)] {
        let args = ["-k", "harbor", "--edges", "drop", "--tile", tile, "--window", window];
        assert_eq!(json(&detect(&scene(), &args))["windows"], windows);
    }
}

/// `tests/reference/thesis.py` is a slow, plain sliding window in Python on the same model and scene.
#[test]
fn the_thesis_top_100_in_the_order_of_their_cosines() {
    let text = std::fs::read_to_string(fixture("thesis/top100.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let mut command = skysift();
    command.arg("detect").arg(scene()).arg("--model").arg(fixture("clip/hf_quick_gelu"));
    command.args(["-k", "harbor", "--edges", "drop", "--exact", "--top", "100", "--background", "none"]);
    command.args(["--rank-by", "cosine", "--device", "cpu"]);
    let found = json(&command.output().unwrap());
    assert_eq!(found["windows"], expected["windows"]);
    let found = found["detections"].as_array().unwrap();
    let expected = expected["top"].as_array().unwrap();
    assert_eq!(found.len(), expected.len());
    let cosine = |window: &Value| window["cosine"].as_f64().unwrap();
    for (found, at_rank) in found.iter().zip(expected) {
        // Embeddings are kept in half precision, which is off by 2^-12 of a cosine at most on average:
        // windows that are nearer to each other may change places.
        let same = |other: &&Value| (&other["x"], &other["y"]) == (&found["x"], &found["y"]);
        let window = expected.iter().find(same).unwrap_or_else(|| panic!("{found} is not in the list"));
        for (what, expected) in [("window", window), ("rank", at_rank)] {
            let difference = (cosine(found) - cosine(expected)).abs();
            assert!(difference < 2.5e-4, "the cosine of {what} {} is off by {difference}", found["rank"]);
        }
    }
}

#[test]
fn json_says_what_was_found_and_what_made_it() {
    let found = json(&detect(&scene(), &["-k", "harbor", "-k", "pier", "--top", "3"]));
    assert_eq!((&found["width"], &found["height"]), (&2826.into(), &1300.into()));
    assert_eq!((&found["tile"], &found["window"], &found["step"]), (&128.into(), &4.into(), &1.into()));
    assert_eq!(found["prompt"], "a photo of a {}");
    assert!(found["device"].as_str().unwrap().contains("CPU"));
    assert!(found["seconds"].as_f64().unwrap() > 0.0);
    let detections = found["detections"].as_array().unwrap();
    let order: Vec<(&str, u64)> = detections
        .iter()
        .map(|detection| (detection["keyword"].as_str().unwrap(), detection["rank"].as_u64().unwrap()))
        .collect();
    assert_eq!(order, [("harbor", 1), ("harbor", 2), ("harbor", 3), ("pier", 1), ("pier", 2), ("pier", 3)]);
    for detection in detections {
        assert!(detection["lon"].is_null() && detection["lat"].is_null());
        assert_eq!((&detection["width"], &detection["height"]), (&512.into(), &512.into()));
        assert!((0.0..=1.0).contains(&detection["probability"].as_f64().unwrap()));
    }
}

#[test]
fn words_that_the_model_never_learnt_are_named() {
    let folder = tempfile::tempdir().unwrap();
    write_random_model(folder.path(), ModelPreset::Tiny, 1).unwrap();
    let stderr = |args: &[&str]| {
        let mut command = skysift();
        command
            .arg("detect")
            .arg(scene())
            .arg("--model")
            .arg(folder.path())
            .args(["--device", "cpu"])
            .args(args);
        let output = command.output().unwrap();
        json(&output);
        String::from_utf8(output.stderr).unwrap()
    };
    let words = ["-k", "harbors", "-k", "stadium", "--tile", "500", "--window", "1"];
    assert_eq!(stderr(&words), "", "a model that does not tell its words");
    let names = folder.path().join("names.json");
    std::fs::write(&names, r#"{"harbor": ["harbor", "port"], "river": "river"}"#).unwrap();
    let note = "skysift: the model doesn't know “stadium”; results are unreliable\n";
    assert_eq!(stderr(&words), note);
    assert_eq!(stderr(&[words.as_slice(), &["--quiet"]].concat()), "");
    assert_eq!(stderr(&["-k", "river", "--tile", "500", "--window", "1"]), "");
    // The model runs without its list.
    std::fs::write(&names, "[").unwrap();
    let message = stderr(&words);
    assert!(message.contains("names.json") && message.lines().count() == 1, "{message}");
}

#[test]
fn two_runs_find_the_same() {
    let run =
        || json(&detect(&scene(), &["-k", "harbor", "-k", "field", "--top", "40"]))["detections"].clone();
    assert_eq!(run(), run());
}

#[test]
fn csv_and_geojson() {
    let csv = detect(&scene(), &["-k", "harbor", "--format", "csv"]);
    let text = String::from_utf8(csv.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("keyword,rank,probability,cosine,x,y,width,height,lon,lat,nodata,"));
    assert_eq!(lines.len(), 6);

    let geojson = json(&detect(&scene(), &["-k", "harbor", "--format", "geojson", "--pixels"]));
    assert_eq!(geojson["type"], "FeatureCollection");
    assert_eq!(geojson["coordinates"], "pixels");
    assert_eq!(geojson["features"].as_array().unwrap().len(), 5);
    let ring = geojson["features"][0]["geometry"]["coordinates"][0].as_array().unwrap();
    assert_eq!((ring.len(), &ring[0]), (5, &ring[4]));
}

#[test]
fn the_annotated_picture_shows_the_best_box() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("boxes.png");
    let args = ["-k", "harbor", "--top", "1", "--annotate", picture.to_str().unwrap()];
    let found = json(&detect(&scene(), &args));
    let image = image::open(&picture).unwrap().to_rgb8();
    assert_eq!(image.dimensions(), (2826, 1300));
    let best = &found["detections"][0];
    let (x, y) = (best["x"].as_u64().unwrap() as u32, best["y"].as_u64().unwrap() as u32);
    let color = skysift::export::keyword_color(0);
    // The right edge and the bottom edge: the label covers a part of the top.
    assert_eq!(image.get_pixel(x + 511, y + 256).0, color);
    assert_eq!(image.get_pixel(x + 256, y + 511).0, color);
}

#[test]
fn wrong_usage_is_status_2() {
    let scene = scene();
    let image = scene.to_str().unwrap();
    let model = tiny_model();
    let model = model.to_str().unwrap();
    assert_fails(&run(&["detect", image, "--model", model]), 2, "-k");
    assert_fails(&run(&["detect", image, "--model", model, "-k", " "]), 2, "letter");
    assert_fails(&run(&["detect", image, "--model", model, "-k", "a", "--tile", "7"]), 2, "8");
    assert_fails(&run(&["detect", image, "--model", model, "-k", "a", "--window", "0"]), 2, "window");
    assert_fails(&run(&["detect", image, "--model", model, "-k", "a", "--prompt", "photo"]), 2, "{}");
    assert_fails(&run(&["detect", "-k", "a"]), 2, "IMAGE");
    assert_fails(&run(&["--sample", image]), 2, "--sample");
    assert_fails(&run(&["--screenshot", "window.png"]), 2, "--sample");
}

#[test]
fn bad_input_ends_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("empty.tif"), b"").unwrap();
    std::fs::write(path("text.tif"), b"this is not a picture, whatever its name says").unwrap();
    for (name, words) in [("empty.tif", "empty"), ("text.tif", "text.tif"), ("missing.tif", "missing.tif")] {
        assert_fails(&detect(&path(name), &["-k", "harbor"]), 1, words);
        assert_fails(&run(&["info", path(name).to_str().unwrap()]), 1, words);
    }
    assert_fails(&detect(folder.path(), &["-k", "harbor"]), 1, "folder");
    let unwritable = path("no/such/folder/boxes.json");
    assert_fails(&detect(&scene(), &["-k", "harbor", "-o", unwritable.to_str().unwrap()]), 1, "cannot write");
    assert_fails(
        &detect(&scene(), &["-k", "harbor", "--background", "/no/such/words"]),
        1,
        "background words",
    );
}

#[test]
fn a_scene_of_one_pixel_and_a_tile_larger_than_the_scene_are_one_window() {
    let folder = tempfile::tempdir().unwrap();
    let dot = folder.path().join("dot.png");
    image::RgbImage::from_pixel(1, 1, image::Rgb([9, 99, 199])).save(&dot).unwrap();
    assert_eq!(json(&detect(&dot, &["-k", "harbor"]))["windows"], 1);
    assert_eq!(json(&detect(&scene(), &["-k", "harbor", "--tile", "4000", "--window", "1"]))["windows"], 1);
}

#[test]
fn a_failed_export_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("boxes.json");
    std::fs::write(&out, "old").unwrap();
    let text = folder.path().join("text.tif");
    std::fs::write(&text, "no picture").unwrap();
    assert_fails(&detect(&text, &["-k", "a", "-o", out.to_str().unwrap()]), 1, "text.tif");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "old");
}

#[test]
fn the_five_real_scenes() {
    let Some(shared) = shared() else { return };
    for name in ["RGB.byte.tif", "naip.tif", "planet_ship.tif", "port_is_jpeg_inside.png", "cogeo.tif"] {
        let image = shared.join("data/scenes").join(name);
        let info = json(&run(&["info", "--json", image.to_str().unwrap()]));
        let args = ["-k", "harbor", "-k", "ship", "--tile", "64", "--window", "4", "--step", "2"];
        let found = json(&detect(&image, &args));
        assert_eq!((&found["width"], &found["height"]), (&info["width"], &info["height"]), "{name}");
        let georeferenced = !info["epsg"].is_null();
        assert_eq!(found["detections"][0]["lon"].is_number(), georeferenced, "{name}");
        assert!(found["windows"].as_u64().unwrap() > 0, "{name}");
    }
}

/// Its overviews are whole, the last tile of its full resolution isn't.
#[test]
fn a_truncated_scene_is_told_and_fails_whoever_reads_what_is_missing() {
    let Some(shared) = shared() else { return };
    let scene = shared.join("data/scenes/truncated_cog.tif");
    let lines = |output: &Output| -> Vec<String> {
        String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect()
    };
    let of_overviews = detect(&scene, &["-k", "harbor"]);
    assert_eq!(json(&of_overviews)["failed"].as_u64().unwrap_or(0), 0);
    let told = lines(&of_overviews);
    assert!(told.len() == 1 && told[0].contains("truncated_cog.tif is cut off: 1 of its "), "{told:?}");
    let output = detect(&scene, &["-k", "harbor", "--exact"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let failed = lines(&output);
    assert!(failed.len() == 2 && failed[0] == told[0], "{failed:?}");
    assert!(
        failed[1].contains("truncated_cog.tif") && failed[1].contains("damaged or cut off"),
        "{failed:?}"
    );
}

/// The same detections through GeoJSON lie where GDAL says the pixels lie.
#[test]
fn geojson_lies_where_gdal_says() {
    let Some(shared) = shared() else { return };
    if !require("gdal") {
        return;
    }
    let image = shared.join("data/scenes/naip.tif");
    let found = json(&detect(&image, &["-k", "harbor", "--format", "geojson", "--top", "2"]));
    assert_eq!(found["coordinates"], "longitude, latitude");
    assert_eq!(found["features"].as_array().unwrap().len(), 2);
    for feature in found["features"].as_array().unwrap() {
        let corner = &feature["geometry"]["coordinates"][0][0];
        let properties = &feature["properties"];
        let mut gdal = Command::new("gdaltransform")
            .args(["-t_srs", "EPSG:4326", "-output_xy"])
            .arg(&image)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(gdal.stdin.take().unwrap(), "{} {}", properties["x"], properties["y"]).unwrap();
        let text = String::from_utf8(gdal.wait_with_output().unwrap().stdout).unwrap();
        let expected: Vec<f64> = text.split_whitespace().map(|value| value.parse().unwrap()).collect();
        assert!((corner[0].as_f64().unwrap() - expected[0]).abs() < 1e-7, "{corner} is not {text}");
        assert!((corner[1].as_f64().unwrap() - expected[1]).abs() < 1e-7, "{corner} is not {text}");
    }
}

/// `tests/reference/make_clip_fixtures.py` wrote what transformers makes of the same picture and sentences.
#[test]
fn embed_prints_what_transformers_finds() {
    let folder = fixture("clip/hf_quick_gelu");
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_str(&text).unwrap();
    let texts: Vec<&str> =
        expected["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let mut command = skysift();
    command.arg("embed").arg("--model").arg(&folder).args(["--device", "cpu"]);
    for index in 0..3 {
        command.arg("--image").arg(fixture(&format!("clip/pictures/{index}.png")));
    }
    for text in &texts {
        command.args(["--text", text]);
    }
    let found = json(&command.output().unwrap());
    let dot = |a: &Value, b: &Value| {
        let values =
            |list: &Value| list.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
        values(a).iter().zip(values(b)).map(|(a, b)| a * b).sum::<f64>()
    };
    for name in ["image_embeddings", "text_embeddings"] {
        let (found, expected) = (found[name].as_array().unwrap(), expected[name].as_array().unwrap());
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            // The reference is not normalised.
            let cosine = dot(found, expected) / dot(expected, expected).sqrt();
            assert!(cosine >= 0.99999, "{name}: {cosine}");
        }
    }
    let scale = found["logit_scale"].as_f64().unwrap();
    let logit = found["logits_per_image"][2][1].as_f64().unwrap();
    let expected = scale * dot(&found["image_embeddings"][2], &found["text_embeddings"][1]);
    assert!((logit - expected).abs() < 1e-3, "{logit} is not {expected}");
}
