//! Scenes in strips as wide as they are: each is decoded once, however little memory there is for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use skysift::raster::{Pixels, RasterError, Rect};
use skysift::scan::{Command, ScanRequest, SceneSource};

use crate::scan::{Ramp, SETTINGS, finished, query, scanner, wait, windows_of};
use crate::support::skysift;

const WIDTH: u32 = 6000;
const HEIGHT: u32 = 400;

/// A scene of rows that are decoded when they are needed, the last of which stay in memory.
struct Strips {
    scene: Arc<Ramp>,
    kept: u32,
    /// Whether it tells how many stay.
    tells: bool,
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    /// The one that was used last comes last.
    held: VecDeque<u32>,
    decoded: usize,
}

impl Strips {
    fn new(kept: u32, tells: bool) -> Arc<Self> {
        Arc::new(Self { scene: Ramp::new(WIDTH, HEIGHT), kept, tells, rows: Mutex::default() })
    }
}

impl SceneSource for Strips {
    fn size(&self) -> (u32, u32) {
        self.scene.size()
    }

    fn level_sizes(&self) -> Vec<(u32, u32)> {
        self.scene.level_sizes()
    }

    fn strip_rows(&self, level: usize) -> Option<u32> {
        assert_eq!(level, 0);
        self.tells.then_some(self.kept)
    }

    fn read(&self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        let mut rows = self.rows.lock().unwrap();
        for row in rect.y..rect.bottom() {
            match rows.held.iter().position(|held| *held == row) {
                Some(place) => drop(rows.held.remove(place)),
                None => rows.decoded += 1,
            }
            rows.held.push_back(row);
            if rows.held.len() > self.kept as usize {
                rows.held.pop_front();
            }
        }
        drop(rows);
        self.scene.read(level, rect)
    }

    fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
        self.scene.read_scaled(rect, width, height)
    }
}

#[test]
fn a_scan_goes_along_strips_of_which_few_stay_in_memory() {
    let run = |kept: u32, tells: bool| {
        let strips = Strips::new(kept, tells);
        let (scanner, _) = scanner(Duration::ZERO);
        let scene: Arc<dyn SceneSource> = Arc::clone(&strips) as _;
        scanner.send(Command::Scan(ScanRequest::new(scene, SETTINGS, query(&["east", "south"], 50))));
        let (windows, ranking) = wait(&scanner, finished);
        let found = (windows, windows_of(&ranking, "east"), windows_of(&ranking, "south"));
        (found, strips.rows.lock().unwrap().decoded)
    };
    let (right, again_and_again) = run(100, false);
    assert!(again_and_again > 10 * HEIGHT as usize, "{again_and_again}");
    let (found, decoded) = run(100, true);
    assert_eq!(found, right, "results never depend on the order of reading");
    assert!(decoded <= HEIGHT as usize * 6 / 5, "{decoded} rows were decoded");
    // Not even the rows of one window stay: as few blocks as there can be.
    let (found, decoded) = run(20, true);
    assert_eq!(found, right);
    assert!(decoded <= again_and_again / 4, "{decoded} rows were decoded, not {again_and_again}");
    // Where all rows stay, blocks are squares as ever.
    assert_eq!(run(2 * HEIGHT, true), (right, HEIGHT as usize));
}

#[cfg(target_os = "linux")]
#[test]
fn one_strip_of_300_mb_takes_little_more_than_itself() {
    use crate::tiff::deflate;
    use crate::tiff::written::{SHORT, Tiff};

    const SIDE: u32 = 10_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("strip.tif");
    let row: Vec<u8> = (0..SIDE * 3).map(|n| (n / 97 % 256) as u8).collect();
    let strip = deflate(&row.repeat(SIDE as usize));
    let tiff = Tiff::new(SIDE, SIDE, 3, vec![strip]).tag(278, SHORT, &[SIDE.into()]).tag(259, SHORT, &[8]);
    std::fs::write(&path, tiff.bytes()).unwrap();
    let mut child = skysift()
        .args(["detect", "--memory", "1024", "--device", "cpu", "-k", "harbor", "--tile", "500", "--model"])
        .arg(crate::support::tiny_model())
        .arg(&path)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The peak of the program, as the system counts it.
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let outcome = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        peak = peak.max(kilobytes.unwrap_or(0) / 1024);
        if let Some(outcome) = child.try_wait().unwrap() {
            break outcome;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(outcome.success());
    assert!((250..1100).contains(&peak), "{peak} MiB");
    println!("a strip of 286 MiB: {peak} MiB at most");
}
