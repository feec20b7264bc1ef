//! Pixels to model input: resize with antialiasing on the CPU, scale to 0..1, normalise.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use serde_json::Value;

use super::ClipError;
use crate::raster::Pixels;

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
enum Filter {
    Bilinear,
    Bicubic,
    Lanczos,
}

/// How a whole picture becomes a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// The shortest side becomes the input's, the middle is cut out.
    CropMiddle,
    /// Width and height are scaled separately.
    Squash,
}

/// Where the middle lies when an odd number of pixels is left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CropRounding {
    /// transformers: the smaller half before it.
    Down,
    /// torchvision, and so `open_clip`: the nearest even number before it.
    HalfToEven,
}

/// OpenAI's; also those of most other checkpoints.
const MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const STD: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];

thread_local! {
    // Keeps its buffers and coefficients' memory from window to window.
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

impl Preprocess {
    fn new(side: u32, mean: [f64; 3], std: [f64; 3], rescale: f64) -> Self {
        let channel = |(mean, std): (f64, f64)| {
            #[allow(clippy::cast_possible_truncation)]
            let channel = Channel { scale: (rescale / std) as f32, offset: (-mean / std) as f32 };
            channel
        };
        let [r, g, b] = [(mean[0], std[0]), (mean[1], std[1]), (mean[2], std[2])];
        Self {
            side,
            filter: Filter::Bicubic,
            fit: Fit::CropMiddle,
            crop: CropRounding::Down,
            channels: [channel(r), channel(g), channel(b)],
        }
    }

    /// OpenAI's preprocessing for an input of `side` x `side` pixels.
    #[must_use]
    pub fn openai(side: u32) -> Self {
        Self::new(side, MEAN, STD, 1.0 / 255.0)
    }

    /// Reads transformers' `preprocessor_config.json` in `directory`; OpenAI's values where there is none.
    pub(super) fn from_hugging_face(directory: &Path, side: u32) -> Result<Self, ClipError> {
        let path = directory.join("preprocessor_config.json");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::openai(side)),
            Err(error) => return Err(ClipError::read(&path, error)),
        };
        let config: Value = serde_json::from_slice(&bytes)
            .map_err(|error| ClipError::file(&path, format!("this isn't JSON: {error}")))?;
        let flag = |key: &str| config.get(key).and_then(Value::as_bool).unwrap_or(true);
        let rescale = match config.get("rescale_factor").and_then(Value::as_f64) {
            _ if !flag("do_rescale") => 1.0,
            Some(factor) => factor,
            None => 1.0 / 255.0,
        };
        let (mean, std) = if flag("do_normalize") {
            (three(&path, &config, "image_mean", MEAN)?, three(&path, &config, "image_std", STD)?)
        } else {
            ([0.0; 3], [1.0; 3])
        };
        let mut preprocess = Self::new(side, mean, std, rescale);
        // Pillow's numbers for its filters.
        preprocess.filter = match config.get("resample").and_then(Value::as_u64) {
            None | Some(3) => Filter::Bicubic,
            Some(2) => Filter::Bilinear,
            Some(1) => Filter::Lanczos,
            Some(other) => {
                return Err(ClipError::file(
                    &path,
                    format!(
                        "resample = {other} isn't a filter that Skysift has (1 Lanczos, 2 bilinear, 3 bicubic)"
                    ),
                ));
            }
        };
        let is_squashed = config.get("size").is_some_and(|size| size.get("height").is_some());
        if is_squashed {
            preprocess.fit = Fit::Squash;
        }
        Ok(preprocess)
    }

    /// Reads the `preprocess_cfg` of an `open_clip_config.json` found at `path`.
    pub(super) fn from_open_clip(path: &Path, config: &Value, side: u32) -> Result<Self, ClipError> {
        let mean = three(path, config, "mean", MEAN)?;
        let std = three(path, config, "std", STD)?;
        let mut preprocess = Self::new(side, mean, std, 1.0 / 255.0);
        preprocess.crop = CropRounding::HalfToEven;
        let text = |key: &str| config.get(key).and_then(Value::as_str);
        preprocess.filter = match text("interpolation") {
            Some("bilinear") => Filter::Bilinear,
            _ => Filter::Bicubic,
        };
        preprocess.fit = match text("resize_mode") {
            None | Some("shortest") => Fit::CropMiddle,
            Some("squash") => Fit::Squash,
            Some(other) => {
                return Err(ClipError::file(
                    path,
                    format!("resize_mode = {other:?} isn't one that Skysift has (shortest, squash)"),
                ));
            }
        };
        Ok(preprocess)
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

    /// Resizes the square at (`left`, `top`) with sides of `side` pixels (fractions allowed) to the model's
    /// input and writes it to `out` ([`Self::input_len`] values) as planes of rows: red, green, blue.
    ///
    /// Nothing outside the square takes part. Where the square leaves the picture, the picture's edge is
    /// repeated. Colour is taken as it is, whatever alpha says.
    pub fn window(&self, pixels: &Pixels, left: f64, top: f64, side: f64, out: &mut [f32]) {
        let region = Region::around(pixels, left, top, side);
        let picture = Picture { rgba: &region.rgba, width: region.width, height: region.height };
        self.normalize(&self.resized(&picture, &region.part), out);
    }

    /// Turns a whole picture into the model's input, in the way the model's authors did.
    #[must_use]
    pub fn picture(&self, pixels: &Pixels) -> Vec<f32> {
        let mut out = vec![0.0; self.input_len()];
        let (width, height) = match self.fit {
            Fit::Squash => (self.side, self.side),
            Fit::CropMiddle => {
                let shortest = u64::from(pixels.width.min(pixels.height).max(1));
                let scaled = |length: u32| {
                    let scaled = u64::from(self.side) * u64::from(length) / shortest;
                    u32::try_from(scaled).unwrap_or(u32::MAX).max(self.side)
                };
                (scaled(pixels.width), scaled(pixels.height))
            }
        };
        // Only the middle is computed: its place before the resize, which may lie between pixels.
        let place = |length: u32, resized: u32| {
            let scale = f64::from(length) / f64::from(resized);
            (f64::from(self.crop.before(resized - self.side)) * scale, f64::from(self.side) * scale)
        };
        let (left, part_width) = place(pixels.width, width);
        let (top, part_height) = place(pixels.height, height);
        let part = Part { left, top, width: part_width, height: part_height };
        let picture = Picture { rgba: &pixels.rgba, width: pixels.width, height: pixels.height };
        self.normalize(&self.resized(&picture, &part), &mut out);
        out
    }

    /// RGBA bytes of the model's size from a part of a picture; black if there are no pixels.
    ///
    /// Columns first, then rows, each rounded to bytes, as Pillow does it. The resizer alone would take rows
    /// first, which is up to five levels off where the picture is noisy.
    fn resized(&self, picture: &Picture<'_>, part: &Part) -> Vec<u8> {
        let whole_columns = Part { top: 0.0, height: f64::from(picture.height), ..*part };
        let narrow = self.convolved(picture, &whole_columns, picture.height);
        let narrow = Picture { rgba: &narrow, width: self.side, height: picture.height };
        let rows = Part { left: 0.0, width: f64::from(self.side), ..*part };
        self.convolved(&narrow, &rows, self.side)
    }

    /// A part of a picture at the model's width and another height.
    fn convolved(&self, picture: &Picture<'_>, part: &Part, height: u32) -> Vec<u8> {
        let filter = match self.filter {
            Filter::Bilinear => FilterType::Bilinear,
            // a = -0.5, as Pillow's bicubic.
            Filter::Bicubic => FilterType::CatmullRom,
            Filter::Lanczos => FilterType::Lanczos3,
        };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false).crop(
            part.left,
            part.top,
            part.width,
            part.height,
        );
        let mut target = Image::new(self.side, height, PixelType::U8x4);
        if let Ok(source) = ImageRef::new(picture.width, picture.height, picture.rgba, PixelType::U8x4) {
            let outcome =
                RESIZER.with_borrow_mut(|resizer| resizer.resize(&source, &mut target, Some(&options)));
            if let Err(error) = outcome {
                log::error!("a window could not be resized: {error}");
            }
        }
        target.into_vec()
    }

    /// RGBA rows of the model's size as normalised planes.
    fn normalize(&self, rgba: &[u8], out: &mut [f32]) {
        let side = self.side as usize;
        let [red, green, blue] = self.channels;
        let (red_plane, rest) = out.split_at_mut_checked(side * side).unwrap_or_default();
        let (green_plane, blue_plane) = rest.split_at_mut_checked(side * side).unwrap_or_default();
        let (rgba, _) = rgba.as_chunks::<4>();
        for (((&[r, g, b, _], to_red), to_green), to_blue) in
            rgba.iter().zip(red_plane).zip(green_plane).zip(blue_plane)
        {
            *to_red = red.of(r);
            *to_green = green.of(g);
            *to_blue = blue.of(b);
        }
    }
}

impl Channel {
    fn of(self, byte: u8) -> f32 {
        f32::from(byte).mul_add(self.scale, self.offset)
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

/// RGBA rows.
struct Picture<'a> {
    rgba: &'a [u8],
    width: u32,
    height: u32,
}

/// A part of a picture; its corners may lie between pixels.
struct Part {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

/// A copy of the whole pixels that a square touches, with the square's place in it.
struct Region {
    rgba: Vec<u8>,
    width: u32,
    height: u32,
    part: Part,
}

impl Region {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn around(pixels: &Pixels, left: f64, top: f64, side: f64) -> Self {
        // Positions are within 2^31 pixels; what isn't is cut off there rather than trusted.
        let whole = |position: f64| position.clamp(-2_147_483_648.0, 2_147_483_647.0) as i64;
        let side = side.clamp(f64::MIN_POSITIVE, 65_536.0);
        let (first_x, first_y) = (whole(left.floor()), whole(top.floor()));
        let (end_x, end_y) = (whole((left + side).ceil()), whole((top + side).ceil()));
        let (width, height) = ((end_x - first_x).max(1), (end_y - first_y).max(1));
        let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
        for y in first_y..first_y + height {
            push_row(&mut rgba, pixels, first_x, width, y);
        }
        Self {
            rgba,
            width: width as u32,
            height: height as u32,
            part: Part { left: left - left.floor(), top: top - top.floor(), width: side, height: side },
        }
    }
}

/// Appends `width` pixels of row `y` from column `x`, the nearest pixels of the picture where it has none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn push_row(rgba: &mut Vec<u8>, pixels: &Pixels, x: i64, width: i64, y: i64) {
    let (across, down) = (i64::from(pixels.width), i64::from(pixels.height));
    if across == 0 || down == 0 {
        rgba.resize(rgba.len() + width as usize * 4, 0);
        return;
    }
    let start = y.clamp(0, down - 1) * across;
    let row = &pixels.rgba.get(start as usize * 4..(start + across) as usize * 4).unwrap_or_default();
    let (row, _) = row.as_chunks::<4>();
    let inside = x.clamp(0, across)..(x + width).clamp(0, across);
    let before = (-x).clamp(0, width) as usize;
    let after = (x + width - across).clamp(0, width) as usize;
    let first = row.first().copied().unwrap_or_default();
    let last = row.last().copied().unwrap_or_default();
    rgba.extend(first.iter().cycle().take(before * 4));
    let middle = row.get(inside.start as usize..inside.end as usize).unwrap_or_default();
    rgba.extend_from_slice(middle.as_flattened());
    rgba.extend(last.iter().cycle().take(after * 4));
}

/// Three numbers of a list, or `usual` when the key is absent.
fn three(path: &Path, config: &Value, key: &str, usual: [f64; 3]) -> Result<[f64; 3], ClipError> {
    let numbers: Option<Vec<f64>> = match config.get(key) {
        None | Some(Value::Null) => return Ok(usual),
        Some(value) => value.as_array().and_then(|values| values.iter().map(Value::as_f64).collect()),
    };
    match numbers.as_deref() {
        Some([a, b, c]) => Ok([*a, *b, *c]),
        _ => Err(ClipError::file(path, format!("{key} isn't a list of three numbers"))),
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
        plain(4).window(&ramp(9, 9), 3.0, 2.0, 4.0, &mut out);
        assert_eq!(out[..4], [3.0, 4.0, 5.0, 6.0]);
        assert_eq!(out[16..20], [2.0; 4]);
        assert_eq!(out[32..], [7.0; 16]);
    }

    #[test]
    fn the_edge_is_repeated_outside_the_picture() {
        let mut out = vec![0.0; 48];
        plain(4).window(&ramp(3, 2), -1.0, 0.0, 4.0, &mut out);
        assert_eq!(out[..4], [0.0, 0.0, 1.0, 2.0]);
        assert_eq!(out[16..32], [[0.0; 4], [1.0; 4], [1.0; 4], [1.0; 4]].concat());
        // Far outside on every side, and of a picture without pixels: no panic.
        plain(4).window(&ramp(3, 2), 1e300, -1e300, f64::NAN, &mut out);
        plain(4).window(&Pixels::default(), 0.0, 0.0, 4.0, &mut out);
    }

    #[test]
    fn the_middle_of_odd_differences() {
        let halves = |rounding: CropRounding| (0..6).map(move |n| rounding.before(n)).collect::<Vec<_>>();
        assert_eq!(halves(CropRounding::Down), [0, 0, 1, 1, 2, 2]);
        // Python's round(): 0.5 is 0, 1.5 is 2, 2.5 is 2.
        assert_eq!(halves(CropRounding::HalfToEven), [0, 0, 1, 2, 2, 2]);
    }
}
