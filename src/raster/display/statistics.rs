//! Statistics of a band from a bounded sample: enough for a stretch and a histogram.

use super::band_selection::BandSelection;
use crate::raster::reader::{self, Header, Level, Reader};
use crate::raster::rect::Rect;
use crate::raster::samples::{SampleType, value};
use crate::raster::sampling::sample_rects;

/// How many pixels are decoded for the sample at most.
const MAX_DECODED_PIXELS: u64 = 4 << 20;
/// About how many values of a band are kept and sorted.
const KEPT_VALUES: usize = 1 << 19;
/// An overview with fewer pixels isn't representative.
const MIN_PIXELS: u64 = 1 << 16;
/// How many quantiles are stored: one for every tenth of a percent.
const QUANTILES: usize = 1000;

/// The statistics of one band, without nodata values. All zero for a band without data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BandStatistics {
    /// How many values were sampled.
    pub values: usize,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// The standard deviation.
    pub deviation: f64,
    /// How many values lie in each of [`Self::BINS`] bins from `min` to `max`.
    pub histogram: Vec<u32>,
    quantiles: Vec<f64>,
}

impl BandStatistics {
    /// Bins of a histogram.
    pub const BINS: usize = 256;

    fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (values.first(), values.last()) else { return Self::default() };
        let count = values.len() as f64;
        // Each value is divided on its own, so that the largest numbers don't overflow; below, so is their
        // range.
        let mean: f64 = values.iter().map(|value| value / count).sum();
        let deviation = values.iter().map(|value| (value - mean).powi(2) / count).sum::<f64>().sqrt();
        let mut histogram = vec![0; Self::BINS];
        for value in &values {
            let fraction = (value / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0);
            let bin = ((fraction * Self::BINS as f64) as usize).min(Self::BINS - 1);
            if let Some(bin) = histogram.get_mut(bin) {
                *bin += 1;
            }
        }
        let quantiles =
            (0..=QUANTILES).map(|index| quantile(&values, index as f64 / QUANTILES as f64)).collect();
        Self { values: values.len(), min, max, mean, deviation, histogram, quantiles }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values == 0
    }

    /// The value below which `percent` percent of the values lie, exact for tenths of a percent.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> f64 {
        quantile(&self.quantiles, percent.clamp(0.0, 100.0) / 100.0)
    }
}

/// Samples some bands (indices into [`Header::bands`]). What can't be read is left out: it is reported when
/// someone looks at it.
pub(in crate::raster) fn sample(
    reader: &dyn Reader,
    alpha: Option<usize>,
    bands: &[usize],
) -> Vec<BandStatistics> {
    let header = reader.header();
    let selection = BandSelection { shown: bands.to_vec(), alpha };
    let mut wanted = selection.shown.clone();
    wanted.extend(selection.alpha);
    let index = sample_level(&header.levels);
    let mut values = vec![Vec::new(); bands.len()];
    if let Some(level) = header.levels.get(index) {
        let whole = Rect::new(0, 0, level.width, level.height);
        let rects = sample_rects(level, whole, MAX_DECODED_PIXELS);
        let pixels: u64 = rects.iter().map(|rect| u64::from(rect.width) * u64::from(rect.height)).sum();
        let step = usize::try_from(pixels).unwrap_or(usize::MAX).div_ceil(KEPT_VALUES).max(1);
        for rect in rects {
            let Ok(data) = reader.read(index, rect, &wanted) else { continue };
            let mask = reader::read_valid_mask(reader, index, rect, &wanted).ok().flatten();
            collect(header, &selection, &data, mask.as_deref(), step, &mut values);
        }
    }
    values.into_iter().map(BandStatistics::of).collect()
}

/// The coarsest level that still has enough pixels.
fn sample_level(levels: &[Level]) -> usize {
    levels
        .iter()
        .rposition(|level| u64::from(level.width) * u64::from(level.height) >= MIN_PIXELS)
        .unwrap_or(0)
}

/// Adds every `step`-th pixel that has data.
fn collect(
    header: &Header,
    selection: &BandSelection,
    data: &[u8],
    mask: Option<&[u8]>,
    step: usize,
    values: &mut [Vec<f64>],
) {
    let sample_bytes = header.sample_type.bytes();
    let pixel_bytes = (selection.shown.len() + usize::from(selection.alpha.is_some())) * sample_bytes;
    let nodata = header.nodata.map(|nodata| as_sample(header.sample_type, nodata));
    // An odd stride: it shares no factor with common widths, which would sample the same columns in every
    // row.
    let step = if step > 1 { step | 1 } else { 1 };
    for (index, pixel) in data.chunks_exact(pixel_bytes).enumerate().step_by(step) {
        if mask.is_some_and(|mask| mask.get(index) == Some(&0)) {
            continue;
        }
        let mut samples = pixel.chunks_exact(sample_bytes).map(|bytes| value(header.sample_type, bytes));
        if selection.alpha.is_some() && samples.clone().next_back() == Some(0.0) {
            continue;
        }
        for values in values.iter_mut() {
            let Some(value) = samples.next() else { break };
            if value.is_finite() && Some(value) != nodata {
                values.push(value);
            }
        }
    }
}

/// The nodata value as a sample holds it: files write the lowest `float32` with fewer digits than it has.
fn as_sample(sample_type: SampleType, nodata: f64) -> f64 {
    if sample_type == SampleType::Float32 { f64::from(nodata as f32) } else { nodata }
}

/// A quantile of sorted values, interpolated linearly (as numpy does).
fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    let position = fraction * (sorted.len().saturating_sub(1)) as f64;
    let below = position.floor() as usize;
    let at = |index: usize| sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0);
    at(below) + (at(below + 1) - at(below)) * position.fract()
}

/// The statistics of these values.
#[cfg(test)]
pub(in crate::raster) fn of_values(values: Vec<f64>) -> BandStatistics {
    BandStatistics::of(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_neighbours() {
        let sorted: Vec<f64> = (0..=100).map(f64::from).collect();
        assert!((quantile(&sorted, 0.02) - 2.0).abs() < 1e-9);
        assert!((quantile(&[1.0, 2.0], 0.25) - 1.25).abs() < 1e-9);
        assert!((quantile(&[7.0], 0.98) - 7.0).abs() < 1e-9);
        let statistics = BandStatistics::of(sorted);
        for percent in [0.0, 0.1, 2.0, 33.3, 98.0, 100.0] {
            assert!((statistics.percentile(percent) - percent).abs() < 1e-9, "{percent}");
        }
    }

    #[test]
    fn a_histogram_counts_every_value_once() {
        let statistics = BandStatistics::of((0..512).map(f64::from).collect());
        assert_eq!(statistics.histogram.iter().sum::<u32>(), 512);
        assert!(statistics.histogram.iter().all(|count| (1..=4).contains(count)));
        assert!((statistics.mean - 255.5).abs() < 1e-9 && (statistics.deviation - 147.8).abs() < 0.1);
        // One single value, and the largest numbers there are.
        assert_eq!(BandStatistics::of(vec![5.0; 9]).histogram.iter().sum::<u32>(), 9);
        let extreme = BandStatistics::of(vec![f64::MIN, f64::MAX]);
        assert_eq!((extreme.histogram[0], extreme.histogram[255]), (1, 1));
        assert!(extreme.mean.is_finite());
        assert!(BandStatistics::of(Vec::new()).is_empty());
    }

    #[test]
    fn the_sample_comes_from_the_coarsest_level_with_enough_pixels() {
        let level = |side| Level { width: side, height: side, block_width: 64, block_height: 64 };
        assert_eq!(sample_level(&[level(4096), level(512), level(64)]), 1);
        assert_eq!(sample_level(&[level(8)]), 0);
    }

    #[test]
    fn nodata_in_few_digits_is_the_number_that_the_samples_hold() {
        let lowest = f64::from(f32::MIN);
        assert_eq!(as_sample(SampleType::Float32, -3.402_823_466_385_29e38), lowest);
        assert!((as_sample(SampleType::Float64, 0.1) - 0.1).abs() < f64::EPSILON);
    }
}
