//! The colours of a heat map.
//!
//! Cividis looks the same to people with and without colour vision deficiency, and its lightness rises evenly
//! (Nuñez, Anderton and Renslow 2018, <https://doi.org/10.1371/journal.pone.0199239>).

use colorous::CIVIDIS;

use super::HeatMap;
use crate::search::query::RankBy;

/// Colours from the least to the greatest value, red, green and blue; none for no steps.
#[must_use]
pub fn legend(steps: usize) -> Vec<[u8; 3]> {
    let last = steps.saturating_sub(1).max(1);
    (0..steps).map(|step| CIVIDIS.eval_continuous(step as f64 / last as f64).as_array()).collect()
}

/// From this part of the scale on, colours are solid.
const SOLID: f64 = 0.4;

/// Which colour stands for which value, whatever values a map has: where nothing is found, nothing glows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColorScale {
    /// From 0 to 1, by the square root: a tenth is much among many words.
    Probability,
    /// Evenly from 0 to this.
    Cosine(f32),
}

impl ColorScale {
    /// For values of a kind; of cosines, `greatest` is the most there is.
    #[must_use]
    pub fn of(ranked_by: RankBy, greatest: f32) -> Self {
        match ranked_by {
            RankBy::Probability => Self::Probability,
            RankBy::Cosine => Self::Cosine(greatest.max(LEAST_COSINE)),
        }
    }

    /// Where a value lies between the ends, 0 to 1.
    #[must_use]
    pub fn share(self, value: f32) -> f64 {
        let share = match self {
            Self::Probability => f64::from(value).max(0.0).sqrt(),
            Self::Cosine(most) => f64::from(value) / f64::from(most),
        };
        share.clamp(0.0, 1.0)
    }

    /// The value at a place between the ends, 0 to 1.
    #[must_use]
    pub fn value(self, share: f32) -> f32 {
        match self {
            Self::Probability => share * share,
            Self::Cosine(most) => share * most,
        }
    }
}

/// Cosines of sentences and images that fit are about as large; less is never the end of the scale.
const LEAST_COSINE: f32 = 0.3;

impl HeatMap {
    /// A colour a cell, row by row: red, green, blue, and alpha that isn't multiplied into them. Low values
    /// are transparent, and so are cells without one.
    #[must_use]
    pub fn colors(&self, scale: ColorScale) -> Vec<[u8; 4]> {
        let colors = legend(256);
        let color = |value: &f32| {
            if value.is_nan() {
                return [0; 4];
            }
            let share = scale.share(*value);
            let [red, green, blue] = colors[(share * 255.0).round() as usize];
            [red, green, blue, ((share / SOLID).min(1.0) * 255.0).round() as u8]
        };
        self.values.iter().map(color).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[f32]) -> HeatMap {
        HeatMap { cell: 1, width: values.len(), height: 1, values: values.to_vec() }
    }

    #[test]
    fn colours_rise_with_the_values_and_low_ones_are_clear() {
        let colors = map(&[0.0, 1.0, f32::NAN, 0.25]).colors(ColorScale::Probability);
        let ends = legend(2);
        assert_eq!(colors[0], [ends[0][0], ends[0][1], ends[0][2], 0]);
        assert_eq!(colors[1], [ends[1][0], ends[1][1], ends[1][2], 255]);
        assert_eq!(colors[2], [0; 4]);
        let light = |color: &[u8]| color[..3].iter().map(|&part| u32::from(part)).sum::<u32>();
        assert!(light(&colors[0]) < light(&colors[3]) && light(&colors[3]) < light(&colors[1]));
    }

    #[test]
    fn where_nothing_is_found_nothing_glows() {
        let colors = map(&[0.0, 0.0004, 0.001]).colors(ColorScale::Probability);
        assert!(colors.iter().all(|color| color[3] < 30), "{colors:?}");
        assert_eq!(ColorScale::of(RankBy::Cosine, 0.1), ColorScale::Cosine(0.3));
    }

    #[test]
    fn places_on_the_scale_have_their_values() {
        for scale in [ColorScale::Probability, ColorScale::Cosine(0.6)] {
            for share in [0.0, 0.5, 1.0] {
                assert!((scale.share(scale.value(share)) - f64::from(share)).abs() < 1e-6);
            }
        }
        assert_eq!((ColorScale::Cosine(0.5).share(-0.2), ColorScale::Probability.share(7.0)), (0.0, 1.0));
    }

    #[test]
    fn a_legend_of_no_steps_is_empty() {
        assert!(legend(0).is_empty());
    }
}
