//! The operations of a transformer that aren't matrix products, in as few passes over memory as possible.
//!
//! They are plain loops over slices, compiled once for each instruction set and selected at run time by
//! [`pulp`]: inside [`vectorised`] the compiler turns them into AVX2, AVX-512 or NEON. Sums are made of
//! [`LANES`] independent partial sums, since the compiler may not reorder float additions itself.

// A function that isn't inlined is compiled for the baseline instruction set.
#![allow(clippy::inline_always)]

use pulp::{Arch, Simd, WithSimd};
use rayon::iter::{IndexedParallelIterator as _, ParallelIterator as _};
use rayon::slice::{ParallelSlice as _, ParallelSliceMut as _};

use crate::clip::config::Activation;

/// Partial sums side by side: one AVX-512 register, two AVX2 registers, four NEON registers.
const LANES: usize = 16;

/// A layer normalisation: scale, shift, and what keeps its division finite.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
    pub epsilon: f32,
}

/// Normalises every row of `input` into `output`.
pub fn layer_norm(norm: &LayerNorm, input: &[f32], output: &mut [f32]) {
    let width = norm.gamma.len();
    vectorised(
        #[inline(always)]
        || {
            for (row, out) in input.chunks_exact(width).zip(output.chunks_exact_mut(width)) {
                layer_norm_row(norm, row, out);
            }
        },
    );
}

/// Adds `delta + bias` to the residual stream and normalises the sum into `output`, row by row.
pub fn add_layer_norm(hidden: &mut [f32], delta: &[f32], bias: &[f32], norm: &LayerNorm, output: &mut [f32]) {
    let width = bias.len();
    vectorised(
        #[inline(always)]
        || {
            let rows = hidden.chunks_exact_mut(width).zip(delta.chunks_exact(width));
            for ((row, delta), out) in rows.zip(output.chunks_exact_mut(width)) {
                for ((x, d), b) in row.iter_mut().zip(delta).zip(bias) {
                    *x += d + b;
                }
                layer_norm_row(norm, row, out);
            }
        },
    );
}

/// Adds `bias` to every row, then multiplies by `scale`.
pub fn add_bias_scale(values: &mut [f32], bias: &[f32], scale: f32) {
    vectorised(
        #[inline(always)]
        || {
            for row in values.chunks_exact_mut(bias.len()) {
                for (x, b) in row.iter_mut().zip(bias) {
                    *x = (*x + b) * scale;
                }
            }
        },
    );
}

/// Adds `bias` to every row and applies the activation.
pub fn add_bias_activate(values: &mut [f32], bias: &[f32], activation: Activation) {
    let rows = of_each_thread(values.len() / bias.len().max(1));
    values.par_chunks_mut(rows * bias.len().max(1)).for_each(|values| {
        vectorised(
            #[inline(always)]
            || {
                for row in values.chunks_exact_mut(bias.len()) {
                    let pairs = row.iter_mut().zip(bias);
                    match activation {
                        Activation::QuickGelu => pairs.for_each(|(x, b)| *x = quick_gelu(*x + b)),
                        Activation::Gelu => pairs.for_each(|(x, b)| *x = gelu(*x + b)),
                        Activation::TanhGelu => pairs.for_each(|(x, b)| *x = tanh_gelu(*x + b)),
                    }
                }
            },
        );
    });
}

/// Adds one bias to every column and applies the activation, to columns of equal length one after the other:
/// the bits of bf16.
pub fn activate_columns(values: &mut [u16], bias: &[f32], activation: Activation) {
    let rows = (values.len() / bias.len().max(1)).max(1);
    let columns = of_each_thread(bias.len());
    let parts = values.par_chunks_mut(rows * columns).zip(bias.par_chunks(columns));
    parts.for_each(|(values, bias)| {
        vectorised(
            #[inline(always)]
            || {
                for (column, b) in values.chunks_exact_mut(rows).zip(bias) {
                    let numbers = column.iter_mut();
                    let wide = |x: u16| f32::from_bits(u32::from(x) << 16);
                    match activation {
                        Activation::QuickGelu => numbers.for_each(|x| *x = to_bf16(quick_gelu(wide(*x) + b))),
                        Activation::Gelu => numbers.for_each(|x| *x = to_bf16(gelu(wide(*x) + b))),
                        Activation::TanhGelu => numbers.for_each(|x| *x = to_bf16(tanh_gelu(wide(*x) + b))),
                    }
                }
            },
        );
    });
}

/// How many of `count` rows or columns each thread of the pool takes: all where it has a single one.
pub(super) fn of_each_thread(count: usize) -> usize {
    count.div_ceil(rayon::current_num_threads().max(1)).max(1)
}

/// The bits of the nearest number of bf16; of two that are as near, the even one. What isn't a number stays
/// none.
#[inline(always)]
pub(super) fn to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    (if x.is_nan() { bits | 0x0040_0000 } else { nearest } >> 16) as u16
}

/// Runs a closure marked `inline(always)`, compiled for the best instruction set of this processor.
pub(super) fn vectorised(run: impl FnMut()) {
    struct Run<F>(F);
    impl<F: FnMut()> WithSimd for Run<F> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(mut self, _: S) {
            (self.0)();
        }
    }
    Arch::new().dispatch(Run(run));
}

#[inline(always)]
fn layer_norm_row(norm: &LayerNorm, row: &[f32], out: &mut [f32]) {
    let len = row.len() as f32;
    let mean = sum(row, |x| x) / len;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / len;
    let scale = 1.0 / (variance + norm.epsilon).sqrt();
    for (((out, x), gamma), beta) in out.iter_mut().zip(row).zip(&norm.gamma).zip(&norm.beta) {
        *out = (x - mean) * scale * gamma + beta;
    }
}

/// Replaces scores by `exp(score - max)` and returns their sum, for the caller to divide by: a softmax.
#[inline(always)]
pub(super) fn exponentials(scores: &mut [f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = scores.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = if *x > *lane { *x } else { *lane };
        }
    }
    let max = lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
    for x in scores.iter_mut() {
        *x = exp(*x - max);
    }
    sum(scores, |x| x)
}

#[inline(always)]
fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += term(*x);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|x| term(*x)).sum::<f32>()
}

#[inline(always)]
fn quick_gelu(x: f32) -> f32 {
    x / (1.0 + exp(-1.702 * x))
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// `x / 2 (1 + tanh(y))` is `x sigmoid(2 y)`.
#[inline(always)]
fn tanh_gelu(x: f32) -> f32 {
    /// Twice the root of 2 / pi.
    const TWICE: f32 = 1.595_769_1;
    x / (1.0 + exp(-TWICE * (x + 0.044_715 * x * x * x)))
}

/// The error function, to an absolute error of 3e-7: Abramowitz and Stegun, formula 7.1.26.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let a = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let poly = 1.061_405_4_f32;
    let poly = poly * t - 1.453_152_1;
    let poly = poly * t + 1.421_413_8;
    let poly = poly * t - 0.284_496_74;
    let poly = poly * t + 0.254_829_6;
    (1.0 - poly * t * exp(-a * a)).copysign(x)
}

/// The exponential function, to a relative error of 2e-7 for results that are normal numbers. It has neither
/// branch nor call, so it vectorises: `exp(x) = 2^n exp(r)` where `n` is the integer next to `x / ln 2`, with
/// Cephes' polynomial for `exp(r)`.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding 1.5 * 2^23 leaves the integer in the lowest bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2_HIGH - n * LN_2_LOW;
    let poly = 1.987_569_1e-4_f32;
    let poly = poly * r + 1.398_199_9e-3;
    let poly = poly * r + 8.333_452e-3;
    let poly = poly * r + 4.166_579_6e-2;
    let poly = poly * r + 0.166_666_66;
    let poly = poly * r + 0.5;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    (poly * r * r + r + 1.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From -90 to 90 in steps that avoid round numbers.
    fn samples() -> impl Iterator<Item = f32> {
        (0..200_000).map(|i| -90.0 + i as f32 * 0.000_900_7)
    }

    #[test]
    fn exp_is_as_good_as_the_standard_one() {
        for x in samples().filter(|x| (-87.0..=88.0).contains(x)) {
            let (got, want) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((got / want - 1.0).abs() < 5e-7, "exp({x}) = {got}, not {want}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn erf_keeps_its_bound() {
        // Known values of erf (Abramowitz and Stegun, table 7.1).
        for (x, want) in
            [(0.0, 0.0), (0.1, 0.112_462_92), (0.5, 0.520_499_9), (1.0, 0.842_700_8), (2.0, 0.995_322_3)]
        {
            assert!((erf(x) - want).abs() < 4e-7, "erf({x}) = {}", erf(x));
            assert!((erf(-x) + want).abs() < 4e-7);
        }
    }

    #[test]
    fn activations_match_their_formulas() {
        for x in samples() {
            let want = f64::from(x) / (1.0 + (-1.702 * f64::from(x)).exp());
            assert!((f64::from(quick_gelu(x)) - want).abs() <= 1e-6 * want.abs().max(1.0), "{x}");
        }
        for x in samples() {
            let wide = f64::from(x);
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (wide + 0.044_715 * wide.powi(3));
            let want = 0.5 * wide * (1.0 + inner.tanh());
            assert!((f64::from(tanh_gelu(x)) - want).abs() <= 1e-6 * want.abs().max(1.0), "{x}");
        }
        assert!((gelu(1.0) - 0.841_344_7).abs() < 1e-6);
        assert!((gelu(-1.0) + 0.158_655_26).abs() < 1e-6);
    }

    #[test]
    fn norm_gives_rows_mean_zero_and_variance_one() {
        let width = 37;
        let input: Vec<f32> = (0..2 * width).map(|i| ((i * 31) % 17) as f32 * 0.3 + 5.0).collect();
        let unit = LayerNorm { gamma: vec![1.0; width], beta: vec![0.0; width], epsilon: 0.0 };
        let mut output = vec![0.0; input.len()];
        layer_norm(&unit, &input, &mut output);
        for row in output.chunks(width) {
            let mean = row.iter().sum::<f32>() / width as f32;
            let variance = row.iter().map(|x| x * x).sum::<f32>() / width as f32;
            assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{mean} {variance}");
        }

        // The fused form is the sum, then the norm.
        let delta = vec![0.25; input.len()];
        let bias: Vec<f32> = (0..width).map(|i| i as f32 * 0.01).collect();
        let (mut hidden, mut fused) = (input.clone(), vec![0.0; input.len()]);
        add_layer_norm(&mut hidden, &delta, &bias, &unit, &mut fused);
        let added: Vec<f32> = input.iter().enumerate().map(|(i, x)| x + (0.25 + bias[i % width])).collect();
        layer_norm(&unit, &added, &mut output);
        assert_eq!(hidden, added);
        assert_eq!(fused, output);
    }
}
