//! What a rectangle of a scene covers on the globe, as polygons that other programs draw correctly.

use crate::raster::rect::Rect;

/// A corner: longitude and latitude in degrees, or pixels.
type Place = [f64; 2];

/// Positions on each side of a rectangle whose sides are strongly curved in degrees.
const ALONG: u32 = 16;
/// Closer to a pole than this, or wider than that, in degrees, four corners don't describe the outline.
const NEAR_POLE: f64 = 10.0;
const WIDE: f64 = 30.0;
/// Pieces smaller than this fraction of the whole are rounding errors.
const NOTHING: f64 = 1e-9;

/// Polygons in longitude and latitude, none of which crosses the antimeridian (RFC 7946, section 3.1.9). One
/// around a pole reaches it along the antimeridian.
#[derive(Clone, Debug, PartialEq)]
pub struct Footprint {
    /// Closed rings, counterclockwise.
    rings: Vec<Vec<Place>>,
}

impl Footprint {
    /// Of a rectangle in pixels, by its way from pixels to longitude and latitude. `None` where a part of its
    /// outline has no place on the globe.
    pub fn new(rect: Rect, lon_lat: impl Fn(f64, f64) -> Option<(f64, f64)>) -> Option<Self> {
        Self::of_ring(&corners_of(rect), lon_lat)
    }

    /// Of the inside of a ring of corners in pixels that doesn't touch itself, as [`Self::new`].
    pub fn of_ring(ring: &[(f64, f64)], lon_lat: impl Fn(f64, f64) -> Option<(f64, f64)>) -> Option<Self> {
        let corners = outline(ring, 1, &lon_lat)?;
        let (west, east) = extent(&corners);
        let near_pole = corners.iter().any(|[_, lat]| lat.abs() > 90.0 - NEAR_POLE);
        let outline = if near_pole || east - west > WIDE { outline(ring, ALONG, &lon_lat)? } else { corners };
        let (Some(&first), Some(&last)) = (outline.first(), outline.last()) else { return None };
        let end = next_to(last[0], first[0]);
        let mut around = outline.clone();
        // An outline that doesn't return to its first longitude winds around a pole.
        if (end - first[0]).abs() > 180.0 {
            let (x, y) = middle(ring);
            let mean = outline.iter().map(|[_, lat]| lat).sum::<f64>() / outline.len() as f64;
            let inner = lon_lat(x, y).map_or(mean, |(_, lat)| lat);
            let pole = if inner == mean { 90.0_f64.copysign(mean) } else { 90.0_f64.copysign(inner - mean) };
            around.extend([[end, first[1]], [end, pole], [first[0], pole]]);
        }
        let footprint = Self::cut(&around);
        (!footprint.rings.is_empty()).then_some(footprint)
    }

    /// Of a rectangle in pixels, in pixels.
    #[must_use]
    pub fn in_pixels(rect: Rect) -> Self {
        Self::ring_in_pixels(&corners_of(rect))
    }

    /// Of the inside of a ring of corners in pixels, in pixels.
    #[must_use]
    pub fn ring_in_pixels(ring: &[(f64, f64)]) -> Self {
        Self { rings: vec![closed(ring.iter().map(|&(x, y)| [x, y]).collect())] }
    }

    /// Closed rings; the first of each polygon, since none has a hole.
    #[must_use]
    pub fn rings(&self) -> &[Vec<Place>] {
        &self.rings
    }

    /// Cuts a ring, whose longitudes may exceed 180 degrees, at the antimeridian.
    fn cut(ring: &[Place]) -> Self {
        let mut rings = Vec::new();
        let (west, east) = extent(ring);
        let least = twice_area(ring).abs() * NOTHING;
        let turn = |lon: f64| ((lon + 180.0) / 360.0).floor();
        // Bounded, whatever the longitudes are.
        for number in (turn(west) as i32..=turn(east) as i32).take(3) {
            let from = 360.0 * f64::from(number) - 180.0;
            let piece = clip(&clip(ring, from, 1.0), from + 360.0, -1.0);
            let shift = 360.0 * f64::from(number);
            let piece: Vec<Place> = piece.into_iter().map(|[lon, lat]| [lon - shift, lat]).collect();
            if piece.len() >= 3 && twice_area(&piece).abs() > least {
                rings.push(closed(piece));
            }
        }
        Self { rings }
    }
}

/// The corners of a rectangle in pixels, counterclockwise as the picture is seen.
fn corners_of(rect: Rect) -> [(f64, f64); 4] {
    let (left, top) = (f64::from(rect.x), f64::from(rect.y));
    let (right, bottom) = (f64::from(rect.right()), f64::from(rect.bottom()));
    [(left, top), (left, bottom), (right, bottom), (right, top)]
}

/// Places around a ring of corners in pixels, `along` on each side, in its order. Each longitude is the one
/// next to that before, even if it lies beyond 180 degrees.
fn outline(
    corners: &[(f64, f64)],
    along: u32,
    lon_lat: &impl Fn(f64, f64) -> Option<(f64, f64)>,
) -> Option<Vec<Place>> {
    let mut around: Vec<(f64, f64)> = Vec::with_capacity(corners.len() * along as usize);
    for (index, &(x, y)) in corners.iter().enumerate() {
        let (to_x, to_y) = corners[(index + 1) % corners.len()];
        for step in 0..along {
            let part = f64::from(step) / f64::from(along);
            around.push(lon_lat(x + part * (to_x - x), y + part * (to_y - y))?);
        }
    }
    // A pole has no definite longitude, so an outline through it must begin elsewhere.
    let start = around.iter().position(|(_, lat)| !is_pole(*lat))?;
    around.rotate_left(start);
    let mut places: Vec<Place> = Vec::with_capacity(around.len() + 2);
    for (lon, lat) in around {
        match places.last().copied() {
            None => places.push([lon, lat]),
            Some([before, _]) if is_pole(lat) => places.push([before, lat]),
            // Along the pole to where the outline leaves it, on the side where it began.
            Some([_, pole]) if is_pole(pole) => {
                let lon = next_to(places[0][0], lon);
                places.extend([[lon, pole], [lon, lat]]);
            }
            Some([before, _]) => places.push([next_to(before, lon), lat]),
        }
    }
    Some(places)
}

fn is_pole(lat: f64) -> bool {
    lat.abs() > 90.0 - 1e-9
}

/// The mean of a ring's corners.
fn middle(ring: &[(f64, f64)]) -> (f64, f64) {
    let count = ring.len().max(1) as f64;
    let (x, y) = ring.iter().fold((0.0, 0.0), |(x, y), corner| (x + corner.0, y + corner.1));
    (x / count, y / count)
}

/// The longitude, shifted by whole turns, that is nearest to another one.
pub(in crate::raster) fn next_to(other: f64, lon: f64) -> f64 {
    lon - ((lon - other) / 360.0).round() * 360.0
}

fn extent(ring: &[Place]) -> (f64, f64) {
    ring.iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(west, east), [lon, _]| (west.min(*lon), east.max(*lon)))
}

/// The part of a ring east of a meridian (`side` 1) or west of it (-1), after Sutherland and Hodgman.
pub(crate) fn clip(ring: &[Place], meridian: f64, side: f64) -> Vec<Place> {
    let inside = |place: &Place| (place[0] - meridian) * side >= 0.0;
    let mut kept = Vec::with_capacity(ring.len() + 4);
    for (index, place) in ring.iter().enumerate() {
        let before = if index == 0 { ring.last() } else { ring.get(index - 1) };
        let Some(before) = before else { continue };
        if inside(before) != inside(place) {
            let part = (meridian - before[0]) / (place[0] - before[0]);
            kept.push([meridian, before[1] + part * (place[1] - before[1])]);
        }
        if inside(place) {
            kept.push(*place);
        }
    }
    kept
}

/// A closed ring that runs counterclockwise, as RFC 7946 (section 3.1.6) asks of an outer ring.
fn closed(mut ring: Vec<Place>) -> Vec<Place> {
    ring.dedup();
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    if twice_area(&ring) < 0.0 {
        ring.reverse();
        // It still begins at the same corner.
        ring.rotate_right(1);
    }
    ring.extend(ring.first().copied());
    ring
}

fn twice_area(ring: &[Place]) -> f64 {
    let pairs = ring.iter().zip(ring.iter().cycle().skip(1));
    pairs.map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(footprint: &Footprint) -> f64 {
        footprint.rings.iter().map(|ring| twice_area(&ring[..ring.len() - 1]) / 2.0).sum()
    }

    #[test]
    fn a_usual_rectangle_is_its_four_corners() {
        let place = |x: f64, y: f64| Some((10.0 + x / 100.0, 50.0 - y / 100.0));
        let footprint = Footprint::new(Rect::new(100, 100, 100, 200), place).unwrap();
        let ring = [[11.0, 49.0], [11.0, 47.0], [12.0, 47.0], [12.0, 49.0], [11.0, 49.0]];
        assert_eq!(footprint.rings, [ring.to_vec()]);
        assert!(Footprint::new(Rect::new(0, 0, 1, 1), |_, _| None).is_none());
    }

    #[test]
    fn at_the_antimeridian_there_are_two() {
        let place = |x: f64, y: f64| {
            let lon = 179.0 + x / 100.0;
            Some((if lon > 180.0 { lon - 360.0 } else { lon }, 10.0 - y / 100.0))
        };
        let footprint = Footprint::new(Rect::new(0, 0, 300, 100), place).unwrap();
        assert_eq!(footprint.rings.len(), 2);
        assert!((size(&footprint) - 3.0).abs() < 1e-9);
        for ring in &footprint.rings {
            let (west, east) = extent(ring);
            assert!(
                (-180.0..=180.0).contains(&west) && (-180.0..=180.0).contains(&east) && east - west <= 2.0
            );
            assert_eq!(ring.first(), ring.last());
        }
        // What only touches it stays whole.
        let beside = Footprint::new(Rect::new(0, 0, 100, 100), place).unwrap();
        assert_eq!((beside.rings.len(), extent(&beside.rings[0])), (1, (179.0, 180.0)));
    }

    #[test]
    fn a_pole_on_the_edge_is_no_pole_inside() {
        let place = |x: f64, y: f64| {
            let (x, y) = (x - 50.0, y - 50.0);
            // As PROJ has it: the pole itself lies on one meridian.
            let lon = if x == 0.0 && y == 0.0 { 90.0 } else { x.atan2(-y).to_degrees() };
            Some((lon, 90.0 - x.hypot(y) / 10.0))
        };
        for (rect, west, east) in [
            (Rect::new(30, 30, 20, 40), -180.0, 0.0),
            (Rect::new(50, 30, 20, 20), 0.0, 90.0),
            (Rect::new(50, 50, 20, 20), 90.0, 180.0),
        ] {
            let footprint = Footprint::new(rect, place).unwrap();
            let places: Vec<Place> = footprint.rings.concat();
            assert_eq!(extent(&places), (west, east), "{rect:?}");
            let mean = size(&footprint) / (east - west);
            assert!((1.8..2.7).contains(&mean), "{rect:?}: {mean}");
        }
    }

    #[test]
    fn a_rectangle_around_a_pole_reaches_it() {
        // Degrees of latitude as lengths, seen from above the pole.
        for sign in [1.0, -1.0] {
            let place = |x: f64, y: f64| {
                let (x, y) = (x - 50.0, y - 50.0);
                Some((x.atan2(-sign * y).to_degrees(), sign * (90.0 - x.hypot(y) / 10.0)))
            };
            let footprint = Footprint::new(Rect::new(20, 20, 60, 60), place).unwrap();
            assert!(footprint.rings.iter().flatten().filter(|[_, lat]| lat.abs() == 90.0).count() >= 2);
            // The mean of the outline's latitudes lies between those of the sides and of the corners.
            let mean = 90.0 - size(&footprint) / 360.0;
            assert!((85.8..87.0).contains(&mean), "{mean}");
            for ring in &footprint.rings {
                let (west, east) = extent(ring);
                assert!(west >= -180.0 && east <= 180.0 && twice_area(&ring[..ring.len() - 1]) > 0.0);
            }
        }
    }
}
