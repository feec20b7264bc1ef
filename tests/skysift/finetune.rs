//! `skysift finetune` from the outside: what it learns, what it leaves alone, and what it does about trouble.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use safetensors::SafeTensors;
use serde_json::Value;
use skysift::clip::{ModelPreset, write_random_model, write_random_model_for};

use crate::support::{skysift, tiny_model};

const CLASSES: [&str; 3] = ["Forest", "SeaLake", "parking_lot"];

fn paint(class: usize, index: u32) -> RgbImage {
    RgbImage::from_fn(40, 40, |x, y| {
        let noise = ((x * 31 + y * 17 + index * 7) % 23) as u8;
        Rgb(match class {
            0 => [20 + noise, 80 + 2 * noise, 30],
            1 => [10, 40 + noise, 120 + noise],
            _ if (x + index) % 10 < 4 && y % 6 < 4 => [200, 40, 60],
            _ => [140, 140 + noise, 145],
        })
    })
}

/// A folder of class folders with `images` images each.
fn class_folders(classes: usize, images: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, name) in CLASSES.iter().enumerate().take(classes) {
        fs::create_dir(folder.path().join(name)).unwrap();
        for index in 0..images {
            paint(class, index).save(folder.path().join(name).join(format!("{index}.png"))).unwrap();
        }
    }
    folder
}

/// A file of captions beside its images.
fn captioned(images: u32) -> tempfile::TempDir {
    let folder = class_folders(3, images);
    let mut lines = String::new();
    for (class, name) in CLASSES.iter().enumerate() {
        let words = ["many green trees", "the open sea", "cars in rows"][class];
        for index in 0..images {
            let captions = [format!("{words} number {index}"), format!("{words} from above")];
            let line = serde_json::json!({"filename": format!("{name}/{index}.png"), "captions": captions});
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
    }
    fs::write(folder.path().join("captions.jsonl"), lines).unwrap();
    folder
}

fn command(data: &Path, model: &Path, out: &Path, args: &[&str]) -> Command {
    let mut command = skysift();
    command.arg("finetune").arg(data).arg("--model").arg(model).arg("--out").arg(out);
    command.args(["--device", "cpu", "--optimizer", "adamw"]).args(args);
    if !args.contains(&"--batch") {
        command.args(["--batch", "12"]);
    }
    command
}

fn finetune(data: &Path, model: &Path, out: &Path, args: &[&str]) -> Output {
    command(data, model, out, args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn assert_done(output: &Output) {
    assert!(output.status.success(), "{}", stderr(output));
}

/// The one line that a failure leaves.
fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", stderr(output));
    let text = stderr(output);
    assert!(!text.contains("panicked"), "{text}");
    text.lines().last().unwrap_or_default().to_owned()
}

fn accuracy(data: &Path, model: &Path) -> f64 {
    let output = skysift()
        .arg("evaluate")
        .arg(data)
        .arg("--model")
        .arg(model)
        .args(["--device", "cpu", "--json", "--quiet"])
        .output()
        .unwrap();
    assert_done(&output);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report.pointer("/classification/acc1").or_else(|| report.pointer("/acc1")).unwrap().as_f64().unwrap()
}

/// The numbers of a model's tensors by name.
fn tensors(model: &Path, name: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = fs::read(model.join(name)).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<_> =
        file.tensors().into_iter().map(|(name, tensor)| (name, tensor.data().to_vec())).collect();
    tensors.sort();
    tensors
}

/// What of the curves depends on the training alone.
fn losses(out: &Path) -> Vec<String> {
    let table = fs::read_to_string(out.join("curves.csv")).unwrap();
    let without_pace = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells.remove(5);
        cells.join(",")
    };
    table.lines().map(without_pace).collect()
}

#[test]
fn a_model_learns_to_tell_classes_apart() {
    let (data, out) = (class_folders(3, 16), tempfile::tempdir().unwrap());
    for (preset, name) in [(ModelPreset::Tiny, "transformer"), (ModelPreset::TinyResnet, "resnet")] {
        let model = out.path().join(format!("{name}-before"));
        write_random_model(&model, preset, 4).unwrap();
        let before = accuracy(data.path(), &model);
        let trained = out.path().join(name);
        assert_done(&finetune(data.path(), &model, &trained, &["--epochs", "12", "--lr", "2e-3"]));
        let after = accuracy(data.path(), &trained);
        assert!(after > 0.95 && after > before, "{name}: {before} before, {after} after");
        assert!(trained.join("curves.png").is_file());
        let picture = image::open(trained.join("curves.png")).unwrap();
        assert!(picture.width() > 400);
    }
}

#[test]
fn captions_teach_too_with_paraphrases_and_synonyms() {
    let (data, out) = (captioned(12), tempfile::tempdir().unwrap());
    let captions = data.path().join("captions.jsonl");
    let more = data.path().join("more.jsonl");
    fs::write(&more, "{\"filename\": \"Forest/0.png\", \"captions\": [\"a wood\"]}\n").unwrap();
    let synonyms = data.path().join("synonyms.json");
    fs::write(&synonyms, r#"{"cars": ["vehicles"], "sea": ["ocean", "water"]}"#).unwrap();
    let args = ["--epochs", "2", "--lr", "1e-3", "--optimizer", "adafactor", "--paraphrases"];
    let args = [&args[..], &[more.to_str().unwrap(), "--synonyms", synonyms.to_str().unwrap()]].concat();
    let mut command = skysift();
    command.arg("finetune").arg(&captions).arg("--model").arg(tiny_model()).arg("--out").arg(out.path());
    let output = command.args(["--device", "cpu", "--batch", "12"]).args(args).output().unwrap();
    assert_done(&output);
    let table = losses(out.path());
    // The heading, the start and two epochs.
    assert_eq!(table.len(), 4, "{table:?}");
    assert!(table[1..].iter().all(|row| !row.ends_with(',')), "there is no mean recall in {table:?}");
}

/// Waits until `path` is there, or the program has ended.
fn wait_for(path: &Path, child: &mut Child) {
    let start = Instant::now();
    while !path.is_file() && child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_mins(2) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_training_that_is_killed_goes_on_as_if_nothing_had_happened() {
    let (data, out) = (class_folders(3, 16), tempfile::tempdir().unwrap());
    let model = tiny_model();
    let mut args = vec!["--epochs", "6", "--lr", "1e-3", "--ground-scale", "4", "--blur", "2"];
    args.extend(["--haze", "0.3", "--season", "0.2", "--sensor", "0.1"]);
    let (whole, broken) = (out.path().join("whole"), out.path().join("broken"));
    assert_done(&finetune(data.path(), &model, &whole, &args));

    let checkpoint = broken.join("checkpoint.safetensors");
    let mut resume: &[&str] = &[];
    let mut killed = 0;
    for delay in [0, 37, 90] {
        let mut child = command(data.path(), &model, &broken, &[&args[..], resume].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(&checkpoint, &mut child);
        std::thread::sleep(Duration::from_millis(delay));
        // SIGKILL, whatever it is doing.
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        resume = &["--resume"];
    }
    assert!(killed > 0, "it was over before any kill");
    // As a kill in the middle of writing would leave it.
    fs::write(broken.join(".skysift-half"), b"half").unwrap();
    assert_done(&finetune(data.path(), &model, &broken, &[&args[..], resume].concat()));
    assert_eq!(losses(&broken), losses(&whole));
    assert_eq!(tensors(&broken, "model.safetensors"), tensors(&whole, "model.safetensors"));
}

#[test]
fn other_settings_or_half_a_checkpoint_are_not_taken_up() {
    let (data, out) = (class_folders(2, 12), tempfile::tempdir().unwrap());
    let model = tiny_model();
    let none = finetune(data.path(), &model, out.path(), &["--resume"]);
    assert!(failure(&none).contains("leave out --resume"), "{}", stderr(&none));
    assert_done(&finetune(data.path(), &model, out.path(), &["--epochs", "1"]));
    let other = finetune(data.path(), &model, out.path(), &["--epochs", "2", "--resume"]);
    assert!(failure(&other).contains("--epochs was 1, now it is 2"), "{}", stderr(&other));
    let checkpoint = out.path().join("checkpoint.safetensors");
    let bytes = fs::read(&checkpoint).unwrap();
    for keep in [0, 7, 1000, bytes.len() - 1] {
        fs::write(&checkpoint, &bytes[..keep]).unwrap();
        let half = finetune(data.path(), &model, out.path(), &["--epochs", "1", "--resume"]);
        assert!(failure(&half).contains("isn't a whole checkpoint"), "{}", stderr(&half));
    }
}

#[test]
fn an_unreadable_picture_is_named_left_out_and_counted() {
    let (data, out) = (class_folders(2, 10), tempfile::tempdir().unwrap());
    let broken = data.path().join("Forest/3.png");
    fs::write(&broken, b"not a picture").unwrap();
    let output = finetune(data.path(), &tiny_model(), out.path(), &["--epochs", "4", "--val-split", "0"]);
    assert_done(&output);
    assert!(stderr(&output).contains(&format!("{} is left out", broken.display())), "{}", stderr(&output));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("1 unreadable picture"), "{said}");
}

#[test]
fn captions_without_images_are_told() {
    let (data, out) = (captioned(6), tempfile::tempdir().unwrap());
    let captions = data.path().join("captions.jsonl");
    let mut text = fs::read_to_string(&captions).unwrap();
    text.push_str("{\"filename\": \"gone.png\", \"captions\": [\"a lost image\"]}\n");
    fs::write(&captions, text).unwrap();
    let output = finetune(&captions, &tiny_model(), out.path(), &["--epochs", "1"]);
    assert_done(&output);
    assert!(stderr(&output).contains("gone.png"), "{}", stderr(&output));
}

#[test]
fn the_start_is_shown_and_a_training_that_spoils_the_model_says_so() {
    let (data, out) = (class_folders(3, 16), tempfile::tempdir().unwrap());
    let trained = out.path().join("trained");
    let good = finetune(data.path(), &tiny_model(), &trained, &["--epochs", "12", "--lr", "2e-3"]);
    assert_done(&good);
    let said = stderr(&good);
    assert!(said.contains("before training: validation "), "{said}");
    assert!(said.contains(", the best so far"), "{said}");
    let wrote = String::from_utf8_lossy(&good.stdout).into_owned();
    assert!(wrote.contains("% before training"), "{wrote}");
    // From the trained model on: nothing is better than what it began with.
    let spoilt =
        finetune(data.path(), &trained, &out.path().join("spoilt"), &["--epochs", "3", "--lr", "0.5"]);
    assert_done(&spoilt);
    let wrote = String::from_utf8_lossy(&spoilt.stdout).into_owned();
    assert!(wrote.contains("no better than the model that the training began with"), "{wrote}");
    assert!(wrote.contains("try a lower --lr"), "{wrote}");
    assert!(!stderr(&spoilt).contains("the best so far"), "{}", stderr(&spoilt));
}

#[test]
fn one_class_only_teaches_nothing() {
    let (data, out) = (class_folders(1, 6), tempfile::tempdir().unwrap());
    let output = finetune(data.path(), &tiny_model(), out.path(), &[]);
    assert!(failure(&output).contains("one class"), "{}", stderr(&output));
}

#[test]
fn a_batch_larger_than_the_set_is_made_smaller_and_told() {
    let (data, out) = (class_folders(2, 6), tempfile::tempdir().unwrap());
    let output = finetune(data.path(), &tiny_model(), out.path(), &["--epochs", "1", "--batch", "5000"]);
    assert_done(&output);
    assert!(stderr(&output).contains("larger than all"), "{}", stderr(&output));
}

#[test]
fn a_full_disk_ends_in_a_sentence_and_leaves_no_half_file() {
    let (data, out) = (class_folders(2, 8), tempfile::tempdir().unwrap());
    // Files beyond 100 kB cannot be written, as on a disk that fills; the model has more.
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
    let program = command(data.path(), &tiny_model(), out.path(), &["--epochs", "1"]);
    let mut limited = Command::new("bash");
    limited.args(["-c", script, "bash"]).arg(program.get_program()).args(program.get_args());
    let output = limited.env_remove("SKYSIFT_MODEL").output().unwrap();
    let message = failure(&output);
    assert!(message.contains("cannot be written"), "{message}");
    let names: Vec<PathBuf> = fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!names.iter().any(|path| path.ends_with("model.safetensors")), "{names:?}");
    let is_unfinished = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(".skysift-");
    assert!(!names.iter().any(is_unfinished), "{names:?}");
}

#[test]
fn adapters_are_merged_into_the_matrices_and_nothing_else_moves() {
    let (data, out) = (class_folders(3, 12), tempfile::tempdir().unwrap());
    let model = tiny_model();
    let args = ["--epochs", "3", "--lr", "5e-3", "--lora", "4"];
    assert_done(&finetune(data.path(), &model, out.path(), &args));
    let (before, after) = (tensors(&model, "model.safetensors"), tensors(out.path(), "model.safetensors"));
    assert_eq!(before.len(), after.len());
    let mut moved = 0;
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        let may_move = [
            ".q_proj.weight",
            ".k_proj.weight",
            ".v_proj.weight",
            ".out_proj.weight",
            ".fc1.weight",
            ".fc2.weight",
        ]
        .iter()
        .any(|ending| name.ends_with(ending));
        assert!(may_move || before == after, "{name} has moved");
        moved += usize::from(before != after);
    }
    assert!(moved > 10, "only {moved} matrices have moved");
    // As usual: the result is a model like any other.
    accuracy(data.path(), out.path());
}

#[test]
fn a_frozen_tower_stays_as_it_is() {
    let (data, out) = (class_folders(2, 8), tempfile::tempdir().unwrap());
    let model = tiny_model();
    for (frozen, prefix) in [("text", "text_"), ("image", "vis")] {
        let out = out.path().join(frozen);
        assert_done(&finetune(
            data.path(),
            &model,
            &out,
            &["--epochs", "2", "--freeze", frozen, "--lr", "1e-3"],
        ));
        let (before, after) = (tensors(&model, "model.safetensors"), tensors(&out, "model.safetensors"));
        for ((name, before), (_, after)) in before.iter().zip(&after) {
            if name.starts_with(prefix) {
                assert_eq!(before, after, "{name} has moved");
            }
        }
        assert_ne!(before, after);
    }
}

#[test]
fn the_image_tower_of_another_model_is_taken_over() {
    let (data, out) = (class_folders(3, 8), tempfile::tempdir().unwrap());
    let (tower, other, result) = (tiny_model(), out.path().join("other"), out.path().join("result"));
    write_random_model_for(&other, ModelPreset::Tiny, "forest\nopen sea\nparking lot", 9).unwrap();
    let args = ["--image-tower", tower.to_str().unwrap(), "--freeze", "image", "--epochs", "1"];
    assert_done(&finetune(data.path(), &other, &result, &args));
    let image = |model: &Path| {
        let mut tensors = tensors(model, "model.safetensors");
        tensors.retain(|(name, _)| name.starts_with("vis"));
        tensors
    };
    assert!(!image(&tower).is_empty());
    assert_ne!(image(&other), image(&tower));
    assert_eq!(image(&result), image(&tower));

    let resnet = out.path().join("resnet");
    write_random_model(&resnet, ModelPreset::TinyResnet, 4).unwrap();
    let args = ["--image-tower", resnet.to_str().unwrap(), "--epochs", "1"];
    let refused = finetune(data.path(), &other, &out.path().join("none"), &args);
    assert!(failure(&refused).contains("its image tower has other sizes"), "{}", stderr(&refused));
}

#[test]
fn what_cannot_be_augmented_is_wrong_usage() {
    let (data, out) = (class_folders(2, 2), tempfile::tempdir().unwrap());
    for args in [
        ["--ground-scale", "0.5"],
        ["--ground-scale", "2,3"],
        ["--blur", "99"],
        ["--haze", "1"],
        ["--season=-0.1", "--quiet"],
        ["--sensor", "NaN"],
    ] {
        let refused = finetune(data.path(), &tiny_model(), &out.path().join("none"), &args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {}", stderr(&refused));
    }
}

#[test]
fn another_size_of_pictures_is_written_into_the_configuration() {
    let (data, out) = (class_folders(2, 8), tempfile::tempdir().unwrap());
    let model = out.path().join("before");
    write_random_model(&model, ModelPreset::TinyResnet, 4).unwrap();
    let result = out.path().join("after");
    let args = ["--epochs", "1", "--image-size", "96", "--weights", "f16"];
    assert_done(&finetune(data.path(), &model, &result, &args));
    let config: Value =
        serde_json::from_slice(&fs::read(result.join("open_clip_config.json")).unwrap()).unwrap();
    assert_eq!(config.pointer("/model_cfg/vision_cfg/image_size"), Some(&Value::from(96)));
    let size = |model: &Path| fs::metadata(model.join("open_clip_model.safetensors")).unwrap().len();
    assert!(size(&result) < size(&model) * 6 / 10, "half precision takes half the room");
    accuracy(data.path(), &result);
}
