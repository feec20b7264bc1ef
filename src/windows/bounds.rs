//! Rectangles, and how far they lie in one another.

use crate::raster::Rect;

/// A rectangle in level-0 pixels, with edges anywhere; what lies on its right or bottom edge is outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Bounds {
    #[must_use]
    pub fn center(&self) -> (f64, f64) {
        (self.left.midpoint(self.right), self.top.midpoint(self.bottom))
    }

    #[must_use]
    pub fn contains(&self, (x, y): (f64, f64)) -> bool {
        self.contains_x(x) && self.contains_y(y)
    }

    #[must_use]
    pub fn contains_x(&self, x: f64) -> bool {
        self.left <= x && x < self.right
    }

    #[must_use]
    pub fn contains_y(&self, y: f64) -> bool {
        self.top <= y && y < self.bottom
    }

    /// Whether the centre of either lies in the other.
    #[must_use]
    pub fn hits(&self, other: &Self) -> bool {
        self.contains(other.center()) || other.contains(self.center())
    }

    /// The common area as a share of the area that both cover together: 0 when they don't overlap, 1 when
    /// they are equal (Jaccard 1912).
    #[must_use]
    pub fn intersection_over_union(&self, other: &Self) -> f64 {
        let common = self.common_area(other);
        share(common, self.area() + other.area() - common)
    }

    /// The common area as a share of the smaller one's: 1 when that lies in the other.
    #[must_use]
    pub fn intersection_over_smaller(&self, other: &Self) -> f64 {
        share(self.common_area(other), self.area().min(other.area()))
    }

    fn area(&self) -> f64 {
        (self.right - self.left) * (self.bottom - self.top)
    }

    fn common_area(&self, other: &Self) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }
}

impl From<Rect> for Bounds {
    fn from(rect: Rect) -> Self {
        let (left, top) = (f64::from(rect.x), f64::from(rect.y));
        Self { left, top, right: left + f64::from(rect.width), bottom: top + f64::from(rect.height) }
    }
}

/// A quotient that is 0 where nothing is divided by nothing.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_by_hand() {
        let bounds = |x, y, width, height| Bounds::from(Rect::new(x, y, width, height));
        let (a, b) = (bounds(0, 0, 10, 10), bounds(5, 0, 10, 10));
        assert_eq!(a.intersection_over_union(&b), 50.0 / 150.0);
        assert_eq!(a.intersection_over_smaller(&b), 0.5);
        assert_eq!(a.intersection_over_union(&bounds(10, 0, 10, 10)), 0.0);
        let inner = bounds(2, 2, 5, 5);
        assert_eq!(a.intersection_over_union(&inner), 0.25);
        assert_eq!(a.intersection_over_smaller(&inner), 1.0);
        let nothing = bounds(3, 3, 0, 0);
        assert_eq!(nothing.intersection_over_union(&nothing), 0.0);
        let huge = bounds(0, 0, u32::MAX, u32::MAX);
        assert_eq!(huge.intersection_over_union(&huge), 1.0);
        let half = Bounds { left: 0.0, top: 0.0, right: 0.5, bottom: 10.0 };
        assert_eq!(a.intersection_over_union(&half), 0.05);
    }
}
