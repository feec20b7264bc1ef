//! The colours of a heat map.
//!
//! Cividis looks the same to people with and without colour vision deficiency, and its lightness rises evenly
//! (Nuñez, Anderton and Renslow 2018, <https://doi.org/10.1371/journal.pone.0199239>).

use colorous::CIVIDIS;

use super::HeatMap;

/// Colours from the least to the greatest value, red, green and blue; none for no steps.
#[must_use]
pub fn legend(steps: usize) -> Vec<[u8; 3]> {
    let last = steps.saturating_sub(1).max(1);
    (0..steps).map(|step| CIVIDIS.eval_continuous(step as f64 / last as f64).as_array()).collect()
}

impl HeatMap {
    /// A colour a cell, row by row: red, green, blue, and alpha that isn't multiplied into them. `opacity`
    /// goes from 0 to 1; cells without a value are transparent. Colours span [`HeatMap::range`].
    #[must_use]
    pub fn colors(&self, opacity: f32) -> Vec<[u8; 4]> {
        let colors = legend(256);
        let alpha = (opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
        let (low, high) = self.range().unwrap_or((0.0, 0.0));
        let color = |value: &f32| {
            if value.is_nan() {
                return [0; 4];
            }
            // In f64 the distance of two finite values is always finite. All values alike are the least.
            let (above, span) = (f64::from(*value) - f64::from(low), f64::from(high) - f64::from(low));
            let share = if span > 0.0 { (above / span).clamp(0.0, 1.0) } else { 0.0 };
            let [red, green, blue] = colors[(share * 255.0).round() as usize];
            [red, green, blue, alpha]
        };
        self.values.iter().map(color).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_rise_from_the_least_to_the_greatest() {
        let map = HeatMap { cell: 1, width: 4, height: 1, values: vec![-0.5, 0.5, f32::NAN, 0.0] };
        let colors = map.colors(0.5);
        let ends = legend(2);
        assert_eq!(colors[0][..3], ends[0]);
        assert_eq!(colors[1][..3], ends[1]);
        assert_eq!(colors[2], [0; 4]);
        assert!(colors.iter().enumerate().all(|(at, color)| at == 2 || color[3] == 128));
        let light = |color: &[u8]| color[..3].iter().map(|&part| u32::from(part)).sum::<u32>();
        assert!(light(&colors[0]) < light(&colors[3]) && light(&colors[3]) < light(&colors[1]));
    }

    #[test]
    fn flat_and_empty_maps_have_colours_too() {
        let flat = HeatMap { cell: 1, width: 2, height: 1, values: vec![0.7; 2] };
        assert_eq!(flat.colors(9.0), vec![[legend(1)[0][0], legend(1)[0][1], legend(1)[0][2], 255]; 2]);
        assert_eq!(flat.colors(f32::NAN)[0][3], 0);
        assert!(HeatMap { values: vec![], ..flat }.colors(1.0).is_empty());
        assert!(legend(0).is_empty());
        assert_eq!(legend(9).len(), 9);
    }
}
