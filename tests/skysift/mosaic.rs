//! Scenes of many files and files beside scenes, against GDAL, where GDAL is installed.

use std::path::Path;
use std::process::Command;

use skysift::raster::{Rect, Scene};

use crate::support;

/// Runs one of GDAL's programs. False without GDAL.
fn gdal(folder: &Path, command: &str) -> bool {
    support::gdal(folder, command).is_some()
}

fn samples(path: &Path) -> Vec<u8> {
    let scene = Scene::open(path).unwrap();
    let (width, height) = scene.size();
    scene.read_samples(0, Rect::new(0, 0, width, height)).unwrap().data
}

/// Two halves of a fixture, as `GeoTIFFs` and as a VRT of both.
fn halves(folder: &Path) -> bool {
    std::fs::copy(support::fixture("raster/utm33.tif"), folder.join("whole.tif")).unwrap();
    gdal(folder, "gdal_translate -q -outsize 140 100 whole.tif large.tif")
        && gdal(folder, "gdal_translate -q -srcwin 0 0 80 100 large.tif left.tif")
        && gdal(folder, "gdal_translate -q -srcwin 80 0 60 100 large.tif right.tif")
        && gdal(folder, "gdalbuildvrt -q both.vrt left.tif right.tif")
}

#[test]
fn a_vrt_is_its_sources_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    if !halves(folder.path()) {
        return;
    }
    assert_eq!(samples(&at("both.vrt")), samples(&at("large.tif")));
    let scene = Scene::open(&at("both.vrt")).unwrap();
    assert_eq!((scene.info().format.as_str(), scene.info().epsg), ("VRT", Some(32633)));
    assert_eq!(scene.level_sizes().len(), 1);
    // Its overviews are those of its sources.
    gdal(folder.path(), "gdaladdo -q -ro left.tif 2 4");
    gdal(folder.path(), "gdaladdo -q -ro right.tif 2 4");
    assert_eq!(Scene::open(&at("left.tif")).unwrap().level_sizes(), [(80, 100), (40, 50), (20, 25)]);
    assert_eq!(Scene::open(&at("both.vrt")).unwrap().level_sizes(), [(140, 100), (70, 50), (35, 25)]);
    // What is missing is empty.
    std::fs::remove_file(at("right.tif")).unwrap();
    let scene = Scene::open(&at("both.vrt")).unwrap();
    let found = scene.read_samples(0, Rect::new(70, 0, 20, 1)).unwrap().data;
    assert_eq!(found[..10], samples(&at("large.tif"))[70..80]);
    assert_eq!(found[10..], [0; 10]);
}

#[test]
fn what_a_vrt_cannot_be_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let failure = |text: &str| {
        let path = folder.path().join("odd.vrt");
        std::fs::write(&path, text).unwrap();
        let message = Scene::open(&path).err().unwrap().to_string();
        assert!(message.contains("odd.vrt") && !message.contains('\n'), "{message}");
        message
    };
    let band = |inside: &str| {
        format!(
            "<VRTDataset rasterXSize=\"9\" rasterYSize=\"9\"><VRTRasterBand dataType=\"Byte\">{inside}</VRTRasterBand></VRTDataset>"
        )
    };
    let named = |file: &str| {
        band(&format!(
            "<SimpleSource><SourceFilename relativeToVRT=\"1\">{file}</SourceFilename></SimpleSource>"
        ))
    };
    assert!(failure(&named("odd.vrt")).contains("made of itself"));
    for hostile in ["/dev/zero", "../../../nowhere", "/vsicurl/x", &"a/".repeat(9000)] {
        assert!(failure(&named(hostile)).contains("none of its source files"));
    }
    let warped = "<VRTDataset rasterXSize=\"9\" rasterYSize=\"9\" subClass=\"VRTWarpedDataset\"/>";
    assert!(failure(warped).contains("gdalwarp"));
    let averaged = failure(&band("<AveragedSource><SourceFilename>a.tif</SourceFilename></AveragedSource>"));
    assert!(averaged.contains("gdal_translate"), "{averaged}");
    assert!(failure("<VRTDataset rasterXSize=\"9\"").contains("damaged"));
    assert!(failure(&format!("<VRTDataset>{}", "<a>".repeat(200_000))).contains("damaged"));
    assert!(failure("<VRTDataset rasterXSize=\"-1\" rasterYSize=\"9\"/>").contains("damaged"));
}

/// A VRT of 7 x 5 pixels whose files each fill it, later ones over earlier ones.
fn stacked(path: &Path, files: &[String]) {
    let sources: String = files
        .iter()
        .map(|file| format!("<SourceFilename relativeToVRT=\"1\">{file}</SourceFilename>"))
        .map(|name| ["<SimpleSource>", &name, "</SimpleSource>"].concat())
        .collect();
    let text = format!(
        "<VRTDataset rasterXSize=\"7\" rasterYSize=\"5\"><VRTRasterBand dataType=\"Byte\">{sources}\
         </VRTRasterBand></VRTDataset>"
    );
    std::fs::write(path, text).unwrap();
}

#[test]
fn vrts_within_vrts_that_branch_without_end_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::copy(support::fixture("raster/utm33.tif"), at("image.tif")).unwrap();
    let whole = samples(&at("image.tif"));
    // A few within one another are one scene.
    stacked(&at("inner.vrt"), &["image.tif".into(), "image.tif".into()]);
    stacked(&at("middle.vrt"), &["image.tif".into(), "inner.vrt".into(), "inner.vrt".into()]);
    stacked(&at("outer.vrt"), &vec!["middle.vrt".into(); 5]);
    assert_eq!(samples(&at("outer.vrt")), whole);
    // Eight lists of eight files: the image is reached in two million ways.
    let names = |list: usize| -> Vec<String> { (0..8).map(|file| format!("{list}_{file}.vrt")).collect() };
    for list in 0..8 {
        let inside = if list == 7 { vec!["image.tif".to_owned()] } else { names(list + 1) };
        for name in names(list) {
            stacked(&at(&name), &inside);
        }
    }
    // Without a bound on the whole tree this would not come to an end in a lifetime.
    let outcome = Scene::open(&at("0_0.vrt")).and_then(|scene| scene.read(0, Rect::new(0, 0, 7, 5)));
    let message = outcome.unwrap_err().to_string();
    // It is the one that was opened of which that is said, and no part of it is black instead.
    assert!(message.contains("sources in all") && message.contains("0_0.vrt"), "{message}");
}

#[test]
fn world_file_and_mask_lie_beside_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rgb.png");
    std::fs::copy(support::fixture("raster/rgb.png"), &path).unwrap();
    std::fs::write(folder.path().join("rgb.pgw"), "2\n0\n0\n2\n500001\n5000001\n").unwrap();
    std::fs::write(folder.path().join("rgb.prj"), "EPSG:32633").unwrap();
    let scene = Scene::open(&path).unwrap();
    assert_eq!(scene.map(0.0, 0.0), Some((500_000.0, 5_000_000.0)));
    assert_eq!(scene.crs_name().as_deref(), Some("EPSG:32633"));
    assert_eq!(scene.axis_units().as_deref(), Some("metres"));
    // Its top is south.
    assert!((scene.north().unwrap().abs() - 180.0).abs() < 0.01, "{:?}", scene.north());
    std::fs::write(folder.path().join("rgb.png.aux.xml"), "<PAMDataset><GeoTransform>1,2").unwrap();
    assert!(Scene::open(&path).is_ok());
    let good = "<PAMDataset><GeoTransform>1,2,0,3,0,-2</GeoTransform></PAMDataset>";
    std::fs::write(folder.path().join("rgb.png.aux.xml"), good).unwrap();
    assert_eq!(Scene::open(&path).unwrap().map(0.0, 0.0), Some((1.0, 3.0)));
}

#[test]
fn control_points_place_a_scene_as_gdal_does() {
    let Some(shared) = support::shared() else { return };
    if !support::require("gdal") {
        return;
    }
    let path = shared.join("data/scenes/cog_gcps.tif");
    let scene = Scene::open(&path).unwrap();
    assert!(scene.info().georeference_approximate);
    assert!(scene.info().georeference_note.as_ref().unwrap().contains("210 ground control points"));
    for (x, y) in [(0.0, 0.0), (640.0, 400.5), (1280.0, 837.0)] {
        let command = format!("printf '{x} {y}' | gdaltransform -order 2 '{}'", path.display());
        let run = Command::new("sh").args(["-c", &command]).output().unwrap();
        let text = String::from_utf8_lossy(&run.stdout);
        let numbers: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let [lon, lat, ..] = numbers[..] else { panic!("gdaltransform said {text}") };
        let found = scene.map(x, y).unwrap();
        assert!((found.0 - lon).abs() < 1e-6 && (found.1 - lat).abs() < 1e-6, "{found:?}, not {lon} {lat}");
    }
}

#[test]
fn folders_of_bands_are_scenes() {
    let folder = tempfile::tempdir().unwrap();
    if !halves(folder.path()) {
        return;
    }
    let product = folder.path().join("S2A_MSIL2A.SAFE");
    let image = product.join("GRANULE/L2A_T33/IMG_DATA");
    for (band, size, place) in [
        ("B02", 120, "R10m"),
        ("B03", 120, "R10m"),
        ("B04", 120, "R10m"),
        ("B11", 60, "R20m"),
        ("B09", 20, "R60m"),
    ] {
        let part = image.join(place);
        std::fs::create_dir_all(&part).unwrap();
        let command = format!(
            "gdal_translate -q -ot UInt16 -outsize {size} {size} whole.tif {}",
            part.join(format!("T33_2020_{band}_{}.tif", &place[1..].to_ascii_lowercase())).display()
        );
        gdal(folder.path(), &command);
    }
    std::fs::write(product.join("MTD_MSIL2A.xml"), "<a/>").unwrap();
    for path in [product.clone(), product.join("MTD_MSIL2A.xml")] {
        let scene = Scene::open(&path).unwrap();
        let names: Vec<_> = scene.info().bands.iter().map(|band| band.name.clone().unwrap()).collect();
        assert_eq!(names, ["B02 (blue)", "B03 (green)", "B04 (red)", "B09 (water vapour)", "B11 (swir16)"]);
        assert_eq!(scene.info().shown, [3, 2, 1]);
        assert_eq!((scene.size(), scene.info().epsg), ((120, 120), Some(32633)));
        let all: Vec<f64> = scene.read_samples(0, Rect::new(0, 0, 120, 120)).unwrap().values().collect();
        let coarse: Vec<f64> = Scene::open(&image.join("R60m/T33_2020_B09_60m.tif"))
            .unwrap()
            .read_samples(0, Rect::new(0, 0, 20, 20))
            .unwrap()
            .values()
            .collect();
        for (index, pixel) in all.chunks_exact(5).enumerate() {
            assert_eq!(pixel[3], coarse[index / 120 / 6 * 20 + index % 120 / 6]);
        }
    }
    let landsat = folder.path().join("landsat");
    std::fs::create_dir(&landsat).unwrap();
    for (band, size) in [("B2", "70 50"), ("B3", "70 50"), ("B4", "70 50"), ("B8", "140 100")] {
        let name = landsat.join(format!("LC08_L1TP_193024_20220101_20220103_02_T1_{band}.TIF"));
        gdal(
            folder.path(),
            &format!("gdal_translate -q -ot UInt16 -outsize {size} whole.tif {}", name.display()),
        );
    }
    let scene = Scene::open(&landsat).unwrap();
    assert_eq!((scene.size(), scene.info().shown.as_slice()), ((140, 100), [3, 2, 1].as_slice()));
    let message = Scene::open(folder.path()).err().unwrap().to_string();
    assert!(message.contains("is a folder") && message.contains("Landsat"), "{message}");
}

/// The largest difference between a resampled VRT and what GDAL makes, and the share of samples that differ
/// by more than one level.
fn apart(folder: &Path, options: &str, source: &str) -> Option<(u8, f64)> {
    // GDAL averages whole pixels only when it reads a VRT, and parts of pixels when it reads the file itself.
    let theirs = if options.contains("average") { source } else { "out.vrt" };
    let same = if options.contains("average") { options } else { "" };
    let made = gdal(folder, &format!("gdal_translate -q -of VRT {options} {source} out.vrt"))
        && gdal(folder, &format!("gdal_translate -q {same} {theirs} out.tif"));
    if !made {
        return None;
    }
    let (ours, theirs) = (samples(&folder.join("out.vrt")), samples(&folder.join("out.tif")));
    assert_eq!(ours.len(), theirs.len());
    let differences: Vec<u8> =
        ours.iter().zip(&theirs).map(|(ours, theirs)| ours.abs_diff(*theirs)).collect();
    let far = differences.iter().filter(|difference| **difference > 1).count();
    Some((*differences.iter().max().unwrap(), far as f64 / ours.len() as f64))
}

/// A picture in colours, and the same with a margin that is nodata.
fn colours(folder: &Path) -> bool {
    std::fs::copy(support::fixture("raster/tiles_deflate_overviews.tif"), folder.join("all.tif")).unwrap();
    gdal(folder, "gdal_translate -q -srcwin 20 30 150 110 all.tif rgb.tif")
        && gdal(folder, "gdal_translate -q -srcwin -40 -30 150 110 -a_nodata 0 all.tif nodata.tif")
}

#[test]
fn a_vrt_is_resampled_as_it_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    if !colours(folder.path()) {
        return;
    }
    for resampling in ["average", "bilinear", "cubic", "cubicspline", "lanczos", "rms"] {
        for size in [
            "-outsize 75 55",
            "-outsize 300 220",
            "-outsize 97 71",
            "-outsize 30 110",
            "-srcwin 33 21 100 80 -outsize 45 40",
            "-scale 0 255 200 10 -outsize 50 40",
        ] {
            let options = format!("-r {resampling} {size}");
            let (most, far) = apart(folder.path(), &options, "rgb.tif").unwrap();
            assert!(most <= 2 && far < 1e-3, "{options}: up to {most}, {far}");
        }
        // At the edge of what has data, kernels that take away differ in what they leave.
        let (_, far) =
            apart(folder.path(), &format!("-r {resampling} -outsize 75 55"), "nodata.tif").unwrap();
        let some = ["cubic", "cubicspline", "lanczos"].contains(&resampling);
        assert!(far < if some { 0.03 } else { 1e-3 }, "{resampling}: {far}");
    }
}

#[test]
fn a_resampled_vrt_is_the_same_in_every_region() {
    let folder = tempfile::tempdir().unwrap();
    if !colours(folder.path()) {
        return;
    }
    for options in ["-r average -outsize 97 71", "-r cubic -outsize 431 317", "-r bilinear -outsize 3 2"] {
        gdal(folder.path(), &format!("gdal_translate -q -of VRT {options} nodata.tif out.vrt"));
        let scene = Scene::open(&folder.path().join("out.vrt")).unwrap();
        let (width, height) = scene.size();
        let whole = scene.read_samples(0, Rect::new(0, 0, width, height)).unwrap().data;
        let part = Rect::new(width / 3, height / 4, width / 2, height / 2);
        let data = scene.read_samples(0, part).unwrap().data;
        for (row, y) in data.chunks_exact(part.width as usize * 3).zip(part.y..) {
            let start = (y * width + part.x) as usize * 3;
            assert_eq!(row, &whole[start..start + row.len()], "{options}, row {y}");
        }
    }
}

#[test]
fn a_source_that_goes_away_meanwhile_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(support::fixture("raster/utm33.tif"), folder.path().join("0.tif")).unwrap();
    let (width, height) = Scene::open(&folder.path().join("0.tif")).unwrap().size();
    // More of them than stay open.
    let count = 40;
    let source = |index: u32| {
        std::fs::copy(folder.path().join("0.tif"), folder.path().join(format!("{index}.tif"))).unwrap();
        format!(
            "<SimpleSource><SourceFilename relativeToVRT=\"1\">{index}.tif</SourceFilename>\
             <DstRect xOff=\"{}\" yOff=\"0\" xSize=\"{width}\" ySize=\"{height}\"/>\
             <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{width}\" ySize=\"{height}\"/></SimpleSource>",
            index * width
        )
    };
    let sources: String = (1..=count).map(source).collect();
    let path = folder.path().join("row.vrt");
    let all = (count + 1) * width;
    let text = format!(
        "<VRTDataset rasterXSize=\"{all}\" rasterYSize=\"{height}\">\
         <VRTRasterBand dataType=\"Byte\">{sources}</VRTRasterBand></VRTDataset>"
    );
    std::fs::write(&path, text).unwrap();
    let scene = Scene::open(&path).unwrap();
    let part = |index: u32| scene.read_samples(0, Rect::new(index * width, 0, width, height));
    let before = part(1).unwrap();
    for index in 1..=count {
        std::fs::remove_file(folder.path().join(format!("{index}.tif"))).unwrap();
    }
    let mut told = 0;
    for index in 1..=count {
        match part(index) {
            // One that is still open.
            Ok(samples) => assert_eq!(samples, before),
            Err(error) => {
                let error = error.to_string();
                assert!(
                    error.contains("row.vrt")
                        && error.contains(&format!("{index}.tif was there and is gone"))
                );
                told += 1;
            }
        }
    }
    assert!(told >= count - 16, "{told}");
    // Where there never was a source, there is nothing.
    assert!(part(0).unwrap().data.iter().all(|value| *value == 0));
}
