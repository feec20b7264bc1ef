//! Several programs that scan the same scene at the same time, into one store.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use skysift::store::{Collection, Inventory, Store};

use crate::store::{assert_same_detections, command, detect, number, two_scenes};

const PROGRAMS: usize = 8;
/// 61 columns and 45 rows of small windows.
const FINE: [&str; 4] = ["--tile", "16", "--window", "4"];
const WINDOWS: usize = 61 * 45;

/// How many windows a store holds, and how many different ones.
fn stored(store: &Path) -> (usize, usize) {
    let inventory = Inventory::of(&Store::new(store)).unwrap();
    let [entry] = &inventory.entries[..] else { return (0, 0) };
    let collection = Collection::read(&entry.folder).unwrap();
    (collection.batches().iter().fold(0, |sum, part| sum + part.len()), collection.len())
}

fn start(store: &Path, image: &Path) -> Child {
    let mut detect = command("detect", store);
    detect.arg(image).args(["-k", "harbor", "--top", "500"]).args(FINE);
    detect.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn start_all(store: &Path, image: &Path) -> Vec<Child> {
    (0..PROGRAMS).map(|_| start(store, image)).collect()
}

/// Waits for a program; what it found.
fn found(process: Child) -> Value {
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn wait_until_something_is_stored(store: &Path) {
    let began = Instant::now();
    while !Inventory::of(&Store::new(store)).is_ok_and(|inventory| inventory.bytes() > 50_000) {
        assert!(began.elapsed() < Duration::from_mins(2), "nothing is stored");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn expected(folder: &Path, image: &Path) -> Value {
    let alone: PathBuf = folder.join("alone");
    detect(&alone, image, &[&["-k", "harbor", "--top", "500"], &FINE[..]].concat())
}

#[test]
fn eight_programs_store_one_copy_and_find_the_same() {
    let (folder, store, [image, _]) = two_scenes();
    let expected = expected(folder.path(), &image);
    let mut encoded = 0;
    for process in start_all(&store, &image) {
        let found = found(process);
        assert_eq!(number(&found["windows"]), WINDOWS);
        assert_same_detections(&found, &expected);
        encoded += WINDOWS - number(&found["known"]);
    }
    let (all, different) = stored(&store);
    println!("{all} windows are stored, {different} of them different, {encoded} were encoded");
    assert_eq!((all, different), (WINDOWS, WINDOWS));
    assert!(encoded < WINDOWS + WINDOWS / 4, "{encoded} windows were encoded, of {WINDOWS}");
}

#[test]
fn nobody_waits_for_one_that_was_killed() {
    let (folder, store, [image, _]) = two_scenes();
    let expected = expected(folder.path(), &image);
    let mut processes = start_all(&store, &image);
    wait_until_something_is_stored(&store);
    for process in &mut processes[..3] {
        process.kill().unwrap();
    }
    for process in processes.drain(3..) {
        assert_same_detections(&found(process), &expected);
    }
    for mut process in processes {
        process.wait().unwrap();
    }
    assert_eq!(stored(&store), (WINDOWS, WINDOWS));
}

#[cfg(unix)]
#[test]
fn nobody_waits_long_for_one_that_was_stopped() {
    let (folder, store, [image, _]) = two_scenes();
    let expected = expected(folder.path(), &image);
    let mut processes = start_all(&store, &image);
    wait_until_something_is_stored(&store);
    let stopped = processes.remove(0);
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &stopped.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    signal("-STOP");
    let began = Instant::now();
    for process in processes {
        assert_same_detections(&found(process), &expected);
    }
    assert!(began.elapsed() < Duration::from_secs(100), "{:?}", began.elapsed());
    signal("-CONT");
    assert_same_detections(&found(stopped), &expected);
    let (all, different) = stored(&store);
    // It may have been stopped just when it kept the others from looking.
    assert!(different == WINDOWS && all < WINDOWS + WINDOWS / 10, "{all} are stored");
}
