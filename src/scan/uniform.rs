//! Windows of one colour, open water for instance: those of the same colour share an embedding.

use crate::raster::Pixels;

/// The colour of a square of `side` pixels at (`left`, `top`), if its pixels differ by no more than
/// `tolerance` levels in any channel: their middle, rounded to multiples of `tolerance` + 1. A window that
/// stands for its colour so is off by at most `tolerance` levels anywhere; with 0 it is exactly that colour.
pub fn color(pixels: &Pixels, left: usize, top: usize, side: usize, tolerance: u8) -> Option<[u8; 3]> {
    let stride = pixels.width as usize;
    let width = side.min(stride.saturating_sub(left));
    let height = side.min((pixels.height as usize).saturating_sub(top));
    let all = pixels.rgba.as_chunks::<4>().0;
    let (mut least, mut most) = ([u8::MAX; 3], [u8::MIN; 3]);
    for y in top..top + height {
        for pixel in all.get(y * stride + left..)?.get(..width)? {
            for channel in 0..3 {
                least[channel] = least[channel].min(pixel[channel]);
                most[channel] = most[channel].max(pixel[channel]);
                if most[channel] - least[channel] > tolerance {
                    return None;
                }
            }
        }
    }
    let step = u16::from(tolerance) + 1;
    let middle = |channel: usize| {
        let middle = u16::from(least[channel]).midpoint(u16::from(most[channel]));
        // Never past what was seen, so that no pixel is further off than the tolerance.
        let rounded = ((middle + step / 2) / step * step).clamp(least[channel].into(), most[channel].into());
        u8::try_from(rounded).unwrap_or(u8::MAX)
    };
    (width > 0 && height > 0).then(|| [middle(0), middle(1), middle(2)])
}

/// A square of one colour.
pub fn paint(color: [u8; 3], side: u32) -> Pixels {
    let [red, green, blue] = color;
    Pixels { width: side, height: side, rgba: [red, green, blue, 255].repeat(side as usize * side as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels() -> Pixels {
        let mut pixels = paint([10, 20, 30], 8);
        pixels.rgba[4 * (3 * 8 + 3)] = 13;
        pixels
    }

    #[test]
    fn a_window_is_uniform_within_its_tolerance() {
        assert_eq!(color(&pixels(), 4, 4, 4, 0), Some([10, 20, 30]));
        assert_eq!(color(&pixels(), 0, 0, 8, 2), None);
        assert_eq!(color(&pixels(), 0, 0, 8, 3), Some([12, 20, 30]));
        assert_eq!(color(&pixels(), 8, 8, 4, 3), None, "nothing is there");
    }
}
