//! The threshold: when a match is clear.

use serde::{Deserialize, Serialize};

use super::nms::overlap;
use crate::raster::Rect;

/// When a match is clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Threshold {
    /// Every one of the best windows is shown.
    #[default]
    Off,
    /// From the scene's own scores and from the background words, for each keyword.
    Auto,
    /// The score that windows are ranked by must be at least this.
    AtLeast(f32),
}

/// A text that is no threshold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no threshold; write auto, off or a score like 0.5")]
pub struct ThresholdError {
    text: String,
}

impl std::str::FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        match text.trim() {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            number => match number.parse::<f32>() {
                Ok(value) if value.is_finite() => Ok(Self::AtLeast(value)),
                _ => Err(ThresholdError { text: text.to_owned() }),
            },
        }
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Off => write!(out, "off"),
            Self::Auto => write!(out, "auto"),
            Self::AtLeast(value) => write!(out, "{value}"),
        }
    }
}

/// A window with its scores, as far as they matter here.
#[derive(Clone, Copy, Debug)]
pub struct ScoredWindow {
    pub rect: Rect,
    /// What it is ranked by.
    pub key: f32,
    /// Cosine to the keyword less that to the background word which fits best and means something else.
    pub margin: f32,
}

/// Windows that overlap by more than this see the same.
const SAME_PLACE: f64 = 0.3;
/// Windows that must agree on a place, itself included: of a scan at one scale, and at several.
const AGREEING: (usize, usize) = (2, 3);
/// A window agrees where the keyword is at least a quarter as likely as the background word that fits best:
/// it sees the thing, and more of what lies around it.
const AGREES: f32 = 0.25;
/// The margin of a place that cells of several sizes lie over. A thing fills those of one size best, and in
/// these the keyword has to win; as among windows, those of another size must agree, or theirs counts.
#[must_use]
pub fn margin_of_sizes(margins: &[f32], logit_scale: f32) -> f32 {
    let mut sorted = margins.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    match sorted[..] {
        [best, second, ..] if !is_as_likely(second, logit_scale, AGREES) => best.min(second),
        [best, ..] => best,
        [] => f32::NEG_INFINITY,
    }
}

/// Whether the keyword's share of probability is at least `part` of that of the background word that fits
/// best.
fn is_as_likely(margin: f32, logit_scale: f32, part: f32) -> bool {
    margin * logit_scale >= part.ln()
}

impl Threshold {
    /// What tells weak matches where nothing is left out for being one.
    #[must_use]
    pub fn judging(self) -> Self {
        if self == Self::Off { Self::Auto } else { self }
    }

    /// Whether each of the best windows of a keyword is a clear match. `won` of all windows have a margin of
    /// at least 0.
    ///
    /// `Auto` asks two things of a window. The keyword must fit it at least as well as every background word
    /// that means something else does: they are there to tell what else it could be. And another window over
    /// the same place must nearly say so, too (at several scales, two others): what is there is seen by all
    /// windows around it, and a mistake by one. A keyword that wins more windows than are compared here is
    /// everywhere.
    ///
    /// How far a window stands out from the scores of its scene does not tell: measured on painted scenes,
    /// the greatest is as far out where the thing is missing as where it is there (docs/accuracy.md).
    #[must_use]
    pub fn clear(self, windows: &[ScoredWindow], won: usize, scales: usize, logit_scale: f32) -> Vec<bool> {
        let wins = |window: &ScoredWindow| window.margin >= 0.0;
        let needed = if scales > 1 { AGREEING.1 } else { AGREEING.0 };
        let agree = |window: &ScoredWindow| {
            let over = |other: &&ScoredWindow| {
                is_as_likely(other.margin, logit_scale, AGREES)
                    && overlap(&window.rect, &other.rect) > SAME_PLACE
            };
            won > windows.len() || windows.iter().filter(over).take(needed).count() >= needed
        };
        let is_clear = |window: &ScoredWindow| match self {
            Self::Off => true,
            Self::AtLeast(value) => window.key >= value,
            Self::Auto => wins(window) && agree(window),
        };
        windows.iter().map(is_clear).collect()
    }

    /// Whether a region is a clear match, by its score and the margin of the cells at its summit.
    /// `Auto` asks that the keyword fits there at least as well as every background word that means something
    /// else; the cells of a region agree already.
    #[must_use]
    pub fn is_clear_region(self, score: f32, margin: f32) -> bool {
        match self {
            Self::Off => true,
            Self::AtLeast(value) => score >= value,
            Self::Auto => margin >= 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(x: u32, margin: f32) -> ScoredWindow {
        ScoredWindow { rect: Rect::new(x, 0, 100, 100), key: 0.5, margin }
    }

    #[test]
    fn a_match_must_win_against_the_background_and_be_seen_twice() {
        let windows = [judged(0, 0.1), judged(25, 0.0), judged(50, -0.2), judged(500, 0.2)];
        assert_eq!(Threshold::Auto.clear(&windows, 3, 1, 10.0), [true, true, false, false]);
        assert_eq!(
            Threshold::Auto.clear(&windows, 3, 2, 10.0),
            [false; 4],
            "three of several scales must agree"
        );
        assert_eq!(
            Threshold::Auto.clear(&windows, 9, 1, 10.0),
            [true, true, false, true],
            "it is everywhere"
        );
        assert_eq!(Threshold::Off.clear(&windows, 3, 1, 10.0), [true; 4]);
        assert_eq!(Threshold::AtLeast(0.5).clear(&windows, 3, 1, 10.0), [true; 4]);
        assert_eq!(Threshold::AtLeast(0.6).clear(&windows, 3, 1, 10.0), [false; 4]);
    }

    #[test]
    fn who_sees_more_around_it_agrees_as_well() {
        // At a scale of 10, a margin of -0.1 is a little over a third.
        let near = [judged(0, 0.1), judged(25, -0.1)];
        assert_eq!(Threshold::Auto.clear(&near, 1, 1, 10.0), [true, false]);
        let far = [judged(0, 0.1), judged(25, -0.15)];
        assert_eq!(Threshold::Auto.clear(&far, 1, 1, 10.0), [false, false]);
    }

    #[test]
    fn cells_of_one_size_win_a_place_and_those_of_another_agree() {
        assert_eq!(margin_of_sizes(&[-0.1, 0.05, -0.2], 10.0), 0.05);
        assert!(margin_of_sizes(&[-0.9, 0.05, -0.8], 10.0) < 0.0);
        assert!(margin_of_sizes(&[-0.1, -0.05], 10.0) < 0.0);
        assert_eq!(margin_of_sizes(&[0.05], 10.0), 0.05, "a transformer has cells of one size");
    }

    #[test]
    fn thresholds_are_read_as_they_are_written() {
        for text in ["off", "auto", "0.5"] {
            assert_eq!(text.parse::<Threshold>().unwrap().to_string(), text);
        }
        assert!("NaN".parse::<Threshold>().is_err() && "high".parse::<Threshold>().is_err());
    }
}
