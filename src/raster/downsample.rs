//! Halving: two rows of pixels become one of half the width, each pixel the mean of those of the 2 x 2 that
//! have data.

use crate::raster::samples::{Sample, SampleType, with_sample_type};

/// The layout of a scene's pixels, and which of them have data.
#[derive(Clone, Debug)]
pub(in crate::raster) struct PixelLayout {
    pub bands: usize,
    pub sample_type: SampleType,
    pub alpha: Option<usize>,
    pub nodata: Option<f64>,
    /// Values are palette indices, which can't be averaged: the first of the four that has data is taken.
    pub palette: bool,
}

impl PixelLayout {
    pub fn pixel_bytes(&self) -> usize {
        self.bands * self.sample_type.bytes()
    }
}

/// A row of samples, and of one mask byte per pixel if the scene has a mask.
#[derive(Clone, Copy)]
pub(in crate::raster) struct Row<'a> {
    pub samples: &'a [u8],
    pub mask: Option<&'a [u8]>,
}

/// Makes one row of two. With an odd width, the last column is averaged on its own.
pub(in crate::raster) fn halve_rows(
    upper: Row,
    lower: Row,
    layout: &PixelLayout,
) -> (Vec<u8>, Option<Vec<u8>>) {
    let samples = if layout.sample_type == SampleType::Uint8 && is_plain(upper, layout) {
        halve_plain_bytes(upper.samples, lower.samples, layout.bands)
    } else {
        with_sample_type!(layout.sample_type, T => halve_as::<T>(upper, lower, layout))
    };
    let mask = upper.mask.zip(lower.mask).map(|(upper, lower)| {
        upper
            .chunks(2)
            .zip(lower.chunks(2))
            .map(|(a, b)| a.iter().chain(b).copied().max().unwrap_or(0))
            .collect()
    });
    (samples, mask)
}

fn is_plain(row: Row, layout: &PixelLayout) -> bool {
    row.mask.is_none() && layout.alpha.is_none() && layout.nodata.is_none() && !layout.palette
}

/// The common case, in integers and in a form that compiles to vector instructions.
fn halve_plain_bytes(upper: &[u8], lower: &[u8], bands: usize) -> Vec<u8> {
    match bands {
        1 => halve_plain_bands::<1>(upper, lower),
        3 => halve_plain_bands::<3>(upper, lower),
        4 => halve_plain_bands::<4>(upper, lower),
        _ => {
            let mut out = Vec::with_capacity(upper.len() / 2 + bands);
            for (above, below) in upper.chunks(2 * bands).zip(lower.chunks(2 * bands)) {
                for band in 0..bands {
                    let sum: u16 = [above, below]
                        .iter()
                        .map(|pair| {
                            let first = pair.get(band).copied().unwrap_or(0);
                            u16::from(first) + u16::from(pair.get(band + bands).copied().unwrap_or(first))
                        })
                        .sum();
                    out.push(((sum + 2) / 4) as u8);
                }
            }
            out
        }
    }
}

fn halve_plain_bands<const BANDS: usize>(upper: &[u8], lower: &[u8]) -> Vec<u8> {
    let (above, below) = (upper.as_chunks::<BANDS>().0, lower.as_chunks::<BANDS>().0);
    let mut out = vec![0; above.len().div_ceil(2) * BANDS];
    let pairs = above.as_chunks::<2>();
    let pairs_below = below.as_chunks::<2>();
    let halves = out.as_chunks_mut::<BANDS>().0;
    for ((half, [a, b]), [c, d]) in halves.iter_mut().zip(pairs.0).zip(pairs_below.0) {
        for band in 0..BANDS {
            let sum = u16::from(a[band]) + u16::from(b[band]) + u16::from(c[band]) + u16::from(d[band]);
            half[band] = ((sum + 2) / 4) as u8;
        }
    }
    if let (Some(half), [a], [c]) = (halves.last_mut(), pairs.1, pairs_below.1) {
        for band in 0..BANDS {
            half[band] = (u16::from(a[band]) + u16::from(c[band])).div_ceil(2) as u8;
        }
    }
    out
}

fn halve_as<T: Sample>(upper: Row, lower: Row, layout: &PixelLayout) -> Vec<u8> {
    let pixel = layout.pixel_bytes();
    let nodata = layout.nodata.and_then(T::exactly);
    let empty = nodata.unwrap_or(T::rounded(0.0));
    let columns = upper.samples.len() / pixel;
    let mut out = Vec::with_capacity(columns.div_ceil(2) * pixel);
    for column in (0..columns).step_by(2) {
        // The pixels of the 2 x 2 that have data, each with its weight.
        let mut square: [Option<(&[u8], f64)>; 4] = [None; 4];
        let corners = [(upper, column), (upper, column + 1), (lower, column), (lower, column + 1)];
        for (place, (row, column)) in square.iter_mut().zip(corners) {
            let masked = row.mask.is_some_and(|mask| mask.get(column) == Some(&0));
            let samples = row.samples.get(column * pixel..(column + 1) * pixel);
            *place = samples
                .filter(|_| !masked)
                .map(|samples| (samples, layout.alpha.map_or(1.0, |alpha| T::get(samples, alpha).to_f64())));
        }
        for band in 0..layout.bands {
            let values = square.iter().flatten().filter_map(|&(samples, weight)| {
                let value = T::get(samples, band);
                let is_alpha = layout.alpha == Some(band);
                let has_data = is_alpha || (Some(value) != nodata && value.to_f64().is_finite());
                has_data.then_some((value, if is_alpha { 1.0 } else { weight }))
            });
            if layout.palette {
                values.map(|(value, _)| value).next().unwrap_or(empty).put(&mut out);
                continue;
            }
            let (sum, weights) = values.fold((0.0, 0.0), |(sum, weights), (value, weight)| {
                (sum + value.to_f64() * weight, weights + weight)
            });
            let mean = if weights > 0.0 { T::rounded(sum / weights) } else { empty };
            mean.put(&mut out);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(bands: usize, sample_type: SampleType) -> PixelLayout {
        PixelLayout { bands, sample_type, alpha: None, nodata: None, palette: false }
    }

    fn row(samples: &[u8]) -> Row<'_> {
        Row { samples, mask: None }
    }

    fn halved(upper: &[u8], lower: &[u8], layout: &PixelLayout) -> Vec<u8> {
        halve_rows(row(upper), row(lower), layout).0
    }

    #[test]
    fn four_pixels_become_their_mean() {
        for bands in [1, 2, 3, 4] {
            let pixels = |values: &[u8]| -> Vec<u8> { values.iter().flat_map(|&v| vec![v; bands]).collect() };
            let half =
                halved(&pixels(&[10, 20, 7]), &pixels(&[30, 41, 8]), &layout(bands, SampleType::Uint8));
            assert_eq!(half, pixels(&[25, 8]), "{bands} bands");
        }
        let words = |values: &[u16]| -> Vec<u8> { values.iter().flat_map(|v| v.to_ne_bytes()).collect() };
        let half = halved(&words(&[1000, 2000]), &words(&[3000, 4000]), &layout(1, SampleType::Uint16));
        assert_eq!(half, words(&[2500]));
    }

    #[test]
    fn pixels_without_data_do_not_count() {
        let nodata = PixelLayout { nodata: Some(0.0), ..layout(1, SampleType::Uint8) };
        assert_eq!(halved(&[0, 20, 0, 0], &[0, 40, 0, 0], &nodata), [30, 0]);
        let floats = |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|v| v.to_ne_bytes()).collect() };
        let half =
            halved(&floats(&[f32::NAN, 3.0]), &floats(&[5.0, f32::NAN]), &layout(1, SampleType::Float32));
        assert_eq!(half, floats(&[4.0]));
        let masked = Row { samples: &[200, 20], mask: Some(&[0, 255]) };
        let below = Row { samples: &[200, 200], mask: Some(&[0, 0]) };
        assert_eq!(halve_rows(masked, below, &layout(1, SampleType::Uint8)), (vec![20], Some(vec![255])));
    }

    #[test]
    fn transparent_pixels_do_not_colour_the_mean() {
        let rgba = PixelLayout { alpha: Some(3), ..layout(4, SampleType::Uint8) };
        let upper = [200, 100, 0, 255, 7, 7, 7, 0];
        let lower = [100, 100, 0, 255, 9, 9, 9, 0];
        assert_eq!(halved(&upper, &lower, &rgba), [150, 100, 0, 128]);
    }

    #[test]
    fn names_are_not_averaged() {
        let palette = PixelLayout { palette: true, ..layout(1, SampleType::Uint8) };
        assert_eq!(halved(&[3, 9], &[9, 9], &palette), [3]);
    }
}
