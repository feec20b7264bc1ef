//! Distances on the ground.

use super::next_to;

/// Half the longer axis of the WGS 84 ellipsoid, in metres, and the square of its eccentricity.
const SEMI_MAJOR: f64 = 6_378_137.0;
const ECCENTRICITY_2: f64 = 0.006_694_379_990_141_3;

/// Metres between two near places in degrees, by the ellipsoid's radii of curvature halfway between them.
pub fn metres((lon_a, lat_a): (f64, f64), (lon_b, lat_b): (f64, f64)) -> f64 {
    let (sine, cosine) = f64::midpoint(lat_a, lat_b).to_radians().sin_cos();
    let root = (1.0 - ECCENTRICITY_2 * sine * sine).sqrt();
    let across = SEMI_MAJOR / root;
    let along = SEMI_MAJOR * (1.0 - ECCENTRICITY_2) / root.powi(3);
    let east = (next_to(lon_a, lon_b) - lon_a).to_radians() * across * cosine;
    let north = (lat_b - lat_a).to_radians() * along;
    east.hypot(north)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_on_the_ellipsoid() {
        // From tables of WGS 84.
        for (a, b, length) in [
            ((0.0, 0.0), (1.0, 0.0), 111_319.49),
            ((0.0, -0.5), (0.0, 0.5), 110_574.3),
            ((10.0, 59.5), (10.0, 60.5), 111_412.2),
            ((179.5, 60.0), (-179.5, 60.0), 55_800.0),
        ] {
            let found = metres(a, b);
            assert!((found / length - 1.0).abs() < 1e-5, "{found} is not {length}");
        }
    }
}
