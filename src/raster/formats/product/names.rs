//! Which band and which scene a product's file holds, by its name.

use std::path::{Path, PathBuf};

/// A file of a product that holds one band.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BandFile {
    pub path: PathBuf,
    /// The band's code, such as "B02".
    pub code: String,
    /// The band's common name, such as "blue".
    pub common_name: Option<&'static str>,
    /// The pixel size in metres, if known from the name.
    pub metres: Option<u32>,
    /// The scene's name, in upper case; empty if a folder holds one scene only.
    pub scene: String,
}

/// For each band the file with the smallest pixels, in the order of the bands.
pub(super) fn finest(mut files: Vec<BandFile>) -> Vec<BandFile> {
    // B8A comes after B08, in the order of wavelength.
    let number = |code: &str| code.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned();
    let sort_key =
        |code: &str| if code == "B8A" { "08A".to_owned() } else { format!("{:0>2}", number(code)) };
    files.sort_by_key(|file| (sort_key(&file.code), file.metres));
    files.dedup_by(|later, first| later.code == first.code);
    files
}

/// `T33UUP_20200101T101031_B02.jp2`, `…_B02_10m.jp2`.
pub(super) fn sentinel(path: &Path) -> Option<BandFile> {
    let name = stem(path, &["jp2", "tif", "tiff"])?;
    let mut words = name.rsplit('_');
    let last = words.next()?;
    let (code, metres) = match last.strip_suffix('M').and_then(|metres| metres.parse().ok()) {
        Some(metres) => (words.next()?, Some(metres)),
        None => (last, None),
    };
    let (common_name, own) = match code {
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
    Some(BandFile {
        path: path.to_owned(),
        code: code.to_owned(),
        common_name,
        metres: metres.or(Some(own)),
        scene: String::new(),
    })
}

/// `LC08_L1TP_…_T1_B2.TIF`, `LC09_L2SP_…_SR_B2.TIF`.
pub(super) fn landsat(path: &Path) -> Option<BandFile> {
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
    let common_name = match (number, is_new) {
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
    let (code, scene) = if ["SR", "ST"].contains(&level) {
        (format!("{level}_{band}"), words.collect::<Vec<_>>())
    } else {
        (band.to_owned(), std::iter::once(level).chain(words).collect())
    };
    let scene = scene.into_iter().rev().collect::<Vec<_>>().join("_");
    Some(BandFile { path: path.to_owned(), code, common_name, metres: None, scene })
}

fn stem(path: &Path, extensions: &[&str]) -> Option<String> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let stem = path.file_stem()?.to_str()?.to_ascii_uppercase();
    extensions.contains(&&*extension).then_some(stem)
}

/// The scene that a Landsat metadata file (`LC08_…_T1_MTL.txt`, `…_MTL.json`, `…_MTL.xml`) describes, in
/// upper case.
pub(super) fn landsat_metadata(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_ascii_uppercase();
    let scene = ["_MTL.TXT", "_MTL.JSON", "_MTL.XML"].iter().find_map(|end| name.strip_suffix(end))?;
    Some(scene.to_owned())
}

/// Whether a file is the metadata of a Sentinel-2 product, of today's format or that before 2016.
pub(super) fn is_sentinel_manifest(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_uppercase();
    let old = is_xml(&name) && (name.contains("_MTD_SAFL1C_") || name.contains("_MTD_SAFL2A_"));
    old || ["MTD_MSIL1C.XML", "MTD_MSIL2A.XML", "MANIFEST.SAFE"].contains(&name.as_str())
}

/// Whether a file is the metadata of a granule of such a product.
pub(super) fn is_granule_manifest(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_uppercase();
    let old = is_xml(&name) && (name.contains("_MTD_L1C_TL_") || name.contains("_MTD_L2A_TL_"));
    old || name == "MTD_TL.XML"
}

fn is_xml(name_in_capitals: &str) -> bool {
    Path::new(name_in_capitals).extension().is_some_and(|end| end == "XML")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_bands() {
        let band = |found: Option<BandFile>| found.map(|found| (found.code, found.common_name, found.metres));
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
        let scene = |name: &str| super::landsat(Path::new(name)).unwrap().scene;
        let id = "LC09_L2SP_193024_20220101_20220103_02_T1";
        for end in ["SR_B4.TIF", "ST_B10.TIF", "B4.tif"] {
            assert_eq!(scene(&format!("{id}_{end}")), id);
        }
        assert_eq!(landsat_metadata(Path::new(&format!("a/{id}_MTL.txt"))).as_deref(), Some(id));
    }

    #[test]
    fn the_finest_file_of_a_band_is_taken() {
        let names = ["x_B04_20m.jp2", "x_B04_10m.jp2", "x_B8A_20m.jp2", "x_B09_60m.jp2", "x_B08_10m.jp2"];
        let found = finest(names.iter().filter_map(|name| sentinel(Path::new(name))).collect());
        let codes: Vec<_> = found.iter().map(|found| (found.code.as_str(), found.metres.unwrap())).collect();
        assert_eq!(codes, [("B04", 10), ("B08", 10), ("B8A", 20), ("B09", 60)]);
    }
}
