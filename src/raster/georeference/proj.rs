//! PROJ, the library that knows coordinate systems: what a definition stands for, and the way from there to
//! degrees.
//!
//! It is built from its source together with its database, and uses no files of the system: neither another
//! version's database nor grids, so that a scene lies at the same place on every computer.

use std::cell::RefCell;
use std::ffi::CString;
use std::num::NonZeroUsize;
use std::sync::{Arc, Once};

use lru::LruCache;
use proj::{Proj, ProjBuilder};
use serde_json::Value;

use crate::guard;

/// Longer definitions are none.
const MOST_BYTES: usize = 64 << 10;
/// Longitude and latitude in degrees; PROJ's wrapper puts longitude first, whatever the code's own order.
const GLOBE: &str = "EPSG:4326";
/// What each thread keeps ready: making one between systems takes some 25 ms, since it asks the database.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

thread_local! {
    static READY: RefCell<LruCache<Way, Proj>> = RefCell::new(LruCache::new(KEPT));
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
    let proj = make(definition, |builder| builder.proj(definition).map_err(|error| error.to_string()))?;
    let json = guard::catch(|| proj.to_projjson(Some(false), None, None))?;
    serde_json::from_str(&json.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}

impl Operation {
    /// The best way that PROJ knows at the first of some positions that lies on the earth at all.
    ///
    /// # Errors
    /// When there is no way, or no such position.
    pub fn at(definition: &Arc<str>, positions: impl Iterator<Item = (f64, f64)>) -> Result<Self, String> {
        let from = Way::From(Arc::clone(definition));
        for (x, y) in positions {
            let tried = from.with(|proj| {
                let place =
                    proj.convert((x, y)).ok().filter(|(lon, lat)| lon.is_finite() && lat.is_finite())?;
                Some((place, proj.proj_info()))
            })?;
            let Some(((lon, lat), info)) = tried else { continue };
            let accuracy = (info.accuracy >= 0.0).then_some(info.accuracy);
            // The same as a chain of steps is made without the database, and stays the same all over the
            // scene.
            if let Some(steps) = info.definition {
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
        let place = self.way.with(|proj| proj.convert((x, y)).ok()).ok()??;
        (place.0.is_finite() && place.1.is_finite()).then_some(place)
    }

    /// The position in the system of a longitude and latitude in degrees.
    pub fn position(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        // The wrapper names it after projections, but it is the transformation's way back, whatever its
        // units.
        let position = self.way.with(|proj| proj.project((lon, lat), true).ok()).ok()??;
        (position.0.is_finite() && position.1.is_finite()).then_some(position)
    }
}

impl Way {
    /// Calls PROJ with this thread's own transformation, which is made when it isn't there.
    fn with<T>(&self, call: impl FnOnce(&Proj) -> T) -> Result<T, String> {
        READY.with_borrow_mut(|ready| {
            if !ready.contains(self) {
                ready.put(self.clone(), self.make()?);
            }
            match ready.get(self) {
                Some(proj) => guard::catch(|| call(proj)),
                None => Err("there is no transformation".to_owned()),
            }
        })
    }

    fn make(&self) -> Result<Proj, String> {
        match self {
            Self::Steps(steps) => {
                make(steps, |builder| builder.proj(steps).map_err(|error| error.to_string()))
            }
            Self::From(system) => make(system, |builder| {
                builder.proj_known_crs(system, GLOBE, None).map_err(|error| error.to_string())
            }),
        }
    }
}

/// The wrapper panics where PROJ fails without a reason.
fn make(definition: &str, make: impl FnOnce(ProjBuilder) -> Result<Proj, String>) -> Result<Proj, String> {
    prepare();
    if definition.len() > MOST_BYTES {
        return Err("it is longer than any definition".to_owned());
    }
    guard::catch(|| make(ProjBuilder::new()))?
}

/// Tells PROJ, once, to look for files where none can be, so that it takes what is built in, and to keep its
/// messages to itself. All that it makes later on inherits this.
#[expect(unsafe_code, reason = "the wrapper can only add to the folders that environment and system name")]
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A file is no folder.
        let program = std::env::current_exe().unwrap_or_default();
        let nowhere = CString::new(program.to_string_lossy().as_bytes()).unwrap_or_default();
        let paths = [nowhere.as_ptr()];
        let default_context = std::ptr::null_mut();
        // SAFETY: null stands for PROJ's default context, which nobody uses before; the path is copied.
        unsafe {
            proj_sys::proj_context_set_search_paths(default_context, 1, paths.as_ptr());
            proj_sys::proj_log_level(default_context, proj_sys::PJ_LOG_LEVEL_PJ_LOG_NONE);
        }
    });
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
