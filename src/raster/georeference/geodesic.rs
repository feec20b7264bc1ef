//! Lengths and directions on the WGS 84 ellipsoid, of any size, along geodesics (Karney, 2013).

use geo::{Distance as _, Geodesic, Point};

/// Metres along the shortest ways between places in degrees (longitude, latitude), one after the other.
pub fn length(path: &[(f64, f64)]) -> f64 {
    let point = |&(lon, lat): &(f64, f64)| Point::new(lon, lat);
    path.windows(2)
        .filter_map(|pair| pair.first().zip(pair.get(1)))
        .map(|(a, b)| Geodesic.distance(point(a), point(b)))
        .sum()
}

/// The direction from a place to another, as one says it: "north-east".
pub fn direction(from: (f64, f64), to: (f64, f64)) -> &'static str {
    const NAMES: [&str; 8] =
        ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];
    let bearing = geo::Bearing::bearing(&Geodesic, from.into(), to.into());
    NAMES.get((bearing / 45.0).round().rem_euclid(8.0) as usize).copied().unwrap_or(NAMES[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `inv` of `pyproj.Geod(ellps="WGS84")`.
    #[test]
    fn as_geographiclib_has_it() {
        for (path, metres) in [
            ([(139.77, 35.68), (139.78, 35.69)], 1_431.944_03),
            ([(-0.1276, 51.5072), (151.2093, -33.8688)], 16_989_294.7),
            ([(179.9, 10.0), (-179.9, 10.0)], 21_927.872_5),
        ] {
            let found = length(&path);
            assert!((found / metres - 1.0).abs() < 1e-6, "{path:?}: {found}");
        }
    }

    #[test]
    fn directions_have_names() {
        let directions = [((1.0, 0.0), "east"), ((0.0, -1.0), "south"), ((-1.0, 1.0), "north-west")];
        for (to, name) in directions {
            assert_eq!(direction((0.0, 0.0), to), name);
        }
    }
}
