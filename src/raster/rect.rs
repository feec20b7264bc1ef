//! A rectangle of whole pixels.

use serde::{Deserialize, Serialize};

/// A rectangle of whole pixels; `x` grows to the right, `y` downwards, both from the top left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    #[must_use]
    pub fn new(x: u32, y: u32, width: u32, height: u32) -> Self {
        Self { x, y, width, height }
    }

    /// The first column to the right of the rectangle.
    #[must_use]
    pub fn right(&self) -> u32 {
        self.x.saturating_add(self.width)
    }

    /// The first row below the rectangle.
    #[must_use]
    pub fn bottom(&self) -> u32 {
        self.y.saturating_add(self.height)
    }

    /// The centre, in pixels; the centre of the top left pixel is (0.5, 0.5).
    #[must_use]
    pub fn center(&self) -> (f64, f64) {
        (f64::from(self.x) + f64::from(self.width) / 2.0, f64::from(self.y) + f64::from(self.height) / 2.0)
    }

    /// The part of it inside a picture of `(width, height)` pixels; empty if there is none.
    #[must_use]
    pub fn within(&self, (width, height): (u32, u32)) -> Self {
        let (x, y) = (self.x.min(width), self.y.min(height));
        Self::new(x, y, self.right().min(width) - x, self.bottom().min(height) - y)
    }

    #[must_use]
    pub fn intersects(&self, other: &Rect) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_within_a_picture() {
        assert_eq!(Rect::new(5, 0, 10, 10).within((12, 8)), Rect::new(5, 0, 7, 8));
        assert_eq!(Rect::new(1, 2, 3, 4).within((12, 8)), Rect::new(1, 2, 3, 4));
        let outside = Rect::new(20, 0, 10, 10).within((12, 8));
        assert_eq!((outside.width, outside.height), (0, 8));
        assert_eq!(Rect::new(9, 9, u32::MAX, u32::MAX).within((12, 10)), Rect::new(9, 9, 3, 1));
    }
}
