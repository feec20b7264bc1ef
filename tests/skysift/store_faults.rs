//! Embeddings that are kept, when something goes wrong: damage, few open files, a store that vanishes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use skysift::store::{Inventory, Store};
use tempfile::TempDir;

use crate::store::{
    GRID, WINDOWS, assert_same_detections, command, detect, index, number, output, scene, search, two_scenes,
};

/// The files of the only collection in a store.
fn files(store: &Path) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(store).unwrap().next().unwrap().unwrap().path();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    for file in files(from) {
        let folder = to.join(file.parent().unwrap().file_name().unwrap());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
    }
}

fn text(output: &Output) -> (Value, String) {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (serde_json::from_slice(&output.stdout).unwrap_or_default(), told)
}

#[test]
fn a_damaged_store_never_answers_wrongly_in_silence() {
    let (folder, whole, [image, _]) = two_scenes();
    index(&whole, &[&image]);
    let words = ["-k", "harbor", "-k", "forest", "--top", "200"];
    let args = [&words[..], &GRID[..]].concat();
    let (expected, searched) = (detect(&whole, &image, &args), search(&whole, &words));
    let store = folder.path().join("damaged");
    let mut seed = 11_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below.max(1)
    };
    let kinds = ["bit", "bits", "piece", "zeroed", "cut", "cut in the middle", "emptied", "removed"];
    let (mut wrong, mut told_of) = (0, 0);
    for round in 0..48 {
        copy(&whole, &store);
        let kind = kinds[round % kinds.len()];
        // Mostly the embeddings, and each of the small files, too.
        let ends = ["arrows", "arrows", "sums", "arrows", "json"];
        let end = ends[round / kinds.len() % ends.len()];
        let file =
            files(&store).into_iter().find(|file| file.extension().is_some_and(|of| of == end)).unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        let (at, length) = (random(bytes.len()), bytes.len());
        match kind {
            "bit" => bytes[at] ^= 1 << random(8),
            "bits" => (0..20).for_each(|_| bytes[random(length)] ^= 1 << random(8)),
            "piece" => bytes.iter_mut().skip(at).take(4096).for_each(|byte| *byte = random(256) as u8),
            "zeroed" => bytes.iter_mut().skip(at / 4096 * 4096).take(4096).for_each(|byte| *byte = 0),
            "cut" => bytes.truncate(at),
            "cut in the middle" => drop(bytes.drain(at / 2..at)),
            "emptied" => bytes.clear(),
            _ => {}
        }
        if kind == "removed" {
            std::fs::remove_file(&file).unwrap();
        } else {
            std::fs::write(&file, bytes).unwrap();
        }
        let case = format!("{round}: {kind} at {at} of {end}");
        let run = command("search", &store).args(words).output().unwrap();
        let (found, told) = text(&run);
        if found["detections"] != searched["detections"] {
            wrong += 1;
            assert!(!told.is_empty() && run.status.code() == Some(1), "{case}: {told}");
        }
        told_of += usize::from(told.contains("damaged"));
        let run = command("detect", &store).arg(&image).args(&args).output().unwrap();
        let (found, told) = text(&run);
        assert!(run.status.success(), "{case}: {told}");
        assert_eq!(found["detections"], expected["detections"], "{case}: {told}");
        // It is whole again.
        let run = command("search", &store).args(words).output().unwrap();
        let (found, told) = text(&run);
        assert!(run.status.success() && found["detections"] == searched["detections"], "{case}: {told}");
    }
    println!("{wrong} of 48 searches were incomplete and told so; {told_of} told of damage");
    assert!(wrong > 8 && told_of >= wrong, "{wrong}, {told_of}");
}

/// A folder with many small scenes that are indexed, and the store.
fn many_scenes(count: u32) -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (images, store) = (folder.path().join("images"), folder.path().join("store"));
    std::fs::create_dir(&images).unwrap();
    for seed in 0..count {
        scene(&images, &format!("{seed:03}.tif"), seed % 100);
    }
    output(command("index", &store).arg(&images).args(["--tile", "256", "--window", "3"]));
    (folder, images, store)
}

/// A command under limits that the shell sets for what takes its place.
fn limited(command: &Command, limits: &str) -> Command {
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(format!("{limits}; exec \"$0\" \"$@\""));
    limited.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

#[test]
fn a_search_over_more_images_than_files_may_be_open_places_them_all() {
    const SCENES: u32 = 90;
    let (_folder, _images, store) = many_scenes(SCENES);
    let mut search = command("search", &store);
    search.args(["-k", "harbor", "--top", "1000"]);
    let mut limited = limited(&search, "ulimit -n 48");
    let output = limited.output().unwrap();
    let (found, told) = text(&output);
    assert!(output.status.success() && told.is_empty(), "{told}");
    let found = found["detections"].as_array().unwrap();
    let mut images: Vec<_> = found.iter().map(|one| one["image"].as_str().unwrap()).collect();
    images.sort_unstable();
    images.dedup();
    assert_eq!(images.len(), SCENES as usize);
    assert!(found.iter().all(|one| one["lon"].is_f64()));
}

#[cfg(unix)]
#[test]
fn an_image_that_cannot_be_read_is_told_and_is_not_gone() {
    let (_folder, store, [a, b]) = two_scenes();
    index(&store, &[&a, &b]);
    // Something is there, and it can't be read, whoever runs the test.
    std::fs::remove_file(&a).unwrap();
    std::os::unix::fs::symlink(&a, &a).unwrap();
    let output = command("search", &store).args(["-k", "harbor"]).output().unwrap();
    let (found, told) = text(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("a.tif") && !told.contains("gone"), "{told}");
    assert_eq!(number(&found["scenes"]), 1);
}

#[cfg(unix)]
#[test]
fn an_index_opens_nothing_of_other_scenes() {
    let (folder, store, [a, b]) = two_scenes();
    index(&store, &[&a]);
    let other = files(&store)[0].parent().unwrap().to_owned();
    // Whoever opens a pipe that nobody writes to waits for ever.
    for file in files(&store) {
        std::fs::remove_file(&file).unwrap();
        let made = Command::new("mkfifo").arg(&file).status().unwrap();
        assert!(made.success());
    }
    assert!(other.join("about.json").exists());
    let mut index = command("index", &store);
    let mut process = index.arg(&b).args(GRID).stdout(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while process.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_mins(1) {
            process.kill().unwrap();
            panic!("it waits for what is stored of another scene");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains(&format!("{WINDOWS} windows")));
    drop(folder);
}

#[test]
fn a_store_that_vanishes_during_a_scan_is_told() {
    let (folder, store, [image, _]) = two_scenes();
    let fine = ["--tile", "16", "--window", "4"];
    for name in ["index", "detect"] {
        let mut run = command(name, &store);
        run.arg(&image).args(fine).stdout(Stdio::piped()).stderr(Stdio::piped());
        if name == "detect" {
            run.args(["-k", "harbor"]);
        }
        let process = run.spawn().unwrap();
        let began = Instant::now();
        let bytes = || Inventory::of(&Store::new(&store)).map_or(0, |inventory| inventory.bytes());
        while bytes() < 20_000 && began.elapsed() < Duration::from_mins(1) {
            std::thread::sleep(Duration::from_millis(2));
        }
        // The program may just put something into it.
        while std::fs::remove_dir_all(&store).is_err() {
            assert!(began.elapsed() < Duration::from_mins(2), "{name}: it stays");
        }
        let output = process.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("can't be kept in") && told.contains("any more"), "{name}: {told}");
        // What was asked for is what counts.
        assert_eq!(output.status.code(), Some(i32::from(name == "index")), "{name}: {told}");
        if name == "detect" {
            let found: Value = serde_json::from_slice(&output.stdout).unwrap();
            let alone = folder.path().join("alone");
            let expected = detect(&alone, &image, &[&["-k", "harbor"], &fine[..]].concat());
            assert_eq!(found["detections"], expected["detections"]);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_store_that_fills_up_during_a_scan_is_told_and_the_scan_goes_on() {
    let (folder, _, [image, _]) = two_scenes();
    let args = ["-k", "harbor", "--tile", "16", "--window", "4"];
    let alone = folder.path().join("alone");
    let expected = detect(&alone, &image, &args);
    let largest = files(&alone).iter().map(|file| file.metadata().unwrap().len()).max().unwrap();
    // No file grows beyond that: the store's can't go on, and the rest has room in a temporary one. In half
    // kilobytes, and without the signal that would end the program.
    let limits = format!("trap '' XFSZ; ulimit -f {}", largest * 3 / 5 / 512);
    for name in ["detect", "index"] {
        let store = folder.path().join(name);
        let mut run = command(name, &store);
        run.arg(&image).args(if name == "detect" { &args[..] } else { &args[2..] });
        let output = limited(&run, &limits).output().unwrap();
        let (found, told) = text(&output);
        assert_eq!(told.matches("can't be kept in").count(), 1, "{name}: {told}");
        assert!(told.contains("any more"), "{name}: {told}");
        // What was asked for is what counts.
        assert_eq!(output.status.code(), Some(i32::from(name == "index")), "{name}: {told}");
        if name == "detect" {
            assert_same_detections(&found, &expected);
        }
        // What was stored before is good.
        let output = command("detect", &store).arg(&image).args(args).output().unwrap();
        let (found, told) = text(&output);
        assert!(output.status.success() && told.is_empty(), "{name}: {told}");
        let (known, windows) = (number(&found["known"]), number(&found["windows"]));
        assert!(known > 0 && known < windows, "{name}: {known} of {windows}");
        assert_same_detections(&found, &expected);
    }
}

#[test]
fn what_earlier_versions_stored_is_passed_over_and_may_leave() {
    let (_folder, store, [image, _]) = two_scenes();
    index(&store, &[&image]);
    let before = Inventory::of(&Store::new(&store)).unwrap();
    // Without what says what it is, and with another number in its schema.
    let files = files(&store);
    let old = store.join("0123456789abcdef0123456789abcdef");
    std::fs::create_dir(&old).unwrap();
    let arrows = files.iter().find(|file| file.extension().is_some_and(|end| end == "arrows")).unwrap();
    let mut bytes = std::fs::read(arrows).unwrap();
    let at = bytes.windows(6).position(|bytes| bytes == b"format").unwrap();
    bytes[at..at + 6].copy_from_slice(b"tamrof");
    std::fs::write(old.join("0.arrows"), bytes).unwrap();
    let inventory = Inventory::of(&Store::new(&store)).unwrap();
    assert_eq!(inventory.entries.len(), 1);
    assert!(inventory.damaged.is_empty() && inventory.bytes() > before.bytes());
    assert_eq!(number(&search(&store, &["-k", "harbor"])["scenes"]), 1);
    Store::new(&store).clear().unwrap();
    assert!(!old.exists());
}

#[test]
fn clearing_a_store_leaves_what_is_not_embeddings() {
    let (_folder, store, [image, _]) = two_scenes();
    index(&store, &[&image]);
    let own = store.join("photographs");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("a.jpg"), "precious").unwrap();
    Store::new(&store).clear().unwrap();
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 1);
    assert!(own.join("a.jpg").is_file());
}
