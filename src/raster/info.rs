//! What is known of a scene.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

use super::display::bands::Choice;
use super::display::stretch::Range;
use super::georeference::{Crs, Georeference};
use super::reader::Header;
use super::{Role, SampleType};
use crate::notices::Notices;
use crate::paths;

/// What is known of a scene.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SceneInfo {
    /// The path, or the address without passwords and signatures.
    #[serde(serialize_with = "paths::shown")]
    pub path: PathBuf,
    /// "TIFF", "`BigTIFF`", "JPEG 2000", "VRT", "Sentinel-2", "PNG"…
    pub format: String,
    /// In level-0 pixels.
    pub width: u32,
    pub height: u32,
    pub bands: Vec<BandInfo>,
    pub data_type: SampleType,
    /// Bits of a sample that are in use.
    pub bits: u16,
    /// "deflate", "jpeg", "none"…
    pub compression: String,
    /// The pieces that the file is cut into; `None` for PNG, JPEG and WebP, which are decoded as a whole.
    pub block: Option<BlockInfo>,
    /// Width and height of the overviews in the file, finest first.
    pub overviews: Vec<(u32, u32)>,
    /// The value that means "no data". JSON has no NaN and no infinity: those become strings.
    #[serde(serialize_with = "number_or_word")]
    pub nodata: Option<f64>,
    /// Whether the file has a mask of its own, beside its bands.
    pub mask: bool,
    /// The code of the coordinate reference system, where it really is that one.
    pub epsg: Option<u32>,
    /// What the file calls its coordinate reference system, or else its official name.
    pub crs: Option<String>,
    /// West, south, east, north in the coordinate reference system.
    pub bounds: Option<[f64; 4]>,
    /// West, south, east, north in degrees (WGS84); west is larger than east across the antimeridian.
    pub bounds_lon_lat: Option<[f64; 4]>,
    /// Whether places between known points are a guess, as they are with ground control points and rational
    /// polynomial coefficients, or a datum is only nearly known.
    pub georeference_approximate: bool,
    /// What a person should know of where the places come from.
    pub georeference_note: Option<String>,
    /// The unit of the coordinates: "metres", "degrees"…
    pub crs_units: Option<String>,
    /// Width and height of a pixel on the ground, in metres.
    pub ground_sample_distance: Option<[f64; 2]>,
    /// The bands that are shown as red, green and blue (counted from 1), or the one that is shown as grey.
    pub shown: Vec<usize>,
    /// The band that is alpha, counted from 1.
    pub alpha: Option<usize>,
    /// How the shown bands become 8 bits, in the order of `shown`; empty where they are shown as they are.
    pub stretch: Vec<StretchInfo>,
    /// What a person should know of the scene; grows when a read finds more.
    pub notices: Notices,
}

/// A band of a scene.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BandInfo {
    /// The file's description of it.
    pub name: Option<String>,
    pub data_type: SampleType,
    pub interpretation: Role,
}

/// How the pixels of a file are cut into pieces that are decoded on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BlockInfo {
    /// Tiles are narrower than the scene, strips are not.
    pub tiled: bool,
    pub width: u32,
    pub height: u32,
}

/// The values that become 0 and 255.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StretchInfo {
    pub black: f64,
    pub white: f64,
}

pub(super) fn describe(
    path: &Path,
    header: &Header,
    place: Option<&Georeference>,
    choice: &Choice,
    ranges: &[Range],
    notices: Notices,
) -> SceneInfo {
    let size = header.levels.first().copied();
    let (width, height) = size.map_or((0, 0), |level| (level.width, level.height));
    // Those of a picture are not in the file.
    let overviews = header.levels.get(1..).filter(|_| header.stored.is_some()).unwrap_or_default();
    let crs = place.and_then(|place| place.crs.as_ref());
    let centre = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    let as_is = header.sample_type == SampleType::Uint8 && header.bits == 8 && !header.white_is_zero;
    let stretch = if as_is || header.palette.is_some() { &[] } else { ranges };
    SceneInfo {
        path: path.to_owned(),
        format: header.format.to_owned(),
        width,
        height,
        bands: header
            .bands
            .iter()
            .map(|band| BandInfo {
                name: band.name.clone(),
                data_type: header.sample_type,
                interpretation: band.role,
            })
            .collect(),
        data_type: header.sample_type,
        bits: header.bits,
        compression: header.compression.to_owned(),
        block: header.stored,
        overviews: overviews.iter().map(|level| (level.width, level.height)).collect(),
        nodata: header.nodata,
        mask: header.has_mask,
        epsg: crs.and_then(Crs::epsg),
        crs: crs.and_then(|crs| crs.name.clone()),
        bounds: place.and_then(|place| place.bounds(width, height)),
        bounds_lon_lat: place.and_then(|place| place.bounds_lon_lat(width, height)),
        georeference_approximate: place.is_some_and(Georeference::is_approximate),
        georeference_note: place.and_then(Georeference::note),
        crs_units: crs.and_then(Crs::units),
        ground_sample_distance: place.and_then(|place| place.ground_sample_distance(centre.0, centre.1)),
        shown: choice.shown.iter().map(|band| band + 1).collect(),
        alpha: choice.alpha.map(|band| band + 1),
        stretch: stretch.iter().map(|&(black, white)| StretchInfo { black, white }).collect(),
        notices,
    }
}

/// A number, or "nan", "inf", "-inf", which JSON cannot hold as numbers.
#[expect(clippy::ref_option, reason = "serde hands over the field as it is")]
fn number_or_word<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        None => serializer.serialize_none(),
        Some(value) if value.is_finite() => serializer.serialize_f64(*value),
        Some(value) => serializer.serialize_str(&value.to_string().to_lowercase()),
    }
}
