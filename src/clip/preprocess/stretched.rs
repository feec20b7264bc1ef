//! Pictures of many cells, which have no fixed size.

use super::{ClipError, Part, PictureSize, PixelRect, Preprocess};
use crate::raster::Pixels;

impl Preprocess {
    /// Stretches a whole picture to a size and normalises it: planes of rows.
    ///
    /// # Errors
    /// If it can't be resized.
    pub fn stretched(&self, pixels: &Pixels, size: PictureSize) -> Result<Vec<f32>, ClipError> {
        let (width, height) = (f64::from(pixels.width), f64::from(pixels.height));
        let part = Part { left: 0.0, top: 0.0, width, height };
        let mut out = vec![0.0; 3 * size.area()];
        self.normalize(&self.resized(&PixelRect::all(pixels), &part, size)?, &mut out);
        Ok(out)
    }

    /// The colour that becomes nearly 0 in every channel: red, green, blue.
    #[must_use]
    pub fn mean_color(&self) -> [u8; 3] {
        self.channels.map(|channel| (-channel.offset / channel.scale).round().clamp(0.0, 255.0) as u8)
    }
}
