//! Metadata of a scene.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::notices::Notices;
use crate::paths;
use crate::raster::band::Role;
use crate::raster::display::band_selection::BandSelection;
use crate::raster::display::settings::StretchInfo;
use crate::raster::display::stretch::StretchRange;
use crate::raster::georeference::{Crs, Georeference};
use crate::raster::reader::{BlockInfo, Header};
use crate::raster::samples::SampleType;

/// Metadata of a scene.
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
    /// Bits in use per sample.
    pub bits: u16,
    /// "deflate", "jpeg", "none"…
    pub compression: String,
    /// The strips or tiles of the file; `None` for PNG, JPEG and WebP, which are decoded as a whole.
    pub block: Option<BlockInfo>,
    /// Width and height of the overviews in the file, finest first.
    pub overviews: Vec<(u32, u32)>,
    /// The value that means "no data". JSON has no NaN and no infinity: those become strings.
    #[serde(serialize_with = "number_or_word")]
    pub nodata: Option<f64>,
    /// Whether the file has a mask besides its bands.
    pub mask: bool,
    /// The EPSG code of the coordinate reference system, if the system really is that one.
    pub epsg: Option<u32>,
    /// The file's name for its coordinate reference system, or else the official name.
    pub crs: Option<String>,
    /// West, south, east, north in the coordinate reference system.
    pub bounds: Option<[f64; 4]>,
    /// West, south, east, north in degrees (WGS84); west is larger than east across the antimeridian.
    pub bounds_lon_lat: Option<[f64; 4]>,
    /// Whether positions are estimates, as they are with ground control points, with rational polynomial
    /// coefficients and with a datum that is known only approximately.
    pub georeference_approximate: bool,
    /// What the user should know about where the positions come from.
    pub georeference_note: Option<String>,
    /// The unit of the coordinates: "metres", "degrees"…
    pub crs_units: Option<String>,
    /// Width and height of a pixel on the ground, in metres.
    pub ground_sample_distance: Option<[f64; 2]>,
    /// The bands that are shown as red, green and blue (counted from 1), or the one that is shown as grey.
    pub shown: Vec<usize>,
    /// The alpha band, counted from 1.
    pub alpha: Option<usize>,
    /// How the shown bands become 8 bits, in the order of `shown`; empty where they are shown unchanged.
    pub stretch: Vec<StretchInfo>,
    /// What the user should know about the scene; later reads may add to it.
    pub notices: Notices,
}

/// A band of a scene.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BandInfo {
    /// The file's description of the band.
    pub name: Option<String>,
    pub data_type: SampleType,
    pub interpretation: Role,
}

pub(super) fn describe(
    path: &Path,
    header: &Header,
    georeference: Option<&Georeference>,
    selection: &BandSelection,
    ranges: &[StretchRange],
    notices: Notices,
) -> SceneInfo {
    let size = header.levels.first().copied();
    let (width, height) = size.map_or((0, 0), |level| (level.width, level.height));
    // The levels of a picture are not in its file.
    let overviews = header.levels.get(1..).filter(|_| header.stored_blocks.is_some()).unwrap_or_default();
    let crs = georeference.and_then(|place| place.crs.as_ref());
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
        block: header.stored_blocks,
        overviews: overviews.iter().map(|level| (level.width, level.height)).collect(),
        nodata: header.nodata,
        mask: header.has_mask,
        epsg: crs.and_then(Crs::epsg),
        crs: crs.and_then(|crs| crs.name.clone()),
        bounds: georeference.and_then(|place| place.bounds(width, height)),
        bounds_lon_lat: georeference.and_then(|place| place.bounds_lon_lat(width, height)),
        georeference_approximate: georeference.is_some_and(Georeference::is_approximate),
        georeference_note: georeference.and_then(Georeference::note),
        crs_units: crs.and_then(Crs::units),
        ground_sample_distance: georeference
            .and_then(|place| place.ground_sample_distance(centre.0, centre.1)),
        shown: selection.shown.iter().map(|band| band + 1).collect(),
        alpha: selection.alpha.map(|band| band + 1),
        stretch: stretch.iter().map(|&(black, white)| StretchInfo { black, white }).collect(),
        notices,
    }
}

/// A number; or "nan", "inf" or "-inf", which are no numbers in JSON.
#[expect(clippy::ref_option, reason = "serde hands over the field as it is")]
fn number_or_word<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        None => serializer.serialize_none(),
        Some(value) if value.is_finite() => serializer.serialize_f64(*value),
        Some(value) => serializer.serialize_str(&value.to_string().to_lowercase()),
    }
}
