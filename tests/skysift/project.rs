//! Projects from the outside: what `skysift export` makes of their files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::support::{skysift, tiny_model};

/// A folder with a picture and a project about it.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        picture(&bench.at("coast.png"), 3);
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A scene in which nothing was said.
    fn scene(&self, id: u32, name: &str) -> Value {
        json!({"id": id, "path": self.at(name), "relative": name})
    }

    fn write(&self, scenes: &[Value]) -> PathBuf {
        let path = self.at("coast.skysift");
        let settings =
            json!({"tile": 32, "window": 2, "scales": [], "dense": false, "overlap": null, "top": 6});
        let project = json!({
            "format": "Skysift project", "version": 1, "keywords": [{"word": "harbor"}, {"word": "beach"}],
            "settings": settings, "model": {"path": tiny_model()}, "scenes": scenes,
        });
        fs::write(&path, project.to_string()).unwrap();
        path
    }

    fn export(&self, project: &Path, args: &[&str]) -> Output {
        let mut command = skysift();
        command.arg("export").arg(project).args(["--device", "cpu", "--quiet"]).args(args);
        command.current_dir(self.folder.path()).output().unwrap()
    }

    fn report(&self, project: &Path, args: &[&str]) -> Value {
        let output = self.export(project, args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The one sentence by which an export is refused.
    fn refusal(&self, project: &Path, args: &[&str]) -> String {
        let output = self.export(project, args);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
        message
    }
}

fn picture(path: &Path, factor: u32) {
    let colour = |x: u32, y: u32| image::Rgb([(x * factor % 256) as u8, (y * 2 % 256) as u8, (x ^ y) as u8]);
    image::RgbImage::from_fn(320, 256, colour).save(path).unwrap();
}

/// The places of a keyword, the best first.
fn places(report: &Value, keyword: &str) -> Vec<Value> {
    let detections = report["detections"].as_array().unwrap().iter();
    let own = detections.filter(|found| found["keyword"] == keyword);
    own.map(
        |found| json!({"x": found["x"], "y": found["y"], "width": found["width"], "height": found["height"]}),
    )
    .collect()
}

/// What `detect` finds with the same settings is what the export finds, and verdicts move it and are told.
#[test]
fn a_project_leaves_as_detect_would_write_it_with_its_verdicts() {
    let bench = Bench::new();
    let project = bench.write(&[bench.scene(1, "coast.png")]);
    let exported = bench.report(&project, &[]);
    let mut detect = skysift();
    detect.arg("detect").arg(bench.at("coast.png")).args(["-k", "harbor", "-k", "beach", "--tile", "32"]);
    detect.args(["--window", "2", "--top", "6", "--device", "cpu", "--quiet", "--model"]).arg(tiny_model());
    let output = detect.output().unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["detections"].as_array().unwrap().len(), 12);
    assert_eq!(exported["detections"], found["detections"]);

    let (best, last) = (places(&exported, "harbor")[0].clone(), places(&exported, "harbor")[5].clone());
    let mut judged = bench.scene(1, "coast.png");
    judged["verdicts"] = json!([{"keyword": "harbor", "accepted": [last], "rejected": [best]}]);
    let project = bench.write(&[judged]);
    let moved = bench.report(&project, &[]);
    let harbors = places(&moved, "harbor");
    assert!(harbors.iter().position(|place| *place == last).unwrap() < 5, "what was accepted moves up");
    let verdict = |place: &Value| {
        let detections = moved["detections"].as_array().unwrap();
        let index = places(&moved, "harbor").iter().position(|other| other == place)?;
        let harbors = detections.iter().filter(|found| found["keyword"] == "harbor");
        harbors.map(|found| found["verdict"].clone()).nth(index)
    };
    assert_eq!(verdict(&last), Some(json!("accepted")));
    assert!(verdict(&best).is_none_or(|said| said == json!("rejected")));
    // Other keywords are as they were.
    assert_eq!(places(&moved, "beach"), places(&exported, "beach"));
    let table = bench.export(&project, &["--format", "csv"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains(",accepted,"));
}

#[test]
fn areas_and_examples_of_a_scene_count_there() {
    let bench = Bench::new();
    let mut scene = bench.scene(1, "coast.png");
    scene["areas"] = json!([[[[[0, 0], [128, 0], [128, 256], [0, 256]]]]]);
    scene["examples"] = json!([{"name": "1", "place": {"x": 0, "y": 0, "width": 64, "height": 64}}]);
    scene["keywords"] = json!([{"word": "@1"}]);
    let report = bench.report(&bench.write(&[scene]), &[]);
    assert_eq!(report["keywords"], json!(["harbor", "beach", "@1"]));
    assert!(!places(&report, "@1").is_empty());
    let right = |found: &Value| found["x"].as_u64().unwrap() + found["width"].as_u64().unwrap() / 2;
    assert!(report["detections"].as_array().unwrap().iter().all(|found| right(found) <= 128));
}

#[test]
fn several_scenes_go_into_one_file_and_one_can_be_named() {
    let bench = Bench::new();
    picture(&bench.at("bay.png"), 7);
    let project = bench.write(&[bench.scene(1, "coast.png"), bench.scene(2, "bay.png")]);
    let all = bench.report(&project, &[]);
    let images = |report: &Value, name: &str| {
        let detections = report["detections"].as_array().unwrap().iter();
        detections.filter(|found| found["image"].as_str().is_some_and(|image| image.ends_with(name))).count()
    };
    assert_eq!((images(&all, "coast.png"), images(&all, "bay.png")), (12, 12));
    let one = bench.report(&project, &["--scene", "bay.png"]);
    assert!(one["image"].as_str().unwrap().ends_with("bay.png"));
    assert!(bench.refusal(&project, &["--scene", "x.png"]).contains("it has coast.png, bay.png"));
    let output = bench.export(&project, &["--format", "coco", "-o", "all.json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let coco: Value = serde_json::from_slice(&fs::read(bench.at("all.json")).unwrap()).unwrap();
    assert_eq!(coco["images"].as_array().unwrap().len(), 2);
}

#[test]
fn a_scene_that_moved_with_its_project_is_found_and_one_that_is_gone_is_named() {
    let bench = Bench::new();
    let project = bench.write(&[bench.scene(1, "coast.png")]);
    let before = bench.report(&project, &[]);
    let moved = bench.at("moved");
    fs::create_dir(&moved).unwrap();
    fs::rename(bench.at("coast.png"), moved.join("coast.png")).unwrap();
    let refusal = bench.refusal(&project, &[]);
    assert!(refusal.contains("coast.png is neither at") && refusal.contains("nor beside"), "{refusal}");
    fs::rename(&project, moved.join("coast.skysift")).unwrap();
    let after = bench.report(&moved.join("coast.skysift"), &[]);
    assert_eq!(after["detections"], before["detections"]);
}

#[test]
fn what_is_no_whole_project_is_refused_in_a_sentence() {
    let bench = Bench::new();
    let project = bench.write(&[bench.scene(1, "coast.png")]);
    let text = fs::read_to_string(&project).unwrap();
    for (content, told) in [
        (text[..text.len() / 2].to_owned(), "is cut off or damaged"),
        (text.replace("\"version\":1", "\"version\":2"), "was saved by a newer Skysift"),
        ("{}".to_owned(), "is not a Skysift project"),
        (text.replace("\"tile\":32", "\"tile\":-1"), "is cut off or damaged"),
    ] {
        fs::write(&project, content).unwrap();
        let refusal = bench.refusal(&project, &[]);
        assert!(refusal.contains(told) && refusal.contains("coast.skysift"), "{refusal}");
    }
    let empty = bench.write(&[]);
    assert!(bench.refusal(&empty, &[]).contains("has no scenes yet"));
}

#[test]
fn the_project_and_its_scenes_are_never_replaced() {
    let bench = Bench::new();
    let project = bench.write(&[bench.scene(1, "coast.png")]);
    for name in ["coast.skysift", "coast.png"] {
        let before = fs::read(bench.at(name)).unwrap();
        assert!(bench.refusal(&project, &["-o", name]).contains("would replace"));
        assert_eq!(fs::read(bench.at(name)).unwrap(), before);
    }
}

#[test]
fn contents_that_changed_are_told() {
    let bench = Bench::new();
    let mut scene = bench.scene(1, "coast.png");
    scene["fingerprint"] = json!("another");
    let output = bench.export(&bench.write(&[scene]), &[]);
    assert!(output.status.success());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("coast.png is not as it was when the project was saved"), "{message}");
}
