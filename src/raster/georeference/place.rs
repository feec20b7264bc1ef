//! The way of a whole scene to the globe, chosen once when it is opened, and the words about how good it is.

use super::proj::Operation;
use super::{Georeference, Placement, edge, normalise};

/// A scene whose places are known this well, in metres, needs no word about it.
const GOOD: f64 = 10.0;
/// How far datums that nobody relates to each other lie apart: hardly any more than this, in metres.
const UNRELATED: f64 = 1000.0;
/// Positions along an edge, and across, where some part of the earth is looked for.
const LOOKED_AT: u32 = 8;

/// The way to the globe.
#[derive(Clone, Debug)]
pub(super) struct Globe {
    pub operation: Operation,
    /// How far, on the map, places lie apart that are the same on the globe: a turn around the earth, where
    /// the map goes on beyond it.
    pub period: Option<f64>,
    /// On the map.
    pub centre: (f64, f64),
}

impl Georeference {
    /// Chooses how positions on the map become degrees, for a scene of some size, and notes what is only
    /// nearly so.
    pub fn settled(mut self, size: (u32, u32)) -> Self {
        let Some(crs) = &self.crs else { return self };
        if self.is_placed()
            && let Ok(system) = crs.system()
        {
            let positions: Vec<_> = spread(size).filter_map(|(x, y)| self.map(x, y)).collect();
            // A longitude of 200 degrees lies in no area of use.
            let turn = crs.unit().filter(|unit| unit.angular).map(|unit| std::f64::consts::TAU / unit.size);
            let within = |&(x, y): &(f64, f64)| (turn.map_or(x, |turn| x - (x / turn).round() * turn), y);
            match Operation::at(&system.definition, positions.iter().map(within)) {
                Ok(operation) => self.globe = Some(Globe::new(operation, &positions, turn)),
                Err(why) => self.off = Some(why),
            }
        }
        self
    }

    /// What a person should know of where the scene lies that isn't exact, or isn't known; sentences for
    /// notices.
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

    /// Why positions can't become degrees; `None` where they can, or where there are none.
    pub fn why_not_on_globe(&self) -> Option<String> {
        if !self.is_placed() {
            return None;
        }
        let crs = self.crs.as_ref()?;
        let named = crs.short_name().map(|name| format!(" ({name})")).unwrap_or_default();
        match (crs.why_unknown(), &self.off) {
            (Some(why), _) => {
                Some(format!("the coordinate system{named} isn't one that Skysift knows, since {why}"))
            }
            (None, Some(why)) => Some(format!("the coordinate system{named} leads nowhere: {why}")),
            (None, None) => None,
        }
    }

    /// How far the scene may lie off for its datum, in metres, where that is worth a word.
    pub fn datum_error(&self) -> Option<f64> {
        let accuracy = self.globe.as_ref()?.operation.accuracy.unwrap_or(UNRELATED);
        (accuracy > GOOD).then_some(accuracy)
    }
}

impl Globe {
    fn new(operation: Operation, positions: &[(f64, f64)], turn: Option<f64>) -> Self {
        let centre = positions.first().copied().unwrap_or_default();
        let mut globe = Self { operation, period: None, centre };
        globe.period = turn.or_else(|| globe.find_period());
        globe
    }

    /// On a cylinder, x goes with longitude alone and goes on beyond 180 degrees.
    fn find_period(&self) -> Option<f64> {
        let (x, y) = self.centre;
        let (lon, lat) = self.operation.lon_lat(x, y)?;
        let turn_at = |lat: f64| {
            let (here, level) = self.operation.position(lon, lat)?;
            let by = |step: f64| {
                let (there, other) = self.operation.position(normalise(lon + step), lat)?;
                let turn = 360.0 * (there - here).abs();
                ((other - level).abs() <= turn * 1e-9).then_some(turn)
            };
            // One of the steps may lead across the edge of the map, and so to its other end.
            Some(by(1.0)?.min(by(-1.0)?))
        };
        // Of other maps the parallels grow shorter to the poles.
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

    /// The position on the map of a place on the globe: of all turns the one that is nearest to the scene.
    pub fn position(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        let (x, y) = self.operation.position(normalise(lon), lat)?;
        let turns = self.period.map_or(0.0, |period| ((self.centre.0 - x) / period).round() * period);
        Some((x + turns, y))
    }
}

/// Positions all over a scene, its middle first.
fn spread((width, height): (u32, u32)) -> impl Iterator<Item = (f64, f64)> {
    let middle = (f64::from(width) / 2.0, f64::from(height) / 2.0);
    let part = |step: u32| (f64::from(step) + 0.5) / f64::from(LOOKED_AT);
    let inside = (0..LOOKED_AT * LOOKED_AT).map(move |step| {
        (part(step % LOOKED_AT) * f64::from(width), part(step / LOOKED_AT) * f64::from(height))
    });
    std::iter::once(middle).chain(inside).chain(edge(width, height, LOOKED_AT))
}
