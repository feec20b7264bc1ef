//! Pictures in other sizes, as bytes: what is shrunk to be measured, and what sharpening is compared with.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x4;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::clip::ClipError;
use crate::clip::error::ResizeError;
use crate::raster::Pixels;

/// How pixels become more or fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SizeFilter {
    /// The mean of the area that a pixel covers.
    Area,
    /// With antialiasing, as Pillow's.
    Bicubic,
}

/// A picture with this width and height. Its alpha is resized as its colours are.
///
/// # Errors
/// If there is nothing to resize.
pub(crate) fn resize_pixels(
    pixels: &Pixels,
    (width, height): (u32, u32),
    filter: SizeFilter,
) -> Result<Pixels, ClipError> {
    let buffer = |error| ClipError::Resize(ResizeError::Buffer(error));
    let filter = match filter {
        SizeFilter::Area => FilterType::Box,
        SizeFilter::Bicubic => FilterType::CatmullRom,
    };
    let rgba: Vec<U8x4> = pixels.rgba.as_chunks::<4>().0.iter().map(|pixel| U8x4::new(*pixel)).collect();
    let source = TypedImageRef::new(pixels.width, pixels.height, &rgba).map_err(buffer)?;
    let mut target = TypedImage::new(width, height);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
    Resizer::new()
        .resize_typed(&source, &mut target, Some(&options))
        .map_err(|error| ClipError::Resize(ResizeError::Resize(error)))?;
    let rgba = target.pixels().iter().flat_map(|pixel| pixel.0).collect();
    Ok(Pixels { width, height, rgba })
}

/// A picture whose shorter side has `shortest` pixels, each the mean of those it covers; one that is no
/// larger stays as it is.
///
/// # Errors
/// As [`resize_pixels`].
pub(crate) fn shrunk(pixels: Pixels, shortest: u32) -> Result<Pixels, ClipError> {
    let side = pixels.width.min(pixels.height);
    if side <= shortest {
        return Ok(pixels);
    }
    let length = |length: u32| {
        let scaled = (f64::from(length) * f64::from(shortest) / f64::from(side)).round();
        (scaled as u32).max(1)
    };
    resize_pixels(&pixels, (length(pixels.width), length(pixels.height)), SizeFilter::Area)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_is_the_mean_of_those_it_covers() {
        let rgba = [[10, 0, 0, 255], [20, 0, 0, 255], [30, 0, 0, 255], [40, 0, 0, 255]].concat();
        let picture = Pixels { width: 2, height: 2, rgba };
        assert_eq!(shrunk(picture.clone(), 1).unwrap().rgba, [25, 0, 0, 255]);
        assert_eq!(shrunk(picture.clone(), 2).unwrap(), picture);
        let wide = Pixels { width: 6, height: 2, rgba: [7, 8, 9, 255].repeat(12) };
        let small = shrunk(wide, 1).unwrap();
        assert_eq!((small.width, small.height, small.rgba), (3, 1, [7, 8, 9, 255].repeat(3)));
        let large = resize_pixels(&picture, (4, 4), SizeFilter::Bicubic).unwrap();
        assert_eq!((large.width, large.rgba.len()), (4, 64));
    }
}
