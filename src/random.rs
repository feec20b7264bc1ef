//! Chance that can be repeated: `SplitMix64` (Steele et al., 2014, "Fast splittable pseudorandom number
//! generators"). The same seed gives the same draws on every computer; painted scenes, random models, shots
//! and trainings rely on it.

/// What the state advances by at each draw.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A sequence of draws.
#[derive(Clone, Debug)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence of several words, such as a seed, a place and a purpose.
    pub fn of(words: &[u64]) -> Self {
        Self(hash(words).wrapping_add(GAMMA))
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let bits = mix(self.0);
        self.0 = self.0.wrapping_add(GAMMA);
        bits
    }

    /// From 0 up to, without, 1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1_u32 << 24) as f32
    }

    pub fn range(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * self.unit()
    }

    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// From 0 up to, without, `count`, which is at least 1.
    pub fn index(&mut self, count: usize) -> usize {
        (self.bits() % count.max(1) as u64) as usize
    }

    /// One of a list that isn't empty.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.index(list.len())]
    }
}

/// A number that looks random, made of several words.
pub(crate) fn hash(words: &[u64]) -> u64 {
    words.iter().fold(0x5EED_5C3A_17B0_0C5D, |state, &word| mix(state ^ mix(word)))
}

/// A seed made of several words, for trainings.
// Not `hash`: a training that is resumed has to draw what it would have drawn.
pub(crate) fn seed_of(words: &[u64]) -> u64 {
    words.iter().fold(0, |state, word| mix(state ^ word))
}

/// The first draw of the sequence that begins with this state.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_and_spread() {
        let draws = |seed| {
            let mut random = SplitMix64::of(&[seed, 7]);
            (0..1000).map(|_| random.unit()).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        let mean = draws(3).iter().sum::<f32>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert!(draws(4).iter().all(|draw| (0.0..1.0).contains(draw)));
    }

    /// The first draws of the reference implementation (<https://prng.di.unimi.it/splitmix64.c>) for the seed
    /// 1234567.
    #[test]
    fn draws_are_those_of_the_reference() {
        let mut random = SplitMix64::new(1_234_567);
        for expected in [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423] {
            assert_eq!(random.bits(), expected);
        }
    }
}
