//! Eight-bit pixels as they are shown and encoded.

/// A picture of 8-bit RGBA pixels, row by row from the top left. Alpha is 255 where the scene has data and 0
/// where it has none (nodata or masked); it lies between where an 8-bit alpha band says so, or where pixels
/// with and without data were averaged. Colour is not premultiplied, and 0 where alpha is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    /// `width * height * 4` bytes.
    pub rgba: Vec<u8>,
}

impl Pixels {
    /// A picture without data: all pixels are transparent black.
    #[must_use]
    pub fn empty(width: u32, height: u32) -> Self {
        Self { width, height, rgba: vec![0; width as usize * height as usize * 4] }
    }
}
