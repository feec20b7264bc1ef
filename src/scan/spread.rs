//! How the scores of a keyword spread over a scene, and from where on a match is clear.

use serde::{Deserialize, Serialize};

use super::ranking::Score;

/// Bins of a histogram over -1 to 1.
const BINS: usize = 4096;

/// Histograms of all windows' scores for one keyword. They are counted, not sampled, and adding them up in another
/// order gives the same.
#[derive(Clone, Debug)]
pub struct Spread {
    cosines: Vec<u32>,
    /// Windows whose cosine to the keyword is at least that to every background word.
    won: u64,
    windows: u64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { cosines: vec![0; BINS], won: 0, windows: 0 }
    }
}

impl Spread {
    pub fn add(&mut self, score: Score) {
        let bin = ((score.cosine + 1.0) * 0.5 * BINS as f32) as usize;
        self.cosines[bin.min(BINS - 1)] += 1;
        self.won += u64::from(score.margin >= 0.0);
        self.windows += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.cosines.iter_mut().zip(&other.cosines) {
            *count += more;
        }
        self.won += other.won;
        self.windows += other.windows;
    }

    /// The cosine that `share` of the windows stay below.
    fn quantile(&self, share: f64) -> f32 {
        let wanted = share * self.windows as f64;
        let mut below = 0.0;
        for (bin, &count) in self.cosines.iter().enumerate() {
            let next = below + f64::from(count);
            if next >= wanted && count > 0 {
                let inside = (wanted - below) / f64::from(count);
                return ((bin as f64 + inside) * 2.0 / BINS as f64 - 1.0) as f32;
            }
            below = next;
        }
        1.0
    }

    /// How far a cosine stands out among those of the scene: in standard deviations over the median, which are told
    /// from the lower half, where matches don't reach.
    fn prominence(&self, cosine: f32) -> f32 {
        let median = self.quantile(0.5);
        // In a normal distribution a sixth lies below the mean less a standard deviation.
        let deviation = (median - self.quantile(0.1587)).max(2.0 / BINS as f32);
        (cosine - median) / deviation
    }
}

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

impl std::str::FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            number => match number.parse::<f32>() {
                Ok(value) if value.is_finite() => Ok(Self::AtLeast(value)),
                _ => Err(format!("{text:?} is no threshold; write auto, off or a score like 0.5")),
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

/// A window must stand out from its scene by this many standard deviations...
const PROMINENT: f32 = 2.0;
/// ...unless the keyword wins this share of the scene: then the scene shows little else.
const WIDESPREAD: f64 = 0.1;

impl Threshold {
    /// Whether a window is a clear match. `key` is what it is ranked by.
    ///
    /// `Auto` asks two things. The keyword must fit the window at least as well as every background word does, which
    /// are there to tell what else it could be. And the window must stand out from the scene, so that a scene which
    /// looks a little like the keyword everywhere has no match by chance; this is not asked of a keyword that wins a
    /// tenth of all windows.
    #[must_use]
    pub fn is_clear(self, key: f32, score: Score, spread: &Spread) -> bool {
        match self {
            Self::Off => true,
            Self::AtLeast(value) => key >= value,
            Self::Auto => {
                let widespread = spread.won as f64 >= WIDESPREAD * spread.windows as f64;
                score.margin >= 0.0 && (widespread || spread.prominence(score.cosine) >= PROMINENT)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(cosine: f32, margin: f32) -> Score {
        Score { probability: 0.5, cosine, margin }
    }

    fn spread(scores: impl Iterator<Item = Score>) -> Spread {
        let mut spread = Spread::default();
        scores.for_each(|score| spread.add(score));
        spread
    }

    #[test]
    fn quantiles_are_those_of_the_scores() {
        let even = spread((0..1000_u16).map(|i| score(f32::from(i) / 1000.0, -0.1)));
        assert!((even.quantile(0.5) - 0.5).abs() < 2e-3);
        assert!((even.quantile(0.1587) - 0.1587).abs() < 2e-3);
        let (mut front, back) = (
            spread((0..500_u16).map(|i| score(f32::from(i) / 1000.0, 0.1))),
            spread((500..1000_u16).map(|i| score(f32::from(i) / 1000.0, 0.1))),
        );
        front.merge(&back);
        assert_eq!(front.quantile(0.7), even.quantile(0.7));
    }

    #[test]
    fn a_match_must_win_against_the_background_and_stand_out() {
        let sea = spread((0..1000_u16).map(|i| score(0.2 + f32::from(i % 20) / 1000.0, -0.05)));
        assert!(Threshold::Auto.is_clear(0.0, score(0.25, 0.01), &sea));
        assert!(!Threshold::Auto.is_clear(0.0, score(0.25, -0.01), &sea));
        assert!(!Threshold::Auto.is_clear(0.0, score(0.212, 0.01), &sea));
        let wood = spread((0..1000_u16).map(|i| score(0.3 + f32::from(i % 20) / 1000.0, 0.02)));
        assert!(Threshold::Auto.is_clear(0.0, score(0.31, 0.02), &wood));
        assert!(Threshold::Off.is_clear(0.0, score(0.0, -1.0), &sea));
        assert!(Threshold::AtLeast(0.5).is_clear(0.5, score(0.0, -1.0), &sea));
    }

    #[test]
    fn thresholds_are_read_as_they_are_written() {
        for text in ["off", "auto", "0.5"] {
            assert_eq!(text.parse::<Threshold>().unwrap().to_string(), text);
        }
        assert!("NaN".parse::<Threshold>().is_err() && "high".parse::<Threshold>().is_err());
    }
}
