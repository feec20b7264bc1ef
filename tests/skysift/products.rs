//! Products: which scene of a folder is shown, granules side by side, bands that can't be opened.

use std::fs;
use std::path::{Path, PathBuf};

use skysift::raster::{Rect, Scene};

use crate::support;
use crate::support::skysift;
use crate::tiff::written::{DOUBLE, SHORT, Tiff};

/// Writes a `GeoTIFF` of one value in 16 bits, with its place in a UTM zone.
fn write(path: &Path, value: u16, side: u32, (zone, left, top, pixel): (u64, f64, f64, f64)) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let doubles = |numbers: &[f64]| -> Vec<u64> { numbers.iter().map(|number| number.to_bits()).collect() };
    let keys = [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32600 + zone];
    let samples = value.to_le_bytes().repeat((side * side) as usize);
    let tiff = Tiff::new(side, side, 1, vec![samples])
        .tag(258, SHORT, &[16])
        .tag(33550, DOUBLE, &doubles(&[pixel, pixel, 0.0]))
        .tag(33922, DOUBLE, &doubles(&[0.0, 0.0, 0.0, left, top, 0.0]))
        .tag(34735, SHORT, &keys);
    fs::write(path, tiff.bytes()).unwrap();
}

fn values(scene: &Scene, x: u32, y: u32) -> Vec<f64> {
    scene.read_samples(0, Rect::new(x, y, 1, 1)).unwrap().values().collect()
}

const SCENES: [&str; 2] =
    ["LC08_L1TP_193024_20200101_20200113_02_T1", "LC08_L1TP_193024_20210614_20210622_02_T1"];

/// A folder with two Landsat scenes, of which the second lacks a band.
fn two_dates(folder: &Path) {
    for (scene, base) in SCENES.iter().zip([1000, 2000]) {
        for band in 2..=4 {
            if base == 2000 && band == 2 {
                continue;
            }
            let path = folder.join(format!("{scene}_B{band}.TIF"));
            write(&path, base + band, 40, (33, 500_000.0, 5_000_000.0, 30.0));
        }
        fs::write(folder.join(format!("{scene}_MTL.txt")), "GROUP = L1_METADATA_FILE").unwrap();
    }
}

#[test]
fn the_scene_whose_description_was_opened_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    two_dates(folder.path());
    let of = |scene: &str| Scene::open(&folder.path().join(format!("{scene}_MTL.txt"))).unwrap();
    assert_eq!(values(&of(SCENES[0]), 5, 5), [1002.0, 1003.0, 1004.0]);
    assert_eq!(values(&of(SCENES[1]), 5, 5), [2003.0, 2004.0]);
    assert_ne!(of(SCENES[0]).fingerprint(), of(SCENES[1]).fingerprint());
    // The folder alone doesn't say which.
    let message = Scene::open(folder.path()).err().unwrap().to_string();
    for scene in SCENES {
        assert!(message.contains(&format!("{scene}_MTL.txt")), "{message}");
    }
    // A description whose bands are elsewhere.
    let stray = folder.path().join("LC08_L1TP_193024_20220101_20220103_02_T1_MTL.txt");
    fs::write(&stray, "GROUP").unwrap();
    let message = Scene::open(&stray).err().unwrap().to_string();
    assert!(message.contains("bands don't lie beside it"), "{message}");
}

#[test]
fn all_scenes_of_a_folder_are_indexed() {
    let folder = tempfile::tempdir().unwrap();
    two_dates(folder.path());
    let store = folder.path().join("store");
    let run = skysift()
        .args(["index", "--model"])
        .arg(support::tiny_model())
        .args(["--tile", "8", "--device", "cpu"])
        .arg(folder.path())
        .env("SKYSIFT_STORE", &store)
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{out}{}", String::from_utf8_lossy(&run.stderr));
    for scene in SCENES {
        assert!(out.contains(&format!("{scene}_MTL.txt")), "{out}");
    }
}

#[test]
fn a_band_that_cannot_be_opened_is_left_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    two_dates(folder.path());
    let band = folder.path().join(format!("{}_B3.TIF", SCENES[0]));
    fs::write(&band, "<html>Log in</html>").unwrap();
    let run = skysift()
        .args(["info", "--json"])
        .arg(folder.path().join(format!("{}_MTL.txt", SCENES[0])))
        .output()
        .unwrap();
    let info: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let names: Vec<_> =
        info["bands"].as_array().unwrap().iter().map(|band| band["name"].to_string()).collect();
    assert_eq!(names, ["\"B2 (blue)\"", "\"B4 (red)\""]);
    let notices = info["notices"].to_string();
    assert!(notices.contains("_B3.TIF") && notices.contains("left out"), "{notices}");
    for band in [2, 4] {
        fs::write(folder.path().join(format!("{}_B{band}.TIF", SCENES[0])), "").unwrap();
    }
    let path = folder.path().join(format!("{}_MTL.txt", SCENES[0]));
    assert!(Scene::open(&path).err().unwrap().to_string().contains("cannot be opened"));
}

/// A granule of an old product, whose bands all hold a value.
fn granule(product: &Path, name: &str, value: u16, place: (u64, f64, f64)) -> PathBuf {
    let (zone, left, top) = place;
    let folder =
        product.join(format!("GRANULE/S2A_OPER_MSI_L1C_TL_EPA__20151231T190000_A002000_T{name}_N02.01"));
    for (band, side, pixel) in [("B02", 120, 10.0), ("B03", 120, 10.0), ("B04", 120, 10.0), ("B11", 60, 20.0)]
    {
        let file = format!("IMG_DATA/S2A_OPER_MSI_L1C_TL_EPA__20151231T190000_A002000_T{name}_{band}.tif");
        write(&folder.join(file), value, side, (zone, left, top, pixel));
    }
    let description = folder.join(format!("S2A_OPER_MTD_L1C_TL_EPA__20151231T190000_A002000_T{name}.xml"));
    fs::write(&description, "<a/>").unwrap();
    description
}

#[test]
fn granules_of_old_products_are_one_scene() {
    let folder = tempfile::tempdir().unwrap();
    let product = folder.path().join("S2A_OPER_PRD_MSIL1C_PDMC_20151231T190000.SAFE");
    let (left, top) = (500_000.0, 5_000_000.0);
    granule(&product, "33UUP", 100, (33, left, top));
    // They overlap by 20 pixels.
    granule(&product, "33UVP", 200, (33, left + 1000.0, top));
    granule(&product, "33UUN", 300, (33, left, top - 1000.0));
    let manifest = product.join("S2A_OPER_MTD_SAFL1C_PDMC_20151231T190000.xml");
    fs::write(&manifest, "<a/>").unwrap();
    for path in [&product, &manifest] {
        let scene = Scene::open(path).unwrap();
        assert_eq!(scene.size(), (220, 220));
        assert_eq!(scene.info().epsg, Some(32633));
        assert_eq!(scene.map(0.0, 0.0), Some((left, top)));
        assert_eq!(values(&scene, 10, 10), [100.0; 4]);
        assert_eq!(values(&scene, 210, 10), [200.0; 4]);
        assert_eq!(values(&scene, 10, 210), [300.0; 4]);
        // No granule lies there.
        assert_eq!(values(&scene, 210, 210), [0.0; 4]);
        assert_eq!(scene.read(0, Rect::new(210, 210, 1, 1)).unwrap().rgba[3], 0);
        assert_eq!(scene.notices().list(), Vec::<String>::new());
    }
    // One in another zone can't lie on the same map.
    let other = granule(&product, "34UCU", 400, (34, left, top));
    let scene = Scene::open(&product).unwrap();
    assert_eq!(scene.size(), (220, 220));
    let notices = scene.notices().list().join("\n");
    assert!(notices.contains("1 of the product's 4 granules") && notices.contains("EPSG:32634"), "{notices}");
    assert!(notices.contains(&other.display().to_string()), "{notices}");
    let scene = Scene::open(&other).unwrap();
    assert_eq!((scene.size(), scene.info().epsg), ((120, 120), Some(32634)));
    assert_eq!(values(&scene, 10, 10), [400.0; 4]);
}

#[test]
fn a_product_of_sentinel_1_leads_to_its_images() {
    let folder = tempfile::tempdir().unwrap();
    let product = folder.path().join("S1A_IW_GRDH.SAFE");
    for part in ["annotation", "measurement"] {
        fs::create_dir_all(product.join(part)).unwrap();
    }
    fs::write(product.join("manifest.safe"), "<xfdu/>").unwrap();
    let image = product.join("measurement/s1a-iw-grd-vv-20200101.tiff");
    fs::copy(support::fixture("raster/utm33.tif"), &image).unwrap();
    for path in [product.clone(), product.join("manifest.safe")] {
        let message = Scene::open(&path).err().unwrap().to_string();
        let command = message.split('`').nth(1).unwrap();
        let file = command.strip_prefix("skysift ").unwrap();
        assert!(Scene::open(Path::new(file)).is_ok(), "{message}");
    }
}
