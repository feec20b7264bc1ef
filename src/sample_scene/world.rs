//! What a seed decides for a whole scene: the sun, the season, the air, the film.

use super::colour::{Rgb, mix, scale};
use super::noise::Noise;
use crate::random::SplitMix64;

pub struct World {
    pub seed: u64,
    pub noise: Noise,
    /// Where the shadow of something one metre high ends, in metres.
    pub shadow: (f32, f32),
    /// Watered grass, and what grows without water.
    pub lawn: Rgb,
    pub meadow: Rgb,
    pub soil: Rgb,
    pub sand: Rgb,
    pub leaf: Rgb,
    pub deep: Rgb,
    pub shallow: Rgb,
    pub river: Rgb,
    pub asphalt: Rgb,
    pub concrete: Rgb,
    film: Film,
}

/// How a camera turns light into numbers.
struct Film {
    gain: Rgb,
    haze: Rgb,
    haze_share: f32,
    contrast: f32,
    saturation: f32,
    noise: f32,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = SplitMix64::of(&[seed, 11]);
        let angle = rng.range(-2.6, -0.5);
        let length = rng.range(0.45, 1.15);
        let green = rng.unit();
        let grey = rng.range(78.0, 142.0);
        let lawn = mix([112.0, 122.0, 78.0], [74.0, 116.0, 68.0], green);
        let dry = rng.pick(&[
            [142.0, 130.0, 100.0],
            [126.0, 128.0, 92.0],
            [104.0, 116.0, 80.0],
            [150.0, 134.0, 112.0],
        ]);
        let brightness = rng.range(0.85, 1.15);
        Self {
            seed,
            noise: Noise::new(),
            shadow: (angle.cos() * length, angle.sin() * length),
            lawn,
            meadow: mix(dry, lawn, green * 0.4),
            soil: rng.pick(&[
                [150.0, 124.0, 100.0],
                [132.0, 112.0, 94.0],
                [168.0, 142.0, 112.0],
                [120.0, 106.0, 96.0],
            ]),
            sand: rng.pick(&[
                [206.0, 192.0, 166.0],
                [196.0, 180.0, 160.0],
                [214.0, 204.0, 184.0],
                [188.0, 170.0, 148.0],
            ]),
            leaf: rng.pick(&[[62.0, 84.0, 50.0], [54.0, 76.0, 56.0], [74.0, 88.0, 54.0], [48.0, 72.0, 44.0]]),
            deep: rng.pick(&[[30.0, 66.0, 78.0], [24.0, 58.0, 62.0], [44.0, 74.0, 92.0], [52.0, 78.0, 78.0]]),
            shallow: rng.pick(&[
                [92.0, 132.0, 122.0],
                [110.0, 138.0, 126.0],
                [84.0, 120.0, 122.0],
                [126.0, 140.0, 120.0],
            ]),
            river: rng.pick(&[
                [70.0, 82.0, 66.0],
                [88.0, 88.0, 78.0],
                [54.0, 74.0, 68.0],
                [98.0, 90.0, 74.0],
            ]),
            asphalt: scale([1.0, 0.985, 0.97], grey),
            concrete: scale([196.0, 190.0, 178.0], rng.range(0.86, 1.06)),
            film: Film {
                gain: [brightness * rng.range(0.93, 1.07), brightness, brightness * rng.range(0.92, 1.08)],
                haze: [176.0, 184.0, 196.0],
                haze_share: rng.range(0.0, 0.22),
                contrast: rng.range(0.92, 1.2),
                saturation: rng.range(0.55, 1.0),
                noise: rng.range(2.0, 6.0),
            },
        }
    }

    /// The eight-bit pixel that a camera makes of some light; `grain` is its noise, -1 to 1.
    #[inline(always)]
    pub fn develop(&self, light: Rgb, grain: f32) -> [u8; 3] {
        let film = &self.film;
        let grey = 0.35 * light[0] + 0.5 * light[1] + 0.15 * light[2];
        let mut out = [0; 3];
        for (channel, out) in out.iter_mut().enumerate() {
            let seen = (grey + (light[channel] - grey) * film.saturation) * film.gain[channel];
            let contrasted = 112.0 + (seen - 112.0) * film.contrast;
            let hazy = contrasted + (film.haze[channel] - contrasted) * film.haze_share;
            *out = (hazy + grain * film.noise).clamp(0.0, 255.0) as u8;
        }
        out
    }

    /// The colour of uneven ground, with patches and grain.
    #[inline(always)]
    pub fn rough(&self, colour: Rgb, x: f32, y: f32, patches: f32, grain: f32) -> Rgb {
        let wide = self.noise.smooth(x * 0.4, y * 0.4);
        let fine = self.noise.rough(x * 2.5, y * 2.5);
        scale(colour, 1.0 + patches * wide + grain * fine)
    }
}
