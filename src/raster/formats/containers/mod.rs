//! Files in formats that Skysift doesn't read: what each is, by its content and by the files beside it, and
//! the one command that converts it.
//!
//! - [`magic`]: by the first bytes.
//! - [`texts`]: text formats.
//! - [`archives`]: archives and compressed files.
//! - [`folders`]: folders that are one data set.

mod archives;
mod folders;
mod magic;
mod texts;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::raster::error::{ReaderError, command_word};

/// How many bytes of a file are read to recognise it.
const HEAD_BYTES: u64 = 64 << 10;

/// What to do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    /// Convert all images in it with `gdal_translate`.
    Gdal,
    /// Convert it with `ImageMagick`, since GDAL is usually built without the library that it needs.
    ImageMagick,
    /// Something else, with `{file}` in place of the file's name.
    Other(&'static str),
}

/// What a file is, as in "it is …", and what to do with it.
type FileType = (&'static str, Remedy);

/// Recognises a file that no reader takes; `None` if it is unknown.
pub(in crate::raster) fn recognise(path: &Path) -> Option<ReaderError> {
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut start)).ok()?;
    if let Some(error) = archives::recognise(path, &start).or_else(|| texts::recognise(path, &start)) {
        return Some(error);
    }
    magic::file_type(&start).or_else(|| by_name(path, &start)).map(|(what, remedy)| unsupported(what, remedy))
}

/// Recognises a folder that isn't a product which Skysift opens.
pub(in crate::raster) fn recognise_folder(path: &Path) -> Option<ReaderError> {
    folders::recognise(path)
}

fn unsupported(what: &str, remedy: Remedy) -> ReaderError {
    let what = format!("it is {what}");
    match remedy {
        Remedy::Gdal => ReaderError::unsupported(
            what,
            "make a GeoTIFF of each image in it, with `gdal_translate -sds -of GTiff -co TILED=YES -co \
             COMPRESS=DEFLATE {file} scene.tif`",
        ),
        Remedy::ImageMagick => {
            ReaderError::unsupported(what, "convert it, with ImageMagick's `convert {file} scene.png`")
        }
        Remedy::Other(advice) => ReaderError::unsupported(what, advice),
    }
}

/// As [`unsupported`], with the advice to convert another file than the one that was opened.
fn unsupported_beside(what: &str, other: &Path) -> ReaderError {
    let advice = format!(
        "make a GeoTIFF of it, with `gdal_translate -of GTiff -co TILED=YES -co COMPRESS=DEFLATE {} scene.tif`",
        command_word(other)
    );
    ReaderError::unsupported(format!("it is {what}"), advice)
}

/// Recognises raw samples by the header file beside them, and formats that have only their file name.
fn by_name(path: &Path, start: &[u8]) -> Option<FileType> {
    if let Some(what) = described(path) {
        return Some((what, Remedy::Gdal));
    }
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let (stem, end) = name.rsplit_once('.').unwrap_or((&name, ""));
    let hgt = end == "hgt" && stem.len() >= 7 && stem.starts_with(['n', 's']);
    Some(match end {
        _ if hgt => ("a tile of heights (SRTM)", Remedy::Gdal),
        "ecw" => (
            "an ECW image, which only programs with its owner's library read",
            Remedy::Other("have it converted to GeoTIFF where it comes from, or with QGIS for Windows"),
        ),
        "tga" if start.get(2).is_some_and(|kind| [1, 2, 3, 9, 10, 11].contains(kind)) => {
            ("a Targa image", Remedy::Gdal)
        }
        "dbf" | "shx" | "sbn" | "sbx" | "cpg" => {
            ("a part of a shapefile, which holds shapes and no pixels", TO_SHAPES)
        }
        "tfw" | "jgw" | "pgw" | "j2w" | "wld" | "prj" | "rpb" | "imd" => {
            ("a file that says more of the image beside it", Remedy::Other("open that image"))
        }
        _ => return None,
    })
}

/// The advice for vector data: it can say where to look in an image.
const TO_SHAPES: Remedy = Remedy::Other(
    "open an image; to look only inside of these shapes, give them with --region as GeoJSON, which `ogr2ogr -f \
     GeoJSON -t_srs EPSG:4326 shapes.geojson {file}` makes",
);

/// The format of raw samples, by the header file beside them.
fn described(path: &Path) -> Option<&'static str> {
    let beside = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{end}"));
        [path.with_extension(end), PathBuf::from(name)]
            .into_iter()
            .find(|file| file.is_file() && file != path)
    };
    let text = |end: &str| beside(end).map(|file| texts::head(&file));
    if let Some(header) = text("hdr") {
        return if header.trim_start().starts_with("ENVI") {
            Some("an ENVI image")
        } else {
            header.to_uppercase().contains("NROWS").then_some("an ESRI band file (BIL, BIP or BSQ)")
        };
    }
    if text("rdc").is_some_and(|text| text.to_lowercase().contains("file format")) {
        return Some("an IDRISI image");
    }
    if text("sgrd").is_some_and(|text| text.contains("NAME")) {
        return Some("a SAGA grid");
    }
    if text("rsc").is_some_and(|text| text.contains("WIDTH")) {
        return Some("a ROI_PAC image");
    }
    text("ers").is_some_and(|text| text.contains("DatasetHeader")).then_some("an ER Mapper image")
}
