//! What a scene covers, on the map and on the globe.

use super::{Georeference, Placement, edge, next_to, normalise};

/// Positions along each edge.
const ALONG: u32 = 32;
/// Positions across the scene in each direction, if parts of it lie off the earth.
const ACROSS: u32 = 64;
/// Bisection steps to find the edge of the earth between two positions.
const HALVINGS: usize = 24;
/// A latitude within this many degrees of a pole counts as the pole.
const AT_POLE: f64 = 0.05;

impl Georeference {
    /// West, south, east, north on the map: of the corners, and of the edges where those are curved.
    pub fn bounds(&self, width: u32, height: u32) -> Option<[f64; 4]> {
        let straight = matches!(self.placement, Some(Placement::Affine(_)));
        let mut bounds: Option<[f64; 4]> = None;
        for (x, y) in edge(width, height, if straight { 1 } else { ALONG }) {
            let (x, y) = self.map(x, y)?;
            let [west, south, east, north] = bounds.unwrap_or([x, y, x, y]);
            bounds = Some([west.min(x), south.min(y), east.max(x), north.max(y)]);
        }
        bounds
    }

    /// West, south, east, north in degrees, from points along the edges, which are curved on the globe. West
    /// is larger than east where the scene lies across the antimeridian, and a scene with a pole in it has
    /// all longitudes and reaches the pole (as RFC 7946, sections 5.2 and 5.3). Of a scene with pixels beside
    /// the earth, that of the rest.
    pub fn bounds_lon_lat(&self, width: u32, height: u32) -> Option<[f64; 4]> {
        let outline: Option<Vec<_>> = edge(width, height, ALONG).map(|(x, y)| self.lon_lat(x, y)).collect();
        let Some(outline) = outline else { return self.bounds_of_rest(width, height) };
        let mut bounds: Option<[f64; 4]> = None;
        let mut previous = None;
        for (lon, lat) in outline {
            let lon = previous.map_or(lon, |previous| next_to(previous, lon));
            previous = Some(lon);
            bounds = Some(around(bounds, lon, lat));
        }
        let [west, south, east, north] = bounds?;
        let (has_south, has_north) =
            (self.has_pole(-90.0, width, height), self.has_pole(90.0, width, height));
        if has_south || has_north {
            let (south, north) =
                (if has_south { -90.0 } else { south }, if has_north { 90.0 } else { north });
            return Some([-180.0, south, 180.0, north]);
        }
        if east - west >= 360.0 {
            return Some([-180.0, south, 180.0, north]);
        }
        Some([normalise(west), south, normalise(east), north])
    }

    /// Whether the pole at a latitude lies in the scene.
    fn has_pole(&self, lat: f64, width: u32, height: u32) -> bool {
        let inside = |(x, y): (f64, f64)| {
            (0.0..=f64::from(width)).contains(&x) && (0.0..=f64::from(height)).contains(&y)
        };
        if self.pixel(0.0, lat, (width, height)).is_some_and(inside) {
            return true;
        }
        // If the inverse transformation fails at the pole, check whether the outline winds around it.
        let outline: Vec<_> = edge(width, height, ALONG).filter_map(|(x, y)| self.lon_lat(x, y)).collect();
        let Some(&(first, _)) = outline.first() else { return false };
        let lats = outline.iter().map(|(_, lat)| lat);
        let last =
            outline.iter().chain([&outline[0]]).fold(first, |previous, (lon, _)| next_to(previous, *lon));
        let around = (last - first).abs() > 180.0;
        let middle = self.lon_lat(f64::from(width) / 2.0, f64::from(height) / 2.0);
        let mean = lats.sum::<f64>() / outline.len() as f64;
        around && middle.is_some_and(|(_, inner)| (inner - mean) * lat > 0.0)
    }

    /// The bounds of a scene that lies partly off the earth: of a grid of positions, and of the edge of the
    /// earth between them.
    fn bounds_of_rest(&self, width: u32, height: u32) -> Option<[f64; 4]> {
        let at = |column: u32, row: u32| {
            let part = |step: u32, side: u32| f64::from(step) / f64::from(ACROSS) * f64::from(side);
            (part(column, width), part(row, height))
        };
        let mut places = Vec::new();
        for row in 0..=ACROSS {
            for column in 0..=ACROSS {
                let here = at(column, row);
                let place = self.lon_lat(here.0, here.1);
                places.extend(place);
                let neighbours = [(column + 1, row), (column, row + 1)];
                for (column, row) in neighbours.into_iter().filter(|(x, y)| *x <= ACROSS && *y <= ACROSS) {
                    let there = at(column, row);
                    let other = self.lon_lat(there.0, there.1);
                    match (place, other) {
                        (Some(_), None) => places.extend(self.last_on_earth(here, there)),
                        (None, Some(_)) => places.extend(self.last_on_earth(there, here)),
                        _ => {}
                    }
                }
            }
        }
        let (south, north) = places
            .iter()
            .fold((90.0_f64, -90.0_f64), |(south, north), (_, lat)| (south.min(*lat), north.max(*lat)));
        let (west, east) = longitudes(places.iter().map(|(lon, _)| *lon).collect())?;
        let to_pole = |lat: f64| if lat.abs() > 90.0 - AT_POLE { 90.0_f64.copysign(lat) } else { lat };
        Some([west, to_pole(south), east, to_pole(north)])
    }

    /// The last position on the earth between one on it and one off it.
    fn last_on_earth(&self, on: (f64, f64), beside: (f64, f64)) -> Option<(f64, f64)> {
        let (mut on, mut beside) = (on, beside);
        for _ in 0..HALVINGS {
            let middle = (f64::midpoint(on.0, beside.0), f64::midpoint(on.1, beside.1));
            match self.lon_lat(middle.0, middle.1) {
                Some(_) => on = middle,
                None => beside = middle,
            }
        }
        self.lon_lat(on.0, on.1)
    }
}

fn around(bounds: Option<[f64; 4]>, lon: f64, lat: f64) -> [f64; 4] {
    let [west, south, east, north] = bounds.unwrap_or([lon, lat, lon, lat]);
    [west.min(lon), south.min(lat), east.max(lon), north.max(lat)]
}

/// The shortest range that contains all of these longitudes: everything but their largest gap.
fn longitudes(mut lons: Vec<f64>) -> Option<(f64, f64)> {
    /// Around the earth's edge there are places enough; a gap within is none.
    const GAP: f64 = 360.0 / 32.0;
    lons.sort_by(f64::total_cmp);
    let (first, last) = (*lons.first()?, *lons.last()?);
    let pairs = lons.iter().zip(lons.iter().skip(1)).map(|(west, east)| (east - west, *east, *west));
    let across = (first + 360.0 - last, first, last);
    let (gap, west, east) = pairs.chain([across]).max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(if gap < GAP { (-180.0, 180.0) } else { (west, east) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::georeference::{Affine, Crs};

    fn bounds(definition: &str, numbers: [f64; 6], (width, height): (u32, u32)) -> [f64; 4] {
        let crs = Crs::from_text(definition);
        let place = Georeference::new(Affine::new(numbers), crs).unwrap().with_globe((width, height));
        place.bounds_lon_lat(width, height).unwrap()
    }

    #[test]
    fn a_pole_is_a_part_of_all_longitudes() {
        let around = [-1e6, 5e4, 0.0, 1e6, 0.0, -5e4];
        let [west, south, east, north] = bounds("EPSG:3031", around, (40, 40));
        assert_eq!([west, south, east], [-180.0, -90.0, 180.0]);
        assert!((north + 77.037).abs() < 0.01, "{north}");
        let [_, south, _, north] = bounds("EPSG:3995", around, (40, 40));
        assert!(north == 90.0 && (76.5..77.5).contains(&south), "{south} {north}");
        // Beside the pole.
        let [west, south, east, north] = bounds("EPSG:3031", [1e5, 1e4, 0.0, 2e5, 0.0, -1e4], (10, 10));
        assert!(west > 0.0 && east < 90.0 && south > -90.0 && north < -85.0, "{west} {south} {east} {north}");
    }

    #[test]
    fn what_lies_beside_the_earth_does_not_count() {
        let disc = "+proj=geos +h=35785831 +lon_0=9.5 +sweep=y +ellps=WGS84";
        let [west, south, east, north] = bounds(disc, [-5.5e6, 1.1e5, 0.0, 5.5e6, 0.0, -1.1e5], (100, 100));
        assert!((west + 71.8).abs() < 1.0 && (east - 90.8).abs() < 1.0, "{west} {east}");
        assert!((south + 81.2).abs() < 1.0 && (north - 81.2).abs() < 1.0, "{south} {north}");
        let world = bounds("ESRI:54009", [-1.81e7, 3.62e5, 0.0, 9.1e6, 0.0, -1.82e5], (100, 100));
        assert_eq!(world, [-180.0, -90.0, 180.0, 90.0]);
    }

    #[test]
    fn west_is_larger_than_east_across_the_antimeridian() {
        let [west, _, east, _] = bounds("EPSG:32601", [350_000.0, 10.0, 0.0, 8e6, 0.0, -10.0], (9000, 9000));
        assert!(west > 170.0 && east < -170.0, "{west} {east}");
        assert_eq!(
            bounds("EPSG:4326", [0.0, 1.0, 0.0, 90.0, 0.0, -1.0], (360, 180)),
            [-180.0, -90.0, 180.0, 90.0]
        );
    }
}
