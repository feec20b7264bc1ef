//! What the fuzz targets share: a folder in memory, everything a scene can be asked, and the bounds it has to
//! keep.
//!
//! A decoder's panic that the library turns into an error is no finding; one that gets out is. `libFuzzer`'s
//! own panic hook can't tell the two apart and ends the program at once, so it is replaced by one that only
//! remembers.

mod memory;

use std::backtrace::Backtrace;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, Once, PoisonError};

use skysift::raster::{Rect, Scene, SceneOptions, Storage};
use tempfile::TempDir;

/// The side of the regions that are read, and of the pictures that are made.
const SIDE: u32 = 48;

static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// A folder that is empty at first, in memory where the system offers that.
pub struct Folder(LazyLock<TempDir>);

impl Folder {
    #[must_use]
    pub const fn new() -> Self {
        Self(LazyLock::new(|| {
            let memory = Path::new("/dev/shm");
            let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
            folder.expect("fuzzing needs a folder for temporary files")
        }))
    }

    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a file there.
    ///
    /// # Panics
    /// When there is no room for it.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, bytes).expect("fuzzing needs room for temporary files");
        path
    }

    pub fn remove(&self, name: &str) {
        let _ = std::fs::remove_file(self.join(name));
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

/// Opens a scene and asks it for everything. The program ends when a panic gets out.
pub fn look_at(path: &Path) {
    static START: Once = Once::new();
    START.call_once(|| {
        set_hook(Box::new(|panic| {
            let report = format!("{panic}\n{}", Backtrace::force_capture());
            *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = report;
        }));
    });
    memory::watch();
    if catch_unwind(AssertUnwindSafe(|| ask(path))).is_err() {
        eprintln!("a panic got out: {}", LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner));
        std::process::abort();
    }
}

fn ask(path: &Path) {
    let storage = Storage { memory: 64 << 20, ..Storage::default() };
    let Ok(scene) = Scene::open_with(path, &SceneOptions::from(&storage)).inspect_err(|error| {
        black_box(error.to_string());
    }) else {
        return;
    };
    let info = scene.info();
    black_box(format!("{info:?}"));
    let (width, height) = scene.size();
    assert!(width > 0 && height > 0, "a scene without pixels");
    let bands = info.bands.len();
    let pixel = bands * info.data_type.bytes();
    for (level, (width, height)) in scene.level_sizes().into_iter().enumerate().take(16) {
        assert!(width > 0 && height > 0, "a level without pixels");
        for rect in corners(width, height) {
            let pixels = rect.width as usize * rect.height as usize;
            // A scene of many thousands of bands may answer as slowly as its samples are many.
            if pixels * pixel <= 16 << 20
                && let Ok(samples) = scene.read_samples(level, rect)
            {
                assert_eq!(samples.data.len(), pixels * pixel, "not the samples of that region");
            }
            if let Ok(picture) = scene.read(level, rect) {
                assert_eq!(picture.rgba.len(), pixels * 4, "not the pixels of that region");
            }
        }
    }
    let whole = Rect::new(0, 0, width, height);
    if let Ok(picture) = scene.read_scaled(whole, SIDE, SIDE) {
        assert_eq!(picture.rgba.len(), (SIDE * SIDE * 4) as usize, "not the picture that was asked for");
    }
    black_box(scene.statistics(&[0, bands - 1]));
    for (x, y) in [(0.0, 0.0), (f64::from(width) / 2.0, f64::from(height) / 2.0), (f64::from(width), 0.5)] {
        black_box((scene.lon_lat(x, y), scene.map(x, y), scene.ground_sample_distance_at(x, y)));
    }
    black_box((scene.north(), scene.crs_name(), scene.axis_units(), scene.fingerprint()));
}

/// The first pixels of a level and its last ones.
fn corners(width: u32, height: u32) -> [Rect; 2] {
    let (across, down) = (width.min(SIDE), height.min(SIDE));
    [Rect::new(0, 0, across, down), Rect::new(width - across, height - down, across, down)]
}
