//! `scripts/back_translate.py`: captions in other words, by two models with random weights.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use skysift::dataset::Dataset;

use crate::needed::python;
use crate::support::{fixture, require, skysift, tiny_model};

const CAPTIONS: &str = r#"{"filename": "0.png", "captions": ["many green trees", "a forest from above"]}
{"filename": "1.png", "captions": ["the open sea"]}
{"filename": "2.png", "captions": ["cars in rows", "cars beside a road"]}
"#;

/// Pictures with captions, and two models in `models`.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (index, colour) in [[30, 90, 30], [20, 50, 130], [140, 140, 145]].into_iter().enumerate() {
        RgbImage::from_pixel(40, 40, Rgb(colour)).save(folder.path().join(format!("{index}.png"))).unwrap();
    }
    fs::write(folder.path().join("captions.jsonl"), CAPTIONS).unwrap();
    let mut make = Command::new(python());
    let made = make
        .arg(fixture("make_marian_models.py"))
        .arg(folder.path().join("models"))
        .env("OMP_NUM_THREADS", "1")
        .output();
    let made = made.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

fn back_translate(folder: &Path, out: &str) -> Output {
    let mut command = Command::new(python());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/back_translate.py"));
    command.arg(folder.join("captions.jsonl")).arg("--out").arg(folder.join(out));
    command.arg("--there").arg(folder.join("models/there")).arg("--back").arg(folder.join("models/back"));
    command.args(["--each", "2"]).env("OMP_NUM_THREADS", "1").output().unwrap()
}

#[test]
fn captions_come_back_in_other_words_and_a_training_reads_them() {
    if !require("transformers") {
        return;
    }
    let folder = prepared();
    let path = |name: &str| folder.path().join(name);
    let output = back_translate(folder.path(), "more.jsonl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let (captions, more) = (path("captions.jsonl"), path("more.jsonl"));
    let (before, paraphrases) = (Dataset::open(&captions).unwrap(), Dataset::open(&more).unwrap());
    assert!(!paraphrases.items.is_empty());
    for item in &paraphrases.items {
        let originals = &before.items.iter().find(|other| other.path == item.path).unwrap().captions;
        let mut different = item.captions.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), item.captions.len(), "{:?}", item.captions);
        assert!(item.captions.iter().all(|caption| !originals.contains(caption)), "{:?}", item.captions);
        assert!(item.captions.len() <= 2 * originals.len());
    }

    // As a kill within the last line leaves it: what is there is kept, and the rest comes out the same.
    let whole = fs::read(&more).unwrap();
    fs::write(&more, &whole[..whole.len() - 5]).unwrap();
    let output = back_translate(folder.path(), "more.jsonl");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("going on after 2 of 3 images"), "{said}");
    assert_eq!(fs::read(&more).unwrap(), whole);

    let mut finetune = skysift();
    finetune.arg("finetune").arg(&captions).arg("--paraphrases").arg(&more).arg("--model").arg(tiny_model());
    finetune.arg("--out").arg(path("trained")).args(["--device", "cpu", "--epochs", "1", "--batch", "3"]);
    let output = finetune.args(["--val-split", "0"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    // Nothing is written over what is read, and what isn't the script's is left alone.
    let output = back_translate(folder.path(), "captions.jsonl");
    assert!(String::from_utf8_lossy(&output.stderr).contains("would replace"));
    fs::write(path("notes.jsonl"), "mine\n").unwrap();
    let output = back_translate(folder.path(), "notes.jsonl");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("name another file"));
    assert_eq!(fs::read_to_string(path("notes.jsonl")).unwrap(), "mine\n");
}
