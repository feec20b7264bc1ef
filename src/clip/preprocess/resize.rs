//! Pillow's resize, in floats.

use std::cell::RefCell;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::F32x4;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use super::{Filter, Preprocess};
use crate::clip::ClipError;
use crate::clip::error::ResizeError;
use crate::clip::picture_size::PictureSize;
use crate::raster::Pixels;

thread_local! {
    // Keeps its buffers and coefficients from window to window.
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

impl Preprocess {
    /// A part of a picture at a size, with values from 0 to 255; black if there are no pixels.
    ///
    /// First horizontally, then vertically, rounded to bytes each time, as Pillow does it. On bytes the
    /// resizer would go vertically first and use fewer bits, which is up to five levels off in noisy
    /// pictures.
    pub(super) fn resized(
        &self,
        rect: &PixelRect<'_>,
        part: &Part,
        size: PictureSize,
    ) -> Result<Vec<F32x4>, ClipError> {
        let mut narrow = vec![F32x4::default(); size.width * rect.height];
        self.narrowed(rect, part, 0, size.width, &mut narrow)?;
        self.lowered(&narrow, part, size)
    }

    /// The first half of [`Self::resized`]: rows of the rectangle at their final width of `across` pixels,
    /// from the one `first` rows below its top on, as many as `narrow` holds. What becomes of a row depends
    /// on no other.
    pub(super) fn narrowed(
        &self,
        rect: &PixelRect<'_>,
        part: &Part,
        first: usize,
        across: usize,
        narrow: &mut [F32x4],
    ) -> Result<(), ClipError> {
        /// Rows that are converted to floats at once.
        const BAND: usize = 128;
        let mut wide = Vec::with_capacity(rect.width * BAND.min(narrow.len() / across));
        for (band, target) in narrow.chunks_mut(across * BAND).enumerate() {
            let (start, height) = (first + band * BAND, target.len() / across);
            wide.clear();
            (start..start + height).for_each(|row| rect.push_row(row, &mut wide));
            let columns = Part { top: 0.0, height: height as f64, ..*part };
            self.convolve(&wide, (rect.width, height), &columns, across, target)?;
        }
        Ok(())
    }

    /// The second half of [`Self::resized`]: all rows of a rectangle, narrowed, at their final height.
    pub(super) fn lowered(
        &self,
        narrow: &[F32x4],
        part: &Part,
        size: PictureSize,
    ) -> Result<Vec<F32x4>, ClipError> {
        let mut small = vec![F32x4::default(); size.area()];
        let lines = Part { left: 0.0, width: size.width as f64, ..*part };
        let rows = narrow.len() / size.width;
        self.convolve(narrow, (size.width, rows), &lines, size.width, &mut small)?;
        Ok(small)
    }

    /// Resizes a part of a picture of `size` (width, height) to `across` columns and as many rows as `target`
    /// holds, rounded to integers from 0 to 255.
    fn convolve(
        &self,
        picture: &[F32x4],
        size: (usize, usize),
        part: &Part,
        across: usize,
        target: &mut [F32x4],
    ) -> Result<(), ClipError> {
        let buffer = |error| ClipError::Resize(ResizeError::Buffer(error));
        let filter = |filter: FilterType| ResizeAlg::Convolution(filter);
        let algorithm = match self.filter {
            Filter::Nearest => ResizeAlg::Nearest,
            Filter::Box => filter(FilterType::Box),
            Filter::Bilinear => filter(FilterType::Bilinear),
            Filter::Hamming => filter(FilterType::Hamming),
            // a = -0.5, as in Pillow's bicubic.
            Filter::Bicubic => filter(FilterType::CatmullRom),
            Filter::Lanczos => filter(FilterType::Lanczos3),
        };
        let options = ResizeOptions::new().resize_alg(algorithm).use_alpha(false).crop(
            part.left,
            part.top,
            within(part.left, part.width, size.0),
            within(part.top, part.height, size.1),
        );
        let target_size = (across as u32, (target.len() / across) as u32);
        let source = TypedImageRef::new(size.0 as u32, size.1 as u32, picture).map_err(buffer)?;
        let mut image =
            TypedImage::from_pixels_slice(target_size.0, target_size.1, target).map_err(buffer)?;
        RESIZER
            .with_borrow_mut(|resizer| resizer.resize_typed(&source, &mut image, Some(&options)))
            .map_err(|error| ClipError::Resize(ResizeError::Resize(error)))?;
        for pixel in target {
            pixel.0 = pixel.0.map(rounded);
        }
        Ok(())
    }
}

/// The length of a part that begins at `start`, without the tiny excess by which rounding may put its end
/// beyond the picture.
fn within(start: f64, length: f64, most: usize) -> f64 {
    const EXCESS: f64 = 1e-6;
    let room = most as f64 - start;
    if start + length > most as f64 && length < room + EXCESS { room.next_down() } else { length }
}

/// The nearest byte; halves are rounded up.
fn rounded(value: f32) -> f32 {
    // By way of an integer: a function call for each value would cost more than the filter.
    f32::from((value.clamp(0.0, 255.0) + 0.5) as u8)
}

/// A part of a picture, whose corners may lie between pixels.
pub(super) struct Part {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Part {
    /// The same part of a picture that is `scale` times as large.
    pub fn scaled(&self, scale: f64) -> Self {
        let Self { left, top, width, height } = self;
        Self { left: left * scale, top: top * scale, width: width * scale, height: height * scale }
    }
}

/// A rectangle of whole pixels. It may extend beyond the picture, whose edge is repeated there.
pub(super) struct PixelRect<'a> {
    pixels: &'a Pixels,
    pub first_x: i64,
    pub first_y: i64,
    pub width: usize,
    pub height: usize,
}

impl<'a> PixelRect<'a> {
    pub fn all(pixels: &'a Pixels) -> Self {
        Self { pixels, first_x: 0, first_y: 0, width: pixels.width as usize, height: pixels.height as usize }
    }

    /// The pixels that a square touches, and the square as a part of them.
    pub fn around(pixels: &'a Pixels, left: f64, top: f64, side: f64) -> (Self, Part) {
        // No scene has more pixels along a side. NaN becomes the least value.
        let within = |value: f64, least: f64, most: f64| if value > least { value.min(most) } else { least };
        let left = within(left, -2_147_483_648.0, 2_147_483_647.0);
        let top = within(top, -2_147_483_648.0, 2_147_483_647.0);
        let side = within(side, f64::MIN_POSITIVE, 65_536.0);
        let (first_x, first_y) = (left.floor() as i64, top.floor() as i64);
        let width = ((left + side).ceil() as i64 - first_x).max(1) as usize;
        let height = ((top + side).ceil() as i64 - first_y).max(1) as usize;
        let part = Part { left: left - left.floor(), top: top - top.floor(), width: side, height: side };
        (Self { pixels, first_x, first_y, width, height }, part)
    }

    /// Its pixels as a picture of their own, without their alpha.
    pub fn to_pixels(&self) -> Pixels {
        let mut floats = Vec::with_capacity(self.width * self.height);
        (0..self.height).for_each(|row| self.push_row(row, &mut floats));
        let rgba = floats.iter().flat_map(|pixel| {
            let [r, g, b, _] = pixel.0.map(|value| value as u8);
            [r, g, b, 255]
        });
        Pixels { width: self.width as u32, height: self.height as u32, rgba: rgba.collect() }
    }

    /// Appends a row of the rectangle.
    fn push_row(&self, row: usize, out: &mut Vec<F32x4>) {
        let (across, down) = (i64::from(self.pixels.width), i64::from(self.pixels.height));
        let y = (self.first_y + row as i64).clamp(0, (down - 1).max(0));
        let line = self.pixels.rgba.get((y * across) as usize * 4..((y + 1) * across) as usize * 4);
        let (line, _) = line.unwrap_or_default().as_chunks::<4>();
        let pixel = |bytes: &[u8; 4]| F32x4::new(bytes.map(f32::from));
        let (Some(first), Some(last)) = (line.first().map(pixel), line.last().map(pixel)) else {
            return out.extend(std::iter::repeat_n(F32x4::default(), self.width));
        };
        let (start, end) = (self.first_x, self.first_x + self.width as i64);
        let before = (-start).clamp(0, self.width as i64);
        let after = (end - across).clamp(0, self.width as i64);
        let inside = line.get(start.clamp(0, across) as usize..end.clamp(0, across) as usize);
        out.extend(std::iter::repeat_n(first, before as usize));
        out.extend(inside.unwrap_or_default().iter().map(pixel));
        out.extend(std::iter::repeat_n(last, after as usize));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_rounding_puts_past_the_picture_is_within() {
        // The last window of 500 pixels in 2,826, in an overview of 707.
        let scale = 707.0 / 2826.0;
        let (left, side) = (2326.0 * scale, 500.0 * scale);
        let start = left - f64::floor(left);
        assert!(start + side > 126.0);
        let length = within(start, side, 126);
        assert!(start + length <= 126.0 && side - length < 1e-9, "{start} {length}");
        assert_eq!(within(0.5, 3.0, 4), 3.0);
        assert_eq!(within(2.0, 9.0, 3), 9.0, "what really lies outside stays there");
        let picture = Pixels { width: 708, height: 708, rgba: [7, 8, 9, 255].repeat(708 * 708) };
        let mut out = vec![0.0; 48];
        Preprocess::new(4, [0.0; 3], [1.0; 3], 1.0).window(&picture, left, left, side, &mut out).unwrap();
        assert_eq!((out[0], out[47]), (7.0, 9.0));
    }
}
