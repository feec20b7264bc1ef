//! Where a scene lies on the map and on the globe.
//!
//! Pixels to the map:
//!
//! - [`affine`]: an affine transform, from a `GeoTIFF` or a [`world_file`].
//! - [`gcps`]: ground control points.
//! - [`rpc`]: rational polynomial coefficients; [`rpc_files`]: where they are stored.
//!
//! Coordinate reference systems: [`crs`].
//!
//! The map to the globe:
//!
//! - [`globe`]: the transformation of a scene, chosen when it is opened.
//! - [`inverse`]: from the globe back to pixels.
//! - [`bounds`], [`footprint`], [`ground_distance`]: what a scene covers.
//! - [`geodesic`]: lengths and directions of any size.
//!
//! Places as people write them: [`place`].

#![allow(clippy::many_single_char_names, reason = "the six numbers of an affine map have no other names")]

mod affine;
mod bounds;
mod crs;
pub mod footprint;
mod gcps;
pub(in crate::raster) mod geodesic;
mod globe;
mod ground_distance;
mod inverse;
pub mod place;
mod rpc;
mod rpc_files;
mod world_file;

use geotiff_reader::crs::{CrsInfo, RasterType};
use geotiff_reader::geokeys::GeoKeyDirectory;
use geotiff_reader::transform::GeoTransform;
use tiff_reader::{Ifd, TagValue};

pub(in crate::raster) use affine::Affine;
pub(in crate::raster) use crs::Crs;
pub use crs::MapSystem;
use crs::geokeys;
use crs::proj_object::ProjError;
use gcps::Fit;
pub(in crate::raster) use gcps::Gcp;
use globe::GlobeTransform;

pub(in crate::raster) use rpc::Rpc;
pub(in crate::raster) use rpc_files::{rpc_beside, rpc_of_items};
pub(in crate::raster) use world_file::{prj, world_extensions, world_file};

use footprint::next_to;

const MODEL_PIXEL_SCALE: u16 = 33550;
const MODEL_TIEPOINT: u16 = 33922;
const MODEL_TRANSFORMATION: u16 = 34264;
const GEO_KEY_DIRECTORY: u16 = 34735;
const GEO_DOUBLE_PARAMS: u16 = 34736;
const GEO_ASCII_PARAMS: u16 = 34737;
/// `RPCCoefficientTag`, of the proposed GeoTIFF extension for RPC.
const RPC_COEFFICIENTS: u16 = 50844;

/// Places pixels on the map and map positions on the globe.
#[derive(Clone)]
pub(in crate::raster) struct Georeference {
    /// From a pixel position to the map; (0, 0) is the top left corner of the top left pixel.
    placement: Option<Placement>,
    pub crs: Option<Crs>,
    /// The sidecar file that it comes from.
    pub sidecar: Option<String>,
    /// From the map to the globe, chosen by [`with_globe`](Self::with_globe).
    globe: Option<GlobeTransform>,
    /// Why there is no transformation to the globe, although the reference system is known.
    no_globe: Option<ProjError>,
}

/// From pixels to the map.
#[derive(Clone)]
enum Placement {
    Affine(Affine),
    Fit(Fit),
    /// Directly to longitude and latitude.
    Rpc(Box<Rpc>),
}

impl Georeference {
    pub fn new(affine: Option<Affine>, crs: Option<Crs>) -> Option<Self> {
        let placement = affine.map(Placement::Affine);
        (placement.is_some() || crs.is_some()).then(|| Self::of(placement, crs))
    }

    fn of(placement: Option<Placement>, crs: Option<Crs>) -> Self {
        Self { placement, crs, sidecar: None, globe: None, no_globe: None }
    }

    /// From ground control points in a reference system; `None` if there are too few. `order` is that of the
    /// polynomial, if it is given.
    pub fn from_gcps(points: &[Gcp], crs: Option<Crs>, order: Option<usize>) -> Option<Self> {
        let unit = crs.as_ref().and_then(Crs::unit).filter(|unit| unit.angular);
        let turn = unit.map(|unit| std::f64::consts::TAU / unit.size);
        let fit = Fit::new(points, turn, order)?;
        Some(Self::of(Some(Placement::Fit(fit)), crs))
    }

    pub fn from_rpc(rpc: Rpc) -> Self {
        Self::of(Some(Placement::Rpc(Box::new(rpc))), Some(Crs::of_code("EPSG", 4326)))
    }

    /// Reads the `GeoTIFF` tags of an image: tie point and scale, a matrix, ground control points, or
    /// rational polynomial coefficients; and the reference system. Invalid values are ignored, since the
    /// pixels can be shown without them.
    pub fn from_tags(ifd: &Ifd) -> Option<Self> {
        let keys = geo_keys(ifd);
        let raster_type = keys
            .as_ref()
            .map_or(RasterType::PixelIsArea, |keys| CrsInfo::from_geokeys(keys).raster_type_enum());
        let crs = keys.as_ref().and_then(geokeys::crs);
        if let Some(affine) = affine(ifd, raster_type) {
            return Self::new(Some(affine), crs);
        }
        Self::from_gcps(&gcps(ifd, raster_type), crs.clone(), None)
            .or_else(|| rpc_files::of_tag(&doubles(ifd, RPC_COEFFICIENTS)).map(Self::from_rpc))
            .or_else(|| Self::new(None, crs))
    }

    pub fn is_placed(&self) -> bool {
        self.placement.is_some()
    }

    /// Whether there is nothing better than rational polynomial coefficients.
    pub fn needs_rpc(&self) -> bool {
        match &self.placement {
            None | Some(Placement::Rpc(_)) => true,
            Some(_) => self.crs.is_none(),
        }
    }

    /// The affine transform to the map, if that is what the scene has.
    pub fn affine(&self) -> Option<Affine> {
        match self.placement {
            Some(Placement::Affine(affine)) => Some(affine),
            _ => None,
        }
    }

    /// Whether positions are estimates.
    pub fn is_approximate(&self) -> bool {
        matches!(self.placement, Some(Placement::Fit(_) | Placement::Rpc(_))) || self.datum_error().is_some()
    }

    /// What the user should know about where the positions come from; `None` in the usual case.
    pub fn note(&self) -> Option<String> {
        let mut notes = Vec::new();
        match &self.placement {
            Some(Placement::Fit(fit)) => notes.push(fit.note()),
            Some(Placement::Rpc(rpc)) => notes.push(rpc.note()),
            Some(Placement::Affine(_)) | None => {}
        }
        if let Some(file) = &self.sidecar {
            notes.push(format!("taken from {file}"));
        }
        match &self.crs {
            None => notes.push("no coordinate reference system is given".to_owned()),
            Some(_) if !self.is_placed() => {
                notes.push("a coordinate reference system is given, but no place in it".to_owned());
            }
            Some(_) => notes.extend(self.why_not_on_globe()),
        }
        if let Some(metres) = self.datum_error() {
            notes.push(format!("within about {metres:.0} m, for its datum"));
        }
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    /// The map position of a pixel position.
    pub fn map(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        match self.placement.as_ref()? {
            Placement::Affine(affine) => Some(affine.map(x, y)),
            Placement::Fit(fit) => Some(fit.map(x, y)),
            Placement::Rpc(rpc) => rpc.lon_lat(x, y),
        }
    }

    /// Longitude and latitude in degrees (WGS84) of a pixel position.
    pub fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let globe = self.globe.as_ref()?;
        let (x, y) = self.map(x, y)?;
        let (lon, lat) = globe.operation.lon_lat(x, y)?;
        // Rounding at a pole may lead slightly beyond 90 degrees.
        (lat.abs() <= 90.0 + 1e-9).then(|| (normalise(lon), lat.clamp(-90.0, 90.0)))
    }

    /// Width and height of a pixel on the ground, in metres, at a pixel position; measured on the ellipsoid,
    /// not on the map.
    pub fn ground_sample_distance(&self, x: f64, y: f64) -> Option<[f64; 2]> {
        let ends = [(x - 0.5, y), (x + 0.5, y), (x, y - 0.5), (x, y + 0.5)];
        let [left, right, up, down] = ends.map(|(x, y)| self.lon_lat(x, y));
        Some([ground_distance::metres(left?, right?), ground_distance::metres(up?, down?)])
    }

    /// The direction of true north at a pixel position, in degrees clockwise from image up, from -180 to 180;
    /// grid north if there is no transformation to the globe.
    pub fn north(&self, x: f64, y: f64) -> Option<f64> {
        let known = self.lon_lat(x, y);
        let place = |x: f64, y: f64| match known {
            Some((centre, lat)) => {
                let (lon, other) = self.lon_lat(x, y)?;
                Some((next_to(centre, lon) * lat.to_radians().cos(), other))
            }
            None => self.map(x, y),
        };
        let (left, right) = (place(x - 0.5, y)?, place(x + 0.5, y)?);
        let (up, down) = (place(x, y - 0.5)?, place(x, y + 0.5)?);
        let (b, e) = (right.0 - left.0, right.1 - left.1);
        let (c, f) = (down.0 - up.0, down.1 - up.1);
        // The step in pixels that leads due north.
        let determinant = b * f - c * e;
        let (column, row) = (-c / determinant, b / determinant);
        let angle = column.atan2(-row).to_degrees();
        // A tiny angle is a rounding error.
        angle.is_finite().then_some(if angle.abs() < 1e-4 { 0.0 } else { angle })
    }
}

/// Points along the edges of an image, clockwise from the top left.
fn edge(width: u32, height: u32, steps: u32) -> impl Iterator<Item = (f64, f64)> {
    let (width, height) = (f64::from(width), f64::from(height));
    (0..4 * steps).map(move |step| {
        let along = f64::from(step % steps) / f64::from(steps);
        let (x, y) = match step / steps {
            0 => (along, 0.0),
            1 => (1.0, along),
            2 => (1.0 - along, 1.0),
            _ => (0.0, 1.0 - along),
        };
        (x * width, y * height)
    })
}

/// The equivalent longitude from -180 to 180.
fn normalise(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

fn doubles(ifd: &Ifd, tag: u16) -> Vec<f64> {
    match ifd.tag(tag).map(|tag| &tag.value) {
        Some(TagValue::Double(values)) => values.clone(),
        _ => Vec::new(),
    }
}

fn geo_keys(ifd: &Ifd) -> Option<GeoKeyDirectory> {
    let directory = ifd.tag(GEO_KEY_DIRECTORY)?.value.as_u16_slice()?;
    let ascii = ifd.tag(GEO_ASCII_PARAMS).and_then(|tag| tag.value.as_str()).unwrap_or_default();
    GeoKeyDirectory::parse(directory, &doubles(ifd, GEO_DOUBLE_PARAMS), ascii)
}

/// The affine transform. As in GDAL, a valid scale with a tie point takes precedence over a matrix.
fn affine(ifd: &Ifd, raster_type: RasterType) -> Option<Affine> {
    let scale = match doubles(ifd, MODEL_PIXEL_SCALE).as_slice() {
        &[x, y] | &[x, y, _] if x != 0.0 && y != 0.0 => Some([x, y, 0.0]),
        _ => None,
    };
    let tie_points = doubles(ifd, MODEL_TIEPOINT);
    let transform = match (scale, tie_points.first_chunk::<6>()) {
        (Some(scale), Some(tie_point)) => {
            GeoTransform::from_tiepoint_and_scale_with_raster_type(tie_point, &scale, raster_type)
        }
        _ => GeoTransform::from_transformation_matrix_with_raster_type(
            doubles(ifd, MODEL_TRANSFORMATION).first_chunk::<16>()?,
            raster_type,
        ),
    };
    Affine::from_geotiff(&transform)
}

/// Tie points without a scale are ground control points.
fn gcps(ifd: &Ifd, raster_type: RasterType) -> Vec<Gcp> {
    let offset = if raster_type == RasterType::PixelIsPoint { 0.5 } else { 0.0 };
    let point =
        |&[column, row, _, x, y, _]: &[f64; 6]| Gcp { column: column + offset, row: row + offset, x, y };
    doubles(ifd, MODEL_TIEPOINT).as_chunks::<6>().0.iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longitudes_stay_within_a_turn() {
        assert!((normalise(181.0) + 179.0).abs() < 1e-9);
        assert!((normalise(-540.5) - 179.5).abs() < 1e-9);
        assert!((next_to(179.0, -179.0) - 181.0).abs() < 1e-9);
    }
}
