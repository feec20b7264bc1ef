//! Places without data inside a window: how many there are, and what the model sees there.
//!
//! A window without any data is left out of a scan. In one that lacks some, the pixels without data get the
//! mean colour of its valid pixels: black would look to the model like water or shadow with hard edges.

use crate::raster::Pixels;

/// How much of a window has data.
#[derive(Debug, PartialEq)]
pub enum WindowContent {
    Full,
    /// Some of it is missing: which part, and the window's own pixels with those filled.
    Partly {
        nodata: f32,
        filled: Pixels,
    },
    Empty,
}

/// Whether any pixel has no data; where none has, no window needs a closer look.
pub fn has_nodata(pixels: &Pixels) -> bool {
    pixels.rgba.as_chunks::<4>().0.iter().any(|pixel| pixel[3] == 0)
}

/// Inspects the pixels of a square of `side` pixels at (`left`, `top`), as far as they exist.
pub fn inspect(pixels: &Pixels, left: usize, top: usize, side: usize) -> WindowContent {
    let stride = pixels.width as usize;
    let width = side.min(stride.saturating_sub(left));
    let height = side.min((pixels.height as usize).saturating_sub(top));
    let all = pixels.rgba.as_chunks::<4>().0;
    let row =
        |y: usize| all.get((top + y) * stride + left..).and_then(|row| row.get(..width)).unwrap_or_default();
    let (mut sums, mut valid) = ([0_u64; 3], 0_u64);
    for pixel in (0..height).flat_map(row).filter(|pixel| pixel[3] != 0) {
        valid += 1;
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(*value);
        }
    }
    let count = (width * height) as u64;
    if valid == count {
        return WindowContent::Full;
    }
    if valid == 0 {
        return WindowContent::Empty;
    }
    let [red, green, blue] = sums.map(|sum| u8::try_from((sum + valid / 2) / valid).unwrap_or(u8::MAX));
    let mean = [red, green, blue, 255];
    let filled = (0..height).flat_map(row).flat_map(|pixel| if pixel[3] == 0 { mean } else { *pixel });
    WindowContent::Partly {
        nodata: (1.0 - valid as f64 / count as f64) as f32,
        filled: Pixels { width: width as u32, height: height as u32, rgba: filled.collect() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three columns: valid, without data, valid.
    fn striped() -> Pixels {
        let row = [[10, 20, 30, 255], [0; 4], [20, 40, 60, 255]].concat();
        Pixels { width: 3, height: 3, rgba: row.repeat(3) }
    }

    #[test]
    fn nodata_gets_the_mean_of_what_is_there() {
        let WindowContent::Partly { nodata, filled } = inspect(&striped(), 0, 0, 3) else {
            panic!("some has no data")
        };
        assert!((nodata - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!((filled.width, filled.height), (3, 3));
        assert_eq!(filled.rgba[..12], [10, 20, 30, 255, 15, 30, 45, 255, 20, 40, 60, 255]);
    }

    #[test]
    fn a_window_is_looked_at_alone() {
        assert_eq!(inspect(&striped(), 0, 0, 1), WindowContent::Full);
        assert_eq!(inspect(&striped(), 1, 1, 1), WindowContent::Empty);
        let WindowContent::Partly { nodata, filled } = inspect(&striped(), 1, 1, 9) else {
            panic!("some has no data")
        };
        assert!((nodata - 0.5).abs() < 1e-6);
        assert_eq!(filled.rgba, [20, 40, 60, 255].repeat(4));
        assert!(has_nodata(&striped()));
    }
}
