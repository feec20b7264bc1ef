//! Which values become black and white.
//!
//! They are worked out once for given display settings, from a bounded sample of the whole scene, so that a
//! pixel looks the same in every region and at every level. By default, a scene with more than eight bits is
//! stretched from the 2nd to the 98th percentile of each shown band. Statistics of whole bands that GDAL
//! wrote into or beside the file take precedence over the sample; they have no percentiles, and so never
//! change the default.

use std::sync::Arc;

use super::settings::Stretch;
use super::statistics::BandStatistics;
use crate::raster::reader::Header;
use crate::raster::samples::SampleType;

/// The value that becomes black and the one that becomes white; black may be the larger.
pub(in crate::raster) type StretchRange = (f64, f64);

/// The stretch that a scene is opened with.
pub(in crate::raster) fn default_for(header: &Header) -> Stretch {
    if header.sample_type == SampleType::Uint8 { Stretch::AsStored } else { Stretch::Percentile(2.0, 98.0) }
}

/// The ranges of the shown bands. `sampled` has one entry per band if the stretch needs them.
pub(in crate::raster) fn ranges(
    header: &Header,
    stretch: &Stretch,
    shown: &[usize],
    sampled: &[Arc<BandStatistics>],
) -> Vec<StretchRange> {
    if let Stretch::Range(given) = stretch {
        let at = |index: usize| given.get(index).or(given.last()).map(|range| (range.black, range.white));
        return (0..shown.len()).map(|index| at(index).unwrap_or_else(|| full_range(header))).collect();
    }
    let of = |sampled: Option<&Arc<BandStatistics>>| match sampled {
        Some(sampled) if !sampled.is_empty() => from_sample(stretch, sampled),
        _ => None,
    };
    let ranges = from_stored_statistics(header, stretch, shown).unwrap_or_else(|| {
        (0..shown.len()).map(|index| of(sampled.get(index)).unwrap_or_else(|| full_range(header))).collect()
    });
    if header.white_is_zero {
        ranges.into_iter().map(|(black, white)| (white, black)).collect()
    } else {
        ranges
    }
}

/// The ranges from the statistics in or beside the file, if all shown bands have them: ranges from different
/// sources would shift the colours against each other.
fn from_stored_statistics(header: &Header, stretch: &Stretch, shown: &[usize]) -> Option<Vec<StretchRange>> {
    let of = |band: &usize| {
        let statistics = header.bands.get(*band)?.statistics?;
        let extremes = statistics.minimum.zip(statistics.maximum);
        match *stretch {
            Stretch::MinMax => {
                let (min, max) = extremes?;
                Some(non_empty((min, max), (min, max)))
            }
            Stretch::StandardDeviations(times) => {
                let (mean, deviation) = (statistics.mean?, statistics.standard_deviation?);
                let reach = times * deviation;
                Some(non_empty((mean - reach, mean + reach), extremes.unwrap_or((mean, mean))))
            }
            Stretch::AsStored | Stretch::Percentile(..) | Stretch::Range(_) => None,
        }
    };
    shown.iter().map(of).collect()
}

/// The smallest and the largest value that a sample can have.
fn full_range(header: &Header) -> StretchRange {
    let (low, high) = header.sample_type.range();
    let unsigned = low >= 0.0 && high > 1.0;
    // A file of 12 bits is held in 16.
    if unsigned && header.bits < 32 {
        (0.0, high.min(f64::from((1_u32 << header.bits) - 1)))
    } else {
        (low, high)
    }
}

/// The range from the statistics of a band.
fn from_sample(stretch: &Stretch, statistics: &BandStatistics) -> Option<StretchRange> {
    let BandStatistics { min, max, mean, deviation, .. } = *statistics;
    let (low, high) = match *stretch {
        Stretch::Percentile(low, high) => (statistics.percentile(low), statistics.percentile(high)),
        Stretch::MinMax => (min, max),
        Stretch::StandardDeviations(times) => (mean - times * deviation, mean + times * deviation),
        Stretch::AsStored | Stretch::Range(_) => return None,
    };
    Some(non_empty((low, high), (min, max)))
}

/// A range that isn't empty: `(low, high)` if possible.
fn non_empty((low, high): StretchRange, (min, max): StretchRange) -> StretchRange {
    if low < high {
        (low, high)
    } else if min < max {
        // Nearly all pixels are the same: show those that differ.
        (min, max)
    } else {
        // One single value is grey.
        (min - 0.5, min + 0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::display::statistics::of_values;

    #[test]
    fn a_scene_of_one_value_is_grey_and_a_rare_value_shows() {
        let percentile = Stretch::Percentile(2.0, 98.0);
        for stretch in [percentile.clone(), Stretch::MinMax, Stretch::StandardDeviations(2.0)] {
            assert_eq!(from_sample(&stretch, &of_values(vec![5.0; 10])), Some((4.5, 5.5)));
        }
        let mut rare = vec![5.0; 1000];
        rare.push(9.0);
        assert_eq!(from_sample(&percentile, &of_values(rare)), Some((5.0, 9.0)));
    }

    #[test]
    fn deviations_lie_around_the_mean() {
        let range = from_sample(&Stretch::StandardDeviations(2.0), &of_values(vec![1.0, 3.0]));
        assert_eq!(range, Some((0.0, 4.0)));
        assert_eq!(from_sample(&Stretch::MinMax, &of_values(vec![1.0, 3.0])), Some((1.0, 3.0)));
    }
}
