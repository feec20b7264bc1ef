//! Texts that describe images, contain them as numbers, or are mistaken for them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Remedy, TO_SHAPES, unsupported, unsupported_beside};
use crate::raster::error::{ReaderError, command_word};

/// Extensions of the raw samples that an ENVI or ESRI header describes.
const RAW: [&str; 8] = ["", "dat", "img", "bil", "bip", "bsq", "raw", "flt"];

/// The first kilobytes of a text.
pub(super) fn head(path: &Path) -> String {
    let mut bytes = Vec::new();
    // A file that can't be read counts as empty.
    let _ = File::open(path).and_then(|file| file.take(8 << 10).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn recognise(path: &Path, start: &[u8]) -> Option<ReaderError> {
    let short = start.get(..start.len().min(16 << 10)).unwrap_or_default();
    // A character may be cut in two at the end.
    let text = match std::str::from_utf8(short) {
        Err(error) if error.error_len().is_some() => return None,
        Err(error) => std::str::from_utf8(short.get(..error.valid_up_to())?).ok()?,
        Ok(text) => text,
    };
    if text.is_empty() || text.contains('\0') {
        return None;
    }
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let lower = text.to_ascii_lowercase();
    if text.starts_with('<') {
        return Some(markup(&lower));
    }
    if text.starts_with('{') || text.starts_with('[') {
        return json(path, &lower);
    }
    let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if text.starts_with("ENVI") {
        return Some(header_of(path, "the description of an ENVI image"));
    }
    if end == "hdr" && lower.contains("nrows") {
        return Some(header_of(path, "the description of an ESRI band file"));
    }
    if lower.starts_with("ncols") {
        return Some(unsupported("an ASCII grid", Remedy::Gdal));
    }
    if end == "til" && lower.contains("numtiles") {
        return Some(unsupported("a list of tiles (TIL)", Remedy::Gdal));
    }
    if lower.starts_with('!') && lower.contains("bsb/") || lower.starts_with("bsb/") {
        return Some(unsupported("a nautical chart (BSB)", Remedy::Gdal));
    }
    if end == "xyz" && is_table(text) {
        return Some(unsupported("a list of points with their values (XYZ)", Remedy::Gdal));
    }
    if end == "sgrd" {
        return Some(unsupported_beside("the description of a SAGA grid", &path.with_extension("sdat")));
    }
    if end == "rdc" {
        return Some(unsupported_beside("the description of an IDRISI image", &path.with_extension("rst")));
    }
    if end == "dem" {
        return Some(unsupported("an elevation model (USGS DEM)", Remedy::Gdal));
    }
    None
}

/// Recognises XML and HTML, given in lower case.
fn markup(text: &str) -> ReaderError {
    let has = |word: &str| text.contains(word);
    if has("<dimap_document") {
        unsupported("a DIMAP description", Remedy::Gdal)
    } else if has("<kml") {
        unsupported("a KML file, which holds shapes and no pixels", TO_SHAPES)
    } else if has("<gpx") {
        unsupported("a GPX file, which holds tracks and no pixels", TO_SHAPES)
    } else if has("<gdal_wms") || has("<wms_capabilities") || has("<capabilities") {
        unsupported(
            "the description of a map on a server",
            Remedy::Other(
                "make a GeoTIFF of the part that you need, with `gdal_translate -projwin LEFT TOP RIGHT BOTTOM {file} scene.tif`",
            ),
        )
    } else if has("<mrf_meta") {
        unsupported("an MRF image", Remedy::Gdal)
    } else if has("<product_observational") {
        unsupported("a PDS4 image", Remedy::Gdal)
    } else if has("rs2prod") || has("<level1product") {
        unsupported("the description of a radar product", Remedy::Gdal)
    } else if has("<pamdataset") {
        unsupported("a file that says more of the image beside it", Remedy::Other("open that image"))
    } else if has("<html") || has("<!doctype html") {
        unsupported(
            "a web page and no image",
            Remedy::Other("download the image itself; some servers send such a page to who isn't logged in"),
        )
    } else if has("<svg") {
        unsupported("a drawing (SVG)", Remedy::ImageMagick)
    } else if has("<gml") || has("opengis.net/gml") {
        unsupported("a GML file, which holds shapes and no pixels", TO_SHAPES)
    } else {
        unsupported("an XML file that describes no image which Skysift knows", Remedy::Gdal)
    }
}

/// Recognises JSON, given in lower case.
fn json(path: &Path, text: &str) -> Option<ReaderError> {
    if text.contains("\"stac_version\"") {
        let whole: Option<serde_json::Value> =
            File::open(path).ok().and_then(|file| serde_json::from_reader(file.take(16 << 20)).ok());
        return Some(stac(path, whole.as_ref()));
    }
    if text.contains("\"featurecollection\"") || text.contains("\"feature\"") || text.contains("\"geometry") {
        return Some(unsupported(
            "a GeoJSON file, which holds shapes and no pixels",
            Remedy::Other(
                "open an image; to look only inside of these shapes, give them with --region {file}",
            ),
        ));
    }
    None
}

/// Recommends the first image that a STAC item names.
fn stac(path: &Path, item: Option<&serde_json::Value>) -> ReaderError {
    let assets = item.and_then(|item| item.get("assets")).and_then(serde_json::Value::as_object);
    let is_image = |asset: &&serde_json::Value| {
        let kind = asset.get("type").and_then(serde_json::Value::as_str).unwrap_or_default();
        kind.starts_with("image/tiff") || kind == "image/jp2" || kind.contains("geotiff")
    };
    let mut images = assets.into_iter().flat_map(|assets| assets.values()).filter(is_image);
    let href = images.find_map(|asset| asset.get("href")).and_then(serde_json::Value::as_str);
    let what = "it is a STAC description and no image itself";
    let Some(href) = href else {
        return ReaderError::unsupported(what, "open an image that it names");
    };
    let place = match path.parent() {
        Some(folder) if !href.contains("://") && Path::new(href).is_relative() => folder.join(href),
        _ => PathBuf::from(href),
    };
    let place = place.components().filter(|part| *part != std::path::Component::CurDir);
    let place: PathBuf = if href.contains("://") { PathBuf::from(href) } else { place.collect() };
    let word = if href.contains("://") { href.to_owned() } else { command_word(&place) };
    ReaderError::unsupported(what, format!("open an image that it names, for example with `skysift {word}`"))
}

/// Recommends the raw samples beside a header.
fn header_of(path: &Path, what: &str) -> ReaderError {
    let raw = RAW.iter().map(|end| path.with_extension(end));
    match raw.into_iter().find(|file| file.is_file()) {
        Some(raw) => unsupported_beside(what, &raw),
        None => ReaderError::unsupported(
            format!("it is {what}, which isn't beside it"),
            "put the image beside it",
        ),
    }
}

/// Whether one of the first two lines has at least three numbers.
fn is_table(text: &str) -> bool {
    let mut lines = text.lines();
    let numbers = |line: &str| {
        let words = line.split([' ', '\t', ',', ';']).filter(|word| !word.is_empty());
        words.filter(|word| word.parse::<f64>().is_ok()).count()
    };
    lines.next().is_some_and(|line| numbers(line) >= 3) || lines.next().is_some_and(|line| numbers(line) >= 3)
}
