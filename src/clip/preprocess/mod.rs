//! From pixels to the model's input, on the processor: resize with antialiasing, scale to 0..1, normalise.
//!
//! - this file: what becomes of windows and whole pictures
//! - [`resize`]: Pillow's resize, in floats
//! - [`shared`]: what windows above one another share of it
//! - [`sharpened`]: what is enlarged by a network first
//! - [`other_size`]: pictures in other sizes, still as bytes
//! - [`stretched`]: pictures of many cells

pub(super) mod other_size;
mod resize;
mod shared;
mod sharpened;
mod stretched;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use fast_image_resize::pixels::F32x4;

use super::{ClipError, PictureSize, Sharpener};
use crate::raster::Pixels;
use resize::{Part, PixelRect};
pub use shared::SharedRows;
use sharpened::Enlarged;

/// How pixels become a model's input. Cheap to clone; usable from many threads at once.
#[derive(Clone, PartialEq)]
pub struct Preprocess {
    /// Side of the square input, in pixels.
    side: u32,
    filter: Filter,
    fit: Fit,
    crop: CropRounding,
    /// Red, green, blue.
    channels: [Channel; 3],
    /// What enlarges windows and pictures that are smaller than the input.
    sharpener: Option<Arc<Sharpener>>,
}

/// A value of the model's input is byte * `scale` + `offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Channel {
    scale: f32,
    offset: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Nearest,
    Box,
    Bilinear,
    Hamming,
    Bicubic,
    Lanczos,
}

/// How a whole picture becomes a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// The shortest side becomes `shortest` pixels long, and the centre of the input's size is cropped.
    CenterCrop { shortest: u32 },
    /// Width and height become `to` pixels each, and the centre of the input's size is cropped.
    Squash { to: u32 },
    /// The centre of the input's size is cropped without a resize, with black around a smaller picture.
    /// Windows of scenes are resized all the same.
    CropOnly,
}

/// Where the centre lies if an odd number of pixels is cropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CropRounding {
    /// transformers: the smaller half lies before it.
    Down,
    /// torchvision, and so `open_clip`: the half is rounded to the nearest even number.
    HalfToEven,
}

/// OpenAI's, which most other checkpoints share.
pub(super) const MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
pub(super) const STD: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];

impl Preprocess {
    pub(super) fn new(side: u32, mean: [f64; 3], std: [f64; 3], rescale: f64) -> Self {
        let channel =
            |mean: f64, std: f64| Channel { scale: (rescale / std) as f32, offset: (-mean / std) as f32 };
        let ([r, g, b], [std_r, std_g, std_b]) = (mean, std);
        Self {
            side,
            filter: Filter::Bicubic,
            fit: Fit::CenterCrop { shortest: side },
            crop: CropRounding::Down,
            channels: [channel(r, std_r), channel(g, std_g), channel(b, std_b)],
            sharpener: None,
        }
    }

    /// OpenAI's preprocessing for an input of `side` x `side` pixels.
    #[must_use]
    pub fn openai(side: u32) -> Self {
        Self::new(side, MEAN, STD, 1.0 / 255.0)
    }

    /// The same with another way to make a picture square.
    pub(super) fn with(self, filter: Filter, fit: Fit, crop: CropRounding) -> Self {
        Self { filter, fit, crop, ..self }
    }

    /// Mean and standard deviation by which values from 0 to 1 are normalised: red, green, blue.
    pub(super) fn mean_and_std(&self) -> ([f64; 3], [f64; 3]) {
        let std = |channel: Channel| 1.0 / 255.0 / f64::from(channel.scale);
        (self.channels.map(|channel| -f64::from(channel.offset) * std(channel)), self.channels.map(std))
    }

    /// What is done to a picture, in words.
    pub(super) fn in_words(&self) -> String {
        let side = self.side;
        let filter = match self.filter {
            Filter::Nearest => "nearest pixel",
            Filter::Box => "box filter",
            Filter::Bilinear => "bilinear",
            Filter::Hamming => "Hamming filter",
            Filter::Bicubic => "bicubic",
            Filter::Lanczos => "Lanczos",
        };
        match self.fit {
            Fit::CenterCrop { shortest } => {
                format!("shortest side to {shortest} pixels ({filter}), middle {side} x {side}")
            }
            Fit::Squash { to } if to == side => format!("squashed to {side} x {side} pixels ({filter})"),
            Fit::Squash { to } => {
                format!("squashed to {to} x {to} pixels ({filter}), middle {side} x {side}")
            }
            Fit::CropOnly => {
                format!("middle {side} x {side} pixels; windows of scenes are resized ({filter})")
            }
        }
    }

    /// The number of values of a picture's input: 3 x side x side.
    #[must_use]
    pub fn input_len(&self) -> usize {
        3 * self.side as usize * self.side as usize
    }

    /// Side of the square input, in pixels.
    #[must_use]
    pub fn side(&self) -> u32 {
        self.side
    }

    /// The same for an input of another size.
    #[must_use]
    pub(crate) fn with_side(&self, side: u32) -> Self {
        let fit = match self.fit {
            Fit::CenterCrop { .. } => Fit::CenterCrop { shortest: side },
            Fit::Squash { .. } => Fit::Squash { to: side },
            Fit::CropOnly => Fit::CropOnly,
        };
        Self { side, fit, ..self.clone() }
    }

    /// Stretches a rectangle `[left, top, width, height]` (fractions allowed) to the model's input.
    /// Otherwise, and in its errors, as [`Self::window`].
    pub(crate) fn rectangle(
        &self,
        pixels: &Pixels,
        [left, top, width, height]: [f64; 4],
        out: &mut [f32],
    ) -> Result<(), ClipError> {
        let part = Part { left, top, width, height };
        self.normalize(&self.resized(&PixelRect::all(pixels), &part, self.size())?, out);
        Ok(())
    }

    /// What [`Self::window`] makes of a byte of each channel, as `byte * scale + offset`.
    pub(crate) fn scale_and_offset(&self) -> [(f32, f32); 3] {
        self.channels.map(|channel| (channel.scale, channel.offset))
    }

    /// Resizes the square at (`left`, `top`) with sides of `side` pixels (fractions allowed) to the model's
    /// input and writes it to `out` ([`Self::input_len`] values) as planes of rows: red, green, blue. A model
    /// whose authors crop the centre of every picture sees the centre of the square.
    ///
    /// Nothing outside the square has an influence. Beyond the picture, its edge is repeated. Colours are
    /// used as they are, whatever alpha says.
    ///
    /// # Errors
    /// If it can't be resized; the content of `out` is then meaningless.
    pub fn window(
        &self,
        pixels: &Pixels,
        left: f64,
        top: f64,
        side: f64,
        out: &mut [f32],
    ) -> Result<(), ClipError> {
        self.window_beside(pixels, left, top, side, &mut SharedRows::default(), out)
    }

    /// [`Self::window`] of one of several windows of a picture, which share what they can. The same comes
    /// out.
    ///
    /// # Errors
    /// As [`Self::window`].
    pub fn window_beside(
        &self,
        pixels: &Pixels,
        left: f64,
        top: f64,
        side: f64,
        shared: &mut SharedRows,
        out: &mut [f32],
    ) -> Result<(), ClipError> {
        let (mut rect, mut part) = PixelRect::around(pixels, left, top, side);
        let resized = match self.fit {
            Fit::CenterCrop { shortest: to } | Fit::Squash { to } => to,
            Fit::CropOnly => self.side,
        };
        let enlarged = self.enlarged(part.width, resized, || rect.to_pixels())?;
        if let Some(Enlarged { pixels, scale }) = &enlarged {
            (rect, part) = (PixelRect::all(pixels), part.scaled(*scale));
        }
        if resized != self.side {
            let (before, width) = self.center_crop(part.width, resized);
            part = Part { left: part.left + before, top: part.top + before, width, height: width };
        }
        if enlarged.is_some() {
            self.normalize(&self.resized(&rect, &part, self.size())?, out);
            return Ok(());
        }
        let narrow = shared.narrowed(self, &rect, &part, self.side as usize)?;
        self.normalize(&self.lowered(&narrow, &part, self.size())?, out);
        Ok(())
    }

    /// Turns a whole picture into the model's input as the model's authors did.
    ///
    /// # Errors
    /// If it can't be resized.
    pub fn picture(&self, pixels: &Pixels) -> Result<Vec<f32>, ClipError> {
        let mut out = vec![0.0; self.input_len()];
        let shortest = f64::from(pixels.width.min(pixels.height));
        let enlarged = match self.fit {
            Fit::CenterCrop { shortest: to } | Fit::Squash { to } => {
                self.enlarged(shortest, to, || pixels.clone())?
            }
            Fit::CropOnly => None,
        };
        let pixels = enlarged.as_ref().map_or(pixels, |enlarged| &enlarged.pixels);
        let (width, height) = match self.fit {
            Fit::Squash { to } => (to, to),
            Fit::CenterCrop { shortest: to } => {
                let shortest = u64::from(pixels.width.min(pixels.height).max(1));
                let scaled = |length: u32| {
                    let scaled = u64::from(to) * u64::from(length) / shortest;
                    u32::try_from(scaled).unwrap_or(u32::MAX).max(to)
                };
                (scaled(pixels.width), scaled(pixels.height))
            }
            Fit::CropOnly => {
                self.normalize(&self.cropped(pixels), &mut out);
                return Ok(out);
            }
        };
        // Only the centre is computed. Its corners may lie between pixels before the resize.
        let (left, part_width) = self.center_crop(pixels.width.into(), width);
        let (top, part_height) = self.center_crop(pixels.height.into(), height);
        let part = Part { left, top, width: part_width, height: part_height };
        self.normalize(&self.resized(&PixelRect::all(pixels), &part, self.size())?, &mut out);
        Ok(out)
    }

    fn size(&self) -> PictureSize {
        PictureSize::square(self.side as usize)
    }

    /// Start and length of the input along a side of `length` pixels that is resized to `resized` pixels, in
    /// pixels before the resize.
    fn center_crop(&self, length: f64, resized: u32) -> (f64, f64) {
        let scale = length / f64::from(resized);
        let start = f64::from(self.crop.before(resized.saturating_sub(self.side))) * scale;
        (start, (f64::from(self.side) * scale).min(length - start))
    }

    /// The centre of a picture as it is, with black around a smaller one.
    fn cropped(&self, pixels: &Pixels) -> Vec<F32x4> {
        let side = i64::from(self.side);
        // As in transformers, the larger half of the black lies before the picture.
        let first = |length: u32| match i64::from(length) - side {
            over @ 0.. => over / 2,
            under => -((1 - under) / 2),
        };
        let (left, top) = (first(pixels.width), first(pixels.height));
        let pixel = |x: i64, y: i64| {
            let inside =
                (0..i64::from(pixels.width)).contains(&x) && (0..i64::from(pixels.height)).contains(&y);
            if !inside {
                return F32x4::default();
            }
            let at = (y * i64::from(pixels.width) + x) as usize * 4;
            match pixels.rgba.get(at..at + 4) {
                Some(&[r, g, b, _]) => F32x4::new([r, g, b, 255].map(f32::from)),
                _ => F32x4::default(),
            }
        };
        (0..side)
            .flat_map(|y| (0..side).map(move |x| (x, y)))
            .map(|(x, y)| pixel(left + x, top + y))
            .collect()
    }

    /// Writes pixels as normalised planes.
    fn normalize(&self, pixels: &[F32x4], out: &mut [f32]) {
        let [red, green, blue] = self.channels;
        let (red_plane, rest) = out.split_at_mut_checked(pixels.len()).unwrap_or_default();
        let (green_plane, blue_plane) = rest.split_at_mut_checked(pixels.len()).unwrap_or_default();
        for (((pixel, to_red), to_green), to_blue) in
            pixels.iter().zip(red_plane).zip(green_plane).zip(blue_plane)
        {
            let [r, g, b, _] = pixel.0;
            *to_red = red.of(r);
            *to_green = green.of(g);
            *to_blue = blue.of(b);
        }
    }
}

impl Channel {
    fn of(self, byte: f32) -> f32 {
        byte.mul_add(self.scale, self.offset)
    }
}

impl CropRounding {
    /// The number of pixels before the centre if `cropped` pixels are cropped in all.
    fn before(self, cropped: u32) -> u32 {
        match self {
            Self::HalfToEven if cropped % 4 == 3 => cropped.div_ceil(2),
            _ => cropped / 2,
        }
    }
}
