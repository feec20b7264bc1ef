//! Scenes of which a part is missing or can't be read: it is told, and counts as without data, never as
//! black.

use std::fs;
use std::path::Path;

use skysift::raster::{Rect, Scene};

use crate::support;
use crate::support::{skysift, write_striped_tiff};
use crate::tiff::deflate;
use crate::tiff::written::{SHORT, Tiff};

const SIDE: u32 = 160;

/// Three squares of one colour side by side, and a VRT of them in which the middle one may be called
/// otherwise.
fn row_of_three(folder: &Path, middle: &str) {
    for name in ["left.tif", "middle.tif", "right.tif"] {
        write_striped_tiff(&folder.join(name), (SIDE, SIDE), |x, y| {
            [(x % 200) as u8 + 50, (y % 200) as u8 + 50, 99]
        });
    }
    let band = |band: u32| {
        let source = |(place, name): (u32, &str)| {
            format!(
                "<SimpleSource><SourceFilename relativeToVRT=\"1\">{name}</SourceFilename><SourceBand>{band}\
                 </SourceBand><SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{SIDE}\" ySize=\"{SIDE}\"/>\
                 <DstRect xOff=\"{}\" yOff=\"0\" xSize=\"{SIDE}\" ySize=\"{SIDE}\"/></SimpleSource>",
                place * SIDE
            )
        };
        let sources: String =
            [(0, "left.tif"), (1, middle), (2, "right.tif")].into_iter().map(source).collect();
        let colour = ["", "Red", "Green", "Blue"][band as usize];
        format!(
            "<VRTRasterBand dataType=\"Byte\" band=\"{band}\"><ColorInterp>{colour}</ColorInterp>{sources}</VRTRasterBand>"
        )
    };
    let bands: String = (1..=3).map(band).collect();
    let text =
        format!("<VRTDataset rasterXSize=\"{}\" rasterYSize=\"{SIDE}\">{bands}</VRTDataset>", 3 * SIDE);
    fs::write(folder.join("row.vrt"), text).unwrap();
}

fn info(path: &Path) -> serde_json::Value {
    let run = skysift().args(["info", "--json"]).arg(path).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).unwrap()
}

#[test]
fn a_missing_source_of_a_vrt_is_told_and_has_no_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("row.vrt");
    fs::write(folder.path().join("odd.tif"), "no image at all").unwrap();
    fs::write(folder.path().join("empty.tif"), "").unwrap();
    for middle in ["gone.tif", "odd.tif", "empty.tif"] {
        row_of_three(folder.path(), middle);
        let notices = info(&path)["notices"].to_string();
        assert!(notices.contains(middle) && notices.contains("no data"), "{notices}");
        let scene = Scene::open(&path).unwrap();
        let shown = scene.read(0, Rect::new(0, 0, 3 * SIDE, SIDE)).unwrap();
        for (index, pixel) in shown.rgba.chunks_exact(4).enumerate() {
            let x = index as u32 % (3 * SIDE);
            let there = !(SIDE..2 * SIDE).contains(&x);
            assert_eq!(pixel[3], if there { 255 } else { 0 }, "{middle}, {x}");
        }
        // Smaller pictures likewise.
        let small = scene.read_scaled(Rect::new(0, 0, 3 * SIDE, SIDE), 48, 16).unwrap();
        assert_eq!(small.rgba[4 * 24 + 3], 0);
        assert_eq!(small.rgba[4 * 4 + 3], 255);
    }
    row_of_three(folder.path(), "middle.tif");
    assert_eq!(info(&path)["notices"].to_string(), "[]");
}

#[test]
fn a_missing_source_within_a_vrt_in_a_vrt_has_no_data() {
    let folder = tempfile::tempdir().unwrap();
    row_of_three(folder.path(), "gone.tif");
    let path = folder.path().join("outer.vrt");
    let band = |band: u32| {
        let colour = ["", "Red", "Green", "Blue"][band as usize];
        format!(
            "<VRTRasterBand dataType=\"Byte\" band=\"{band}\"><ColorInterp>{colour}</ColorInterp><SimpleSource>\
             <SourceFilename relativeToVRT=\"1\">row.vrt</SourceFilename><SourceBand>{band}</SourceBand>\
             </SimpleSource></VRTRasterBand>"
        )
    };
    let bands: String = (1..=3).map(band).collect();
    let text =
        format!("<VRTDataset rasterXSize=\"{}\" rasterYSize=\"{SIDE}\">{bands}</VRTDataset>", 3 * SIDE);
    fs::write(&path, text).unwrap();
    let scene = Scene::open(&path).unwrap();
    let alpha = |x: u32| scene.read(0, Rect::new(x, 7, 1, 1)).unwrap().rgba[3];
    assert_eq!([alpha(5), alpha(SIDE), alpha(2 * SIDE - 1), alpha(2 * SIDE)], [255, 0, 0, 255]);
    assert!(info(&path)["notices"].to_string().contains("gone.tif"));
}

#[test]
fn a_source_that_is_no_image_stays_a_gap_when_its_vrt_was_closed_meanwhile() {
    // More than stay open at once; each of a few files, of which the last isn't looked into when it is
    // opened.
    const VRTS: u32 = 20;
    const PARTS: u32 = 6;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_striped_tiff(&at("good.tif"), (8, 8), |_, _| [200, 200, 200]);
    fs::write(at("odd.tif"), "no image at all").unwrap();
    let vrt = |name: &str, (width, height): (u32, u32), places: &[(u32, u32, &str)], part: (u32, u32)| {
        let (wide, high) = part;
        let source = |(x, y, file): &(u32, u32, &str)| {
            format!(
                "<SimpleSource><SourceFilename relativeToVRT=\"1\">{file}</SourceFilename><SourceBand>1</SourceBand>\
                 <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{wide}\" ySize=\"{high}\"/>\
                 <DstRect xOff=\"{x}\" yOff=\"{y}\" xSize=\"{wide}\" ySize=\"{high}\"/></SimpleSource>"
            )
        };
        let sources: String = places.iter().map(source).collect();
        let text = format!(
            "<VRTDataset rasterXSize=\"{width}\" rasterYSize=\"{height}\"><VRTRasterBand dataType=\"Byte\" \
             band=\"1\">{sources}</VRTRasterBand></VRTDataset>"
        );
        fs::write(at(name), text).unwrap();
    };
    let parts: Vec<(u32, u32, &str)> = (0..PARTS)
        .map(|part| (0, part * 8, if part == PARTS - 1 { "odd.tif" } else { "good.tif" }))
        .collect();
    let names: Vec<String> = (0..VRTS).map(|number| format!("{number}.vrt")).collect();
    let (width, height) = (8 * VRTS, 8 * PARTS);
    for name in &names {
        vrt(name, (8, height), &parts, (8, 8));
    }
    let columns: Vec<(u32, u32, &str)> =
        names.iter().enumerate().map(|(number, name)| (8 * number as u32, 0, &**name)).collect();
    vrt("outer.vrt", (width, height), &columns, (8, height));
    let scene = Scene::open(&at("outer.vrt")).unwrap();
    let shown = scene.read(0, Rect::new(0, 0, width, height)).unwrap();
    for (index, pixel) in shown.rgba.chunks_exact(4).enumerate() {
        let (x, y) = (index as u32 % width, index as u32 / width);
        let there = y < 8 * (PARTS - 1);
        assert_eq!(pixel[3], if there { 255 } else { 0 }, "{x}, {y}: {pixel:?}");
    }
}

#[test]
fn a_scan_sees_a_gap_where_a_source_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let skipped = |middle: &str| {
        row_of_three(folder.path(), middle);
        let run = skysift()
            .args(["detect", "--device", "cpu", "--tile", "20", "--window", "2", "--step", "2"])
            .args(["-k", "harbor", "--model"])
            .arg(support::tiny_model())
            .arg(folder.path().join("row.vrt"))
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        report["skipped"].as_u64().unwrap()
    };
    assert_eq!(skipped("middle.tif"), 0);
    // 160 / 40 windows a side.
    assert_eq!(skipped("gone.tif"), 16);
}

#[test]
fn a_damaged_file_beside_an_image_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.tif");
    write_striped_tiff(&path, (SIDE, SIDE), |x, y| [x as u8, y as u8, 9]);
    for (name, bytes) in [
        ("scene.tif.aux.xml", &b"<PAMDataset><Geo"[..]),
        ("scene.tif.msk", b"II*\0\xff\xff\xff\xff"),
        ("scene.tif.ovr", b"no TIFF"),
    ] {
        let side = folder.path().join(name);
        fs::write(&side, bytes).unwrap();
        let notices = info(&path)["notices"].to_string();
        assert!(notices.contains(name) && notices.contains("without it"), "{notices}");
        fs::remove_file(side).unwrap();
    }
    assert_eq!(info(&path)["notices"].to_string(), "[]");
}

#[test]
fn overviews_are_not_made_of_an_image_that_cannot_be_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let fails = |name: &str| {
        let target = at(&format!("{name}.ovr"));
        let run = skysift().arg("pyramid").arg(at(name)).output().unwrap();
        let text = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(1), "{text}");
        assert!(text.contains(name), "{text}");
        assert!(!target.exists());
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("tmp")), "{left:?}");
    };
    // One of its strips is damaged.
    let mut strips = vec![vec![0; 700 * 100]; 7];
    for strip in &mut strips {
        *strip = deflate(strip);
    }
    strips[4].iter_mut().skip(8).for_each(|byte| *byte = 0x55);
    let tiff = Tiff::new(700, 700, 1, strips).tag(278, SHORT, &[100]).tag(259, SHORT, &[8]);
    fs::write(at("broken.tif"), tiff.bytes()).unwrap();
    let scene = Scene::open(&at("broken.tif")).unwrap();
    assert!(scene.read(0, Rect::new(0, 0, 9, 9)).is_ok());
    assert!(scene.read(0, Rect::new(0, 450, 9, 9)).is_err());
    fails("broken.tif");
    row_of_three(folder.path(), "gone.tif");
    fails("row.vrt");
}
