//! Colours: light, haze, seasons and sensors differ from one acquisition to the next.

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::Augment;

/// What the model's input makes of a byte of each channel, as `byte * scale + offset`.
type Channels = [(f32, f32); 3];

/// Light that is scattered by the air: white, a little blue.
const HAZE: [f32; 3] = [196.0, 208.0, 224.0];

fn byte(value: f32, (scale, offset): (f32, f32)) -> f32 {
    (value - offset) / scale
}

/// ITU-R BT.601, as in Pillow's conversion to grey.
fn grey(r: f32, g: f32, b: f32) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// Multiplies brightness, contrast and saturation, each by a factor from 1 - `most` to 1 + `most`.
pub fn jitter(planes: &mut [f32], channels: Channels, most: f32, rng: &mut StdRng) {
    if most <= 0.0 {
        return;
    }
    let mut factor = || rng.random_range(1.0 - most..=1.0 + most);
    let (brightness, contrast, saturation) = (factor(), factor(), factor());
    let area = planes.len() / 3;
    let (red, rest) = planes.split_at_mut(area);
    let (green, blue) = rest.split_at_mut(area);
    let mut sum = 0.0;
    for ((r, g), b) in red.iter().zip(&*green).zip(&*blue) {
        sum += grey(byte(*r, channels[0]), byte(*g, channels[1]), byte(*b, channels[2]));
    }
    let mean = sum / area as f32 * brightness;
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let mut bytes = [byte(*r, channels[0]), byte(*g, channels[1]), byte(*b, channels[2])];
        for value in &mut bytes {
            *value = (*value * brightness - mean) * contrast + mean;
        }
        let grey = grey(bytes[0], bytes[1], bytes[2]);
        let changed = bytes.map(|value| ((value - grey) * saturation + grey).clamp(0.0, 255.0));
        for ((to, value), (scale, offset)) in [r, g, b].into_iter().zip(changed).zip(channels) {
            *to = value * scale + offset;
        }
    }
}

/// Lays haze over half of the pictures, up to a share of `most`: thicker, it is brighter and bluer.
pub fn haze(planes: &mut [f32], channels: Channels, most: f32, rng: &mut StdRng) {
    if most <= 0.0 || !rng.random_bool(Augment::CHANCE) {
        return;
    }
    let share = rng.random_range(0.0..=most);
    let bright = rng.random_range(0.85..=1.1);
    recolour(planes, channels, |colour| {
        let mut hazy = colour;
        for (value, air) in hazy.iter_mut().zip(HAZE) {
            *value += (air * bright - *value) * share;
        }
        hazy
    });
}

/// Changes what is green, as far as it is: brightness, the balance of red and green, and saturation each by a
/// factor from 1 - `most` to 1 + `most`. So meadows and woods dry, sprout and wither; roofs don't.
pub fn season(planes: &mut [f32], channels: Channels, most: f32, rng: &mut StdRng) {
    /// By how much green exceeds the mean of red and blue in what is vegetation without a doubt.
    const GREEN: f32 = 24.0;
    if most <= 0.0 {
        return;
    }
    let mut factor = || rng.random_range(1.0 - most..=1.0 + most);
    let (light, red, saturation) = (factor(), factor(), factor());
    recolour(planes, channels, |[r, g, b]| {
        let share = ((g - 0.5 * (r + b)) / GREEN).clamp(0.0, 1.0);
        let turned = [r * red * light, g / red.sqrt() * light, b * light];
        let mean = grey(turned[0], turned[1], turned[2]);
        let changed = turned.map(|value| mean + (value - mean) * saturation);
        let mix = |old: f32, new: f32| old + (new - old) * share;
        [mix(r, changed[0]), mix(g, changed[1]), mix(b, changed[2])]
    });
}

/// Gives each channel a gain from 1 - `most` to 1 + `most`, an offset of up to a quarter of `most` of the
/// range, and all of them a gamma of 1 / (1 + `most`) to 1 + `most`.
pub fn sensor(planes: &mut [f32], channels: Channels, most: f32, rng: &mut StdRng) {
    if most <= 0.0 {
        return;
    }
    let mut gains = [(1.0, 0.0); 3];
    for (gain, offset) in &mut gains {
        *gain = rng.random_range(1.0 - most..=1.0 + most);
        *offset = 0.25 * 255.0 * rng.random_range(-most..=most);
    }
    let gamma = most.ln_1p();
    let gamma = rng.random_range(-gamma..=gamma).exp();
    recolour(planes, channels, |colour| {
        let mut seen = colour;
        for (value, (gain, offset)) in seen.iter_mut().zip(gains) {
            let light = ((*value * gain + offset) / 255.0).clamp(0.0, 1.0);
            *value = 255.0 * light.powf(gamma);
        }
        seen
    });
}

/// Changes every pixel's colour in bytes; what leaves their range is cut off.
fn recolour(planes: &mut [f32], channels: Channels, change: impl Fn([f32; 3]) -> [f32; 3]) {
    let area = planes.len() / 3;
    let (red, rest) = planes.split_at_mut(area);
    let (green, blue) = rest.split_at_mut(area);
    for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
        let colour = [byte(*r, channels[0]), byte(*g, channels[1]), byte(*b, channels[2])];
        let changed = change(colour).map(|value| value.clamp(0.0, 255.0));
        for ((to, value), (scale, offset)) in [r, g, b].into_iter().zip(changed).zip(channels) {
            *to = value * scale + offset;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    const BYTES: Channels = [(1.0, 0.0); 3];

    /// A picture of two pixels.
    fn planes(one: [f32; 3], other: [f32; 3]) -> Vec<f32> {
        one.iter().zip(other).flat_map(|(one, other)| [*one, other]).collect()
    }

    #[test]
    fn haze_takes_everything_towards_the_air() {
        let mut hazy = 0;
        for seed in 0..40 {
            let mut seen = planes([20.0, 30.0, 10.0], [60.0, 60.0, 60.0]);
            let before = seen.clone();
            haze(&mut seen, BYTES, 0.5, &mut StdRng::seed_from_u64(seed));
            if seen == before {
                continue;
            }
            hazy += 1;
            assert!(seen.iter().zip(&before).all(|(after, before)| after > before), "{seen:?}");
            let apart = |planes: &[f32]| (planes[1] - planes[0]).abs();
            assert!(apart(&seen) < apart(&before), "haze takes contrast");
        }
        assert!((10..30).contains(&hazy), "{hazy} of 40 are hazy");
    }

    #[test]
    fn seasons_change_what_grows_alone() {
        let (wood, roof) = ([50.0, 110.0, 45.0], [170.0, 90.0, 80.0]);
        let mut seen = planes(wood, roof);
        season(&mut seen, BYTES, 0.5, &mut StdRng::seed_from_u64(2));
        assert_eq!([seen[1], seen[3], seen[5]], roof);
        assert!((seen[0] - wood[0]).abs() + (seen[2] - wood[1]).abs() > 5.0, "{seen:?}");
    }

    #[test]
    fn sensors_differ_by_channel_and_keep_the_order_of_light() {
        for seed in 0..20 {
            let mut seen = planes([100.0; 3], [130.0; 3]);
            sensor(&mut seen, BYTES, 0.2, &mut StdRng::seed_from_u64(seed));
            assert!(seen.chunks(2).all(|channel| channel[0] < channel[1]), "{seen:?}");
            assert!(seen[0] != seen[2] && seen[2] != seen[4], "{seen:?}");
            assert!(seen.iter().all(|value| (0.0..=255.0).contains(value)));
        }
    }
}
