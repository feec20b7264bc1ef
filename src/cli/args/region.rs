//! Where to look: a part of the scene.

use std::path::PathBuf;

use clap::Args;

use crate::raster::Scene;
use crate::windows::{Area, RequestedRegion};

#[derive(Args, Clone, Debug, Default)]
pub struct RegionArgs {
    /// Look only between these: west, south, east, north in degrees, or left, top, right, bottom in pixels
    /// for an image without a place
    #[arg(long, value_name = "W,S,E,N", value_parser = bounds, allow_hyphen_values = true)]
    pub bounds: Option<BoundsArg>,
    /// Look only in the polygons of a GeoJSON file; several files are looked at one after the other
    #[arg(long, value_name = "FILE.geojson")]
    pub region: Vec<PathBuf>,
}

impl RegionArgs {
    /// The areas in pixels of a scene, in the order in which they are looked at.
    ///
    /// # Errors
    /// When a file can't be read or holds no polygon, or the bounds can't be found on the scene.
    pub fn areas(&self, scene: &Scene) -> anyhow::Result<Vec<Area>> {
        Ok(self.region().areas(scene)?)
    }

    /// The same before the scene is known.
    #[must_use]
    pub fn region(&self) -> RequestedRegion {
        RequestedRegion { bounds: self.bounds.map(|bounds| bounds.0), files: self.region.clone() }
    }
}

/// West, south, east, north.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundsArg([f64; 4]);

fn bounds(text: &str) -> Result<BoundsArg, String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let four = numbers.and_then(|numbers| <[f64; 4]>::try_from(numbers).ok());
    let finite = four.filter(|four| four.iter().all(|number| number.is_finite()));
    finite
        .map(BoundsArg)
        .ok_or_else(|| "four numbers are needed, with commas between them: W,S,E,N".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_four_numbers() {
        assert_eq!(bounds("-1.5,2, 3,4"), Ok(BoundsArg([-1.5, 2.0, 3.0, 4.0])));
        for wrong in ["1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,NaN", ""] {
            assert!(bounds(wrong).is_err(), "{wrong}");
        }
    }
}
