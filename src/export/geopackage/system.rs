//! In which coordinates a GeoPackage is.

use crate::export::record::{Record, Records};
use crate::raster::{Footprint, MapSystem, Scene};

/// What the standard calls a plane whose place nobody knows.
const PLANE: i32 = -1;
const DEGREES: i32 = 4326;
/// Above all EPSG codes: what a system is called that has none.
const OWN: i32 = 100_000;

/// Where records lie.
pub(super) enum MapOf<'a> {
    /// On the map of their scene.
    Scene(&'a Scene, MapSystem),
    /// On the map of a scene that doesn't say which it is.
    UnnamedMap(&'a Scene),
    /// In degrees (WGS 84).
    Degrees,
    /// In pixels, y upwards, as GIS programs show a picture without a place.
    Pixels,
}

impl<'a> MapOf<'a> {
    pub fn choose(records: &Records, scene: Option<&'a Scene>) -> Self {
        if let Some(scene) = scene {
            if let Some(system) = scene.map_system() {
                return Self::Scene(scene, system);
            }
            if !scene.is_on_globe() {
                let on_map = scene.map(0.0, 0.0).is_some();
                return if on_map { Self::UnnamedMap(scene) } else { Self::Pixels };
            }
        }
        let nowhere = !records.list.is_empty() && records.unplaced() == records.list.len();
        if nowhere && records.scenes().len() == 1 { Self::Pixels } else { Self::Degrees }
    }

    /// The number by which the file refers to the system.
    pub fn id(&self) -> i32 {
        match self {
            Self::Scene(_, system) => system.epsg.and_then(|code| i32::try_from(code).ok()).unwrap_or(OWN),
            Self::UnnamedMap(_) | Self::Pixels => PLANE,
            Self::Degrees => DEGREES,
        }
    }

    /// The system, if the standard's own ones don't include it.
    pub fn own(&self) -> Option<&MapSystem> {
        match self {
            Self::Scene(_, system) if self.id() != DEGREES => Some(system),
            _ => None,
        }
    }

    /// The closed rings of what a record covers; `None` where it has no place.
    pub fn rings(&self, record: &Record) -> Option<Vec<Vec<[f64; 2]>>> {
        let ring: Option<Vec<(f64, f64)>> = match self {
            Self::Degrees => {
                return record.footprint.as_ref().map(|footprint| footprint.rings().to_vec());
            }
            Self::Scene(scene, _) | Self::UnnamedMap(scene) => {
                record.corners().into_iter().map(|(x, y)| scene.map(x, y)).collect()
            }
            Self::Pixels => Some(record.corners().into_iter().map(|(x, y)| (x, -y)).collect()),
        };
        let ring = ring.filter(|ring| ring.iter().all(|(x, y)| x.is_finite() && y.is_finite()))?;
        Some(Footprint::ring_in_pixels(&ring).rings().to_vec())
    }
}
