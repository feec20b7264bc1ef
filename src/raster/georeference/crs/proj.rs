//! PROJ, the library of coordinate systems: what a definition stands for, and the transformation to longitude
//! and latitude.
//!
//! PROJ is built from source together with its database, and uses no files of the system, neither the
//! database of another version nor grids, so that a scene lies in the same place on every computer.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use serde_json::Value;

use super::proj_object::{Direction, Object, ProjError};

/// A longer text isn't a definition.
const MAX_BYTES: usize = 64 << 10;
/// Longitude and latitude in degrees.
const WGS_84: &str = "EPSG:4326";
/// How many transformations each thread keeps: making one between two systems takes some 20 ms, since PROJ
/// searches its database.
const CACHED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

thread_local! {
    static CACHE: RefCell<LruCache<Pipeline, Object>> = RefCell::new(LruCache::new(CACHED));
}

/// What PROJ makes a transformation from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Pipeline {
    /// A PROJ string of the steps.
    Steps(Arc<str>),
    /// Whatever PROJ finds from a system to longitude and latitude; it may differ from place to place.
    From(Arc<str>),
}

/// The transformation from a coordinate system to longitude and latitude and back, as chosen for one place.
#[derive(Clone, Debug)]
pub(in crate::raster) struct Operation {
    pipeline: Pipeline,
    /// In metres; `None` if PROJ knows no transformation between the two datums and treats them as the same.
    pub accuracy: Option<f64>,
}

/// What a definition stands for, as PROJJSON. It may be a code ("EPSG:32633"), well-known text, PROJJSON, or
/// a PROJ string.
///
/// # Errors
/// When PROJ doesn't understand it.
pub(in crate::raster) fn describe(definition: &str) -> Result<Value, ProjError> {
    let json = Object::of(checked(definition)?)?.json().ok_or(ProjError::NotDescribed)?;
    serde_json::from_str(&json).map_err(|error| ProjError::Failed(error.to_string()))
}

/// Refuses definitions that are too long.
fn checked(definition: &str) -> Result<&str, ProjError> {
    if definition.len() > MAX_BYTES { Err(ProjError::TooLong) } else { Ok(definition) }
}

impl Operation {
    /// The best transformation that PROJ knows at the first of some positions that lies on the earth at all.
    ///
    /// # Errors
    /// When there is no transformation, or no such position.
    pub fn at(definition: &Arc<str>, positions: impl Iterator<Item = (f64, f64)>) -> Result<Self, ProjError> {
        let from = Pipeline::From(Arc::clone(definition));
        for (x, y) in positions {
            let tried = from.with(|object| {
                let lon_lat = object.transform(Direction::Forward, (x, y)).filter(is_finite)?;
                Some((lon_lat, object.steps()))
            })?;
            let Some(((lon, lat), (steps, accuracy))) = tried else { continue };
            let accuracy = (accuracy >= 0.0).then_some(accuracy);
            // If its steps alone give the same result, they are made without the database, and are the same
            // all over the scene.
            if let Some(steps) = steps {
                let pipeline = Pipeline::Steps(steps.into());
                let operation = Self { pipeline, accuracy };
                let same = |(a, b): (f64, f64)| (a - lon).abs() < 1e-9 && (b - lat).abs() < 1e-9;
                if operation.lon_lat(x, y).is_some_and(same) {
                    return Ok(operation);
                }
            }
            return Ok(Self { pipeline: from, accuracy });
        }
        Err(ProjError::OffEarth)
    }

    /// The transformation by these steps, a PROJ string that leads to longitude and latitude in degrees.
    pub fn of_steps(steps: &str) -> Self {
        Self { pipeline: Pipeline::Steps(steps.into()), accuracy: Some(0.0) }
    }

    /// Longitude and latitude in degrees (WGS 84); the longitude may be off by whole turns.
    pub fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.pipeline.with(|object| object.transform(Direction::Forward, (x, y))).ok()?.filter(is_finite)
    }

    /// The position in the system of a longitude and latitude in degrees.
    pub fn position(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        self.pipeline.with(|object| object.transform(Direction::Inverse, (lon, lat))).ok()?.filter(is_finite)
    }
}

fn is_finite((a, b): &(f64, f64)) -> bool {
    a.is_finite() && b.is_finite()
}

impl Pipeline {
    /// Calls PROJ with this thread's transformation, which is made first if need be.
    fn with<T>(&self, call: impl FnOnce(&Object) -> T) -> Result<T, ProjError> {
        CACHE.with_borrow_mut(|cache| {
            if !cache.contains(self) {
                cache.put(self.clone(), self.make()?);
            }
            cache.get(self).map(call).ok_or(ProjError::NoTransformation)
        })
    }

    fn make(&self) -> Result<Object, ProjError> {
        match self {
            Self::Steps(steps) => Object::of(checked(steps)?),
            Self::From(system) => Object::between(checked(system)?, WGS_84),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(code: &str, x: f64, y: f64) -> Operation {
        Operation::at(&code.into(), std::iter::once((x, y))).unwrap()
    }

    #[test]
    fn there_and_back() {
        for (code, x, y) in [("EPSG:32633", 500_070.0, 5_499_900.0), ("EPSG:27572", 600_150.0, 2_429_900.0)] {
            let operation = at(code, x, y);
            assert!(matches!(operation.pipeline, Pipeline::Steps(_)), "{operation:?}");
            let (lon, lat) = operation.lon_lat(x, y).unwrap();
            let (back_x, back_y) = operation.position(lon, lat).unwrap();
            assert!((back_x - x).hypot(back_y - y) < 1e-3, "{code}: {back_x} {back_y}");
        }
    }

    #[test]
    fn accuracy_is_told() {
        assert_eq!(at("EPSG:32633", 5e5, 5e6).accuracy, Some(0.0));
        assert!(at("EPSG:26714", 5e5, 4e6).accuracy.is_some_and(|metres| metres >= 1.0));
        let sphere: Arc<str> = "+proj=sinu +R=6371007.181 +type=crs".into();
        assert_eq!(Operation::at(&sphere, std::iter::once((0.0, 0.0))).unwrap().accuracy, None);
    }

    #[test]
    fn what_is_no_system_is_refused() {
        for text in
            ["", "EPSG:99999", "PROJCS[", "{}", "+proj=nonsense +type=crs", "\0", &"A[".repeat(50_000)]
        {
            assert!(describe(text).is_err(), "{}", text.chars().take(20).collect::<String>());
        }
        assert!(Operation::at(&"EPSG:99999".into(), std::iter::once((0.0, 0.0))).is_err());
    }
}
