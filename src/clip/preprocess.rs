//! Pixels to model input: resize with antialiasing on the CPU, scale to 0..1, normalise.

use std::cell::RefCell;
use std::fmt::Display;

use super::ClipError;
use crate::raster::Pixels;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::F32x4;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// How a model wants its pictures. Cheap to clone; usable from many threads at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    /// Side of the square input, in pixels.
    side: u32,
    filter: Filter,
    fit: Fit,
    crop: CropRounding,
    /// Red, green, blue.
    channels: [Channel; 3],
}

/// byte * `scale` + `offset` is the model's input.
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
    /// The shortest side becomes `shortest` pixels long, the middle of the input's size is cut out.
    CropMiddle { shortest: u32 },
    /// Width and height become `to` pixels each, the middle of the input's size is cut out.
    Squash { to: u32 },
    /// The middle of the input's size is cut out as it is, with black where the picture is smaller. A window
    /// of a scene is resized all the same.
    Cut,
}

/// Where the middle lies when an odd number of pixels is left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CropRounding {
    /// transformers: the smaller half before it.
    Down,
    /// torchvision, and so `open_clip`: the nearest even number before it.
    HalfToEven,
}

/// OpenAI's; also those of most other checkpoints.
pub(super) const MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
pub(super) const STD: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];

thread_local! {
    // Keeps its buffers and coefficients' memory from window to window.
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

impl Preprocess {
    pub(super) fn new(side: u32, mean: [f64; 3], std: [f64; 3], rescale: f64) -> Self {
        let channel =
            |mean: f64, std: f64| Channel { scale: (rescale / std) as f32, offset: (-mean / std) as f32 };
        let ([r, g, b], [std_r, std_g, std_b]) = (mean, std);
        Self {
            side,
            filter: Filter::Bicubic,
            fit: Fit::CropMiddle { shortest: side },
            crop: CropRounding::Down,
            channels: [channel(r, std_r), channel(g, std_g), channel(b, std_b)],
        }
    }

    /// OpenAI's preprocessing for an input of `side` x `side` pixels.
    #[must_use]
    pub fn openai(side: u32) -> Self {
        Self::new(side, MEAN, STD, 1.0 / 255.0)
    }

    /// The same with another way from a picture to a square.
    pub(super) fn with(self, filter: Filter, fit: Fit, crop: CropRounding) -> Self {
        Self { filter, fit, crop, ..self }
    }

    /// What is taken from a value of 0 to 1, and what the rest is divided by: red, green, blue.
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
            Fit::CropMiddle { shortest } => {
                format!("shortest side to {shortest} pixels ({filter}), middle {side} x {side}")
            }
            Fit::Squash { to } if to == side => format!("squashed to {side} x {side} pixels ({filter})"),
            Fit::Squash { to } => {
                format!("squashed to {to} x {to} pixels ({filter}), middle {side} x {side}")
            }
            Fit::Cut => format!("middle {side} x {side} pixels; windows of scenes are resized ({filter})"),
        }
    }

    /// The number of values of one picture: 3 x side x side.
    #[must_use]
    pub fn input_len(&self) -> usize {
        3 * self.side as usize * self.side as usize
    }

    /// Side of the square input, in pixels.
    #[must_use]
    pub fn side(&self) -> u32 {
        self.side
    }

    /// The same for pictures of another size.
    #[must_use]
    pub(super) fn with_side(&self, side: u32) -> Self {
        let fit = match self.fit {
            Fit::CropMiddle { .. } => Fit::CropMiddle { shortest: side },
            Fit::Squash { .. } => Fit::Squash { to: side },
            Fit::Cut => Fit::Cut,
        };
        Self { side, fit, ..self.clone() }
    }

    /// Resizes a rectangle of whole and part pixels, `[left, top, width, height]`, to the model's input,
    /// whose sides it is stretched to. Otherwise, and in its errors, as [`Self::window`].
    pub(crate) fn rectangle(
        &self,
        pixels: &Pixels,
        [left, top, width, height]: [f64; 4],
        out: &mut [f32],
    ) -> Result<(), ClipError> {
        let part = Part { left, top, width, height };
        self.normalize(&self.resized(&Rows::all(pixels), &part)?, out);
        Ok(())
    }

    /// What [`Self::window`] makes of a byte of each channel: `byte * scale + offset`.
    pub(crate) fn scale_and_offset(&self) -> [(f32, f32); 3] {
        self.channels.map(|channel| (channel.scale, channel.offset))
    }

    /// Resizes the square at (`left`, `top`) with sides of `side` pixels (fractions allowed) to the model's
    /// input and writes it to `out` ([`Self::input_len`] values) as planes of rows: red, green, blue. A model
    /// whose authors cut the middle out of every picture sees the middle of the square.
    ///
    /// Nothing outside the square takes part. Where the square leaves the picture, the picture's edge is
    /// repeated. Colour is taken as it is, whatever alpha says.
    ///
    /// # Errors
    /// When it can't be resized; what `out` holds then means nothing.
    pub fn window(
        &self,
        pixels: &Pixels,
        left: f64,
        top: f64,
        side: f64,
        out: &mut [f32],
    ) -> Result<(), ClipError> {
        let (rows, mut part) = Rows::around(pixels, left, top, side);
        let resized = match self.fit {
            Fit::CropMiddle { shortest: to } | Fit::Squash { to } => to,
            Fit::Cut => self.side,
        };
        if resized != self.side {
            let (before, width) = self.middle(part.width, resized);
            part = Part { left: part.left + before, top: part.top + before, width, height: width };
        }
        self.normalize(&self.resized(&rows, &part)?, out);
        Ok(())
    }

    /// Turns a whole picture into the model's input, in the way the model's authors did.
    ///
    /// # Errors
    /// When it can't be resized.
    pub fn picture(&self, pixels: &Pixels) -> Result<Vec<f32>, ClipError> {
        let mut out = vec![0.0; self.input_len()];
        let (width, height) = match self.fit {
            Fit::Squash { to } => (to, to),
            Fit::CropMiddle { shortest: to } => {
                let shortest = u64::from(pixels.width.min(pixels.height).max(1));
                let scaled = |length: u32| {
                    let scaled = u64::from(to) * u64::from(length) / shortest;
                    u32::try_from(scaled).unwrap_or(u32::MAX).max(to)
                };
                (scaled(pixels.width), scaled(pixels.height))
            }
            Fit::Cut => {
                self.normalize(&self.cut(pixels), &mut out);
                return Ok(out);
            }
        };
        // Only the middle is computed: its place before the resize, which may lie between pixels.
        let (left, part_width) = self.middle(pixels.width.into(), width);
        let (top, part_height) = self.middle(pixels.height.into(), height);
        let part = Part { left, top, width: part_width, height: part_height };
        self.normalize(&self.resized(&Rows::all(pixels), &part)?, &mut out);
        Ok(out)
    }

    /// Where the input lies along a side of `length` pixels that is resized to `resized` pixels: its
    /// beginning and its length, in pixels before the resize.
    fn middle(&self, length: f64, resized: u32) -> (f64, f64) {
        let scale = length / f64::from(resized);
        let start = f64::from(self.crop.before(resized.saturating_sub(self.side))) * scale;
        (start, (f64::from(self.side) * scale).min(length - start))
    }

    /// The middle of a picture as it is, with black around a small one.
    fn cut(&self, pixels: &Pixels) -> Vec<F32x4> {
        let side = i64::from(self.side);
        // The larger half of the black lies before the picture, as in transformers.
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

    /// A part of a picture at the model's size, with values from 0 to 255; black if there are no pixels.
    ///
    /// Columns first, then rows, each rounded to bytes, as Pillow does it. With bytes the resizer would take
    /// rows first and fewer bits, which is up to five levels off where the picture is noisy.
    fn resized(&self, rows: &Rows<'_>, part: &Part) -> Result<Vec<F32x4>, ClipError> {
        /// Rows that are converted to floats at a time.
        const BAND: usize = 128;
        let side = self.side as usize;
        let mut narrow = vec![F32x4::default(); side * rows.height];
        let mut wide = Vec::with_capacity(rows.width * BAND.min(rows.height));
        for (band, target) in narrow.chunks_mut(side * BAND).enumerate() {
            let height = target.len() / side;
            wide.clear();
            (band * BAND..band * BAND + height).for_each(|row| rows.push(row, &mut wide));
            let columns = Part { top: 0.0, height: height as f64, ..*part };
            self.convolve(&wide, (rows.width, height), &columns, target)?;
        }
        let mut small = vec![F32x4::default(); side * side];
        let lines = Part { left: 0.0, width: f64::from(self.side), ..*part };
        self.convolve(&narrow, (side, rows.height), &lines, &mut small)?;
        Ok(small)
    }

    /// A part of a picture of `size` (width, height) at the model's width and as many rows as `target` holds,
    /// rounded to whole numbers from 0 to 255.
    fn convolve(
        &self,
        picture: &[F32x4],
        size: (usize, usize),
        part: &Part,
        target: &mut [F32x4],
    ) -> Result<(), ClipError> {
        let failed = |error: &dyn Display| {
            ClipError::Encode(format!("a picture can't be resized for the model: {error}"))
        };
        let filter = |filter: FilterType| ResizeAlg::Convolution(filter);
        let algorithm = match self.filter {
            Filter::Nearest => ResizeAlg::Nearest,
            Filter::Box => filter(FilterType::Box),
            Filter::Bilinear => filter(FilterType::Bilinear),
            Filter::Hamming => filter(FilterType::Hamming),
            // a = -0.5, as Pillow's bicubic.
            Filter::Bicubic => filter(FilterType::CatmullRom),
            Filter::Lanczos => filter(FilterType::Lanczos3),
        };
        let options = ResizeOptions::new().resize_alg(algorithm).use_alpha(false).crop(
            part.left,
            part.top,
            within(part.left, part.width, size.0),
            within(part.top, part.height, size.1),
        );
        let target_size = (self.side, (target.len() / self.side as usize) as u32);
        let source =
            TypedImageRef::new(size.0 as u32, size.1 as u32, picture).map_err(|error| failed(&error))?;
        let mut image = TypedImage::from_pixels_slice(target_size.0, target_size.1, target)
            .map_err(|error| failed(&error))?;
        RESIZER
            .with_borrow_mut(|resizer| resizer.resize_typed(&source, &mut image, Some(&options)))
            .map_err(|error| failed(&error))?;
        for pixel in target {
            pixel.0 = pixel.0.map(rounded);
        }
        Ok(())
    }

    /// Pixels of the model's size as normalised planes.
    fn normalize(&self, pixels: &[F32x4], out: &mut [f32]) {
        let side = self.side as usize;
        let [red, green, blue] = self.channels;
        let (red_plane, rest) = out.split_at_mut_checked(side * side).unwrap_or_default();
        let (green_plane, blue_plane) = rest.split_at_mut_checked(side * side).unwrap_or_default();
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

/// The length of a part that begins at `start`, without the hair by which rounding may put its end past the
/// picture.
fn within(start: f64, length: f64, most: usize) -> f64 {
    const HAIR: f64 = 1e-6;
    let room = most as f64 - start;
    if start + length > most as f64 && length < room + HAIR { room.next_down() } else { length }
}

/// The nearest byte, halves upwards.
fn rounded(value: f32) -> f32 {
    // Through an integer, because a function call for each value would cost more than the filter.
    f32::from((value.clamp(0.0, 255.0) + 0.5) as u8)
}

impl Channel {
    fn of(self, byte: f32) -> f32 {
        byte.mul_add(self.scale, self.offset)
    }
}

impl CropRounding {
    /// The number of pixels before the middle when `left_over` pixels are cut in all.
    fn before(self, left_over: u32) -> u32 {
        match self {
            Self::HalfToEven if left_over % 4 == 3 => left_over.div_ceil(2),
            _ => left_over / 2,
        }
    }
}

/// A part of a picture; its corners may lie between pixels.
struct Part {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// A rectangle of whole pixels that may reach beyond the picture, where the picture's edge is repeated.
struct Rows<'a> {
    pixels: &'a Pixels,
    first_x: i64,
    first_y: i64,
    width: usize,
    height: usize,
}

impl<'a> Rows<'a> {
    fn all(pixels: &'a Pixels) -> Self {
        Self { pixels, first_x: 0, first_y: 0, width: pixels.width as usize, height: pixels.height as usize }
    }

    /// The pixels that a square touches, and the square's place among them.
    fn around(pixels: &'a Pixels, left: f64, top: f64, side: f64) -> (Self, Part) {
        // No scene has more pixels than that along a side; what isn't a number counts as the least.
        let within = |value: f64, least: f64, most: f64| if value > least { value.min(most) } else { least };
        let left = within(left, -2_147_483_648.0, 2_147_483_647.0);
        let top = within(top, -2_147_483_648.0, 2_147_483_647.0);
        let side = within(side, f64::MIN_POSITIVE, 65_536.0);
        let (first_x, first_y) = (left.floor() as i64, top.floor() as i64);
        let width = ((left + side).ceil() as i64 - first_x).max(1) as usize;
        let height = ((top + side).ceil() as i64 - first_y).max(1) as usize;
        let part = Part { left: left - left.floor(), top: top - top.floor(), width: side, height: side };
        (Self { pixels, first_x, first_y, width, height }, part)
    }

    /// Appends row `row` of the rectangle.
    fn push(&self, row: usize, out: &mut Vec<F32x4>) {
        let (across, down) = (i64::from(self.pixels.width), i64::from(self.pixels.height));
        let y = (self.first_y + row as i64).clamp(0, (down - 1).max(0));
        let line = self.pixels.rgba.get((y * across) as usize * 4..((y + 1) * across) as usize * 4);
        let (line, _) = line.unwrap_or_default().as_chunks::<4>();
        let pixel = |bytes: &[u8; 4]| F32x4::new(bytes.map(f32::from));
        let (Some(first), Some(last)) = (line.first().map(pixel), line.last().map(pixel)) else {
            return out.extend(std::iter::repeat_n(F32x4::default(), self.width));
        };
        let (start, end) = (self.first_x, self.first_x + self.width as i64);
        let before = (-start).clamp(0, self.width as i64);
        let after = (end - across).clamp(0, self.width as i64);
        let inside = line.get(start.clamp(0, across) as usize..end.clamp(0, across) as usize);
        out.extend(std::iter::repeat_n(first, before as usize));
        out.extend(inside.unwrap_or_default().iter().map(pixel));
        out.extend(std::iter::repeat_n(last, after as usize));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture whose red is the column, green the row and blue 7.
    fn ramp(width: u8, height: u8) -> Pixels {
        let pixel = |i: u32| [(i % u32::from(width)) as u8, (i / u32::from(width)) as u8, 7, 255];
        let rgba = (0..u32::from(width) * u32::from(height)).flat_map(pixel).collect();
        Pixels { width: width.into(), height: height.into(), rgba }
    }

    fn plain(side: u32) -> Preprocess {
        Preprocess::new(side, [0.0; 3], [1.0; 3], 1.0)
    }

    #[test]
    fn a_window_of_the_input_size_is_copied() {
        let mut out = vec![0.0; 48];
        plain(4).window(&ramp(9, 9), 3.0, 2.0, 4.0, &mut out).unwrap();
        assert_eq!(out[..4], [3.0, 4.0, 5.0, 6.0]);
        assert_eq!(out[16..20], [2.0; 4]);
        assert_eq!(out[32..], [7.0; 16]);
    }

    #[test]
    fn the_edge_is_repeated_outside_the_picture() {
        let mut out = vec![0.0; 48];
        plain(4).window(&ramp(3, 2), -1.0, 0.0, 4.0, &mut out).unwrap();
        assert_eq!(out[..4], [0.0, 0.0, 1.0, 2.0]);
        assert_eq!(out[16..32], [[0.0; 4], [1.0; 4], [1.0; 4], [1.0; 4]].concat());
        // Far outside on every side, and of a picture without pixels: no panic.
        plain(4).window(&ramp(3, 2), 1e300, -1e300, f64::NAN, &mut out).unwrap();
        plain(4).window(&Pixels::default(), 0.0, 0.0, 4.0, &mut out).unwrap();
    }

    #[test]
    fn an_end_that_rounding_puts_past_the_picture_is_within() {
        // The last window of 500 pixels in 2,826, in an overview of 707.
        let scale = 707.0 / 2826.0;
        let (left, side) = (2326.0 * scale, 500.0 * scale);
        let start = left - f64::floor(left);
        assert!(start + side > 126.0);
        let length = within(start, side, 126);
        assert!(start + length <= 126.0 && side - length < 1e-9, "{start} {length}");
        assert_eq!(within(0.5, 3.0, 4), 3.0);
        assert_eq!(within(2.0, 9.0, 3), 9.0, "what really lies outside stays there");
        let picture = Pixels { width: 708, height: 708, rgba: [7, 8, 9, 255].repeat(708 * 708) };
        let mut out = vec![0.0; 48];
        plain(4).window(&picture, left, left, side, &mut out).unwrap();
        assert_eq!((out[0], out[47]), (7.0, 9.0));
    }

    #[test]
    fn what_cannot_be_resized_is_an_error_and_no_black_picture() {
        let mut out = vec![0.0; 48];
        let beyond = plain(4).rectangle(&ramp(3, 2), [2.0, 0.0, 9.0, 2.0], &mut out);
        assert!(beyond.is_err_and(|error| error.to_string().contains("resized")));
    }

    #[test]
    fn a_window_is_cut_as_pictures_are() {
        // Resized to 8, of which the middle 4 are seen: pixels 2 to 5 of an 8 x 8 window.
        let crops = plain(4).with(Filter::Bicubic, Fit::CropMiddle { shortest: 8 }, CropRounding::Down);
        let mut out = vec![0.0; 48];
        crops.window(&ramp(20, 20), 3.0, 2.0, 8.0, &mut out).unwrap();
        assert_eq!((&out[..4], &out[16..17]), (&[5.0, 6.0, 7.0, 8.0][..], &[4.0][..]));
        let windows = ramp(20, 20);
        let mut cut = Pixels { width: 8, height: 8, rgba: Vec::new() };
        for y in 2..10 {
            cut.rgba.extend_from_slice(&windows.rgba[(y * 20 + 3) * 4..(y * 20 + 11) * 4]);
        }
        assert_eq!(crops.picture(&cut).unwrap(), out);
    }

    #[test]
    fn a_picture_that_is_not_resized_is_cut_or_framed_in_black() {
        let cuts = plain(4).with(Filter::Bicubic, Fit::Cut, CropRounding::Down);
        assert_eq!(cuts.picture(&ramp(9, 6)).unwrap()[..4], [2.0, 3.0, 4.0, 5.0]);
        let framed = cuts.picture(&ramp(3, 2)).unwrap();
        assert_eq!(framed[..4], [0.0; 4]);
        assert_eq!(framed[32..40], [0.0, 0.0, 0.0, 0.0, 0.0, 7.0, 7.0, 7.0]);
    }

    #[test]
    fn the_middle_of_odd_differences() {
        let halves = |rounding: CropRounding| (0..6).map(move |n| rounding.before(n)).collect::<Vec<_>>();
        assert_eq!(halves(CropRounding::Down), [0, 0, 1, 1, 2, 2]);
        // Python's round(): 0.5 is 0, 1.5 is 2, 2.5 is 2.
        assert_eq!(halves(CropRounding::HalfToEven), [0, 0, 1, 2, 2, 2]);
    }
}
