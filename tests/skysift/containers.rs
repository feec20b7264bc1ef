//! Files of kinds that Skysift doesn't read: each is recognised, and the command that is advised is run here
//! and helps.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use skysift::raster::{Rect, Scene};

use crate::formats::gdal;
use crate::support;

fn sentence(path: &Path) -> String {
    match Scene::open(path) {
        Ok(scene) => panic!("{} is opened as {}", path.display(), scene.info().format),
        Err(error) => error.to_string(),
    }
}

/// The command in a sentence.
fn command(sentence: &str) -> &str {
    sentence.split('`').nth(1).unwrap_or_else(|| panic!("no command in: {sentence}"))
}

/// Runs it in a folder; the files that it made.
fn run(folder: &Path, command: &str) -> Vec<PathBuf> {
    let list = || -> BTreeSet<PathBuf> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let before = list();
    let run = Command::new("sh").args(["-c", command]).current_dir(folder).output().unwrap();
    assert!(run.status.success(), "{command}: {}", String::from_utf8_lossy(&run.stderr));
    list().difference(&before).cloned().collect()
}

/// A folder with `rgb.tif` in metres and `degrees.tif`, 96 x 64 pixels in colours.
fn bases() -> Option<tempfile::TempDir> {
    if !support::require("gdal") {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::copy(support::fixture("raster/tiles_deflate_overviews.tif"), folder.path().join("all.tif")).unwrap();
    for command in [
        "gdal_translate -q -srcwin 20 30 96 64 -a_srs EPSG:32633 -a_ullr 500000 5000000 500960 4999360 all.tif rgb.tif",
        "gdal_translate -q -a_srs EPSG:4326 -a_ullr 10 50 11 49 rgb.tif degrees.tif",
        "gdal_translate -q -a_srs EPSG:3857 -a_ullr 0 1000 1000 0 rgb.tif mercator.tif",
    ] {
        gdal::run(folder.path(), command).unwrap();
    }
    Some(folder)
}

/// Name, what makes the file, what the sentence says, and whether it is one band only.
const MADE_BY_GDAL: &[(&str, &str, &str)] = &[
    ("envi.dat", "-of ENVI rgb.tif", "ENVI"),
    ("hfa.img", "-of HFA rgb.tif", "Erdas Imagine"),
    ("nitf.ntf", "-of NITF rgb.tif", "NITF"),
    ("three.nc", "-of netCDF degrees.tif", "netCDF"),
    ("one.nc", "-of netCDF -b 1 degrees.tif", "netCDF"),
    ("four.nc", "-of netCDF -co FORMAT=NC4 degrees.tif", "HDF5 or netCDF"),
    ("hdf4.hdf", "-of HDF4Image rgb.tif", "HDF4"),
    ("grib.grb2", "-of GRIB -b 1 degrees.tif", "GRIB"),
    ("package.gpkg", "-of GPKG degrees.tif", "GeoPackage"),
    ("tiles.mbtiles", "-of MBTiles mercator.tif", "MBTiles"),
    ("overlay.kmz", "-of KMLSUPEROVERLAY -co FORMAT=PNG degrees.tif", "Google Earth"),
    ("page.pdf", "-of PDF rgb.tif", "PDF"),
    ("stars.fits", "-of FITS rgb.tif", "FITS"),
    ("pci.pix", "-of PCIDSK rgb.tif", "PCIDSK"),
    ("mapper.ers", "-of ERS rgb.tif", "ER Mapper"),
    ("picture.gif", "-of GIF -b 1 rgb.tif", "GIF"),
    ("picture.bmp", "-of BMP rgb.tif", "BMP"),
    ("picture.ppm", "-of PNM rgb.tif", "PPM"),
    ("picture.pgm", "-of PNM -b 1 rgb.tif", "PGM"),
    ("store.zarr", "-of Zarr rgb.tif", "Zarr"),
    ("ascii.asc", "-of AAIGrid -b 1 rgb.tif", "ASCII grid"),
    ("points.xyz", "-of XYZ -b 1 rgb.tif", "XYZ"),
    ("map.mrf", "-of MRF rgb.tif", "MRF"),
    ("esri.bil", "-of EHdr -b 1 rgb.tif", "ESRI"),
    ("idrisi.rst", "-of RST -b 1 rgb.tif", "IDRISI"),
    ("saga.sdat", "-of SAGA -b 1 rgb.tif", "SAGA"),
    ("vicar.vic", "-of VICAR -b 1 rgb.tif", "VICAR"),
    ("usgs.dem", "-of USGSDEM -b 1 degrees.tif", "USGS DEM"),
    ("surfer.grd", "-of GSBG -b 1 rgb.tif", "Surfer"),
    ("isis.cub", "-of ISIS3 -b 1 rgb.tif", "ISIS"),
    ("pds.xml", "-of PDS4 -b 1 rgb.tif", "PDS4"),
    ("erdas.lan", "-of LAN -b 1 rgb.tif", "Erdas LAN"),
];

#[test]
fn containers_are_recognised_and_the_advised_command_makes_an_image() {
    let Some(bases) = bases() else { return };
    let mut tried = 0;
    for (name, options, what) in MADE_BY_GDAL {
        let folder = bases.path().join(name.replace('.', "_"));
        fs::create_dir(&folder).unwrap();
        let options = options.replace("rgb.tif", "../rgb.tif").replace("degrees.tif", "../degrees.tif");
        let options = options.replace("mercator.tif", "../mercator.tif");
        if let Err(error) = gdal::run(&folder, &format!("gdal_translate -q {options} {name}")) {
            println!("{name}: not written by this GDAL ({error})");
            continue;
        }
        tried += 1;
        let sentence = sentence(&folder.join(name));
        assert!(sentence.contains(what) && !sentence.contains("damaged"), "{name}: {sentence}");
        let made = run(&folder, command(&sentence));
        let images: Vec<_> =
            made.iter().filter(|path| path.extension().is_some_and(|end| end == "tif")).collect();
        assert!(!images.is_empty(), "{name}: {made:?}");
        for image in images {
            let scene = Scene::open(image).unwrap_or_else(|error| panic!("{name}: {error}"));
            let (width, height) = scene.size();
            assert!(scene.read(0, Rect::new(0, 0, width, height)).is_ok(), "{name}");
        }
    }
    assert!(tried * 4 > MADE_BY_GDAL.len() * 3, "only {tried} were tried");
}

#[test]
fn a_description_beside_raw_samples_leads_to_them() {
    let Some(bases) = bases() else { return };
    for (options, header) in
        [("-of ENVI rgb.tif raw.img", "raw.hdr"), ("-of EHdr -b 1 rgb.tif bands.bil", "bands.hdr")]
    {
        gdal::run(bases.path(), &format!("gdal_translate -q {options}")).unwrap();
        let sentence = sentence(&bases.path().join(header));
        let made = run(bases.path(), command(&sentence));
        assert!(made.iter().any(|path| Scene::open(path).is_ok()), "{sentence}");
        fs::remove_file(bases.path().join("scene.tif")).unwrap();
    }
}

#[test]
fn pictures_that_imagemagick_converts() {
    if !support::require("imagemagick") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = support::fixture("raster/rgb.png");
    let (width, height) = Scene::open(&source).unwrap().size();
    for (end, what) in [
        ("avif", "AVIF"),
        ("heic", "HEIF"),
        ("jxl", "JPEG XL"),
        ("tga", "Targa"),
        ("psd", "Photoshop"),
        ("svg", ""),
    ] {
        let path = folder.path().join(format!("picture.{end}"));
        if end == "svg" {
            fs::write(&path, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>").unwrap();
            assert!(sentence(&path).contains("SVG"));
            continue;
        }
        let made = Command::new("convert").arg(&source).arg(&path).output().unwrap();
        // One that writes another format under the name lacks the codec.
        let bytes = fs::read(&path).unwrap_or_default();
        if !made.status.success() || bytes.starts_with(b"II*") || bytes.starts_with(b"\x89PNG") {
            println!("{end}: not written by this ImageMagick");
            continue;
        }
        let sentence = sentence(&path);
        assert!(sentence.contains(what), "{sentence}");
        let found = run(folder.path(), command(&sentence));
        let scene = found.iter().find_map(|path| Scene::open(path).ok()).unwrap();
        assert_eq!(scene.size(), (width, height), "{end}");
        for path in &found {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn archives_tell_how_they_are_unpacked_and_what_is_opened_then() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let inside = at("S2A_MSIL1C.SAFE/GRANULE/L1C_T33/IMG_DATA");
    fs::create_dir_all(&inside).unwrap();
    fs::copy(support::fixture("raster/utm33.tif"), inside.join("T33UUP_20200101T101031_B02.tif")).unwrap();
    let pack = |name: &str, packer: &str| {
        run(folder.path(), &format!("tar {packer} {name} S2A_MSIL1C.SAFE"));
        at(name)
    };
    for (name, packer) in [("a.tar", "-cf"), ("a.tar.gz", "-czf"), ("a.tgz", "-czf"), ("a.tar.bz2", "-cjf")] {
        let path = pack(name, packer);
        fs::rename(at("S2A_MSIL1C.SAFE"), at("away")).unwrap();
        let sentence = sentence(&path);
        run(folder.path(), command(&sentence));
        assert!(Scene::open(&at("S2A_MSIL1C.SAFE")).is_ok(), "{sentence}");
        fs::remove_dir_all(at("away")).unwrap();
    }
    let mut zip = zip::ZipWriter::new(fs::File::create(at("product.zip")).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    let name = "S2A_MSIL1C.SAFE/GRANULE/L1C_T33/IMG_DATA/T33UUP_20200101T101031_B02.tif";
    zip.start_file(name, options).unwrap();
    std::io::Write::write_all(&mut zip, &fs::read(support::fixture("raster/utm33.tif")).unwrap()).unwrap();
    zip.finish().unwrap();
    let sentence = sentence(&at("product.zip"));
    assert!(sentence.ends_with("S2A_MSIL1C.SAFE"), "{sentence}");
    if support::require("unzip") {
        run(folder.path(), command(&sentence).replace(&at("").display().to_string(), "").as_str());
        let to_open = sentence.rsplit("open ").next().unwrap();
        assert!(Scene::open(&folder.path().join(to_open)).is_ok(), "{sentence}");
    }
    run(folder.path(), "gzip -k -c product.zip > picture.gz");
    assert!(self::sentence(&at("picture.gz")).contains("gunzip -k"));
}

#[test]
fn shapes_and_texts_are_said_to_be_no_images() {
    let folder = tempfile::tempdir().unwrap();
    let sentence = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        sentence(&path)
    };
    let shapes = r#"{"type": "FeatureCollection", "features": []}"#;
    assert!(sentence("a.geojson", shapes).contains("--region"));
    assert!(sentence("a.kml", "<?xml version=\"1.0\"?><kml></kml>").contains("holds shapes"));
    assert!(sentence("a.html", "<!DOCTYPE html><html>Log in</html>").contains("web page"));
    assert!(sentence("a.tif.aux.xml", "<PAMDataset/>").contains("the image beside it"));
    assert!(sentence("a.tfw", "1\n0\n0\n-1\n0\n0\n").contains("the image beside it"));
    let item = r#"{"stac_version": "1.0.0", "type": "Feature", "assets": {
        "thumbnail": {"href": "./a.jpg", "type": "image/jpeg"},
        "visual": {"href": "./b.tif", "type": "image/tiff; application=geotiff; profile=cloud-optimized"}}}"#;
    let said = sentence("item.json", item);
    assert!(command(&said).ends_with("/b.tif") && command(&said).starts_with("skysift /"), "{said}");
    let far = item.replace("./b.tif", "https://example.org/b.tif");
    assert!(command(&sentence("item.json", &far)).ends_with(" https://example.org/b.tif"));
    // Nothing is known of this one.
    assert!(sentence("a.txt", "harbor, beach").contains("is not an image"));
    if !support::require("gdal") {
        return;
    }
    fs::write(folder.path().join("b.geojson"), shapes.replace("[]", SQUARE)).unwrap();
    gdal::run(folder.path(), "ogr2ogr -f GPKG b.gpkg b.geojson").unwrap();
    gdal::run(folder.path(), "ogr2ogr b.shp b.geojson").unwrap();
    for name in ["b.gpkg", "b.shp", "b.dbf"] {
        let said = self::sentence(&folder.path().join(name));
        assert!(said.contains("shapes and no pixels"), "{said}");
        run(folder.path(), command(&said));
        assert!(fs::read_to_string(folder.path().join("shapes.geojson")).unwrap().contains("Polygon"));
        fs::remove_file(folder.path().join("shapes.geojson")).unwrap();
    }
}

const SQUARE: &str = r#"[{"type": "Feature", "properties": {}, "geometry": {"type": "Polygon",
    "coordinates": [[[10, 50], [10.1, 50], [10.1, 50.1], [10, 50]]]}}]"#;
