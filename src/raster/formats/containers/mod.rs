//! Files that hold images, or like ones, in forms that Skysift does not read: what each is, by its content
//! and by what lies beside it, and the one command that makes an image of it.

pub mod archives;
pub mod folders;
pub mod magic;
pub mod texts;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::raster::error::{Fault, command_word};

/// What is read of a file to tell what it is.
const LOOKED_AT: u64 = 64 << 10;

/// What makes an image of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// `gdal_translate`, of all images that are inside.
    Gdal,
    /// `ImageMagick`, where GDAL usually lacks what is needed.
    ImageMagick,
    /// Something else to do, with `{file}` where the file's name goes.
    Other(&'static str),
}

/// A kind of file, as in "it is …".
type Kind = (&'static str, Way);

/// What a file is that no reader takes; `None` where nothing is known of it.
pub(in crate::raster) fn recognise(path: &Path) -> Option<Fault> {
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut start)).ok()?;
    if let Some(fault) = archives::recognise(path, &start).or_else(|| texts::recognise(path, &start)) {
        return Some(fault);
    }
    magic::kind(&start).or_else(|| by_name(path, &start)).map(|(what, way)| fault(what, way))
}

/// What a folder is that is no product which Skysift opens.
pub(in crate::raster) fn recognise_folder(path: &Path) -> Option<Fault> {
    folders::recognise(path)
}

fn fault(what: &str, way: Way) -> Fault {
    let what = format!("it is {what}");
    match way {
        Way::Gdal => Fault::unsupported(
            what,
            "make a GeoTIFF of each image in it, with `gdal_translate -sds -of GTiff -co TILED=YES -co \
             COMPRESS=DEFLATE {file} scene.tif`",
        ),
        Way::ImageMagick => {
            Fault::unsupported(what, "convert it, with ImageMagick's `convert {file} scene.png`")
        }
        Way::Other(advice) => Fault::unsupported(what, advice),
    }
}

/// The advice of [`Way::Gdal`] for another file than the one that was opened.
fn fault_of_other(what: &str, other: &Path) -> Fault {
    let advice = format!(
        "make a GeoTIFF of it, with `gdal_translate -of GTiff -co TILED=YES -co COMPRESS=DEFLATE {} scene.tif`",
        command_word(other)
    );
    Fault::unsupported(format!("it is {what}"), advice)
}

/// Raw samples that a file beside them describes, and kinds whose content says nothing.
fn by_name(path: &Path, start: &[u8]) -> Option<Kind> {
    if let Some(kind) = described(path) {
        return Some((kind, Way::Gdal));
    }
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let (stem, end) = name.rsplit_once('.').unwrap_or((&name, ""));
    let hgt = end == "hgt" && stem.len() >= 7 && stem.starts_with(['n', 's']);
    Some(match end {
        _ if hgt => ("a tile of heights (SRTM)", Way::Gdal),
        "ecw" => (
            "an ECW image, which only programs with its owner's library read",
            Way::Other("have it converted to GeoTIFF where it comes from, or with QGIS for Windows"),
        ),
        "tga" if start.get(2).is_some_and(|kind| [1, 2, 3, 9, 10, 11].contains(kind)) => {
            ("a Targa image", Way::Gdal)
        }
        "dbf" | "shx" | "sbn" | "sbx" | "cpg" => {
            ("a part of a shapefile, which holds shapes and no pixels", TO_SHAPES)
        }
        "tfw" | "jgw" | "pgw" | "j2w" | "wld" | "prj" | "rpb" | "imd" => {
            ("a file that says more of the image beside it", Way::Other("open that image"))
        }
        _ => return None,
    })
}

/// The advice for shapes: they are where to look, not what is looked at.
const TO_SHAPES: Way = Way::Other(
    "open an image; to look only inside of these shapes, give them with --region as GeoJSON, which `ogr2ogr -f \
     GeoJSON -t_srs EPSG:4326 shapes.geojson {file}` makes",
);

/// The kind of raw samples, by the text beside them.
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
