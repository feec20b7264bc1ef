//! The operations of a ResNet that aren't matrix products, forward and backward.
//!
//! A feature map is laid out as rows of channels ("channels last"): pixel after pixel, line after line,
//! picture after picture. So a 1 x 1 convolution is a matrix product, and a 3 x 3 convolution is one after
//! [`unfold`].

use std::ops::Range;

use super::ops::vectorised;
use crate::clip::picture_size::PictureSize;

/// Appends the 3 x 3 neighbourhood of every `stride`-th pixel of some `lines` of each picture, the first of
/// which it takes, as a row of 9 * `channels` values ("im2col"), with zeros beyond the picture's edge.
pub fn unfold(
    map: &[f32],
    size: PictureSize,
    channels: usize,
    stride: usize,
    lines: Range<usize>,
    rows: &mut Vec<f32>,
) {
    let line_len = size.width * channels;
    for picture in map.chunks_exact(size.height * line_len) {
        for y in lines.clone().step_by(stride) {
            for x in (0..size.width).step_by(stride) {
                for below in 0..3 {
                    // Below zero it wraps around, which is beyond the last line too.
                    let line = (y + below).wrapping_sub(1);
                    if line >= size.height {
                        rows.resize(rows.len() + 3 * channels, 0.0);
                        continue;
                    }
                    let line = &picture[line * line_len..(line + 1) * line_len];
                    // The neighbours in a line are contiguous.
                    let first = x.saturating_sub(1) * channels;
                    let last = (x + 2).min(size.width) * channels;
                    if x == 0 {
                        rows.resize(rows.len() + channels, 0.0);
                    }
                    rows.extend_from_slice(&line[first..last]);
                    if x + 2 > size.width {
                        rows.resize(rows.len() + channels, 0.0);
                    }
                }
            }
        }
    }
}

/// Pictures given as planes, as rows of three channels.
pub fn channels_last(pictures: &[f32], size: PictureSize) -> Vec<f32> {
    let area = size.area();
    let mut rows = Vec::with_capacity(pictures.len());
    for picture in pictures.chunks_exact(3 * area) {
        let (red, rest) = picture.split_at(area);
        let (green, blue) = rest.split_at(area);
        for ((red, green), blue) in red.iter().zip(green).zip(blue) {
            rows.extend([red, green, blue]);
        }
    }
    rows
}

/// The mean of every 2 x 2 pixels; an odd last line or column is left out.
pub fn avg_pool_2x2(map: &[f32], size: PictureSize, channels: usize) -> Vec<f32> {
    let (line_len, half) = (size.width * channels, size.pooled(2));
    let mut out = vec![0.0; map.len() / (size.height * line_len) * half.area() * channels];
    vectorised(
        #[inline(always)]
        || {
            let lines = map.chunks_exact(size.height * line_len).flat_map(|picture| {
                picture[..2 * half.height * line_len]
                    .chunks_exact(2 * line_len)
                    .map(|pair| pair.split_at(line_len))
            });
            for ((upper, lower), out) in lines.zip(out.chunks_exact_mut(half.width * channels)) {
                let pairs = upper.chunks_exact(2 * channels).zip(lower.chunks_exact(2 * channels));
                for ((upper, lower), out) in pairs.zip(out.chunks_exact_mut(channels)) {
                    let (a, b) = upper.split_at(channels);
                    let (c, d) = lower.split_at(channels);
                    for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                        *out = (a + b + c + d) * 0.25;
                    }
                }
            }
        },
    );
    out
}

/// The gradient of [`avg_pool_2x2`]: adds a quarter of `gradient` to each of the four pixels of `map`.
pub fn add_avg_pool_2x2_gradient(map: &mut [f32], gradient: &[f32], size: PictureSize, channels: usize) {
    let (line_len, half) = (size.width * channels, size.pooled(2));
    vectorised(
        #[inline(always)]
        || {
            let lines = map.chunks_exact_mut(size.height * line_len).flat_map(|picture| {
                picture[..2 * half.height * line_len]
                    .chunks_exact_mut(2 * line_len)
                    .map(|pair| pair.split_at_mut(line_len))
            });
            for ((upper, lower), gradient) in lines.zip(gradient.chunks_exact(half.width * channels)) {
                let pairs = upper.chunks_exact_mut(2 * channels).zip(lower.chunks_exact_mut(2 * channels));
                for ((upper, lower), gradient) in pairs.zip(gradient.chunks_exact(channels)) {
                    for pixel in [upper, lower].into_iter().flat_map(|pair| pair.chunks_exact_mut(channels)) {
                        for (x, gradient) in pixel.iter_mut().zip(gradient) {
                            *x += 0.25 * gradient;
                        }
                    }
                }
            }
        },
    );
}

/// `relu(x * scale + shift)` for every channel.
pub fn scale_shift_relu(map: &[f32], scale: &[f32], shift: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; map.len()];
    let channels = scale.len();
    vectorised(
        #[inline(always)]
        || {
            for (row, out) in map.chunks_exact(channels).zip(out.chunks_exact_mut(channels)) {
                for (((out, x), scale), shift) in out.iter_mut().zip(row).zip(scale).zip(shift) {
                    *out = (x * scale + shift).max(0.0);
                }
            }
        },
    );
    out
}

/// `x * scale + shift` for every channel, in place.
pub fn scale_shift(map: &mut [f32], scale: &[f32], shift: &[f32]) {
    let channels = scale.len();
    vectorised(
        #[inline(always)]
        || {
            for row in map.chunks_exact_mut(channels) {
                for ((x, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
                    *x = *x * scale + shift;
                }
            }
        },
    );
}

/// `relu(x * scale + shift + other)` for every channel.
pub fn scale_shift_add_relu(map: &[f32], scale: &[f32], shift: &[f32], other: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; map.len()];
    let channels = scale.len();
    vectorised(
        #[inline(always)]
        || {
            let rows = map.chunks_exact(channels).zip(other.chunks_exact(channels));
            for ((row, other), out) in rows.zip(out.chunks_exact_mut(channels)) {
                let inputs = row.iter().zip(other).zip(scale).zip(shift);
                for (out, (((x, other), scale), shift)) in out.iter_mut().zip(inputs) {
                    *out = (x * scale + shift + other).max(0.0);
                }
            }
        },
    );
    out
}

/// The gradient of a ReLU: zero where its output is zero.
pub fn relu_backward(gradient: &mut [f32], output: &[f32]) {
    vectorised(
        #[inline(always)]
        || {
            for (gradient, output) in gradient.iter_mut().zip(output) {
                *gradient = if *output > 0.0 { *gradient } else { 0.0 };
            }
        },
    );
}

/// For each channel, the sums over all pixels of two terms of the values in `map` and `other`.
pub fn channel_sums(
    map: &[f32],
    other: &[f32],
    channels: usize,
    terms: impl Fn(f32, f32) -> [f32; 2] + Copy,
) -> [Vec<f64>; 2] {
    // Enough rows to be fast, few enough for sums in single precision.
    const ROWS: usize = 128;
    let mut totals = [vec![0.0_f64; channels], vec![0.0_f64; channels]];
    let mut sums = [vec![0.0_f32; channels], vec![0.0_f32; channels]];
    vectorised(
        #[inline(always)]
        || {
            let [first, second] = &mut sums;
            for (rows, others) in map.chunks(ROWS * channels).zip(other.chunks(ROWS * channels)) {
                first.fill(0.0);
                second.fill(0.0);
                for (row, other) in rows.chunks_exact(channels).zip(others.chunks_exact(channels)) {
                    let sums = first.iter_mut().zip(second.iter_mut());
                    for ((first, second), (x, y)) in sums.zip(row.iter().zip(other)) {
                        let [a, b] = terms(*x, *y);
                        *first += a;
                        *second += b;
                    }
                }
                for (total, sum) in totals.iter_mut().zip([&*first, &*second]) {
                    for (total, sum) in total.iter_mut().zip(sum) {
                        *total += f64::from(*sum);
                    }
                }
            }
        },
    );
    totals
}

/// `gradient * a + x * b + c` for every channel, in place of the gradient.
pub fn affine_combination(gradient: &mut [f32], map: &[f32], [a, b, c]: [&[f32]; 3]) {
    let channels = a.len();
    vectorised(
        #[inline(always)]
        || {
            for (row, xs) in gradient.chunks_exact_mut(channels).zip(map.chunks_exact(channels)) {
                let factors = a.iter().zip(b).zip(c);
                for ((gradient, x), ((a, b), c)) in row.iter_mut().zip(xs).zip(factors) {
                    *gradient = *gradient * a + x * b + c;
                }
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_beyond_the_edge_are_zero() {
        // One picture of 2 x 2 pixels and one channel.
        let mut rows = Vec::new();
        unfold(&[1.0, 2.0, 3.0, 4.0], PictureSize::square(2), 1, 1, 0..2, &mut rows);
        assert_eq!(rows.len(), 4 * 9);
        assert_eq!(rows[..9], [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 3.0, 4.0]);
        assert_eq!(rows[27..], [1.0, 2.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_stride_of_two_takes_every_second_pixel() {
        let map: Vec<f32> = (0_u8..25).map(f32::from).collect();
        let mut rows = Vec::new();
        unfold(&map, PictureSize::square(5), 1, 2, 0..5, &mut rows);
        assert_eq!(rows.len(), 9 * 9);
        // The pixel in the middle.
        assert_eq!(rows[4 * 9..5 * 9], [6.0, 7.0, 8.0, 11.0, 12.0, 13.0, 16.0, 17.0, 18.0]);
    }

    #[test]
    fn some_lines_of_a_picture_that_is_no_square() {
        let map: Vec<f32> = (0_u8..12).map(f32::from).collect();
        let size = PictureSize { height: 4, width: 3 };
        let (mut all, mut parts) = (Vec::new(), Vec::new());
        unfold(&map, size, 1, 1, 0..4, &mut all);
        for lines in [0..1, 1..4] {
            unfold(&map, size, 1, 1, lines, &mut parts);
        }
        assert_eq!(all, parts);
        assert_eq!(all[4 * 9..5 * 9], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        assert_eq!(avg_pool_2x2(&map, size, 1), [2.0, 8.0]);
    }

    #[test]
    fn halving_leaves_out_the_odd_line_and_its_gradient_is_its_transpose() {
        let map: Vec<f32> = (0_u8..2 * 9).map(f32::from).collect();
        assert_eq!(avg_pool_2x2(&map, PictureSize::square(3), 2), [4.0, 5.0]);
        let mut back = vec![1.0; 18];
        add_avg_pool_2x2_gradient(&mut back, &[4.0, 8.0], PictureSize::square(3), 2);
        assert_eq!(back[..6], [2.0, 3.0, 2.0, 3.0, 1.0, 1.0]);
        assert_eq!(back[12..], [1.0; 6]);
    }

    #[test]
    fn sums_are_those_of_each_channel() {
        let map: Vec<f32> = (0_u16..600).map(f32::from).collect();
        let [sum, squares] = channel_sums(&map, &map, 3, |x, y| [x, x * y]);
        let want = |channel: usize, power: i32| -> f64 {
            map[channel..].iter().step_by(3).map(|x| f64::from(*x).powi(power)).sum()
        };
        assert_eq!(sum, [want(0, 1), want(1, 1), want(2, 1)]);
        assert!((squares[2] / want(2, 2) - 1.0).abs() < 1e-5);
    }
}
