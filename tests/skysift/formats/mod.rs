//! Every kind of image that GDAL writes here, read by Skysift and by GDAL, pixel against pixel.
//!
//! The answers are the table in `docs/formats.md`. The test fails when an answer is no longer the one that
//! stands there, for better or worse; with `SKYSIFT_UPDATE_DOCS=1` it writes the file instead. What reads
//! wrong or is refused stays in the table as such, so that it cannot be forgotten.

mod compare;
pub mod gdal;
mod table;
mod variants;
mod variants_tiff;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support;
use compare::{Answer, measure};
use variants::Variant;

#[test]
fn formats_read_as_the_documentation_says() {
    if !support::require("gdal") {
        return;
    }
    let version = gdal::version();
    let folder = tempfile::tempdir().unwrap();
    for (name, commands) in variants::bases() {
        for command in commands {
            gdal::run(folder.path(), &command).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    let variants = variants::all();
    let mut rows: Vec<table::Row> = answers(folder.path(), &variants)
        .into_iter()
        .zip(&variants)
        .map(|(answer, variant)| table::Row::new(variant.section, &variant.name, &variant.shown(), answer))
        .collect();
    rows.extend(scenes());

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md");
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    if std::env::var_os("SKYSIFT_UPDATE_DOCS").is_some() {
        std::fs::write(&path, table::document(&version, &rows, &known)).unwrap();
        return;
    }
    let changes = table::changes(&rows, &known);
    assert!(
        changes.is_empty(),
        "docs/formats.md says something else; if that is meant, write it anew with SKYSIFT_UPDATE_DOCS=1:\n{}",
        changes.join("\n")
    );
}

/// Makes and measures all variants, on all cores.
fn answers(folder: &Path, variants: &[Variant]) -> Vec<Answer> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = || {
        while let Some((index, variant)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            variants.get(index).map(|variant| (index, variant))
        } {
            let answer = answer(&folder.join(index.to_string()), variant);
            done.lock().unwrap().push((index, answer));
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, answer)| answer).collect()
}

/// The answer for a variant, in a folder of its own inside that of the base images.
fn answer(folder: &Path, variant: &Variant) -> Answer {
    let mut answers = Vec::new();
    for (index, (layout, commands)) in variant.layouts().into_iter().enumerate() {
        let folder = folder.join(index.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let written = commands.iter().try_for_each(|command| gdal::run(&folder, command));
        let answer = match written {
            Ok(()) if variant.is_plain() && index > 0 => compare::level0_only(&folder.join(variant.file())),
            Ok(()) => measure(&folder.join(variant.file()), Some(variant.lossy)),
            Err(_) => Answer::unwritten(),
        };
        answers.push((layout, answer));
        std::fs::remove_dir_all(&folder).unwrap();
    }
    Answer::of_layouts(answers)
}

/// The real scenes beside the checkout, where there are any.
fn scenes() -> Vec<table::Row> {
    let Some(shared) = support::shared() else { return Vec::new() };
    let mut files: Vec<_> =
        std::fs::read_dir(shared.join("data/scenes")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end != "xml"));
    files.sort();
    let row = |file: &std::path::PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy();
        table::Row::new(table::SCENES, &name, &gdal::words(file), measure(file, None))
    };
    files.iter().map(row).collect()
}
