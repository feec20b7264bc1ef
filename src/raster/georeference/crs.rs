//! Coordinate reference systems: their names, their units, and the way to degrees and back.

use proj4rs::Proj;

use super::normalise;
use super::wkt::Element;

const GLOBE: &str = "+proj=longlat +datum=WGS84 +no_defs";

/// What is known of the system that a scene's map coordinates are in.
#[derive(Clone)]
pub(in crate::raster) struct Crs {
    pub epsg: Option<u32>,
    /// What the file calls it.
    pub name: Option<String>,
    projection: Option<Projection>,
}

/// The way from a map position to degrees.
#[derive(Clone)]
struct Projection {
    map: Proj,
    globe: Proj,
}

impl Crs {
    /// By its EPSG code, as far as that is known, and under the file's name for it.
    pub fn new(epsg: Option<u32>, name: Option<String>) -> Self {
        let definition = epsg.and_then(|code| u16::try_from(code).ok()).and_then(crs_definitions::from_code);
        let projection = definition.and_then(|definition| Projection::new(definition.proj4));
        Self { epsg, name, projection }
    }

    /// From well-known text, or what else GDAL writes in its place ("EPSG:32633").
    pub fn from_wkt(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((authority, code)) = text.split_once(':')
            && authority.eq_ignore_ascii_case("EPSG")
        {
            return Some(Self::new(Some(code.trim().parse().ok()?), None));
        }
        let element = Element::parse(text)?;
        let mut crs = Self::new(element.epsg(), element.name().map(str::to_owned));
        if crs.projection.is_none() {
            crs.projection = element.proj_string().as_deref().and_then(Projection::new);
        }
        Some(crs)
    }

    /// Whether positions can be turned into longitude and latitude.
    pub fn is_understood(&self) -> bool {
        self.projection.is_some()
    }

    /// Whether coordinates are longitude and latitude.
    pub fn is_degrees(&self) -> bool {
        self.map().is_some_and(Proj::is_latlong)
    }

    pub fn map(&self) -> Option<&Proj> {
        self.projection.as_ref().map(|projection| &projection.map)
    }

    /// "EPSG:32633", or the file's name for it.
    pub fn short_name(&self) -> Option<String> {
        self.epsg.map(|code| format!("EPSG:{code}")).or_else(|| self.name.clone())
    }

    /// The unit of the coordinates.
    pub fn units(&self) -> Option<&'static str> {
        let map = self.map()?;
        if map.is_latlong() {
            return Some("degrees");
        }
        let is = |metres: f64| (map.to_meter() / metres - 1.0).abs() < 1e-9;
        let known = [
            (1.0, "metres"),
            (1000.0, "kilometres"),
            (0.3048, "feet"),
            (1200.0 / 3937.0, "US survey feet"),
            (0.201_168, "links"),
        ];
        known.into_iter().find(|(metres, _)| is(*metres)).map(|(_, name)| name)
    }

    pub fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.projection.as_ref()?.lon_lat(x, y)
    }
}

impl Projection {
    fn new(definition: &str) -> Option<Self> {
        Some(Self {
            map: Proj::from_proj_string(definition).ok()?,
            globe: Proj::from_proj_string(GLOBE).ok()?,
        })
    }

    fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        // proj4rs speaks radians wherever the coordinates are angles; and it refuses more than a turn.
        let mut point =
            if self.map.is_latlong() { (normalise(x).to_radians(), y.to_radians()) } else { (x, y) };
        proj4rs::transform::transform(&self.map, &self.globe, &mut point).ok()?;
        let (lon, lat) = (point.0.to_degrees(), point.1.to_degrees());
        (lon.is_finite() && lat.abs() <= 90.0).then(|| (normalise(lon), lat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_names() {
        let units = |code| Crs::new(Some(code), None).units();
        assert_eq!(units(32633), Some("metres"));
        assert_eq!(units(4326), Some("degrees"));
        assert_eq!(units(2263), Some("US survey feet"));
        assert_eq!(units(900_913_000), None);
    }

    #[test]
    fn a_system_without_a_code_is_put_together() {
        let text = r#"PROJCS["WGS_1984_UTM_Zone_33N",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",15.0],PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]"#;
        let crs = Crs::from_wkt(text).unwrap();
        assert_eq!((crs.epsg, crs.short_name().as_deref()), (None, Some("WGS_1984_UTM_Zone_33N")));
        let (lon, lat) = crs.lon_lat(500_070.0, 5_499_900.0).unwrap();
        let (expected_lon, expected_lat) =
            Crs::new(Some(32633), None).lon_lat(500_070.0, 5_499_900.0).unwrap();
        let near = (lon - expected_lon).abs() < 1e-8 && (lat - expected_lat).abs() < 1e-8;
        assert!(near, "{lon} {lat}, not {expected_lon} {expected_lat}");
    }
}
