//! PROJ, the library that knows coordinate systems: what a definition stands for, and the way from there to
//! degrees.
//!
//! It is built from its source together with its database, and uses no files of the system: neither another
//! version's database nor grids, so that a scene lies at the same place on every computer.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use serde_json::Value;

use super::pj::{Direction, Object};

/// Longer definitions are none.
const MOST_BYTES: usize = 64 << 10;
/// Longitude and latitude in degrees.
const GLOBE: &str = "EPSG:4326";
/// What each thread keeps ready: making one between systems takes some 20 ms, since it asks the database.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

thread_local! {
    static READY: RefCell<LruCache<Way, Object>> = RefCell::new(LruCache::new(KEPT));
}

/// What PROJ makes a transformation from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Way {
    /// A chain of steps.
    Steps(Arc<str>),
    /// Whatever PROJ finds between a system and degrees; it may differ from place to place.
    From(Arc<str>),
}

/// The way from positions in a coordinate system to degrees and back, as it was chosen for one place.
#[derive(Clone, Debug)]
pub struct Operation {
    way: Way,
    /// In metres; `None` where PROJ knows no way between the two datums and takes them for the same.
    pub accuracy: Option<f64>,
}

/// What a definition stands for, as PROJJSON: a code ("EPSG:32633"), well-known text, PROJJSON, or a PROJ
/// string.
///
/// # Errors
/// What PROJ says of a definition that it doesn't understand.
pub fn describe(definition: &str) -> Result<Value, String> {
    let json = Object::of(bounded(definition)?)?.json().ok_or("PROJ cannot describe it")?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

/// Nothing that is longer than any definition.
fn bounded(definition: &str) -> Result<&str, String> {
    if definition.len() > MOST_BYTES {
        return Err("it is longer than any definition".to_owned());
    }
    Ok(definition)
}

impl Operation {
    /// The best way that PROJ knows at the first of some positions that lies on the earth at all.
    ///
    /// # Errors
    /// When there is no way, or no such position.
    pub fn at(definition: &Arc<str>, positions: impl Iterator<Item = (f64, f64)>) -> Result<Self, String> {
        let from = Way::From(Arc::clone(definition));
        for (x, y) in positions {
            let tried = from.with(|object| {
                let place = object.transform(Direction::There, (x, y)).filter(is_finite)?;
                Some((place, object.steps()))
            })?;
            let Some(((lon, lat), (steps, accuracy))) = tried else { continue };
            let accuracy = (accuracy >= 0.0).then_some(accuracy);
            // The same as a chain of steps is made without the database, and stays the same all over the
            // scene.
            if let Some(steps) = steps {
                let way = Way::Steps(steps.into());
                let operation = Self { way, accuracy };
                let same = |(a, b): (f64, f64)| (a - lon).abs() < 1e-9 && (b - lat).abs() < 1e-9;
                if operation.lon_lat(x, y).is_some_and(same) {
                    return Ok(operation);
                }
            }
            return Ok(Self { way: from, accuracy });
        }
        Err("no part of the scene lies on the earth in it".to_owned())
    }

    /// Longitude and latitude in degrees (WGS 84), the longitude perhaps some turns off.
    pub fn lon_lat(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        self.way.with(|object| object.transform(Direction::There, (x, y))).ok()?.filter(is_finite)
    }

    /// The position in the system of a longitude and latitude in degrees.
    pub fn position(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        self.way.with(|object| object.transform(Direction::Back, (lon, lat))).ok()?.filter(is_finite)
    }
}

fn is_finite((a, b): &(f64, f64)) -> bool {
    a.is_finite() && b.is_finite()
}

impl Way {
    /// Calls PROJ with this thread's own transformation, which is made when it isn't there.
    fn with<T>(&self, call: impl FnOnce(&Object) -> T) -> Result<T, String> {
        READY.with_borrow_mut(|ready| {
            if !ready.contains(self) {
                ready.put(self.clone(), self.make()?);
            }
            match ready.get(self) {
                Some(object) => Ok(call(object)),
                None => Err("there is no transformation".to_owned()),
            }
        })
    }

    fn make(&self) -> Result<Object, String> {
        match self {
            Self::Steps(steps) => Object::of(bounded(steps)?),
            Self::From(system) => Object::between(bounded(system)?, GLOBE),
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
            assert!(matches!(operation.way, Way::Steps(_)), "{operation:?}");
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
