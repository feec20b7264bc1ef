//! The transformation of a scene from the map to the globe, chosen once when it is opened, and how accurate
//! it is.

use super::crs::proj::Operation;
use super::{Georeference, Placement, edge, normalise};

/// A datum error up to this, in metres, isn't worth mentioning.
const MINOR_ERROR: f64 = 10.0;
/// The largest distance, in metres, that is likely between datums without a known transformation.
const UNKNOWN_DATUM_ERROR: f64 = 1000.0;
/// How many positions along each side are tried to find one on the earth.
const GRID: u32 = 8;

/// The transformation of a scene from the map to the globe.
#[derive(Clone, Debug)]
pub(super) struct GlobeTransform {
    pub operation: Operation,
    /// The map distance of one turn around the earth, if the map repeats beyond that.
    pub period: Option<f64>,
    /// The centre of the scene on the map.
    pub centre: (f64, f64),
}

impl Georeference {
    /// Chooses the transformation to the globe for a scene of a given size.
    pub fn with_globe(mut self, size: (u32, u32)) -> Self {
        let Some(crs) = &self.crs else { return self };
        if self.is_placed()
            && let Ok(system) = crs.system()
        {
            let positions: Vec<_> = sample_positions(size).filter_map(|(x, y)| self.map(x, y)).collect();
            // A longitude of 200 degrees would lie in no area of use.
            let turn = crs.unit().filter(|unit| unit.angular).map(|unit| std::f64::consts::TAU / unit.size);
            let within = |&(x, y): &(f64, f64)| (turn.map_or(x, |turn| x - (x / turn).round() * turn), y);
            match Operation::at(&system.definition, positions.iter().map(within)) {
                Ok(operation) => self.globe = Some(GlobeTransform::new(operation, &positions, turn)),
                Err(why) => self.no_globe = Some(why),
            }
        }
        self
    }

    /// Notices about a position that is inexact or unknown.
    pub fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        let Some(crs) = &self.crs else { return notices };
        notices.extend(crs.remarks.iter().cloned());
        if !self.is_placed() {
            return notices;
        }
        if let Some(why) = self.why_not_on_globe() {
            notices.push(format!("its place on the earth is not known: {why}"));
        }
        if let Some(metres) = self.datum_error() {
            notices.push(match self.globe.as_ref().and_then(|globe| globe.operation.accuracy) {
                Some(_) => format!(
                    "its place is approximate, within about {metres:.0} m: no better way from its datum to WGS 84 is known \
                     without files of corrections"
                ),
                None => format!(
                    "its place is approximate, mostly within {metres:.0} m: how its datum lies to WGS 84 is not known"
                ),
            });
        }
        if let Some(Placement::Rpc(rpc)) = &self.placement {
            notices.push(format!("its place is approximate: {}", rpc.note()));
        }
        notices
    }

    /// Why there is no transformation to longitude and latitude; `None` if there is one, or without a
    /// georeference.
    pub fn why_not_on_globe(&self) -> Option<String> {
        if !self.is_placed() {
            return None;
        }
        let crs = self.crs.as_ref()?;
        let named = crs.short_name().map(|name| format!(" ({name})")).unwrap_or_default();
        match (crs.why_unknown(), &self.no_globe) {
            (Some(why), _) => {
                Some(format!("the coordinate system{named} isn't one that Skysift knows, since {why}"))
            }
            (None, Some(why)) => Some(format!("the coordinate system{named} leads nowhere: {why}")),
            (None, None) => None,
        }
    }

    /// How far off the scene may be because of its datum, in metres; `None` if that is minor.
    pub fn datum_error(&self) -> Option<f64> {
        let accuracy = self.globe.as_ref()?.operation.accuracy.unwrap_or(UNKNOWN_DATUM_ERROR);
        (accuracy > MINOR_ERROR).then_some(accuracy)
    }
}

impl GlobeTransform {
    fn new(operation: Operation, positions: &[(f64, f64)], turn: Option<f64>) -> Self {
        let centre = positions.first().copied().unwrap_or_default();
        let mut globe = Self { operation, period: None, centre };
        globe.period = turn.or_else(|| globe.find_period());
        globe
    }

    /// The period of a cylindrical projection, where x is proportional to longitude and continues beyond 180
    /// degrees.
    fn find_period(&self) -> Option<f64> {
        let (x, y) = self.centre;
        let (lon, lat) = self.operation.lon_lat(x, y)?;
        let turn_at = |lat: f64| {
            let (start, level) = self.operation.position(lon, lat)?;
            let by = |step: f64| {
                let (end, other) = self.operation.position(normalise(lon + step), lat)?;
                let turn = 360.0 * (end - start).abs();
                ((other - level).abs() <= turn * 1e-9).then_some(turn)
            };
            // One of the steps may cross the edge of the map, and end at the other edge.
            Some(by(1.0)?.min(by(-1.0)?))
        };
        // In other projections, parallels are shorter towards the poles.
        let (turn, other) = (turn_at(lat)?, turn_at(lat / 2.0 + 10.0)?);
        if !turn.is_finite() || turn == 0.0 || (turn / other - 1.0).abs() > 1e-6 {
            return None;
        }
        let same = |x: f64| {
            let place = self.operation.lon_lat(x, y);
            place.is_some_and(|(other, level)| {
                normalise(other - lon).abs() < 1e-6 && (level - lat).abs() < 1e-6
            })
        };
        (same(x + turn) || same(x - turn)).then_some(turn)
    }

    /// The map position of a longitude and latitude; of all repetitions of the map the one nearest to the
    /// scene.
    pub fn position(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        let (x, y) = self.operation.position(normalise(lon), lat)?;
        let turns = self.period.map_or(0.0, |period| ((self.centre.0 - x) / period).round() * period);
        Some((x + turns, y))
    }
}

/// Positions all over a scene, starting with its centre.
fn sample_positions((width, height): (u32, u32)) -> impl Iterator<Item = (f64, f64)> {
    let middle = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    let part = |step: u32| (f64::from(step) + 0.5) / f64::from(GRID);
    let inside = (0..GRID * GRID)
        .map(move |step| (part(step % GRID) * f64::from(width), part(step / GRID) * f64::from(height)));
    std::iter::once(middle).chain(inside).chain(edge(width, height, GRID))
}
