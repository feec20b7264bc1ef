//! `skysift evaluate` from the outside, on images that the tests paint, against sums done here a second time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};
use skysift::clip::{Clip, DeviceChoice, ModelSource};
use skysift::raster::Pixels;

use crate::support::{skysift, tiny_model};

const CLASSES: [&str; 6] = ["AnnualCrop", "Forest", "River", "SeaLake", "parking-lot", "storage_tanks"];
const WORDS: [&str; 6] = ["annual crop", "forest", "river", "sea lake", "parking lot", "storage tanks"];

/// An image that shows its class, roughly; no two are the same.
fn paint(class: usize, index: usize) -> RgbImage {
    let (side, shift) = (40 + 5 * index as u32, index as u32 * 3);
    RgbImage::from_fn(side, 48, |x, y| {
        let noise = ((x * 31 + y * 17 + shift * 7) % 23) as u8;
        Rgb(match class {
            0 if (x + shift) / 8 % 2 == 0 => [180, 200 - noise, 60],
            0 => [120, 150, 40 + noise],
            1 => [20 + noise, 80 + 2 * noise, 30],
            2 if (x + 2 * y + shift) % 60 < 14 => [70, 90, 150],
            2 => [110, 140 + noise, 90],
            3 => [10, 40 + noise, 120 + noise],
            4 if x % 10 < 4 && y % 6 < 4 => [(x * 20) as u8, 40, 200],
            4 => [90, 90, 95],
            _ if (x % 16).pow(2) + (y % 16).pow(2) < 100 + shift => [240, 240 - noise, 230],
            _ => [130, 120, 100],
        })
    })
}

/// A folder of class folders with `images` images each.
fn class_folders(images: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, name) in CLASSES.iter().enumerate() {
        fs::create_dir(folder.path().join(name)).unwrap();
        for index in 0..images {
            paint(class, index).save(image_path(folder.path(), class, index)).unwrap();
        }
    }
    folder
}

fn image_path(folder: &Path, class: usize, index: usize) -> PathBuf {
    folder.join(CLASSES[class]).join(format!("{index}.png"))
}

fn evaluate(data: &Path, args: &[&str]) -> Output {
    let mut command = skysift();
    command.arg("evaluate").arg(data).arg("--model").arg(tiny_model()).args(["--device", "cpu"]).args(args);
    command.output().unwrap()
}

fn json_of(data: &Path, args: &[&str]) -> Value {
    let output = evaluate(data, &[args, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn assert_fails(data: &Path, args: &[&str], status: i32, words: &[&str]) {
    let output = evaluate(data, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    for words in words {
        assert!(stderr.contains(words), "{stderr:?} does not say {words:?}");
    }
    assert!(!stderr.contains("panicked") && output.stdout.is_empty(), "{stderr}");
}

fn clip() -> Clip {
    Clip::load(&ModelSource { path: tiny_model(), arch: None }, DeviceChoice::Cpu).unwrap()
}

fn image_embedding(clip: &mut Clip, path: &Path) -> Vec<f32> {
    let rgba = image::open(path).unwrap().to_rgba8();
    let pixels = Pixels { width: rgba.width(), height: rgba.height(), rgba: rgba.into_raw() };
    let input = clip.preprocess().picture(&pixels).unwrap();
    clip.encode_images(&input).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// The mean of the sentences' embeddings, of length one.
fn class_embedding(clip: &mut Clip, sentences: &[&str]) -> Vec<f32> {
    let sentences: Vec<String> = sentences.iter().map(|&sentence| sentence.to_owned()).collect();
    let rows = clip.encode_texts(&sentences).unwrap();
    let sum: Vec<f32> = (0..rows[0].len()).map(|axis| rows.iter().map(|row| row[axis]).sum()).collect();
    let length = cosine(&sum, &sum).sqrt() as f32;
    sum.iter().map(|value| value / length).collect()
}

/// Indices from the highest to the lowest value.
fn order(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order
}

fn assert_near(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[test]
fn zero_shot_is_what_the_embeddings_say() {
    let set = class_folders(4);
    let files = tempfile::tempdir().unwrap();
    let names = files.path().join("names.json");
    fs::write(&names, r#"{"Forest": ["forest", "woodland"], "River": "river"}"#).unwrap();
    let templates = files.path().join("templates.txt");
    fs::write(&templates, "# a second one\na {} from above\n").unwrap();
    let args = ["--names", names.to_str().unwrap(), "--templates", templates.to_str().unwrap()];
    let report = json_of(set.path(), &[&args[..], &["--prompt", "a photo of a {}"]].concat());

    let mut clip = clip();
    let classes: Vec<Vec<f32>> = WORDS
        .iter()
        .map(|&word| {
            let words = if word == "forest" { vec!["forest", "woodland"] } else { vec![word] };
            let sentences: Vec<String> = words
                .iter()
                .flat_map(|word| [format!("a photo of a {word}"), format!("a {word} from above")])
                .collect();
            class_embedding(&mut clip, &sentences.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .collect();
    let mut confusion = [[0; 6]; 6];
    let (mut first, mut among_five) = (0, 0);
    for (class, row) in confusion.iter_mut().enumerate() {
        for index in 0..4 {
            let image = image_embedding(&mut clip, &image_path(set.path(), class, index));
            let order = order(&classes.iter().map(|words| cosine(&image, words)).collect::<Vec<_>>());
            row[order[0]] += 1;
            first += i32::from(order[0] == class);
            among_five += i32::from(order[..5].contains(&class));
        }
    }
    let found = &report["classification"];
    assert_eq!((&found["images"], &report["skipped"]), (&json!(24), &json!(0)));
    assert_eq!(found["classes"], json!(CLASSES));
    assert_eq!(found["words"][1], json!(["forest", "woodland"]));
    assert_eq!(found["words"][5], json!(["storage tanks"]));
    assert_eq!(found["templates"], json!(["a photo of a {}", "a {} from above"]));
    assert_eq!(found["confusion_matrix"], json!(confusion));
    assert_near(&found["acc1"], f64::from(first) / 24.0);
    assert_near(&found["acc5"], f64::from(among_five) / 24.0);
    // As many images in every class, so that the mean of the classes is the accuracy.
    assert_near(&found["mean_per_class_recall"], f64::from(first) / 24.0);
    assert_near(&found["per_class"][3]["acc1"], f64::from(confusion[3][3]) / 4.0);
    assert!(report["device"].as_str().unwrap().contains("CPU"));
    assert_eq!(report["model_fingerprint"], json!(clip.fingerprint()));
}

#[test]
fn refinement_is_measured_beside_the_rest() {
    let set = class_folders(4);
    let plain = json_of(set.path(), &[]);
    let report = json_of(set.path(), &["--refine"]);
    let (found, refined) = (&report["classification"], &report["classification"]["refined"]);
    assert_eq!(found["confusion_matrix"], plain["classification"]["confusion_matrix"]);
    assert_eq!((&refined["images"], &plain["classification"]["refined"]), (&json!(24), &Value::Null));
    assert!((0.0..=1.0).contains(&refined["acc1"].as_f64().unwrap()), "{refined}");
    let text = String::from_utf8(evaluate(set.path(), &["--refine", "--quiet"]).stdout).unwrap();
    assert!(text.contains("refined"), "{text}");
}

#[test]
fn an_unreadable_image_in_the_middle_is_named_and_left_out() {
    let set = class_folders(3);
    let bad = image_path(set.path(), 2, 1);
    fs::write(&bad, "this is no picture").unwrap();
    let output = evaluate(set.path(), &["--json", "--quiet"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(bad.to_str().unwrap()), "{stderr}");
    let with: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(with["skipped"], 1);
    assert_eq!(with["skipped_items"][0]["path"], bad.to_str().unwrap());

    fs::remove_file(&bad).unwrap();
    let without = json_of(set.path(), &[]);
    assert_eq!(with["classification"], without["classification"]);
    assert_eq!(without["classification"]["images"], 17);
}

#[test]
fn a_set_that_cannot_be_measured_is_one_sentence() {
    let set = class_folders(2);
    assert_fails(set.path().parent().unwrap().join("no-such-set").as_path(), &[], 1, &["no-such-set"]);
    let names = set.path().join("names.json");
    fs::write(&names, r#"{"Forrest": "forest"}"#).unwrap();
    assert_fails(set.path(), &["--names", names.to_str().unwrap()], 1, &["names.json", "Forrest"]);
    assert_fails(set.path(), &["--shots", "2"], 1, &["AnnualCrop", "2 images", "--shots"]);
    assert_fails(set.path(), &["--seed", "3"], 2, &["--shots"]);
    assert_fails(set.path(), &["--prompt", "photo"], 2, &["{}"]);
    for class in &CLASSES[1..] {
        fs::remove_dir_all(set.path().join(class)).unwrap();
    }
    assert_fails(set.path(), &[], 1, &["one class only", "AnnualCrop"]);
    for index in 0..2 {
        fs::write(image_path(set.path(), 0, index), "").unwrap();
    }
    fs::create_dir(set.path().join("Forest")).unwrap();
    fs::write(image_path(set.path(), 1, 0), "").unwrap();
    assert_fails(set.path(), &[], 1, &["no image is left", "is empty"]);
}

#[test]
fn a_few_examples_are_measured_on_the_rest() {
    let set = class_folders(5);
    let report = json_of(set.path(), &["--shots", "2", "--seed", "7"]);
    let few_shot = &report["few_shot"];
    assert_eq!((&few_shot["shots"], &few_shot["seed"]), (&json!(2), &json!(7)));
    for images in [&report["classification"], &few_shot["linear_probe"], &few_shot["tip_adapter"]] {
        assert_eq!(images["images"], 18);
        assert_eq!(images["per_class"][4]["images"], 3);
    }
    assert_eq!(few_shot["tip_adapter_settings"], json!({"alpha": 1.0, "beta": 5.5}));
    // The classes have different colours, which any embedding keeps.
    assert!(few_shot["linear_probe"]["acc1"].as_f64().unwrap() > 0.7, "{few_shot}");
    let again = json_of(set.path(), &["--shots", "2", "--seed", "7"]);
    assert_eq!(&again["few_shot"], few_shot);
    assert_ne!(json_of(set.path(), &["--shots", "2"])["few_shot"]["linear_probe"], few_shot["linear_probe"]);
}

/// With as many shots as there are examples, the draw doesn't matter.
#[test]
fn tip_adapter_is_what_its_formula_says() {
    let (set, train) = (class_folders(3), class_folders(4));
    // One of the examples can't be read.
    fs::write(image_path(train.path(), 1, 2), "nothing").unwrap();
    let report = json_of(set.path(), &["--shots", "4", "--train", train.path().to_str().unwrap()]);
    assert_eq!(report["skipped"], 1);
    assert_eq!(report["classification"]["images"], 18);

    let mut clip = clip();
    let classes: Vec<Vec<f32>> =
        WORDS.iter().map(|word| class_embedding(&mut clip, &[&format!("a photo of a {word}")])).collect();
    let mut examples = Vec::new();
    for class in 0..6 {
        for index in (0..4).filter(|&index| (class, index) != (1, 2)) {
            examples.push((class, image_embedding(&mut clip, &image_path(train.path(), class, index))));
        }
    }
    let mut confusion = [[0; 6]; 6];
    for (class, row) in confusion.iter_mut().enumerate() {
        for index in 0..3 {
            let image = image_embedding(&mut clip, &image_path(set.path(), class, index));
            let mut logits: Vec<f64> =
                classes.iter().map(|words| f64::from(clip.logit_scale()) * cosine(&image, words)).collect();
            for (class, example) in &examples {
                logits[*class] += (-5.5 * (1.0 - cosine(&image, example))).exp();
            }
            row[order(&logits)[0]] += 1;
        }
    }
    assert_eq!(report["few_shot"]["tip_adapter"]["confusion_matrix"], json!(confusion));
    fs::remove_dir_all(train.path().join("River")).unwrap();
    let train = train.path().to_str().unwrap();
    assert_fails(set.path(), &["--shots", "1", "--train", train], 1, &["other classes"]);
}

#[test]
fn the_confusion_matrix_as_table_and_picture() {
    let set = class_folders(2);
    let files = tempfile::tempdir().unwrap();
    let (table, picture) = (files.path().join("c.csv"), files.path().join("c.png"));
    let output = evaluate(
        set.path(),
        &["--confusion", table.to_str().unwrap(), "--confusion-picture", picture.to_str().unwrap()],
    );
    let text = String::from_utf8(output.stdout).unwrap();
    for words in ["12 images in 6 classes", "zero-shot", "storage tanks", "a photo of a {}"] {
        assert!(text.contains(words), "{text:?} does not say {words:?}");
    }
    let table = fs::read_to_string(table).unwrap();
    assert!(table.starts_with("own \\ chosen,AnnualCrop,"));
    let counts = table.lines().skip(1).flat_map(|line| line.split(',').skip(1));
    assert_eq!(counts.map(|count| count.parse::<u32>().unwrap()).sum::<u32>(), 12);
    let picture = image::open(picture).unwrap();
    assert!(picture.width() > 200 && picture.height() > 200);
}

#[test]
fn retrieval_is_what_the_embeddings_say() {
    let set = class_folders(2);
    let mut lines = String::new();
    let mut captions = Vec::new();
    for (class, word) in WORDS.iter().enumerate() {
        for index in 0..2 {
            let own =
                [format!("{word} number {index}"), format!("many {word}"), format!("{index} and {word}")];
            let name = format!("{}/{index}.png", CLASSES[class]);
            lines += &json!({"filename": name, "captions": own}).to_string();
            lines.push('\n');
            captions.push(own);
        }
    }
    lines += "{\"filename\": \"gone.png\", \"captions\": [\"a ghost\"]}\n";
    lines += "{\"filename\": \"bad.png\", \"captions\": [\"nothing\"]}\n";
    fs::write(set.path().join("bad.png"), "no picture").unwrap();
    let file = set.path().join("captions.jsonl");
    fs::write(&file, lines).unwrap();
    let report = json_of(&file, &[]);
    assert_eq!(report["skipped"], 2);

    let mut clip = clip();
    let images: Vec<Vec<f32>> =
        (0..12).map(|i| image_embedding(&mut clip, &image_path(set.path(), i / 2, i % 2))).collect();
    let texts = clip.encode_texts(&captions.concat()).unwrap();
    // "many forest" stands at two images: of equal cosines the earlier comes first, as `order` sorts.
    let mut shares = Vec::new();
    for k in [1, 5, 10] {
        let hits = (0..12).filter(|&image| {
            let cosines: Vec<f64> = texts.iter().map(|text| cosine(&images[image], text)).collect();
            order(&cosines)[..k].iter().any(|text| text / 3 == image)
        });
        shares.push(("image_to_text", k, hits.count() as f64 / 12.0));
        let hits = (0..36).filter(|&text| {
            let cosines: Vec<f64> = images.iter().map(|image| cosine(image, &texts[text])).collect();
            order(&cosines)[..k].contains(&(text / 3))
        });
        shares.push(("text_to_image", k, hits.count() as f64 / 36.0));
    }
    let found = &report["retrieval"];
    assert_eq!((&found["images"], &found["texts"]), (&json!(12), &json!(36)));
    for &(direction, k, share) in &shares {
        assert_near(&found[direction][format!("recall_at_{k}")], share);
    }
    assert_near(&found["mean_recall"], shares.iter().map(|(_, _, share)| share).sum::<f64>() / 6.0);
    let text = String::from_utf8(evaluate(&file, &[]).stdout).unwrap();
    assert!(text.contains("12 images, 36 captions") && text.contains("image to text"), "{text}");

    assert_fails(&file, &["--shots", "1"], 2, &["--shots", "class folders"]);
    assert_fails(&file, &["--prompt", "a {}"], 2, &["--prompt"]);
    fs::write(&file, "{\"filename\": \"gone.png\", \"captions\": [\"a ghost\"]}\n{\n").unwrap();
    assert_fails(&file, &[], 1, &["captions.jsonl", "line 2"]);
}
