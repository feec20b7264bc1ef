//! Areas from files and from bounds in degrees.

use geo::{LineString, Polygon};
use geojson::{GeoJson, Geometry, GeometryValue, JsonValue, Position};

use super::area::{Area, ring};
use super::error::AreaError;
use crate::raster::clip;

/// The most pieces that an edge is placed in. Straight in degrees is curved on most maps.
const MOST_PIECES: f64 = 16.0;

/// Pieces of an edge are no shorter than this, in degrees; about a kilometre on the ground.
const PIECE: f64 = 0.01;

/// How far from the seam of a map it is cut, in degrees: less than a tenth of a millimetre.
const SEAM: f64 = 1e-9;

/// The way from the globe to a scene.
pub(crate) struct ToGlobe<'a> {
    /// From longitude and latitude in degrees to level-0 pixels, where the map has such a place.
    pub to_pixel: &'a dyn Fn(f64, f64) -> Option<(f64, f64)>,
    /// The longitude of the scene's middle. On the other side of the globe, a map around the earth has its
    /// seam.
    pub centre: f64,
}

impl Area {
    /// All polygons of a `GeoJSON` text (RFC 7946); points and lines in it are passed over. Coordinates are
    /// longitude and latitude in degrees, but pixels where the text says `"coordinates": "pixels"`, as
    /// Skysift's own exports do, or where the scene has no place on the globe (`globe` is the reason then)
    /// and the text says nothing.
    ///
    /// # Errors
    /// When the text isn't `GeoJSON`, has no polygon, or one that can't be placed on the scene.
    pub(crate) fn from_geojson(text: &str, globe: Result<&ToGlobe, &str>) -> Result<Self, AreaError> {
        let wrong = |source| AreaError::NotGeoJson { source };
        let mut value: JsonValue = serde_json::from_str(text).map_err(wrong)?;
        let units = take_units(&mut value);
        let in_pixels = in_pixels(units.as_deref(), value.pointer("/crs/properties/name"), globe.err())?;
        let json: GeoJson = serde_json::from_value(value).map_err(wrong)?;
        let mut polygons = Vec::new();
        for geometry in geometries(&json) {
            collect(geometry, globe.ok().filter(|_| !in_pixels), &mut polygons)?;
        }
        if polygons.is_empty() {
            return Err(AreaError::NoPolygon);
        }
        Ok(Self::from_polygons(polygons))
    }

    /// The area between two meridians and two parallels, in degrees. Where `west` is greater than `east`, it
    /// goes on across the antimeridian (RFC 7946, section 5.2).
    ///
    /// # Errors
    /// When the numbers aren't bounds, or can't be placed on the scene.
    pub(crate) fn bounds(
        west: f64,
        south: f64,
        east: f64,
        north: f64,
        globe: &ToGlobe,
    ) -> Result<Self, AreaError> {
        if south >= north || west == east {
            return Err(AreaError::NotBounds);
        }
        let east = if west > east { east + 360.0 } else { east };
        let corners = [(west, south), (east, south), (east, north), (west, north)];
        let rings = placed_rings(&corners, globe, MOST_PIECES)?;
        Ok(Self::from_polygons(rings.into_iter().map(|ring| Polygon::new(ring, Vec::new())).collect()))
    }
}

/// Takes out what Skysift's exports say of their coordinates. It stands where a bare geometry has its
/// numbers, and so the parser wouldn't have it.
fn take_units(json: &mut JsonValue) -> Option<String> {
    let units = json.get("coordinates")?.as_str()?.to_owned();
    json.as_object_mut()?.remove("coordinates");
    Some(units)
}

/// Whether coordinates are pixels, by what the text says of them and whether the scene has a place on the
/// globe.
fn in_pixels(
    units: Option<&str>,
    crs: Option<&JsonValue>,
    why_unplaced: Option<&str>,
) -> Result<bool, AreaError> {
    if units == Some("pixels") {
        return Ok(true);
    }
    // Gone from the standard since 2016, but still written.
    let crs = crs.and_then(JsonValue::as_str);
    if let Some(crs) = crs.filter(|crs| !crs.ends_with("CRS84") && !crs.ends_with(":4326")) {
        return Err(AreaError::OtherCrs { crs: crs.to_owned() });
    }
    match why_unplaced {
        Some(why) if crs.is_some() || units.is_some() => {
            Err(AreaError::SceneWithoutPlace { why: why.to_owned() })
        }
        other => Ok(other.is_some()),
    }
}

/// The geometries of a text; features without one are passed over.
fn geometries(json: &GeoJson) -> Vec<&Geometry> {
    match json {
        GeoJson::Geometry(geometry) => vec![geometry],
        GeoJson::Feature(feature) => feature.geometry.iter().collect(),
        GeoJson::FeatureCollection(all) => all.features.iter().filter_map(|f| f.geometry.as_ref()).collect(),
    }
}

/// Adds the polygons of a geometry; without `globe` its coordinates are pixels.
fn collect(
    geometry: &Geometry,
    globe: Option<&ToGlobe>,
    polygons: &mut Vec<Polygon<f64>>,
) -> Result<(), AreaError> {
    let all = match &geometry.value {
        GeometryValue::Polygon { coordinates } => std::slice::from_ref(coordinates),
        GeometryValue::MultiPolygon { coordinates } => coordinates,
        GeometryValue::GeometryCollection { geometries } => {
            return geometries.iter().try_for_each(|geometry| collect(geometry, globe, polygons));
        }
        _ => return Ok(()),
    };
    for rings in all {
        let Some((outer, holes)) = rings.split_first() else { continue };
        let mut outer = read_ring(outer, globe)?;
        let mut inner = Vec::new();
        for hole in holes {
            inner.extend(read_ring(hole, globe)?);
        }
        // The pieces of a polygon that the seam divides share the pieces of its holes: where a hole lies
        // outside, it leaves nothing out.
        if let Some(last) = outer.pop() {
            polygons.extend(outer.into_iter().map(|ring| Polygon::new(ring, inner.clone())));
            polygons.push(Polygon::new(last, inner));
        }
    }
    Ok(())
}

fn read_ring(positions: &[Position], globe: Option<&ToGlobe>) -> Result<Vec<LineString<f64>>, AreaError> {
    let point = |position: &Position| match position.as_slice() {
        [x, y, ..] => Ok((*x, *y)),
        _ => Err(AreaError::ShortPosition),
    };
    let points = positions.iter().map(point).collect::<Result<Vec<_>, AreaError>>()?;
    match globe {
        Some(globe) => placed_rings(&points, globe, 1.0),
        None => ring(&points).map(|ring| vec![ring]),
    }
}

/// A ring through corners in degrees, every edge of it placed in `least` pieces or more. On the side of the
/// globe that the scene turns away, it is cut: the map has its edges there, and a ring across them would be
/// torn.
fn placed_rings(
    corners: &[(f64, f64)],
    globe: &ToGlobe,
    least: f64,
) -> Result<Vec<LineString<f64>>, AreaError> {
    for &(lon, lat) in corners {
        // NaN is in no range.
        if !(-540.0..=540.0).contains(&lon) || !(-90.0..=90.0).contains(&lat) {
            return Err(AreaError::NotDegrees { lon, lat });
        }
    }
    // Checks that there is an inside.
    ring(corners)?;
    let whole: Vec<[f64; 2]> = corners.iter().map(|&(lon, lat)| [lon, lat]).collect();
    let mut rings = Vec::new();
    for turn in -2..=2 {
        let west = globe.centre - 180.0 + 360.0 * f64::from(turn);
        // A hair within, so that the cut's ends go to the two edges of the map.
        let piece = clip(&clip(&whole, west + SEAM, 1.0), west + 360.0 - SEAM, -1.0);
        if piece.len() >= 3 {
            let points = placed_points(&piece, globe.to_pixel, least)?;
            // A piece may be as good as nothing.
            rings.extend(ring(&points).ok());
        }
    }
    if rings.is_empty() {
        return Err(AreaError::Flat);
    }
    Ok(rings)
}

fn placed_points(
    corners: &[[f64; 2]],
    to_pixel: &dyn Fn(f64, f64) -> Option<(f64, f64)>,
    least: f64,
) -> Result<Vec<(f64, f64)>, AreaError> {
    let mut points = Vec::with_capacity(corners.len());
    for (number, &[lon, lat]) in corners.iter().enumerate() {
        let [next_lon, next_lat] = corners[(number + 1) % corners.len()];
        let (across, up) = (next_lon - lon, next_lat - lat);
        let pieces = (across.abs().max(up.abs()) / PIECE).ceil().clamp(least, MOST_PIECES);
        for piece in 0..pieces as u32 {
            let share = f64::from(piece) / pieces;
            let (lon, lat) = (lon + share * across, lat + share * up);
            let lon = if lon.abs() > 180.0 { (lon + 180.0).rem_euclid(360.0) - 180.0 } else { lon };
            let place = to_pixel(lon, lat).filter(|(x, y)| x.is_finite() && y.is_finite());
            points.push(place.ok_or(AreaError::OffTheMap { lon, lat })?);
        }
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Rect;

    const SCENE: (u32, u32) = (1000, 1000);

    /// A degree is a hundred pixels; (0, 0) lies at longitude 10, latitude 50.
    fn to_pixel(lon: f64, lat: f64) -> Option<(f64, f64)> {
        (lat > 0.0).then_some(((lon - 10.0) * 100.0, (50.0 - lat) * 100.0))
    }

    fn globe(to_pixel: &dyn Fn(f64, f64) -> Option<(f64, f64)>, centre: f64) -> ToGlobe<'_> {
        ToGlobe { to_pixel, centre }
    }

    fn from(text: &str, placed: bool) -> Result<Area, AreaError> {
        let globe = globe(&to_pixel, 15.0);
        Area::from_geojson(text, if placed { Ok(&globe) } else { Err("it has no georeference") })
    }

    fn read(text: &str, placed: bool) -> Result<Rect, String> {
        let area = from(text, placed).map_err(|error| error.to_string())?;
        Ok(area.bounding_rect(SCENE).unwrap())
    }

    const SQUARE: &str = r#"{"type":"Polygon","coordinates":[[[11,49],[12,49],[12,48],[11,48],[11,49]]]}"#;

    #[test]
    fn every_kind_of_geojson_with_polygons() {
        let feature = format!(r#"{{"type":"Feature","properties":null,"geometry":{SQUARE}}}"#);
        let point = r#"{"type":"Point","coordinates":[15,45]}"#;
        let nothing = r#"{"type":"Feature","properties":null,"geometry":null}"#;
        for text in [
            SQUARE.to_owned(),
            feature.clone(),
            format!(r#"{{"type":"FeatureCollection","features":[{nothing},{feature}]}}"#),
            format!(r#"{{"type":"GeometryCollection","geometries":[{point},{SQUARE}]}}"#),
            SQUARE.replace("Polygon", "MultiPolygon").replace("[[[", "[[[[").replace("]]]", "]]]]"),
        ] {
            assert_eq!(read(&text, true), Ok(Rect::new(100, 100, 100, 100)), "{text}");
        }
    }

    #[test]
    fn holes_are_left_out() {
        let hole = SQUARE.replace("]]]", "]],[[11.2,48.8],[11.8,48.8],[11.8,48.2],[11.2,48.2],[11.2,48.8]]]");
        let area = from(&hole, true).unwrap();
        assert!(!area.touches(&Rect::new(130, 130, 40, 40)));
        assert!(area.touches(&Rect::new(130, 130, 60, 60)));
    }

    #[test]
    fn pixels_where_the_text_or_the_scene_says_so() {
        let all = |members: &str| {
            let feature = format!(r#"{{"type":"Feature","properties":null,"geometry":{SQUARE}}}"#);
            format!(r#"{{"type":"FeatureCollection",{members}"features":[{feature}]}}"#)
        };
        let in_pixels = Ok(Rect::new(11, 48, 1, 1));
        assert_eq!(read(SQUARE, false), in_pixels);
        assert_eq!(read(&all(r#""coordinates":"pixels","#), true), in_pixels);
        let degrees = all(r#""coordinates":"longitude, latitude","#);
        assert_eq!(read(&degrees, true), Ok(Rect::new(100, 100, 100, 100)));
        assert!(read(&degrees, false).unwrap_err().contains("no georeference"));
        let crs = |name| all(&format!(r#""crs":{{"type":"name","properties":{{"name":"{name}"}}}},"#));
        assert!(read(&crs("urn:ogc:def:crs:OGC:1.3:CRS84"), true).is_ok());
        assert!(read(&crs("urn:ogc:def:crs:EPSG::32633"), true).unwrap_err().contains("32633"));
    }

    #[test]
    fn what_is_no_area_is_told() {
        for (text, part) in [
            ("", "isn't GeoJSON"),
            (r#"{"type":"Polygon"}"#, "isn't GeoJSON"),
            (r#"{"type":"Point","coordinates":[1,2]}"#, "no polygon"),
            (r#"{"type":"Polygon","coordinates":[]}"#, "no polygon"),
            (r#"{"type":"Polygon","coordinates":[[]]}"#, "three corners"),
            (r#"{"type":"Polygon","coordinates":[[[1,2],[3,4],[1,2]]]}"#, "three corners"),
            (r#"{"type":"Polygon","coordinates":[[[500000,1],[3,4],[1,2]]]}"#, "no longitude"),
            (r#"{"type":"Polygon","coordinates":[[[11,49],[12,-49],[13,49]]]}"#, "smaller area"),
        ] {
            let error = from(text, true).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn bounds_follow_the_curves_of_the_map() {
        // A map on which parallels are arcs: the middle of the northern edge lies higher than its ends.
        let arcs = |lon: f64, lat: f64| Some((lon * 10.0, 500.0 - lat * 10.0 + (lon - 10.0).powi(2)));
        let area = Area::bounds(0.0, 10.0, 20.0, 20.0, &globe(&arcs, 10.0)).unwrap();
        assert_eq!(area.bounding_rect(SCENE), Some(Rect::new(0, 300, 200, 200)));
        assert!(area.touches(&Rect::new(95, 305, 9, 9)));
        assert!(!area.touches(&Rect::new(0, 305, 9, 9)));
    }

    #[test]
    fn bounds_across_the_antimeridian_and_wrong_ones() {
        let pacific = |lon: f64, lat: f64| Some((lon.rem_euclid(360.0), lat));
        let pacific = globe(&pacific, 180.0);
        let area = Area::bounds(170.0, 10.0, -170.0, 20.0, &pacific).unwrap();
        assert_eq!(area.bounding_rect(SCENE), Some(Rect::new(170, 10, 20, 10)));
        assert!(
            Area::bounds(0.0, 20.0, 5.0, 10.0, &pacific)
                .unwrap_err()
                .to_string()
                .contains("south below north")
        );
        for odd in [f64::NAN, f64::INFINITY, 1e300] {
            assert!(Area::bounds(odd, 10.0, 20.0, 20.0, &pacific).is_err());
            assert!(Area::bounds(0.0, 10.0, 20.0, odd, &pacific).is_err());
            assert!(Area::bounds(0.0, 10.0, 20.0, 20.0, &globe(&|_, _| Some((odd, odd)), 0.0)).is_err());
        }
    }
}
