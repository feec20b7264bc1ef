//! The scene of a scan and what was encoded of it, as examples and feedback see it.

use super::SceneSource;
use super::reader::ReadOptions;
use crate::encoder::Encoder;
use crate::raster::Rect;
use crate::search::{EncodedWindows, QueryError, SceneContext};
use crate::windows::{WindowKey, WindowLayout};

/// What a query may ask of a scene that is being scanned.
pub struct ScannedScene<'a> {
    pub encoded: &'a EncodedWindows,
    pub layout: &'a WindowLayout,
    pub scene: &'a dyn SceneSource,
    pub options: ReadOptions,
}

/// A place with more pixels a side is averaged down on the way in.
const LARGEST_PLACE: u32 = 2048;

impl SceneContext for ScannedScene<'_> {
    fn embed_place(&self, place: Rect, encoder: &mut dyn Encoder) -> Result<Vec<f32>, QueryError> {
        // What is seen of a place among cells is not what a window over it would be.
        if self.options.dense
            && let Some(known) = self.encoded.mean_within(place, self.layout)
        {
            return Ok(known);
        }
        let scene = self.scene;
        let square = square_around(place, scene.size());
        let key = WindowKey { x: square.x, y: square.y, side: square.width };
        if let Some(known) = self.encoded.collection.embedding(key) {
            return Ok(known);
        }
        let side = square.width.min(LARGEST_PLACE.max(self.options.input_size));
        let pixels =
            if side == square.width { scene.read(0, square) } else { scene.read_scaled(square, side, side) };
        Ok(encoder.encode_square(&pixels?, 0.0, 0.0, f64::from(side))?)
    }

    fn mean(&self) -> Vec<f32> {
        self.encoded.mean()
    }
}

/// The smallest square around a place that lies in the scene; where the scene is too narrow for it, as large
/// as fits.
fn square_around(place: Rect, (width, height): (u32, u32)) -> Rect {
    let side = place.width.max(place.height).clamp(1, width.min(height).max(1));
    let (x, y) = place.center();
    let first = |middle: f64, length: u32| {
        let first = (middle - f64::from(side) / 2.0).round().max(0.0);
        (first as u32).min(length.saturating_sub(side))
    };
    Rect::new(first(x, width), first(y, height), side, side)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_lies_around_its_place_and_in_the_scene() {
        assert_eq!(square_around(Rect::new(100, 100, 50, 20), (1000, 800)), Rect::new(100, 85, 50, 50));
        assert_eq!(square_around(Rect::new(0, 790, 50, 10), (1000, 800)), Rect::new(0, 750, 50, 50));
        assert_eq!(square_around(Rect::new(0, 0, 900, 900), (1000, 800)), Rect::new(50, 0, 800, 800));
    }
}
