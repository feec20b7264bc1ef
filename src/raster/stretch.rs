//! One fixed contrast stretch for a scene that has more than eight bits.
//!
//! The 2nd and the 98th percentile of each shown band become black and white. They are taken once, when the
//! scene is opened, from a bounded sample, so that a pixel looks the same in every region and at every level.

use super::bands::Choice;
use super::reader::{Header, Level, Reader};
use super::samples::value;
use super::scaled::spread;
use super::{Rect, SampleType};

const LOW: f64 = 0.02;
const HIGH: f64 = 0.98;
/// Pixels that are decoded for the sample, at most.
const DECODED_PIXELS: u64 = 4 << 20;
/// Values of a band that are sorted, about.
const KEPT_VALUES: usize = 1 << 19;
/// An overview with fewer pixels says too little.
const ENOUGH_PIXELS: u64 = 1 << 16;

/// The value that becomes black and the one that becomes white; black may be the larger.
pub(super) type Range = (f64, f64);

/// The ranges of the shown bands: 0 to the largest value for files of up to 8 bits, percentiles otherwise.
pub(super) fn ranges(reader: &dyn Reader, choice: &Choice) -> Vec<Range> {
    let header = reader.header();
    let mut ranges = if header.sample_type == SampleType::Uint8 {
        let white = f64::from((1_u32 << header.bits.min(8)) - 1);
        vec![(0.0, white); choice.shown.len()]
    } else {
        percentiles(reader, choice)
    };
    if header.white_is_zero {
        for (black, white) in &mut ranges {
            std::mem::swap(black, white);
        }
    }
    ranges
}

fn percentiles(reader: &dyn Reader, choice: &Choice) -> Vec<Range> {
    let header = reader.header();
    let mut bands = choice.shown.clone();
    bands.extend(choice.alpha);
    let index = sample_level(&header.levels);
    let Some(level) = header.levels.get(index) else { return Vec::new() };
    let whole = Rect::new(0, 0, level.width, level.height);
    let rects = spread(level, whole, DECODED_PIXELS);
    let pixels: u64 = rects.iter().map(|rect| u64::from(rect.width) * u64::from(rect.height)).sum();
    let step = usize::try_from(pixels).unwrap_or(usize::MAX).div_ceil(KEPT_VALUES).max(1);

    let mut values = vec![Vec::new(); choice.shown.len()];
    for rect in rects {
        // What cannot be read here will be reported when somebody looks at it.
        let Ok(data) = reader.read(index, rect, &bands) else { continue };
        let mask = reader.read_mask(index, rect).ok().flatten();
        collect(header, choice, &data, mask.as_deref(), step, &mut values);
    }
    values.into_iter().map(|values| percentile_range(values, header.sample_type)).collect()
}

/// The coarsest level that still has enough pixels.
fn sample_level(levels: &[Level]) -> usize {
    levels
        .iter()
        .rposition(|level| u64::from(level.width) * u64::from(level.height) >= ENOUGH_PIXELS)
        .unwrap_or(0)
}

/// Adds every `step`-th pixel that has data.
fn collect(
    header: &Header,
    choice: &Choice,
    data: &[u8],
    mask: Option<&[u8]>,
    step: usize,
    values: &mut [Vec<f64>],
) {
    let sample_bytes = header.sample_type.bytes();
    let pixel_bytes = (choice.shown.len() + usize::from(choice.alpha.is_some())) * sample_bytes;
    // A stride that shares no factor with the width of usual pictures, so that it draws no columns.
    let step = if step > 1 { step | 1 } else { 1 };
    for (index, pixel) in data.chunks_exact(pixel_bytes).enumerate().step_by(step) {
        if mask.is_some_and(|mask| mask.get(index) == Some(&0)) {
            continue;
        }
        let mut samples = pixel.chunks_exact(sample_bytes).map(|bytes| value(header.sample_type, bytes));
        if choice.alpha.is_some() && samples.clone().next_back() == Some(0.0) {
            continue;
        }
        for values in values.iter_mut() {
            let Some(value) = samples.next() else { break };
            if value.is_finite() && Some(value) != header.nodata {
                values.push(value);
            }
        }
    }
}

fn percentile_range(mut values: Vec<f64>, sample_type: SampleType) -> Range {
    if values.is_empty() {
        return sample_type.range();
    }
    values.sort_unstable_by(f64::total_cmp);
    let (low, high) = (percentile(&values, LOW), percentile(&values, HIGH));
    if low < high {
        return (low, high);
    }
    // Nearly all pixels are the same: show what differs, and one single value as grey.
    match (values.first(), values.last()) {
        (Some(&first), Some(&last)) if first < last => (first, last),
        _ => (low - 0.5, low + 0.5),
    }
}

/// The value below which a part of the sorted values lies, between neighbours if need be (as numpy does).
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let position = part * (sorted.len().saturating_sub(1)) as f64;
    let below = position.floor() as usize;
    let at = |index: usize| sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0);
    at(below) + (at(below + 1) - at(below)) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_neighbours() {
        let sorted: Vec<f64> = (0..=100).map(f64::from).collect();
        assert!((percentile(&sorted, 0.02) - 2.0).abs() < 1e-9);
        assert!((percentile(&[1.0, 2.0], 0.25) - 1.25).abs() < 1e-9);
        assert!((percentile(&[7.0], 0.98) - 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_scene_of_one_value_is_grey_and_a_rare_value_shows() {
        assert_eq!(percentile_range(vec![5.0; 10], SampleType::Uint16), (4.5, 5.5));
        let mut rare = vec![5.0; 1000];
        rare.push(9.0);
        assert_eq!(percentile_range(rare, SampleType::Uint16), (5.0, 9.0));
        assert_eq!(percentile_range(Vec::new(), SampleType::Uint16), (0.0, 65535.0));
    }

    #[test]
    fn the_sample_comes_from_the_coarsest_level_with_enough_pixels() {
        let level = |side| Level { width: side, height: side, block_width: 64, block_height: 64 };
        assert_eq!(sample_level(&[level(4096), level(512), level(64)]), 1);
        assert_eq!(sample_level(&[level(8)]), 0);
    }
}
