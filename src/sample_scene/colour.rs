//! Colours as light: 0 to 255 per channel, in floats so that they can be mixed.

pub type Rgb = [f32; 3];

#[inline(always)]
pub fn mix(from: Rgb, to: Rgb, share: f32) -> Rgb {
    [
        from[0] + (to[0] - from[0]) * share,
        from[1] + (to[1] - from[1]) * share,
        from[2] + (to[2] - from[2]) * share,
    ]
}

#[inline(always)]
pub fn scale(colour: Rgb, factor: f32) -> Rgb {
    [colour[0] * factor, colour[1] * factor, colour[2] * factor]
}

/// Rises from 0 at `from` to 1 at `to`, with soft ends: smoothstep.
#[inline(always)]
pub fn ease(from: f32, to: f32, value: f32) -> f32 {
    let part = ((value - from) / (to - from)).clamp(0.0, 1.0);
    part * part * (3.0 - 2.0 * part)
}
