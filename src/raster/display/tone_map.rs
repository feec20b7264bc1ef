//! From samples to the 8-bit RGBA that is shown and encoded.

use super::band_selection::BandSelection;
use super::stretch::StretchRange;
use crate::raster::band::Role;
use crate::raster::pixels::Pixels;
use crate::raster::reader::Header;
use crate::raster::samples::{Sample, SampleType, with_sample_type};

/// Turns a scene's samples into pixels.
pub(in crate::raster) struct ToneMap {
    /// The bands to read: those shown, then alpha.
    bands: Vec<usize>,
    sample_type: SampleType,
    curves: Vec<BandCurve>,
    palette: Option<Vec<[u8; 3]>>,
    has_alpha: bool,
    /// The 8-bit alpha value that is fully opaque. Of wider alpha, everything above 0 is, since many files
    /// store 255 in 16 bits.
    opaque: Option<f64>,
    nodata: Option<f64>,
}

/// How the values of one band become 0 to 255.
enum BandCurve {
    /// A lookup table with one entry for each value of the type (8 and 16 bits).
    Table(Vec<u8>),
    Computed(Curve),
}

/// The tone curve of a band: a linear stretch from black to white, then gamma.
#[derive(Clone, Copy)]
struct Curve {
    range: StretchRange,
    gamma: f64,
}

impl ToneMap {
    pub fn new(header: &Header, selection: &BandSelection, ranges: &[StretchRange], gamma: f64) -> Self {
        let mut bands = selection.shown.clone();
        bands.extend(selection.alpha);
        // An invalid setting must not blacken the picture.
        let gamma = if gamma > 0.0 && gamma.is_finite() { gamma } else { 1.0 };
        let curve = |range| Curve { range, gamma };
        let curves = ranges.iter().map(|&range| BandCurve::new(header.sample_type, curve(range))).collect();
        // The colour table applies to the values of its own band only.
        let has_table = |band: usize| header.bands.get(band).is_some_and(|band| band.role == Role::Palette);
        let palette = match *selection.shown {
            [band] if has_table(band) => {
                header.palette.as_ref().map(|table| apply_gamma_to_palette(table, gamma))
            }
            _ => None,
        };
        let narrow = header.sample_type == SampleType::Uint8;
        let opaque = narrow.then(|| f64::from((1_u32 << header.bits.min(8)) - 1));
        Self {
            bands,
            sample_type: header.sample_type,
            curves,
            palette,
            has_alpha: selection.alpha.is_some(),
            opaque,
            nodata: header.nodata,
        }
    }

    /// The bands whose samples [`Self::apply`] takes, interleaved, in this order.
    pub fn bands(&self) -> &[usize] {
        &self.bands
    }

    /// Whether the colours come from a colour table, so that there is nothing to stretch.
    pub fn has_palette(&self) -> bool {
        self.palette.is_some()
    }

    /// Bytes of one pixel's samples, of [`Self::bands`].
    pub fn pixel_bytes(&self) -> usize {
        self.bands.len() * self.sample_type.bytes()
    }

    /// Appends the pixels of `data` to `pixels`; those that are 0 in `mask` are transparent.
    pub fn apply(&self, data: &[u8], mask: Option<&[u8]>, pixels: &mut Pixels) {
        let start = pixels.rgba.len();
        pixels.rgba.resize(start + data.len() / self.pixel_bytes() * 4, 0);
        let out = pixels.rgba.get_mut(start..).unwrap_or_default();
        with_sample_type!(self.sample_type, T => self.apply_as::<T>(data, out));
        if let Some(mask) = mask {
            for (pixel, _) in out.as_chunks_mut::<4>().0.iter_mut().zip(mask).filter(|(_, mask)| **mask == 0)
            {
                *pixel = [0; 4];
            }
        }
    }

    fn apply_as<T: Tone>(&self, data: &[u8], out: &mut [u8]) {
        let nodata = self.nodata.and_then(T::exactly);
        let missing = |value: T| Some(value) == nodata || !value.is_finite_number();
        let count = self.bands.len();
        let pixels = data.chunks_exact(self.pixel_bytes()).zip(out.as_chunks_mut::<4>().0);
        match (self.curves.as_slice(), &self.palette) {
            (_, Some(palette)) => {
                for (pixel, out) in pixels {
                    let value = T::get(pixel, 0);
                    if let (Some([r, g, b]), false) = (palette.get(value.index()), missing(value)) {
                        *out = [*r, *g, *b, self.alpha::<T>(pixel, count)];
                    }
                }
            }
            ([red, green, blue], None) => {
                for (pixel, out) in pixels {
                    let [r, g, b] = [0, 1, 2].map(|band| T::get(pixel, band));
                    if !(missing(r) && missing(g) && missing(b)) {
                        let alpha = self.alpha::<T>(pixel, count);
                        *out = [r.to_byte(red), g.to_byte(green), b.to_byte(blue), alpha];
                    }
                }
            }
            ([grey, ..], None) => {
                for (pixel, out) in pixels {
                    let value = T::get(pixel, 0);
                    if !missing(value) {
                        let grey = value.to_byte(grey);
                        *out = [grey, grey, grey, self.alpha::<T>(pixel, count)];
                    }
                }
            }
            ([], None) => {}
        }
        if self.has_alpha {
            // The colour of transparent pixels would bleed into averages.
            out.as_chunks_mut::<4>()
                .0
                .iter_mut()
                .filter(|pixel| pixel[3] == 0)
                .for_each(|pixel| *pixel = [0; 4]);
        }
    }

    #[inline]
    fn alpha<T: Tone>(&self, pixel: &[u8], count: usize) -> u8 {
        if !self.has_alpha {
            return 255;
        }
        let alpha = T::get(pixel, count - 1).to_f64();
        match self.opaque {
            Some(opaque) => round_to_byte(alpha / opaque * 255.0),
            None => u8::from(alpha > 0.0) * 255,
        }
    }
}

impl BandCurve {
    fn new(sample_type: SampleType, curve: Curve) -> Self {
        match sample_type {
            SampleType::Uint8 => Self::Table((0..=u8::MAX).map(|value| curve.apply(value.into())).collect()),
            SampleType::Uint16 => {
                Self::Table((0..=u16::MAX).map(|value| curve.apply(value.into())).collect())
            }
            _ => Self::Computed(curve),
        }
    }
}

impl Curve {
    /// 0 at the first end of the range, 255 at the second, rounded to the nearest.
    #[inline]
    fn apply(self, value: f64) -> u8 {
        let (black, white) = self.range;
        round_to_byte(apply_gamma((value - black) / (white - black), self.gamma) * 255.0)
    }
}

/// Applies gamma to a value from 0 to 1.
#[inline]
fn apply_gamma(value: f64, gamma: f64) -> f64 {
    // Without gamma the value must stay the same to the last bit, and this must be fast.
    if gamma == 1.0 { value } else { value.clamp(0.0, 1.0).powf(gamma.recip()) }
}

/// Applies gamma to a colour table.
fn apply_gamma_to_palette(table: &[[u8; 3]], gamma: f64) -> Vec<[u8; 3]> {
    let corrected = |value: u8| round_to_byte(apply_gamma(f64::from(value) / 255.0, gamma) * 255.0);
    table.iter().map(|colour| colour.map(corrected)).collect()
}

#[inline]
fn round_to_byte(value: f64) -> u8 {
    value.round() as u8
}

/// A sample type that can be tone-mapped.
trait Tone: Sample {
    /// The index in a lookup table, for the types that have one.
    fn index(self) -> usize {
        usize::MAX
    }

    fn is_finite_number(self) -> bool {
        true
    }

    #[inline]
    fn to_byte(self, curve: &BandCurve) -> u8 {
        match curve {
            BandCurve::Table(table) => table.get(self.index()).copied().unwrap_or(0),
            BandCurve::Computed(curve) => curve.apply(self.to_f64()),
        }
    }
}

impl Tone for u8 {
    #[inline]
    fn index(self) -> usize {
        usize::from(self)
    }
}

impl Tone for u16 {
    #[inline]
    fn index(self) -> usize {
        usize::from(self)
    }
}

impl Tone for i8 {}
impl Tone for i16 {}
impl Tone for u32 {}
impl Tone for i32 {}
impl Tone for u64 {}
impl Tone for i64 {}

impl Tone for f32 {
    #[inline]
    fn is_finite_number(self) -> bool {
        self.is_finite()
    }
}

impl Tone for f64 {
    #[inline]
    fn is_finite_number(self) -> bool {
        self.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shade(value: f64, range: StretchRange, gamma: f64) -> u8 {
        Curve { range, gamma }.apply(value)
    }

    #[test]
    fn the_ends_of_the_range_are_black_and_white() {
        let shades = [9.0, 10.0, 15.0, 20.0, 21.0].map(|value| shade(value, (10.0, 20.0), 1.0));
        assert_eq!(shades, [0, 0, 128, 255, 255]);
        assert_eq!([0.0, 1.0].map(|value| shade(value, (1.0, 0.0), 1.0)), [255, 0]);
        assert_eq!(shade(f64::NAN, (0.0, 1.0), 1.0), 0);
    }

    #[test]
    fn gamma_bends_what_was_stretched() {
        // 15 is the middle after the stretch: 255 x 0.5 ^ (1 / 2.2).
        let shades = [5.0, 10.0, 15.0, 20.0, 30.0].map(|value| shade(value, (10.0, 20.0), 2.2));
        assert_eq!(shades, [0, 0, 186, 255, 255]);
        assert_eq!(shade(15.0, (10.0, 20.0), 0.5), 64);
        assert_eq!(apply_gamma_to_palette(&[[0, 64, 255]], 2.0), [[0, 128, 255]]);
    }
}
