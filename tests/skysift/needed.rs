//! What some tests need beyond the repository and Rust, and which were left out since it is absent.
//!
//! A test asks [`require`] and ends when the answer is no; that is noted down, and listed when all tests are
//! over (`tests/untested.rs`), since nobody sees what a test that passes prints. The variable
//! `SKYSIFT_REQUIRE` names what has to be there, separated by commas: then such a test fails instead. CI
//! names all that its script installs.

#![allow(dead_code)] // Each of two programs uses a part of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Names what has to be there.
pub const REQUIRE: &str = "SKYSIFT_REQUIRE";

/// Something that a test may need.
pub struct Thing {
    pub name: &'static str,
    pub what: &'static str,
    /// `None` where only a test itself can find out.
    is_there: Option<fn() -> bool>,
}

pub const THINGS: [Thing; 13] = [
    Thing { name: "bf16", what: "a processor with AVX-512 BF16", is_there: Some(has_bf16) },
    Thing { name: "gdal", what: "GDAL's programs", is_there: Some(|| is_installed("gdal_translate")) },
    Thing { name: "imagemagick", what: "ImageMagick's import", is_there: Some(|| is_installed("import")) },
    Thing { name: "mount", what: "leave to mount a small disk (unshare)", is_there: Some(can_mount) },
    Thing { name: "pyarrow", what: "Python with pyarrow", is_there: Some(|| can_import("pyarrow")) },
    Thing {
        name: "pycocotools",
        what: "Python with pycocotools",
        is_there: Some(|| can_import("pycocotools.coco")),
    },
    Thing {
        name: "shared",
        what: "real scenes in ../shared, or where SKYSIFT_SHARED says",
        is_there: Some(|| shared().join("data/scenes").is_dir()),
    },
    Thing { name: "sqlite3", what: "SQLite's program", is_there: Some(|| is_installed("sqlite3")) },
    Thing {
        name: "transformers",
        what: "Python with torch, transformers and sentencepiece",
        is_there: Some(|| can_import("torch, transformers, sentencepiece")),
    },
    Thing { name: "unzip", what: "unzip", is_there: Some(|| is_installed("unzip")) },
    Thing { name: "vulkan", what: "a graphics driver, at least one in software", is_there: None },
    Thing { name: "xdotool", what: "xdotool", is_there: Some(|| is_installed("xdotool")) },
    Thing { name: "xvfb", what: "Xvfb", is_there: Some(|| is_installed("Xvfb")) },
];

/// Whether something that the test needs is there. If not, the test is to end, and is listed as left out.
///
/// # Panics
/// When it is absent and `SKYSIFT_REQUIRE` names it.
pub fn require(name: &str) -> bool {
    let thing = THINGS.iter().find(|thing| thing.name == name);
    let thing = thing.unwrap_or_else(|| panic!("{name} isn't among the things that tests may need"));
    let is_there = thing.is_there.unwrap_or_else(|| panic!("only the test itself can find {name}"));
    note(name, is_there())
}

/// As [`require`], for what the test found out itself.
///
/// # Panics
/// As [`require`].
pub fn note(name: &str, is_there: bool) -> bool {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("main");
    let path = notes().join(format!("{} {name}", test.replace("::", ".")));
    if is_there {
        // Of an earlier time.
        let _ = std::fs::remove_file(path);
        return true;
    }
    assert!(!required().iter().any(|required| required == name), "{REQUIRE} names {name}, which isn't there");
    std::fs::create_dir_all(notes()).and_then(|()| std::fs::write(path, "")).unwrap();
    false
}

/// The names in `SKYSIFT_REQUIRE`.
pub fn required() -> Vec<String> {
    let names = std::env::var(REQUIRE).unwrap_or_default();
    names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The tests that were left out, by what they lacked. They are forgotten thereafter.
pub fn take_notes() -> BTreeMap<String, Vec<String>> {
    let mut left_out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(notes()).into_iter().flatten().flatten() {
        if let Some((test, name)) = entry.file_name().to_string_lossy().split_once(' ') {
            left_out.entry(name.to_owned()).or_default().push(test.replace('.', "::"));
        }
        std::fs::remove_file(entry.path()).unwrap();
    }
    for tests in left_out.values_mut() {
        tests.sort();
    }
    left_out
}

/// The folder of real scenes, whether it's there or not.
pub fn shared() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    std::env::var_os("SKYSIFT_SHARED").map_or_else(beside, PathBuf::from)
}

fn notes() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("untested")
}

fn is_installed(program: &str) -> bool {
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(&name).is_file()))
}

/// Whether a disk in memory can be mounted where nobody else sees it.
fn can_mount() -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "mount", "-t", "tmpfs", "none"]).arg(std::env::temp_dir());
    unshare.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Whether the processor multiplies bf16.
fn has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    let is_there = std::arch::is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    let is_there = false;
    is_there
}

/// The Python to ask.
pub fn python() -> String {
    std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Whether Python has some packages.
fn can_import(packages: &str) -> bool {
    let mut import = Command::new(python());
    let status = import
        .arg("-c")
        .arg(format!("import {packages}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
