//! What fuzzing found (`fuzz/README.md`), and what reading the decoders with a hostile eye did: each file
//! once crashed the program, hung it or took memory without bound. Now each is a scene or a sentence, soon.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use skysift::raster::{Rect, Scene};

use crate::support;

/// After this, something hangs. It says nothing about how fast anything is: all of them together take
/// seconds.
const HANGS: Duration = Duration::from_mins(5);

/// The findings of one fuzz target.
fn findings(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(support::fixture("fuzz")).unwrap().map(|entry| entry.unwrap().path());
    let is_of_target =
        |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(&format!("{target}_"));
    entries.filter(is_of_target).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Texts by hand, each behind the letter that says where it lies: what the parser of XML makes room for,
/// compares and copies before anybody sees a document. They are too long to be kept as files.
fn long_texts() -> Vec<(PathBuf, Vec<u8>)> {
    let numbered = |of: fn(u32) -> String| (0..100_000).map(of).collect::<String>();
    let attributes = numbered(|number| format!(" a{number}='1'"));
    let namespaces = numbered(|number| format!("<a xmlns:n{number}='{number}'>"));
    let documents = [
        ("nodes", "<".repeat(16 << 20)),
        ("attributes", format!("<VRTDataset{attributes}/>")),
        ("namespaces", format!("<VRTDataset>{namespaces}")),
    ];
    let texts = documents.iter().flat_map(|(name, text)| {
        ["a", "v"].map(|kind| (PathBuf::from(format!("{name} ({kind})")), [kind, text].concat().into_bytes()))
    });
    texts.collect()
}

/// Opens a scene and reads some of each level, on another thread, so that one that hangs is told by its name.
fn look_at(finding: &Path, path: &Path) {
    let (done, over) = mpsc::channel::<()>();
    let (finding_there, path) = (finding.to_owned(), path.to_owned());
    let looking = std::thread::spawn(move || {
        // Closes the channel when it is over, in whatever way.
        let _done = done;
        look(&finding_there, &path);
    });
    let waited = over.recv_timeout(HANGS);
    assert!(waited != Err(mpsc::RecvTimeoutError::Timeout), "{} hangs", finding.display());
    if let Err(panic) = looking.join() {
        std::panic::resume_unwind(panic);
    }
}

fn look(finding: &Path, path: &Path) {
    match Scene::open(path) {
        Ok(scene) => {
            for (level, (width, height)) in scene.level_sizes().into_iter().enumerate() {
                let (across, down) = (width.min(48), height.min(48));
                for rect in
                    [Rect::new(0, 0, across, down), Rect::new(width - across, height - down, across, down)]
                {
                    // Thousands of bands are not what is looked for here.
                    if scene.info().bands.len() < 1000 {
                        sentence(finding, scene.read_samples(level, rect));
                    }
                    sentence(finding, scene.read(level, rect));
                }
            }
            let (width, height) = scene.size();
            sentence(finding, scene.read_scaled(Rect::new(0, 0, width, height), 48, 48));
            let _ = (scene.lon_lat(0.0, 0.0), scene.north(), scene.ground_sample_distance_at(0.5, 0.5));
        }
        Err(error) => sentence::<()>(finding, Err(error)),
    }
}

fn sentence<T>(finding: &Path, outcome: Result<T, skysift::raster::RasterError>) {
    if let Err(error) = outcome {
        let text = error.to_string();
        let clear = text.len() > 20 && !text.contains('\n');
        assert!(clear, "{}: {text}", finding.display());
    }
}

#[test]
fn images_that_fuzzing_found_are_scenes_or_sentences() {
    let found = findings("scene");
    assert!(!found.is_empty());
    for (finding, _) in found {
        look_at(&finding, &finding);
    }
}

#[test]
fn texts_beside_images_that_fuzzing_found_do_no_harm() {
    // In millions of runs fuzzing found none so far.
    for (finding, bytes) in findings("sidecars").into_iter().chain(long_texts()) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::copy(support::fixture("raster/strips_int8.tif"), at("x.tif")).unwrap();
        let (kind, text) = bytes.split_first().unwrap();
        let opened = match kind {
            b'a' => fs::write(at("x.tif.aux.xml"), text).map(|()| at("x.tif")),
            b'w' => fs::write(at("x.tfw"), text).map(|()| at("x.tif")),
            b'p' => {
                fs::write(at("x.tfw"), "10\n0\n0\n-10\n500000\n5000000\n").unwrap();
                fs::write(at("x.prj"), text).map(|()| at("x.tif"))
            }
            _ => fs::write(at("x.vrt"), text).map(|()| at("x.vrt")),
        };
        look_at(&finding, &opened.unwrap());
    }
}
