//! Feature maps as matrices of columns, in single precision or bf16.
//!
//! gemmkit takes and gives columns when weights are packed. So a channel is a column, and in it lie lines
//! from top to bottom, in a line pixels from left to right, and of a pixel the values of all pictures. With
//! pictures innermost, whatever moves pixels moves runs of numbers, however small a map is.

// A function that isn't inlined is compiled for the baseline instruction set.
#![allow(clippy::inline_always)]

use std::ops::Range;

use gemmkit::FusedScalar;
use half::bf16;

use crate::clip::cpu::ops::{to_bf16, vectorised};
use crate::clip::picture_size::PictureSize;

/// What feature maps are made of.
pub(super) trait Number: FusedScalar + Copy + Default + Send + Sync {
    /// The nearest number.
    fn rounded(value: f32) -> Self;

    fn wide(self) -> f32;
}

impl Number for f32 {
    #[inline(always)]
    fn rounded(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn wide(self) -> f32 {
        self
    }
}

impl Number for bf16 {
    #[inline(always)]
    fn rounded(value: f32) -> Self {
        Self::from_bits(to_bf16(value))
    }

    #[inline(always)]
    fn wide(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
}

/// The feature maps of some pictures.
pub(super) struct FeatureColumns<T> {
    /// Channel after channel, [`Self::rows`] numbers each.
    pub values: Vec<T>,
    pub size: PictureSize,
    pub pictures: usize,
}

impl<T: Number> FeatureColumns<T> {
    /// Pictures, given as planes of rows.
    pub fn of_pictures(pictures: &[f32], size: PictureSize) -> Self {
        let (area, count) = (size.area(), pictures.len() / (3 * size.area()).max(1));
        let mut values = vec![T::ZERO; pictures.len()];
        for (index, picture) in pictures.chunks_exact(3 * area).enumerate() {
            for (pixel, value) in values[index..].iter_mut().step_by(count).zip(picture) {
                *pixel = T::rounded(*value);
            }
        }
        Self { values, size, pictures: count }
    }

    /// Numbers of a channel.
    pub fn rows(&self) -> usize {
        self.size.area() * self.pictures
    }

    pub fn channels(&self) -> usize {
        self.values.len() / self.rows().max(1)
    }

    /// The mean of every 2 x 2 pixels; an odd last line or column is left out.
    pub fn pooled(&self) -> Self {
        let (size, pictures) = (self.size.pooled(2), self.pictures);
        let line = self.size.width * pictures;
        let mut values = vec![T::ZERO; self.channels() * size.area() * pictures];
        vectorised(
            #[inline(always)]
            || {
                let channels = self.values.chunks_exact(self.rows());
                for (channel, out) in channels.zip(values.chunks_exact_mut(size.area() * pictures)) {
                    let pairs =
                        channel.chunks_exact(2 * line).zip(out.chunks_exact_mut(size.width * pictures));
                    for (pair, out) in pairs {
                        let (upper, lower) = pair.split_at(line);
                        let squares = upper.chunks_exact(2 * pictures).zip(lower.chunks_exact(2 * pictures));
                        for ((upper, lower), out) in squares.zip(out.chunks_exact_mut(pictures)) {
                            mean_of_four(upper, lower, out);
                        }
                    }
                }
            },
        );
        Self { values, size, pictures }
    }

    /// The 3 x 3 neighbourhoods ("im2col") of every `stride`-th pixel of every `stride`-th line, as many
    /// columns for each of the nine places, line by line, as there are channels; zeros beyond the edge. Of
    /// the lines that come out, it appends `lines`.
    pub fn unfold(&self, stride: usize, lines: Range<usize>, columns: &mut Vec<T>) {
        let PictureSize { height, width } = self.size;
        let (pictures, line_len) = (self.pictures, width * self.pictures);
        let out_width = width.div_ceil(stride);
        for (below, right) in (0..3).flat_map(|below| (0..3).map(move |right| (below, right))) {
            for channel in self.values.chunks_exact(self.rows()) {
                for y in lines.clone() {
                    // Below zero it wraps around, which is beyond the last line too.
                    let line = (stride * y + below).wrapping_sub(1);
                    if line >= height {
                        columns.resize(columns.len() + out_width * pictures, T::ZERO);
                        continue;
                    }
                    let line = &channel[line * line_len..(line + 1) * line_len];
                    match (stride, right) {
                        (1, 0) => {
                            columns.resize(columns.len() + pictures, T::ZERO);
                            columns.extend_from_slice(&line[..line_len - pictures]);
                        }
                        (1, 1) => columns.extend_from_slice(line),
                        (1, _) => {
                            columns.extend_from_slice(&line[pictures..]);
                            columns.resize(columns.len() + pictures, T::ZERO);
                        }
                        _ => {
                            for x in 0..out_width {
                                let pixel = (stride * x + right).wrapping_sub(1);
                                match line.get(pixel.wrapping_mul(pictures)..).filter(|_| pixel < width) {
                                    Some(pixels) => columns.extend_from_slice(&pixels[..pictures]),
                                    None => columns.resize(columns.len() + pictures, T::ZERO),
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// The pixels of each picture as rows of channels, picture after picture.
    pub fn pixels(&self) -> Vec<f32> {
        let (channels, area) = (self.channels(), self.size.area());
        let mut pixels = vec![0.0; self.values.len()];
        for (channel, column) in self.values.chunks_exact(self.rows()).enumerate() {
            for (pixel, values) in column.chunks_exact(self.pictures).enumerate() {
                let places = pixels[pixel * channels + channel..].iter_mut().step_by(area * channels);
                for (out, value) in places.zip(values) {
                    *out = value.wide();
                }
            }
        }
        pixels
    }
}

/// The mean of two neighbours in a line and the two below them, for each of as many pictures as `out` holds.
#[inline(always)]
fn mean_of_four<T: Number>(upper: &[T], lower: &[T], out: &mut [T]) {
    let ((a, b), (c, d)) = (upper.split_at(out.len()), lower.split_at(out.len()));
    for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *out = T::rounded((a.wide() + b.wide() + c.wide() + d.wide()) * 0.25);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pictures of one channel, the second ten times the first.
    fn map(height: usize, width: usize) -> FeatureColumns<f32> {
        let values = (1..=height * width).flat_map(|x| [x as f32, 10.0 * x as f32]).collect();
        FeatureColumns { values, size: PictureSize { height, width }, pictures: 2 }
    }

    #[test]
    fn pictures_become_columns_and_pixels_rows() {
        let size = PictureSize { height: 1, width: 2 };
        let pictures: Vec<f32> = (0_u8..12).map(f32::from).collect();
        let columns = FeatureColumns::<f32>::of_pictures(&pictures, size);
        assert_eq!((columns.pictures, columns.channels()), (2, 3));
        assert_eq!(columns.values, [0.0, 6.0, 1.0, 7.0, 2.0, 8.0, 3.0, 9.0, 4.0, 10.0, 5.0, 11.0]);
        assert_eq!(columns.pixels(), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0, 6.0, 8.0, 10.0, 7.0, 9.0, 11.0]);
    }

    #[test]
    fn neighbours_beyond_the_edge_are_zero() {
        let mut columns = Vec::new();
        map(2, 2).unfold(1, 0..2, &mut columns);
        assert_eq!(columns.len(), 9 * 8);
        // Of the first pixel in the first picture: itself, and what is right, below and both.
        let first: Vec<f32> = columns.iter().step_by(8).copied().collect();
        assert_eq!(first, [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 3.0, 4.0]);
        let last_of_second: Vec<f32> = columns[7..].iter().step_by(8).copied().collect();
        assert_eq!(last_of_second, [10.0, 20.0, 0.0, 30.0, 40.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_stride_of_two_takes_every_second_pixel_and_lines_may_be_taken_in_parts() {
        let (mut all, mut part) = (Vec::new(), Vec::new());
        map(5, 5).unfold(2, 0..3, &mut all);
        assert_eq!(all.len(), 9 * 9 * 2);
        // The pixel in the middle, in the first picture.
        let middle: Vec<f32> = all[4 * 2..].iter().step_by(18).copied().collect();
        assert_eq!(middle, [7.0, 8.0, 9.0, 12.0, 13.0, 14.0, 17.0, 18.0, 19.0]);
        map(5, 5).unfold(2, 1..2, &mut part);
        let middle: Vec<f32> = part[2..].iter().step_by(6).copied().collect();
        assert_eq!(middle, [7.0, 8.0, 9.0, 12.0, 13.0, 14.0, 17.0, 18.0, 19.0]);
    }

    #[test]
    fn halving_leaves_out_the_odd_line() {
        let pooled = map(3, 3).pooled();
        assert_eq!((pooled.values, pooled.size), (vec![3.0, 30.0], PictureSize::square(1)));
    }
}
