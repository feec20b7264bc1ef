//! The key of a window: its place, by which it is found whatever grid it came from.

use crate::raster::Rect;

/// Which pixels of a scene a window is: its top left corner and its side, in level-0 pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WindowKey {
    // Ordered as a grid is: row by row.
    pub y: u32,
    pub x: u32,
    pub side: u32,
}

impl WindowKey {
    /// In level-0 pixels.
    #[must_use]
    pub fn rect(self) -> Rect {
        Rect::new(self.x, self.y, self.side, self.side)
    }
}
