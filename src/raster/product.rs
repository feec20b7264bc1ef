//! Products: a folder of bands is one scene. Sentinel-2 (SAFE, L1C and L2A) and Landsat.
//!
//! All bands are brought to the finest grid by the mosaic machinery.

use std::path::{Path, PathBuf};

use super::bands::{Band, Role};
use super::error::{Fault, guard};
use super::mosaic::{Mosaic, Piece, Plan, Resampling, Window};
use super::reader::{self, Opening, Reader};
use super::{RasterError, SampleType};

/// Files that are looked at in a folder, at most.
const MOST_FILES: usize = 10_000;

/// A file of a product, with its band.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    path: PathBuf,
    /// "B02"
    code: String,
    common: Option<&'static str>,
    /// Metres of a pixel, as far as the name tells.
    metres: Option<u32>,
}

/// The scene in a folder; `None` when it is no product.
pub(super) fn open_folder(folder: &Path, opening: &Opening) -> Option<Result<Box<dyn Reader>, RasterError>> {
    let (format, found) = bands(folder)?;
    let read = || {
        let inside = opening.inside(folder)?;
        Mosaic::new(plan(format, &found, &inside)?, &inside)
    };
    Some(guard(read).map(|mosaic| Box::new(mosaic) as Box<dyn Reader>).map_err(|fault| fault.of(folder)))
}

/// The folder whose manifest this file is: `MTD_MSIL1C.xml`, `*_MTL.txt`…
pub(super) fn manifest_of(path: &Path) -> Option<&Path> {
    let name = path.file_name()?.to_str()?.to_ascii_uppercase();
    let landsat = ["_MTL.TXT", "_MTL.JSON", "_MTL.XML"].iter().any(|end| name.ends_with(end));
    let sentinel = ["MTD_MSIL1C.XML", "MTD_MSIL2A.XML", "MANIFEST.SAFE"].contains(&name.as_str());
    if !landsat && !sentinel {
        return None;
    }
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

fn bands(folder: &Path) -> Option<(&'static str, Vec<Found>)> {
    let mut pictures = Vec::new();
    for granule in files(&folder.join("GRANULE")).into_iter().chain([folder.to_owned()]) {
        let images = granule.join("IMG_DATA");
        for part in [images.clone(), images.join("R10m"), images.join("R20m"), images.join("R60m")] {
            pictures.extend(files(&part).iter().filter_map(|path| sentinel(path)));
        }
        if !pictures.is_empty() {
            return Some(("Sentinel-2", finest(pictures)));
        }
    }
    let found: Vec<Found> = files(folder).iter().filter_map(|path| landsat(path)).collect();
    (!found.is_empty()).then(|| ("Landsat", finest(found)))
}

/// The files of a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_FILES);
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Of each band the file with the smallest pixels, in the order of the bands.
fn finest(mut found: Vec<Found>) -> Vec<Found> {
    // B8A comes after B08, as on the instrument.
    let number = |code: &str| code.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned();
    let place = |code: &str| if code == "B8A" { "08A".to_owned() } else { format!("{:0>2}", number(code)) };
    found.sort_by_key(|found| (place(&found.code), found.metres));
    found.dedup_by(|later, first| later.code == first.code);
    found
}

/// `T33UUP_20200101T101031_B02.jp2`, `…_B02_10m.jp2`.
fn sentinel(path: &Path) -> Option<Found> {
    let name = stem(path, &["jp2", "tif", "tiff"])?;
    let mut words = name.rsplit('_');
    let last = words.next()?;
    let (code, metres) = match last.strip_suffix('M').and_then(|metres| metres.parse().ok()) {
        Some(metres) => (words.next()?, Some(metres)),
        None => (last, None),
    };
    let (common, own) = match code {
        "B01" => (Some("coastal"), 60),
        "B02" => (Some("blue"), 10),
        "B03" => (Some("green"), 10),
        "B04" => (Some("red"), 10),
        "B05" | "B06" | "B07" => (Some("red edge"), 20),
        "B08" => (Some("nir"), 10),
        "B8A" => (Some("narrow nir"), 20),
        "B09" => (Some("water vapour"), 60),
        "B10" => (Some("cirrus"), 60),
        "B11" => (Some("swir16"), 20),
        "B12" => (Some("swir22"), 20),
        _ => return None,
    };
    Some(Found { path: path.to_owned(), code: code.to_owned(), common, metres: metres.or(Some(own)) })
}

/// `LC08_L1TP_…_T1_B2.TIF`, `LC09_L2SP_…_SR_B2.TIF`.
fn landsat(path: &Path) -> Option<Found> {
    let name = stem(path, &["tif", "tiff", "jp2"])?;
    let mut words = name.rsplit('_');
    let band = words.next()?;
    let level = words.next()?;
    let mission = name.get(..4)?;
    if !name.starts_with('L') || !name.get(1..2).is_some_and(|s| ["C", "O", "T", "E", "M"].contains(&s)) {
        return None;
    }
    let number = band.strip_prefix('B')?;
    let is_new = mission.ends_with("08") || mission.ends_with("09");
    let common = match (number, is_new) {
        ("1", true) => Some("coastal"),
        ("2", true) | ("1", false) => Some("blue"),
        ("3", true) | ("2", false) => Some("green"),
        ("4", true) | ("3", false) => Some("red"),
        ("5", true) | ("4", false) => Some("nir"),
        ("6", true) | ("5", false) => Some("swir16"),
        ("7", _) => Some("swir22"),
        ("8", _) => Some("pan"),
        ("9", true) => Some("cirrus"),
        ("10" | "11", true) | ("6", false) => Some("thermal"),
        _ => return None,
    };
    let code = if ["SR", "ST"].contains(&level) { format!("{level}_{band}") } else { band.to_owned() };
    Some(Found { path: path.to_owned(), code, common, metres: None })
}

fn stem(path: &Path, extensions: &[&str]) -> Option<String> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let stem = path.file_stem()?.to_str()?.to_ascii_uppercase();
    extensions.contains(&&*extension).then_some(stem)
}

fn plan(format: &'static str, found: &[Found], inside: &Opening) -> Result<Plan, Fault> {
    // Sentinel-2 tells the grids by name, so that one file is enough; Landsat's have to be opened.
    let finest = found.iter().filter_map(|found| found.metres).min();
    let opening = inside.of_sources(found.len(), 1)?;
    let mut grid: Option<Box<dyn Reader>> = None;
    let mut sizes = Vec::new();
    for file in found {
        if finest.is_some() && (file.metres != finest || grid.is_some()) {
            sizes.push(None);
            continue;
        }
        let reader = reader::open_within(&file.path, &opening).map_err(|error| {
            Fault::unsupported(
                format!("its band {} cannot be opened ({error})", file.code),
                "download it again",
            )
        })?;
        let header = reader.header();
        let Some(level) = header.levels.first().copied() else { continue };
        let affine = header.georeference.as_ref().and_then(super::georeference::Georeference::affine);
        sizes.push(Some((level, affine)));
        if grid
            .as_ref()
            .and_then(|grid| grid.header().levels.first().map(|grid| grid.width))
            .is_none_or(|w| w < level.width)
        {
            grid = Some(reader);
        }
    }
    let Some(grid) = grid else { return Err(Fault::Damaged("it has no bands".to_owned())) };
    let header = grid.header();
    let Some(full) = header.levels.first().copied() else {
        return Err(Fault::Damaged("a band has no pixels".to_owned()));
    };
    let place = header.georeference.as_ref().and_then(super::georeference::Georeference::affine);
    let whole = Window { x: 0.0, y: 0.0, width: f64::from(full.width), height: f64::from(full.height) };
    let mut pieces = Vec::new();
    let mut bands = Vec::new();
    for (index, (file, size)) in found.iter().zip(&sizes).enumerate() {
        let (source, place) = if let Some((level, affine)) = *size {
            let source =
                Window { x: 0.0, y: 0.0, width: f64::from(level.width), height: f64::from(level.height) };
            let placed = place.zip(affine).map(|(grid, affine)| {
                let (left, top) = affine.map(0.0, 0.0);
                let (right, bottom) = affine.map(source.width, source.height);
                let ((left, top), (right, bottom)) = (grid.pixel(left, top), grid.pixel(right, bottom));
                Window { x: left, y: top, width: right - left, height: bottom - top }
            });
            (source, placed.filter(|w| w.width > 0.0 && w.height > 0.0).unwrap_or(whole))
        } else {
            let ratio = f64::from(file.metres.unwrap_or(1)) / f64::from(finest.unwrap_or(1));
            let source = Window { width: whole.width / ratio, height: whole.height / ratio, ..whole };
            (source, whole)
        };
        pieces.push(Piece {
            file: index,
            bands: vec![(index, 0)],
            source,
            place,
            nodata: None,
            scale: None,
            masked: false,
            resampling: Resampling::Nearest,
        });
        let role = match file.common {
            Some("red") => Role::Red,
            Some("green") => Role::Green,
            Some("blue") => Role::Blue,
            _ => Role::Undefined,
        };
        let name =
            file.common.map_or_else(|| file.code.clone(), |common| format!("{} ({common})", file.code));
        bands.push(Band { name: Some(name), ..Band::new(role) });
    }
    Ok(Plan {
        format,
        width: full.width,
        height: full.height,
        sample_type: if header.sample_type == SampleType::Uint8 {
            SampleType::Uint8
        } else {
            SampleType::Uint16
        },
        bands,
        nodata: header.nodata.or(Some(0.0)),
        palette: None,
        georeference: header.georeference.clone(),
        files: found.iter().map(|found| found.path.clone()).collect(),
        pieces,
        has_mask: false,
        contents: found.iter().map(|found| found.path.clone()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_bands() {
        let band = |found: Option<Found>| found.map(|found| (found.code, found.common, found.metres));
        let s2 = |name: &str| band(sentinel(Path::new(name)));
        assert_eq!(s2("T33UUP_20200101T101031_B02.jp2"), Some(("B02".into(), Some("blue"), Some(10))));
        assert_eq!(
            s2("T33UUP_20200101T101031_B8A_20m.jp2"),
            Some(("B8A".into(), Some("narrow nir"), Some(20)))
        );
        assert_eq!(s2("T33UUP_20200101T101031_B02_60m.jp2"), Some(("B02".into(), Some("blue"), Some(60))));
        assert_eq!(s2("T33UUP_20200101T101031_TCI_10m.jp2"), None);
        let landsat = |name: &str| band(landsat(Path::new(name)));
        let c2 = "LC09_L2SP_193024_20220101_20220103_02_T1_SR_B4.TIF";
        assert_eq!(landsat(c2), Some(("SR_B4".into(), Some("red"), None)));
        let old = "LE07_L1TP_193024_20000101_20200918_02_T1_B4.TIF";
        assert_eq!(landsat(old), Some(("B4".into(), Some("nir"), None)));
        assert_eq!(landsat("LC09_L2SP_193024_20220101_20220103_02_T1_QA_PIXEL.TIF"), None);
        assert_eq!(landsat("holiday_B4.TIF"), None);
    }

    #[test]
    fn the_finest_file_of_a_band_is_taken() {
        let names = ["x_B04_20m.jp2", "x_B04_10m.jp2", "x_B8A_20m.jp2", "x_B09_60m.jp2", "x_B08_10m.jp2"];
        let found = finest(names.iter().filter_map(|name| sentinel(Path::new(name))).collect());
        let codes: Vec<_> = found.iter().map(|found| (found.code.as_str(), found.metres.unwrap())).collect();
        assert_eq!(codes, [("B04", 10), ("B08", 10), ("B8A", 20), ("B09", 60)]);
    }
}
