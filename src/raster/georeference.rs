//! Where a scene lies on the globe.

use geotiff_reader::crs::{CrsInfo, ModelType};
use geotiff_reader::geokeys::{self, GeoKeyDirectory};
use geotiff_reader::transform::GeoTransform;
use proj4rs::Proj;
use tiff_reader::{Ifd, TagValue};

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
pub(super) struct Georeference {
    /// From a pixel position (0, 0 = top left corner of the top left pixel) to the map.
    transform: Option<GeoTransform>,
    pub epsg: Option<u32>,
    pub name: Option<String>,
    projection: Option<Projection>,
}

/// The way from a map position to degrees.
struct Projection {
    map: Proj,
    globe: Proj,
}

impl Georeference {
    /// Reads the `GeoTIFF` tags of an image: tie point and scale, or a matrix; the EPSG code. What is there but
    /// makes no sense counts as absent, since the pixels can be shown without it.
    pub fn from_tags(ifd: &Ifd) -> Option<Self> {
        let keys = geo_keys(ifd);
        let crs = keys.as_ref().map(CrsInfo::from_geokeys);
        let transform = transform(ifd, crs.as_ref());
        if keys.is_none() && transform.is_none() {
            return None;
        }
        let epsg = crs.as_ref().and_then(epsg);
        let name = keys.as_ref().and_then(name);
        Some(Self { transform, epsg: epsg.map(u32::from), name, projection: epsg.and_then(Projection::new) })
    }

    /// From a transform as GDAL orders it (x of the top left corner, x a column, x a row; then y) and a code.
    pub fn from_affine(
        [x, x_column, x_row, y, y_column, y_row]: [f64; 6],
        epsg: Option<u32>,
    ) -> Option<Self> {
        let transform = GeoTransform {
            origin_x: x,
            pixel_width: x_column,
            skew_x: x_row,
            origin_y: y,
            skew_y: y_column,
            pixel_height: y_row,
        };
        transform.geo_to_pixel(x, y)?;
        let code = epsg.and_then(|code| u16::try_from(code).ok());
        Some(Self {
            transform: Some(transform),
            epsg,
            name: None,
            projection: code.and_then(Projection::new),
        })
    }

    /// The map position of a pixel position.
    pub fn map(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some(self.transform?.pixel_to_geo(x, y))
    }

    /// Longitude and latitude in degrees (WGS84) of a pixel position.
    pub fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (x, y) = self.map(x, y)?;
        self.projection.as_ref()?.lon_lat(x, y)
    }

    /// West, south, east, north on the map.
    pub fn bounds(&self, width: u32, height: u32) -> Option<[f64; 4]> {
        Some(self.transform?.bounds(width, height))
    }

    /// West, south, east, north in degrees, from points along the edges, which are curved on the globe. West
    /// is larger than east where the scene lies across the antimeridian (as RFC 7946, section 5.2).
    pub fn bounds_lon_lat(&self, width: u32, height: u32) -> Option<[f64; 4]> {
        const STEPS: u32 = 32;
        let (width, height) = (f64::from(width), f64::from(height));
        let mut bounds: Option<[f64; 4]> = None;
        let mut previous = None;
        for side in 0..4 {
            for step in 0..STEPS {
                let along = f64::from(step) / f64::from(STEPS);
                let (x, y) = match side {
                    0 => (along, 0.0),
                    1 => (1.0, along),
                    2 => (1.0 - along, 1.0),
                    _ => (0.0, 1.0 - along),
                };
                let (lon, lat) = self.lon_lat(x * width, y * height)?;
                let lon = previous.map_or(lon, |previous| next_to(previous, lon));
                previous = Some(lon);
                let [west, south, east, north] = bounds.unwrap_or([lon, lat, lon, lat]);
                bounds = Some([west.min(lon), south.min(lat), east.max(lon), north.max(lat)]);
            }
        }
        let [west, south, east, north] = bounds?;
        if east - west >= 360.0 {
            return Some([-180.0, south, 180.0, north]);
        }
        Some([normalise(west), south, normalise(east), north])
    }

    /// Metres on the ground that a pixel is wide and high. Degrees, and Mercator's metres, which grow with
    /// latitude, are converted at the scene's centre; other maps are taken at their word.
    pub fn ground_sample_distance(&self, width: u32, height: u32) -> Option<[f64; 2]> {
        let transform = self.transform?;
        let map = &self.projection.as_ref()?.map;
        if !map.is_latlong() && !["merc", "webmerc"].contains(&map.projname()) {
            let metres = |x: f64, y: f64| x.hypot(y) * map.to_meter();
            return Some([
                metres(transform.pixel_width, transform.skew_y),
                metres(transform.skew_x, transform.pixel_height),
            ]);
        }
        let (x, y) = (f64::from(width) / 2.0, f64::from(height) / 2.0);
        let across = distance(self.lon_lat(x - 0.5, y)?, self.lon_lat(x + 0.5, y)?);
        let down = distance(self.lon_lat(x, y - 0.5)?, self.lon_lat(x, y + 0.5)?);
        Some([across, down])
    }
}

impl Projection {
    fn new(epsg: u16) -> Option<Self> {
        let definition = crs_definitions::from_code(epsg)?;
        Some(Self {
            map: Proj::from_proj_string(definition.proj4).ok()?,
            globe: Proj::from_proj_string("+proj=longlat +datum=WGS84 +no_defs").ok()?,
        })
    }

    fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        // proj4rs speaks radians wherever the coordinates are angles.
        let mut point = if self.map.is_latlong() { (x.to_radians(), y.to_radians()) } else { (x, y) };
        proj4rs::transform::transform(&self.map, &self.globe, &mut point).ok()?;
        let (lon, lat) = (point.0.to_degrees(), point.1.to_degrees());
        (lon.is_finite() && lat.abs() <= 90.0).then(|| (normalise(lon), lat))
    }
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
fn transform(ifd: &Ifd, crs: Option<&CrsInfo>) -> Option<GeoTransform> {
    let raster_type = crs.map_or(geotiff_reader::crs::RasterType::PixelIsArea, CrsInfo::raster_type_enum);
    let scale = match doubles(ifd, MODEL_PIXEL_SCALE).as_slice() {
        &[x, y] | &[x, y, _] if x != 0.0 && y != 0.0 => Some([x, y, 0.0]),
        _ => None,
    };
    let tie_points = doubles(ifd, MODEL_TIEPOINT);
    let tie_point = tie_points.first_chunk::<6>();
    let transform = match (scale, tie_point) {
        (Some(scale), Some(tie_point)) => {
            GeoTransform::from_tiepoint_and_scale_with_raster_type(tie_point, &scale, raster_type)
        }
        _ => GeoTransform::from_transformation_matrix_with_raster_type(
            doubles(ifd, MODEL_TRANSFORMATION).first_chunk::<16>()?,
            raster_type,
        ),
    };
    // Has an inverse, so all numbers are finite and the pixels have an area.
    transform.geo_to_pixel(transform.origin_x, transform.origin_y).map(|_| transform)
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
