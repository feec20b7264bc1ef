//! Servers that fail in the middle of a scan: the real program and a real server, of which the requests are
//! counted.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use skysift::raster::{Rect, RemoteOptions, Rendered, Scene};
use skysift::scan::{Command, Event, ScanRequest, SceneSource};
use skysift::windows::{Edges, GridSettings};
use tempfile::TempDir;

use super::remote::{Change, Server, State, Trick, tiff};
use super::scan::{query, scanner, wait};
use super::support::{skysift, tiny_model};

/// The side of the scene, its windows in [`GRID`], and the requests that all of it takes, about.
const SIDE: u32 = 3072;
const WINDOWS: u64 = 47 * 47;
const GRID: [&str; 6] = ["--tile", "64", "--window", "2", "--step", "1"];
/// The request from which on something is wrong: some windows are read by then.
const LATE: usize = 90;
/// Threads that read for a scan, at most, each of which sends one request at a time.
const READERS: usize = 4;
/// Times that a range is asked for when the server answers, but refuses it.
const TRIES: usize = 4;

/// A server that changes in the middle of a scan.
fn server(change: Change) -> Server {
    let server = Server::new(tiff(SIDE));
    server.set(|state| state.later = Some((LATE, change)));
    server
}

/// A scan of the server's file with so many seconds of patience. What is fetched and encoded is kept in
/// `folder`.
fn detect(server: &Server, folder: &Path, patience: &str) -> Output {
    let mut command = skysift();
    command.arg("detect").arg(server.url("scene.tif")).args(["-k", "harbor", "--device", "cpu"]).args(GRID);
    command.arg("--model").arg(tiny_model()).arg("--store").arg(folder.join("store"));
    command.env("SKYSIFT_PATIENCE", patience).env("XDG_CACHE_HOME", folder.join("cache"));
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a scan says that came to its end, and how many windows it has encoded and could not read.
fn report(output: &Output) -> (Value, u64, u64) {
    let said = stderr(output);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let number = |name: &str| report[name].as_u64().unwrap();
    let (windows, failed) = (number("windows"), number("failed"));
    assert_eq!(windows + failed, WINDOWS, "{said}");
    assert_eq!(output.status.code(), Some(i32::from(failed > 0)), "{said}");
    (report, windows, failed)
}

/// A report with some of the windows, but not all.
fn partial(output: &Output) -> u64 {
    let (report, windows, failed) = report(output);
    assert!(windows > 0 && failed > 0, "{windows}, {failed}: {}", stderr(output));
    assert!(!report["detections"].as_array().unwrap().is_empty());
    windows
}

/// How often something is said.
fn count(text: &str, words: &str) -> usize {
    text.matches(words).count()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_file_that_changes_under_a_scan_is_told_once_and_not_asked_for_again() {
    let changes: [fn(&mut State); 4] = [
        |state| state.etag = "\"two\"".to_owned(),
        |state| state.file().truncate(300_000),
        |state| state.file().push(0),
        |state| state.always = Some(Trick::Status(412, "X: y")),
    ];
    for change in changes {
        let server = server(change);
        let output = detect(&server, folder().path(), "20");
        partial(&output);
        let said = stderr(&output);
        assert_eq!(count(&said, "has changed on the server since it was opened; open it again"), 1, "{said}");
        // Those that were under way when the first of them told it.
        let requests = server.requests();
        assert!(requests.len() < LATE + READERS, "{}", requests.len());
        let bytes: usize = requests.iter().map(|request| request.range().1 - request.range().0 + 1).sum();
        assert!(bytes < (SIDE * SIDE) as usize, "{bytes}");
    }
}

#[test]
fn a_server_that_dies_ends_a_scan_once_and_what_was_found_stays() {
    let changes: [(Change, &str); 3] = [
        (|state| state.always = Some(Trick::Stall), "does not answer in time"),
        (|state| state.always = Some(Trick::Drip), "does not answer in time"),
        (|state| state.always = Some(Trick::Close), "connection"),
    ];
    for (change, words) in changes {
        let (server, folder) = (server(change), folder());
        let output = detect(&server, folder.path(), "0.4");
        let windows = partial(&output);
        let said = stderr(&output);
        assert!(said.contains(words) && count(&said, "reading waits for it, up to 2 seconds") == 1, "{said}");
        assert_eq!(count(&said, "cannot read http"), 1, "{said}");
        // As many as the patience of all has room for, rather than that of every window.
        let after = server.requests().len() - LATE;
        assert!(after <= READERS * 20, "{words}: {after}");

        // When it is back, only what is missing is encoded.
        server.set(|state| state.always = None);
        let (again, ..) = report(&detect(&server, folder.path(), "20"));
        assert_eq!((again["known"].as_u64(), again["failed"].as_u64()), (Some(windows), Some(0)), "{words}");
    }
}

#[test]
fn a_server_that_comes_back_costs_no_window() {
    let change: Change = |state| {
        let in_turn = [
            vec![Trick::Close; 3],
            vec![Trick::Status(503, "Retry-After: 0"); 5],
            vec![Trick::Status(429, "Retry-After: 1"); 2],
            vec![Trick::Status(403, "X: y"); 2],
            vec![Trick::Page],
            vec![Trick::Cut; 2],
            vec![Trick::Status(500, "X: y"); 2],
            vec![Trick::Range("nothing")],
        ];
        state.tricks = in_turn.join(&Trick::Nothing).into();
    };
    let server = server(change);
    let output = detect(&server, folder().path(), "4");
    let (_, windows, _) = report(&output);
    assert_eq!(windows, WINDOWS, "{}", stderr(&output));
    server.set(|state| assert!(state.tricks.is_empty(), "the scan was over too soon"));
}

#[test]
fn a_server_that_refuses_ends_a_scan_soon_and_says_what_to_do() {
    let changes: [(Change, &str); 5] = [
        (
            |state| state.always = Some(Trick::Status(403, "X: y")),
            "open it again with a new signature or new keys",
        ),
        (
            |state| state.always = Some(Trick::Status(404, "X: y")),
            "the file is no longer on the server (404)",
        ),
        (|state| state.always = Some(Trick::Page), "a web page came in place of the file"),
        (|state| state.always = Some(Trick::NoRanges), "does not answer range requests any more"),
        (|state| state.always = Some(Trick::Status(429, "Retry-After: 7200")), "left alone for 7200 seconds"),
    ];
    for (change, words) in changes {
        let server = server(change);
        let output = detect(&server, folder().path(), "20");
        partial(&output);
        let said = stderr(&output);
        assert_eq!(count(&said, words), 1, "{said}");
        assert!(server.requests().len() < LATE + READERS * TRIES, "{words}: {}", server.requests().len());
    }
}

#[test]
fn a_part_that_a_server_cannot_send_costs_its_windows_alone() {
    let server = Server::new(tiff(SIDE));
    // One tile of 256 x 256 pixels, and with it the blocks of 64 KiB that it lies in.
    let tile = 70 << 16;
    server.set(|state| state.broken = Some(tile..tile + 10));
    let output = detect(&server, folder().path(), "20");
    let (_, windows, failed) = report(&output);
    // A tile is touched by 5 x 5 windows of 128 pixels at each 64.
    assert!((25..=100).contains(&failed) && windows + failed == WINDOWS, "{failed}");
    let said = stderr(&output);
    assert_eq!(count(&said, "the server answered 500"), 1, "{said}");
    assert!(!said.contains("reading waits"), "{said}");
}

#[test]
fn a_server_without_versions_is_told_and_its_file_never_taken_for_an_earlier_one() {
    let (server, folder) = (Server::new(tiff(SIDE)), folder());
    server.set(|state| state.etag = String::new());
    let first = detect(&server, folder.path(), "20");
    assert_eq!(report(&first).1, WINDOWS);
    let notice = "doesn't say which version of the file it sends";
    assert_eq!(count(&stderr(&first), notice), 1, "{}", stderr(&first));
    // Beyond its first block, nothing would tell the difference.
    server.set(|state| state.file().iter_mut().skip(1 << 17).for_each(|byte| *byte = !*byte));
    let (second, ..) = report(&detect(&server, folder.path(), "20"));
    assert_eq!(second["known"], 0);
    let first: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_ne!(first["detections"], second["detections"]);
}

fn open(server: &Server, folder: &Path, patience: Duration) -> Arc<Scene> {
    let cache = Some(folder.to_owned());
    let options = RemoteOptions { cache, ..RemoteOptions::with_patience(patience) };
    Arc::new(Scene::open_with(&server.url("scene.tif"), &options).unwrap())
}

#[test]
fn a_scan_that_waits_for_a_server_can_be_stopped() {
    // Nobody would sit through it.
    const PATIENCE: Duration = Duration::from_mins(10);
    // An answer that doesn't come, and the pause until the next request.
    let changes: [Change; 2] =
        [|state| state.always = Some(Trick::Stall), |state| state.always = Some(Trick::Close)];
    for change in changes {
        let (server, folder) = (server(change), folder());
        let scene = open(&server, folder.path(), PATIENCE);
        let (scanner, _) = scanner(Duration::ZERO);
        let grid = GridSettings { tile: 64, window: 2, step: 1, edges: Edges::Cover };
        scanner.send(Command::Scan(ScanRequest::new(scene, grid, query(&["east"], 5))));
        let began = Instant::now();
        while server.requests().len() < LATE {
            assert!(began.elapsed() < PATIENCE / 10, "it asks {} times", server.requests().len());
            std::thread::sleep(Duration::from_millis(5));
        }
        let stopped = Instant::now();
        scanner.cancel();
        wait(&scanner, |event| matches!(event, Event::Cancelled { .. }).then_some(()));
        assert!(stopped.elapsed() < PATIENCE / 30, "{:?}", stopped.elapsed());
    }
}

#[test]
fn whoever_looks_at_a_scene_goes_on_waiting_when_a_scan_is_stopped() {
    let (server, folder) = (Server::new(tiff(SIDE)), folder());
    let scene = open(&server, folder.path(), Duration::from_mins(1));
    server.set(|state| state.always = Some(Trick::Close));
    std::thread::scope(|scope| {
        let last = Rect::new(SIDE - 9, SIDE - 9, 9, 9);
        let scanning = scope.spawn(|| scene.read(0, Rect::new(0, SIDE / 2, 9, 9)));
        let rendered = Rendered::own(Arc::clone(&scene));
        let looking = scope.spawn(move || SceneSource::read(&rendered, 0, last));
        while !scanning.is_finished() {
            scene.stop_waiting();
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(scanning.join().unwrap().is_err_and(|error| error.is_stopped()));
        server.set(|state| state.always = None);
        assert!(looking.join().unwrap().is_ok());
    });
}

#[test]
fn a_patience_that_is_no_number_is_told() {
    let server = Server::new(tiff(256));
    let mut command = skysift();
    command.arg("info").arg(server.url("scene.tif")).env("SKYSIFT_PATIENCE", "long");
    let output = command.env("XDG_CACHE_HOME", folder().path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("SKYSIFT_PATIENCE is \"long\""), "{said}");
}
