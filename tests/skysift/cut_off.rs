//! Files that end too early are told when they are opened, before anyone looks at what is missing.

use std::path::{Path, PathBuf};

use serde_json::Value;
use skysift::raster::{Rect, Scene};
use tempfile::TempDir;

use crate::support::{shared, skysift, tiny_model};
use crate::tiff::deflate;
use crate::tiff::written::{LONG, SHORT, Tiff};

const SIDE: u32 = 256;
/// The rows of a strip, and the side of a tile.
const PIECE: u32 = 64;

fn noise(place: u32) -> u8 {
    (place.wrapping_mul(2_654_435_761) >> 13) as u8
}

/// A grey image in four strips, behind its tags.
fn strips(compression: u64, pack: impl Fn(&[u8]) -> Vec<u8>) -> Tiff {
    let pixels: Vec<u8> = (0..SIDE * SIDE).map(noise).collect();
    let strips = pixels.chunks((SIDE * PIECE) as usize).map(pack).collect();
    let tiff = Tiff::new(SIDE, SIDE, 1, strips).tag(278, SHORT, &[PIECE.into()]);
    tiff.tag(259, SHORT, &[compression]).pieces_last()
}

/// A grey image in sixteen tiles, not compressed.
fn tiles() -> Tiff {
    let tiles = (0..16).map(|tile| (0..PIECE * PIECE).map(|place| noise(place + tile * 977)).collect());
    let tiff = Tiff::new(SIDE, SIDE, 1, tiles.collect()).tables(324, 325);
    tiff.tag(322, LONG, &[PIECE.into()]).tag(323, LONG, &[PIECE.into()]).pieces_last()
}

/// Writes a file without its last bytes.
fn write(tiff: &Tiff, missing: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.tif");
    let bytes = tiff.bytes();
    std::fs::write(&path, &bytes[..bytes.len() - missing]).unwrap();
    (folder, path)
}

fn notices(path: &Path) -> Vec<String> {
    Scene::open(path).unwrap().notices().list()
}

fn reads(path: &Path, top: u32, height: u32) -> bool {
    Scene::open(path).unwrap().read_samples(0, Rect::new(0, top, SIDE, height)).is_ok()
}

#[test]
fn pieces_beyond_the_end_are_counted() {
    let strip = (SIDE * PIECE) as usize;
    let tile = (PIECE * PIECE) as usize;
    let plain = || strips(1, <[u8]>::to_vec);
    let packed = || strips(8, deflate);
    for (tiff, missing, expected) in [
        (plain(), 0, None),
        (plain(), 1, Some("1 of its 4 strips reaches")),
        (plain(), strip, Some("1 of its 4 strips reaches")),
        (plain(), 2 * strip + 5, Some("3 of its 4 strips reach ")),
        (plain().big_endian(), 2 * strip, Some("2 of its 4 strips reach ")),
        // Counts that say nothing make no difference, and neither do those that say too little.
        (plain().counts(None), strip, Some("1 of its 4 strips reaches")),
        (plain().counts(Some(vec![0; 4])), strip, Some("1 of its 4 strips reaches")),
        (plain().counts(Some(vec![1; 4])), strip, Some("1 of its 4 strips reaches")),
        (packed(), 0, None),
        (packed(), 1, Some("1 of its 4 strips reaches")),
        // A strip takes 1.8 kB.
        (packed().counts(None), 2000, Some("1 of its 4 strips reaches")),
        (tiles(), 0, None),
        (tiles(), 5 * tile - 1, Some("5 of its 16 tiles reach ")),
    ] {
        let (_folder, path) = write(&tiff, missing);
        let told = notices(&path);
        let Some(expected) = expected else {
            assert!(told.is_empty(), "{told:?}");
            continue;
        };
        assert_eq!(told.len(), 1, "{told:?}, not {expected}");
        let name = path.display();
        assert!(told[0].starts_with(&format!("{name} is cut off: {expected}")), "{told:?}, not {expected}");
        // What is there is read, and what is missing is never black.
        assert!(reads(&path, 0, PIECE), "{told:?}");
        assert!(!reads(&path, SIDE - PIECE, PIECE), "{told:?}");
    }
}

#[test]
fn pieces_that_were_never_written_are_not_missing() {
    let tiff = strips(8, deflate);
    let counts = tiff.lengths().into_iter().enumerate().map(|(index, count)| count * u64::from(index != 3));
    // They may have been meant for the end.
    let missing = tiff.lengths()[3] as usize;
    let (_folder, path) = write(&tiff.counts(Some(counts.collect())), missing);
    assert!(notices(&path).is_empty());
    assert!(reads(&path, 0, SIDE));
    let Some(shared) = shared() else { return };
    assert!(notices(&shared.join("data/scenes/sparse.tif")).is_empty());
}

#[test]
fn jpeg_2000_that_is_cut_off_is_told_and_never_read_blurred() {
    let Some(shared) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cut = |name: &str, missing: usize| {
        let path = folder.path().join(name);
        let bytes = std::fs::read(shared.join("data/scenes").join(name)).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - missing]).unwrap();
        path
    };
    // A hundred tiles, of which the last ones are missing.
    let path = cut("u16_15bit.jp2", 10_000);
    let listed = notices(&path);
    assert!(listed.len() == 1 && listed[0].contains(" of its 100 tiles are incomplete"), "{listed:?}");
    let scene = Scene::open(&path).unwrap();
    let (_, height) = scene.size();
    assert!(scene.read_samples(0, Rect::new(0, 0, 300, 300)).is_ok());
    let read = scene.read_samples(0, Rect::new(0, height - 300, 300, 300));
    assert!(read.unwrap_err().to_string().contains("cut off"));
    // Without its end marker, all is still there.
    assert!(notices(&cut("u16_15bit.jp2", 2)).is_empty());
    // A single tile is all or nothing.
    let refused = Scene::open(&cut("nemo.jp2", 10_000)).err().unwrap().to_string();
    assert!(refused.contains("nemo.jp2 is damaged or cut off"), "{refused}");
}

#[test]
fn missing_pieces_are_told_by_every_command_and_agree_with_the_windows_that_fail() {
    let (folder, path) = write(&tiles(), 3 * (PIECE * PIECE) as usize);
    let told = "scene.tif is cut off: 3 of its 16 tiles reach beyond its end and cannot be read; copy or \
                download it again";
    let lines =
        |bytes: &[u8]| -> Vec<String> { String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect() };
    let output = skysift().args(["info", "--json"]).arg(&path).output().unwrap();
    let info: Value = serde_json::from_slice(&output.stdout).unwrap();
    let listed = info["notices"].as_array().unwrap();
    assert!(listed.len() == 1 && listed[0].as_str().unwrap().ends_with(told), "{listed:?}");
    assert!(output.status.success());

    let scan = |grid: &[&str]| {
        let mut command = skysift();
        command.arg("detect").arg(&path).arg("--model").arg(tiny_model());
        command.args(["-k", "harbor", "--device", "cpu", "--quiet", "--window", "2"]);
        command.args(grid).output().unwrap()
    };
    // A single window, which doesn't reach the last row of tiles.
    let output = scan(&["--tile", "96", "--edges", "drop"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &found["failed"]), (Some(0), &Value::from(0)));
    assert_eq!(&found["notices"], &info["notices"]);
    let stderr = lines(&output.stderr);
    assert!(stderr.len() == 1 && stderr[0].ends_with(told), "{stderr:?}");
    // Windows of a tile's size, of which two rows of seven touch it, and all but one in each a missing tile.
    let output = scan(&["--tile", "32"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &found["failed"]), (Some(1), &Value::from(12)), "{found}");
    let stderr = lines(&output.stderr);
    assert!(stderr.len() == 2 && stderr[0].ends_with(told), "{stderr:?}");
    assert!(stderr[1].contains("12 of 49 windows could not be read"), "{stderr:?}");
    // Of a dense scan, the cells within the missing tiles.
    let output = scan(&["--tile", "32", "--dense"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [failed, windows] = ["failed", "windows"].map(|of| found[of].as_u64().unwrap());
    assert_eq!((output.status.code(), failed * 16), (Some(1), 3 * (failed + windows)), "{found}");

    // So it is for a part of a mosaic, and for what lies beside an image.
    let mosaic = folder.path().join("mosaic.vrt");
    let band = "<VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource>\
        <SourceFilename relativeToVRT=\"1\">scene.tif</SourceFilename><SourceBand>1</SourceBand>\
        <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"256\" ySize=\"256\"/>\
        <DstRect xOff=\"0\" yOff=\"0\" xSize=\"256\" ySize=\"256\"/></SimpleSource></VRTRasterBand>";
    let vrt = format!("<VRTDataset rasterXSize=\"256\" rasterYSize=\"256\">{band}</VRTDataset>");
    std::fs::write(&mosaic, vrt).unwrap();
    let listed = notices(&mosaic);
    assert!(listed.len() == 1 && listed[0].ends_with(told), "{listed:?}");
    let (folder, whole) = write(&tiles(), 0);
    std::fs::copy(&path, folder.path().join("scene.tif.msk")).unwrap();
    let listed = notices(&whole);
    assert!(listed.len() == 1 && listed[0].contains("scene.tif.msk is cut off: 3 of"), "{listed:?}");
}
