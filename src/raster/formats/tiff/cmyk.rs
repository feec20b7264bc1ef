//! CMYK, shown as RGB.

use crate::raster::samples::{Sample, SampleType, value};

/// Some of red, green and blue (0 to 2) from CMYK pixels. For floating point from 0 to 1, that is (1 - ink)
/// (1 - black); for 8 bits it is libtiff's conversion, which rounds down.
pub(super) fn to_rgb(cmyk: &[u8], sample_type: SampleType, bands: &[usize]) -> Vec<u8> {
    let bytes = sample_type.bytes();
    let mut out = Vec::with_capacity(cmyk.len() / 4 * bands.len());
    if sample_type == SampleType::Uint8 {
        for &[cyan, magenta, yellow, black] in cmyk.as_chunks::<4>().0 {
            let rgb = [cyan, magenta, yellow].map(|ink| u16::from(255 - ink) * u16::from(255 - black) / 255);
            out.extend(bands.iter().map(|&band| rgb.get(band).copied().unwrap_or(0) as u8));
        }
        return out;
    }
    for pixel in cmyk.chunks_exact(4 * bytes) {
        let ink = |index: usize| {
            value(sample_type, pixel.get(index * bytes..(index + 1) * bytes).unwrap_or_default())
        };
        for &band in bands {
            let colour = (1.0 - ink(band)) * (1.0 - ink(3));
            match sample_type {
                SampleType::Float64 => colour.put(&mut out),
                _ => (colour as f32).put(&mut out),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inks_take_light_away() {
        let inks: Vec<u8> = [0.25_f32, 0.0, 1.0, 0.5].iter().flat_map(|ink| ink.to_ne_bytes()).collect();
        let colours = to_rgb(&inks, SampleType::Float32, &[0, 1, 2]);
        let colours: Vec<f64> = colours.chunks(4).map(|bytes| value(SampleType::Float32, bytes)).collect();
        assert_eq!(colours, [0.375, 0.5, 0.0]);
        assert_eq!(to_rgb(&[10, 20, 30, 100], SampleType::Uint8, &[2, 0]), [136, 148]);
    }
}
