//! From samples to the 8-bit RGBA that is shown and encoded.

use super::bands::{Choice, Role};
use super::stretch::Range;
use crate::raster::reader::Header;
use crate::raster::samples::Raw;
use crate::raster::{Pixels, SampleType};

/// Everything that decides how a scene's samples look.
pub(in crate::raster) struct Renderer {
    /// The bands to read: those shown, then alpha.
    bands: Vec<usize>,
    sample_type: SampleType,
    shades: Vec<Shade>,
    palette: Option<Vec<[u8; 3]>>,
    has_alpha: bool,
    /// The 8-bit alpha that is fully opaque; of wider alpha, everything above 0 is, since many files hold 255
    /// in 16 bits.
    opaque: Option<f64>,
    nodata: Option<f64>,
}

/// How the values of one band become 0 to 255.
enum Shade {
    /// A table with one entry for each value of the type (8 and 16 bits).
    Table(Vec<u8>),
    Linear(Curve),
}

/// The way of a value to its shade: stretched between black and white, then bent.
#[derive(Clone, Copy)]
struct Curve {
    range: Range,
    gamma: f64,
}

impl Renderer {
    pub fn new(header: &Header, choice: &Choice, ranges: &[Range], gamma: f64) -> Self {
        let mut bands = choice.shown.clone();
        bands.extend(choice.alpha);
        // A damaged setting must not blacken the picture.
        let gamma = if gamma > 0.0 && gamma.is_finite() { gamma } else { 1.0 };
        let curve = |range| Curve { range, gamma };
        let shades = ranges.iter().map(|&range| Shade::new(header.sample_type, curve(range))).collect();
        // The table's colours stand for the values of its own band only.
        let is_table = |band: usize| header.bands.get(band).is_some_and(|band| band.role == Role::Palette);
        let palette = match *choice.shown {
            [band] if is_table(band) => header.palette.as_ref().map(|table| brighten(table, gamma)),
            _ => None,
        };
        let narrow = header.sample_type == SampleType::Uint8;
        let opaque = narrow.then(|| f64::from((1_u32 << header.bits.min(8)) - 1));
        Self {
            bands,
            sample_type: header.sample_type,
            shades,
            palette,
            has_alpha: choice.alpha.is_some(),
            opaque,
            nodata: header.nodata,
        }
    }

    /// The bands whose samples [`Self::render`] takes, interleaved, in this order.
    pub fn bands(&self) -> &[usize] {
        &self.bands
    }

    /// Whether the colours come from a table, so that there is nothing to stretch.
    pub fn has_palette(&self) -> bool {
        self.palette.is_some()
    }

    /// Bytes of one pixel's samples.
    pub fn pixel_bytes(&self) -> usize {
        self.bands.len() * self.sample_type.bytes()
    }

    /// Appends the pixels of `data` to `pixels`.
    pub fn render(&self, data: &[u8], mask: Option<&[u8]>, pixels: &mut Pixels) {
        let start = pixels.rgba.len();
        pixels.rgba.resize(start + data.len() / self.pixel_bytes() * 4, 0);
        let out = pixels.rgba.get_mut(start..).unwrap_or_default();
        match self.sample_type {
            SampleType::Uint8 => self.render_as::<u8>(data, out),
            SampleType::Int8 => self.render_as::<i8>(data, out),
            SampleType::Uint16 => self.render_as::<u16>(data, out),
            SampleType::Int16 => self.render_as::<i16>(data, out),
            SampleType::Uint32 => self.render_as::<u32>(data, out),
            SampleType::Int32 => self.render_as::<i32>(data, out),
            SampleType::Uint64 => self.render_as::<u64>(data, out),
            SampleType::Int64 => self.render_as::<i64>(data, out),
            SampleType::Float32 => self.render_as::<f32>(data, out),
            SampleType::Float64 => self.render_as::<f64>(data, out),
        }
        if let Some(mask) = mask {
            for (pixel, _) in out.as_chunks_mut::<4>().0.iter_mut().zip(mask).filter(|(_, mask)| **mask == 0)
            {
                *pixel = [0; 4];
            }
        }
    }

    fn render_as<T: Tone>(&self, data: &[u8], out: &mut [u8]) {
        let nodata = self.nodata.and_then(T::exactly);
        let missing = |value: T| Some(value) == nodata || !value.is_number();
        let count = self.bands.len();
        let pixels = data.chunks_exact(self.pixel_bytes()).zip(out.as_chunks_mut::<4>().0);
        match (self.shades.as_slice(), &self.palette) {
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
                        *out = [r.shade(red), g.shade(green), b.shade(blue), alpha];
                    }
                }
            }
            ([grey, ..], None) => {
                for (pixel, out) in pixels {
                    let value = T::get(pixel, 0);
                    if !missing(value) {
                        let shade = value.shade(grey);
                        *out = [shade, shade, shade, self.alpha::<T>(pixel, count)];
                    }
                }
            }
            ([], None) => {}
        }
        if self.has_alpha {
            // Colour behind nothing would bleed into means.
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
            Some(opaque) => to_byte(alpha / opaque * 255.0),
            None => u8::from(alpha > 0.0) * 255,
        }
    }
}

impl Shade {
    fn new(sample_type: SampleType, curve: Curve) -> Self {
        match sample_type {
            SampleType::Uint8 => Self::Table((0..=u8::MAX).map(|value| curve.shade(value.into())).collect()),
            SampleType::Uint16 => {
                Self::Table((0..=u16::MAX).map(|value| curve.shade(value.into())).collect())
            }
            _ => Self::Linear(curve),
        }
    }
}

impl Curve {
    /// 0 at the first end of the range, 255 at the second, rounded to the nearest.
    #[inline]
    fn shade(self, value: f64) -> u8 {
        let (black, white) = self.range;
        to_byte(bend((value - black) / (white - black), self.gamma) * 255.0)
    }
}

/// Bends what lies between 0 and 1.
#[inline]
fn bend(part: f64, gamma: f64) -> f64 {
    // What is as it is must stay so to the last bit, and fast.
    if gamma == 1.0 { part } else { part.clamp(0.0, 1.0).powf(gamma.recip()) }
}

/// A table of colours, bent likewise.
fn brighten(table: &[[u8; 3]], gamma: f64) -> Vec<[u8; 3]> {
    let bent = |value: u8| to_byte(bend(f64::from(value) / 255.0, gamma) * 255.0);
    table.iter().map(|colour| colour.map(bent)).collect()
}

#[inline]
fn to_byte(value: f64) -> u8 {
    value.round() as u8
}

/// A number type that can be shaded.
trait Tone: Raw {
    /// The place in a table, for the types that have one.
    fn index(self) -> usize {
        usize::MAX
    }

    fn is_number(self) -> bool {
        true
    }

    #[inline]
    fn shade(self, shade: &Shade) -> u8 {
        match shade {
            Shade::Table(table) => table.get(self.index()).copied().unwrap_or(0),
            Shade::Linear(curve) => curve.shade(self.to_f64()),
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
    fn is_number(self) -> bool {
        self.is_finite()
    }
}

impl Tone for f64 {
    #[inline]
    fn is_number(self) -> bool {
        self.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shade(value: f64, range: Range, gamma: f64) -> u8 {
        Curve { range, gamma }.shade(value)
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
        assert_eq!(brighten(&[[0, 64, 255]], 2.0), [[0, 128, 255]]);
    }
}
