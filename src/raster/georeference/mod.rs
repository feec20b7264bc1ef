//! Where a scene lies on the globe.

#![allow(clippy::many_single_char_names, reason = "the six numbers of an affine map have no other names")]

mod affine;
mod crs;
mod gcps;
mod inverse;
mod wkt;
mod world_file;

use geotiff_reader::crs::{CrsInfo, ModelType, RasterType};
use geotiff_reader::geokeys::{self, GeoKeyDirectory};
use geotiff_reader::transform::GeoTransform;
use tiff_reader::{Ifd, TagValue};

pub(super) use affine::Affine;
pub(super) use crs::Crs;
use gcps::Fit;
pub(super) use gcps::Gcp;
pub(super) use world_file::{prj, world_extensions, world_file};

const MODEL_PIXEL_SCALE: u16 = 33550;
const MODEL_TIEPOINT: u16 = 33922;
const MODEL_TRANSFORMATION: u16 = 34264;
const GEO_KEY_DIRECTORY: u16 = 34735;
const GEO_DOUBLE_PARAMS: u16 = 34736;
const GEO_ASCII_PARAMS: u16 = 34737;

/// EPSG's marks for "undefined" and "user defined".
const NO_CODE: [u16; 2] = [0, 32767];

/// Mean radius of the WGS84 ellipsoid in metres, (2a + b) / 3.
const EARTH_RADIUS: f64 = 6_371_008.8;

/// Places pixels on the map and map positions on the globe.
#[derive(Clone)]
pub(super) struct Georeference {
    /// From a pixel position (0, 0 = top left corner of the top left pixel) to the map.
    placement: Option<Placement>,
    pub crs: Option<Crs>,
    /// The file beside the image that it comes from.
    pub beside: Option<String>,
}

/// How pixels come to the map.
#[derive(Clone)]
enum Placement {
    Affine(Affine),
    Fit(Fit),
}

impl Georeference {
    pub fn new(affine: Option<Affine>, crs: Option<Crs>) -> Option<Self> {
        let placement = affine.map(Placement::Affine);
        (placement.is_some() || crs.is_some()).then_some(Self { placement, crs, beside: None })
    }

    /// From ground control points in a reference system; `None` when they are too few.
    pub fn from_gcps(points: &[Gcp], crs: Option<Crs>) -> Option<Self> {
        let fit = Fit::new(points, crs.as_ref().is_some_and(Crs::is_degrees))?;
        Some(Self { placement: Some(Placement::Fit(fit)), crs, beside: None })
    }

    /// Reads the `GeoTIFF` tags of an image: tie point and scale, a matrix, or ground control points; the EPSG
    /// code. What is there but makes no sense counts as absent, since the pixels can be shown without it.
    pub fn from_tags(ifd: &Ifd) -> Option<Self> {
        let keys = geo_keys(ifd);
        let info = keys.as_ref().map(CrsInfo::from_geokeys);
        let raster_type = info.as_ref().map_or(RasterType::PixelIsArea, CrsInfo::raster_type_enum);
        let crs = keys.as_ref().map(|keys| Crs::new(info.as_ref().and_then(epsg).map(u32::from), name(keys)));
        if let Some(affine) = affine(ifd, raster_type) {
            return Self::new(Some(affine), crs);
        }
        Self::from_gcps(&gcps(ifd, raster_type), crs.clone()).or_else(|| Self::new(None, crs))
    }

    pub fn is_placed(&self) -> bool {
        self.placement.is_some()
    }

    /// Pixels to map in a straight way, where that is exact.
    pub fn affine(&self) -> Option<Affine> {
        match self.placement {
            Some(Placement::Affine(affine)) => Some(affine),
            _ => None,
        }
    }

    /// Whether the places are a guess between known points.
    pub fn is_approximate(&self) -> bool {
        matches!(self.placement, Some(Placement::Fit(_)))
    }

    /// What a person should know of where the places come from; `None` for the usual case.
    pub fn note(&self) -> Option<String> {
        let mut notes = Vec::new();
        if let Some(Placement::Fit(fit)) = &self.placement {
            notes.push(fit.note());
        }
        if let Some(file) = &self.beside {
            notes.push(format!("taken from {file}"));
        }
        match &self.crs {
            None => notes.push("no coordinate reference system is given".to_owned()),
            Some(crs) if self.is_placed() && !crs.is_understood() => {
                notes.push("the coordinate reference system is not one that Skysift knows".to_owned());
            }
            Some(_) if !self.is_placed() => {
                notes.push("a coordinate reference system is given, but no place in it".to_owned());
            }
            Some(_) => {}
        }
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    /// The map position of a pixel position.
    pub fn map(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        match self.placement.as_ref()? {
            Placement::Affine(affine) => Some(affine.map(x, y)),
            Placement::Fit(fit) => Some(fit.map(x, y)),
        }
    }

    /// Longitude and latitude in degrees (WGS84) of a pixel position.
    pub fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (x, y) = self.map(x, y)?;
        self.crs.as_ref()?.lon_lat(x, y)
    }

    /// West, south, east, north on the map: of the corners, and of the edges where those are curved.
    pub fn bounds(&self, width: u32, height: u32) -> Option<[f64; 4]> {
        let steps = if self.is_approximate() { 32 } else { 1 };
        let mut bounds: Option<[f64; 4]> = None;
        for (x, y) in edge(width, height, steps) {
            let (x, y) = self.map(x, y)?;
            let [west, south, east, north] = bounds.unwrap_or([x, y, x, y]);
            bounds = Some([west.min(x), south.min(y), east.max(x), north.max(y)]);
        }
        bounds
    }

    /// West, south, east, north in degrees, from points along the edges, which are curved on the globe. West
    /// is larger than east where the scene lies across the antimeridian (as RFC 7946, section 5.2).
    pub fn bounds_lon_lat(&self, width: u32, height: u32) -> Option<[f64; 4]> {
        let mut bounds: Option<[f64; 4]> = None;
        let mut previous = None;
        for (x, y) in edge(width, height, 32) {
            let (lon, lat) = self.lon_lat(x, y)?;
            let lon = previous.map_or(lon, |previous| next_to(previous, lon));
            previous = Some(lon);
            let [west, south, east, north] = bounds.unwrap_or([lon, lat, lon, lat]);
            bounds = Some([west.min(lon), south.min(lat), east.max(lon), north.max(lat)]);
        }
        let [west, south, east, north] = bounds?;
        if east - west >= 360.0 {
            return Some([-180.0, south, 180.0, north]);
        }
        Some([normalise(west), south, normalise(east), north])
    }

    /// Metres on the ground that a pixel is wide and high at a pixel position. Degrees, and Mercator's metres,
    /// which grow with latitude, are converted; other maps are taken at their word.
    pub fn ground_sample_distance(&self, x: f64, y: f64) -> Option<[f64; 2]> {
        let map = self.crs.as_ref()?.map()?;
        let ends = [(x - 0.5, y), (x + 0.5, y), (x, y - 0.5), (x, y + 0.5)];
        if !map.is_latlong() && !["merc", "webmerc"].contains(&map.projname()) {
            let metres = |x: f64, y: f64| x.hypot(y) * map.to_meter();
            if let Some(Placement::Affine(affine)) = self.placement {
                let [(b, e), (c, f)] = affine.steps();
                return Some([metres(b, e), metres(c, f)]);
            }
            let [left, right, up, down] = ends.map(|(x, y)| self.map(x, y));
            let between = |a: (f64, f64), b: (f64, f64)| metres(b.0 - a.0, b.1 - a.1);
            return Some([between(left?, right?), between(up?, down?)]);
        }
        let [left, right, up, down] = ends.map(|(x, y)| self.lon_lat(x, y));
        Some([distance(left?, right?), distance(up?, down?)])
    }

    /// The direction of true north at a pixel position, in degrees clockwise from image up, from -180 to 180;
    /// north on the map where the way to the globe is not known.
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
        // The step in pixels that goes north and not east.
        let determinant = b * f - c * e;
        let (column, row) = (-c / determinant, b / determinant);
        let angle = column.atan2(-row).to_degrees();
        // What is left of rounding is no angle.
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

/// The longitude between -180 and 180.
fn normalise(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

/// The same longitude, whole turns away, nearest to another one.
fn next_to(other: f64, lon: f64) -> f64 {
    lon - ((lon - other) / 360.0).round() * 360.0
}

/// Metres between two near points given in degrees, on the sphere (haversine).
fn distance((lon_a, lat_a): (f64, f64), (lon_b, lat_b): (f64, f64)) -> f64 {
    let half_lon = (lon_b - lon_a).to_radians() / 2.0;
    let half_lat = (lat_b - lat_a).to_radians() / 2.0;
    let cosines = lat_a.to_radians().cos() * lat_b.to_radians().cos();
    2.0 * EARTH_RADIUS * (half_lat.sin().powi(2) + cosines * half_lon.sin().powi(2)).sqrt().asin()
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

/// The affine transform; a usable scale with a tie point wins over a matrix, as in GDAL.
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

/// The EPSG code of the horizontal reference system.
fn epsg(crs: &CrsInfo) -> Option<u16> {
    let code = match crs.model_type_enum() {
        ModelType::Projected => crs.projected_epsg(),
        ModelType::Geographic => crs.geodetic_epsg(),
        ModelType::Geocentric => None,
        ModelType::Unknown(_) => crs.projected_epsg().or(crs.geodetic_epsg()),
    };
    code.filter(|code| !NO_CODE.contains(code))
}

/// What the file calls its reference system.
fn name(keys: &GeoKeyDirectory) -> Option<String> {
    [geokeys::PROJ_CITATION, geokeys::GT_CITATION, geokeys::GEODETIC_CITATION]
        .into_iter()
        .filter_map(|key| keys.get_ascii(key))
        .filter_map(|text| text.split('|').map(str::trim).find(|part| !part.is_empty()))
        .map(str::to_owned)
        .next()
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

    #[test]
    fn a_degree_of_the_equator_is_111_kilometres() {
        let metres = distance((0.0, 0.0), (1.0, 0.0));
        assert!((metres - 111_195.0).abs() < 1.0, "{metres}");
    }
}
