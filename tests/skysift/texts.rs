//! Texts that are read, whatever program saved them, and keywords, however they are spelt.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::support::{skysift, tiny_model, write_striped_tiff};

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = skysift();
    command.args(args).arg("--model").arg(tiny_model()).args(["--device", "cpu"]).current_dir(folder);
    command.output().unwrap()
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let output = run(folder, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    let mut value: Value = serde_json::from_slice(&output.stdout).unwrap();
    value["seconds"] = Value::Null;
    value
}

/// A text as Windows' programs save it: UTF-8 with a byte order mark, and UTF-16 in both orders.
fn marked(text: &str) -> [Vec<u8>; 3] {
    let units = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
        mark.into_iter().chain(text.encode_utf16().flat_map(bytes)).collect()
    };
    [
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        units([0xff, 0xfe], u16::to_le_bytes),
        units([0xfe, 0xff], u16::to_be_bytes),
    ]
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_striped_tiff(&folder.path().join("scene.tif"), (256, 192), |x, y| {
        [x as u8, y as u8, (x * y) as u8]
    });
    fs::write(folder.path().join("scene.tfw"), "1\n0\n0\n-1\n500\n900\n").unwrap();
    for (class, colour) in [("red", [200, 20, 20]), ("blue", [20, 20, 200])] {
        fs::create_dir_all(folder.path().join("set").join(class)).unwrap();
        for index in 0..3 {
            let picture = image::RgbImage::from_pixel(32, 32, image::Rgb(colour));
            picture.save(folder.path().join(format!("set/{class}/{index}.png"))).unwrap();
        }
    }
    folder
}

/// Asserts that a command prints the same whatever marks a file has.
fn assert_same_with_marks(folder: &Path, file: &str, text: &str, args: &[&str]) {
    let path = folder.join(file);
    fs::write(&path, text).unwrap();
    let plain = json(folder, args);
    for bytes in marked(text) {
        fs::write(&path, bytes).unwrap();
        assert_eq!(json(folder, args), plain, "{file}");
    }
}

#[test]
fn a_byte_order_mark_changes_nothing() {
    let folder = folder();
    let folder = folder.path();
    let detect = ["detect", "scene.tif", "-k", "harbor", "--tile", "32", "--window", "2", "--quiet"];
    let with = |more: &[&'static str]| [&detect[..], more].concat();
    assert_same_with_marks(
        folder,
        "words.txt",
        "harbor\nriver # wide\n",
        &with(&["--background", "words.txt"]),
    );
    let region = r#"{"type": "Polygon", "coordinates": [[[0, 0], [90, 0], [90, 90], [0, 0]]]}"#;
    fs::remove_file(folder.join("scene.tfw")).unwrap();
    assert_same_with_marks(folder, "region.geojson", region, &with(&["--region", "region.geojson"]));

    let evaluate =
        ["evaluate", "set", "--json", "--quiet", "--names", "names.json", "--templates", "templates.txt"];
    fs::write(folder.join("templates.txt"), "a {}\n").unwrap();
    assert_same_with_marks(folder, "names.json", r#"{"red": "a red field", "blue": "the sea"}"#, &evaluate);
    assert_same_with_marks(folder, "templates.txt", "a photo of a {}\n{} from above\n", &evaluate);

    for (file, text) in [
        (
            "set/c.jsonl",
            "{\"filename\": \"red/0.png\", \"caption\": \"a field\"}\n{\"filename\": \"blue/0.png\", \"caption\": \"sea\"}\n",
        ),
        (
            "set/c.json",
            "[{\"filename\": \"red/0.png\", \"caption\": \"a field\"}, {\"filename\": \"blue/0.png\", \"caption\": \"sea\"}]",
        ),
        ("set/c.csv", "filename,caption\nred/0.png,a field\nblue/0.png,sea\n"),
        ("set/c.txt", "red/0.png\ta field\nblue/0.png\tsea\n"),
    ] {
        assert_same_with_marks(folder, file, text, &["evaluate", file, "--json", "--quiet"]);
        fs::remove_file(folder.join(file)).unwrap();
    }

    let truth = r#"{"images": [{"id": 1, "file_name": "scene.tif"}], "categories": [{"id": 1, "name": "harbor"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [10, 10, 50, 50]}]}"#;
    fs::create_dir(folder.join("truth")).unwrap();
    fs::copy(folder.join("scene.tif"), folder.join("truth/scene.tif")).unwrap();
    let measure = ["evaluate-detect", "truth", "--json", "--quiet", "--tile", "32", "--window", "2"];
    assert_same_with_marks(folder, "truth/truth.json", truth, &measure);
}

#[test]
fn files_of_models_and_images_may_have_marks() {
    let folder = folder();
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    for file in fs::read_dir(tiny_model()).unwrap().map(|file| file.unwrap().path()) {
        let to = model.join(file.file_name().unwrap());
        if file.extension().is_some_and(|end| end == "json") {
            fs::write(to, &marked(&fs::read_to_string(&file).unwrap())[0]).unwrap();
        } else {
            fs::copy(&file, to).unwrap();
        }
    }
    let embed = |model: &Path| {
        let mut command = skysift();
        command.args(["embed", "--text", "harbor", "--device", "cpu", "--model"]).arg(model);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    assert_eq!(embed(&model), embed(&tiny_model()));

    let info = || {
        let output =
            skysift().args(["info", "scene.tif", "--json"]).current_dir(folder.path()).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let plain = info();
    assert_eq!(plain["bounds"][0], 499.5);
    fs::write(folder.path().join("scene.tfw"), &marked("1\n0\n0\n-1\n500\n900\n")[0]).unwrap();
    assert_eq!(info(), plain);
}

#[test]
fn what_is_no_text_is_told() {
    let folder = folder();
    for (bytes, words) in [(&b"pier\nd\xe9p\xf4t\n"[..], "line 2 is not UTF-8"), (b"p\0i\0e\0r\0", "UTF-16")]
    {
        fs::write(folder.path().join("words.txt"), bytes).unwrap();
        let output = run(folder.path(), &["detect", "scene.tif", "-k", "a", "--background", "words.txt"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.contains("words.txt") && stderr.contains(words) && stderr.contains("save it as UTF-8"),
            "{stderr}"
        );
    }
}

#[test]
fn a_table_for_excel_begins_with_a_mark() {
    let folder = folder();
    let table = |format: &str| {
        let args = ["detect", "scene.tif", "-k", "dépôt", "--tile", "32", "--quiet", "--format", format];
        run(folder.path(), &args).stdout
    };
    let plain = table("csv");
    assert!(plain.starts_with(b"keyword,"));
    assert_eq!(table("csv-excel"), [&b"\xef\xbb\xbf"[..], &plain].concat());
    let store = |args: &[&str]| run(folder.path(), &[args, &["--store", "store", "--quiet"]].concat());
    assert!(store(&["index", "scene.tif", "--tile", "32"]).status.success());
    let found = store(&["search", "-k", "dépôt", "--format", "csv-excel"]).stdout;
    assert!(found.starts_with(b"\xef\xbb\xbfkeyword,"), "{}", String::from_utf8_lossy(&found));
}

#[test]
fn keywords_that_differ_in_case_and_spaces_are_one() {
    let folder = folder();
    let detect = |words: &[&str]| {
        let keywords: Vec<&str> = words.iter().flat_map(|word| ["-k", word]).collect();
        let grid = ["detect", "scene.tif", "--tile", "32", "--window", "2", "--quiet"];
        json(folder.path(), &[&grid[..], &keywords].concat())
    };
    let one = detect(&["Harbor", "railway station"]);
    assert_eq!(one["keywords"], serde_json::json!(["Harbor", "railway station"]));
    let many = detect(&["Harbor", " railway \u{a0}  station", "harbor", "HARBOR ", "Railway Station"]);
    assert_eq!(one, many);
    // é in one letter and in two.
    let composed = detect(&["dépôt", "de\u{301}po\u{302}t", "DÉPÔT"]);
    assert_eq!(composed["keywords"], serde_json::json!(["dépôt"]));
    assert_eq!(
        detect(&["harbor + ships", "Harbor  +  SHIPS"])["keywords"],
        serde_json::json!(["harbor + ships"])
    );
    assert_eq!(detect(&["harbor", "harbors"])["keywords"].as_array().unwrap().len(), 2);

    let categories = r#"[{"id": 1, "name": "Harbor"}, {"id": 2, "name": "harbor "}]"#;
    let truth = format!(
        r#"{{"images": [{{"id": 1, "file_name": "scene.tif"}}], "categories": {categories}, "annotations": [
            {{"image_id": 1, "category_id": 1, "bbox": [10, 10, 50, 50]}},
            {{"image_id": 1, "category_id": 2, "bbox": [90, 90, 50, 50]}}]}}"#
    );
    let data: PathBuf = folder.path().join("truth");
    fs::create_dir(&data).unwrap();
    fs::copy(folder.path().join("scene.tif"), data.join("scene.tif")).unwrap();
    fs::write(data.join("truth.json"), truth).unwrap();
    let measured = json(folder.path(), &["evaluate-detect", "truth", "--json", "--quiet", "--tile", "32"]);
    assert_eq!(measured["keywords"], serde_json::json!(["Harbor"]));
    assert_eq!(measured["images"][0]["boxes"], 2);
}
