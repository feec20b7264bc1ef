//! One image of a set, whole.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, DynamicImage, ImageDecoder};

use super::DatasetError;
use crate::guard;
use crate::raster::{Pixels, Rect, Scene};

/// Larger images are reduced to this many pixels, which is still far finer than a model's input.
const MOST_PIXELS: u64 = 1 << 26;

/// All pixels of an image, whose format is recognised by its content: TIFF, PNG, JPEG or WebP. Images of more
/// than 67 million pixels are reduced to that.
///
/// The pixels are those of [`Scene`], but without its temporary file if the image is small and has eight bits
/// per channel, as nearly all images of sets.
///
/// # Errors
/// If the image can't be opened or is damaged. The error names it.
pub fn read_picture(path: &Path) -> Result<Pixels, DatasetError> {
    // If anything is wrong with the file, opening it as a scene gives a better error.
    match guard::catch(|| decode(path)).ok().flatten() {
        Some(pixels) => Ok(pixels),
        None => read_scene(path),
    }
}

fn read_scene(path: &Path) -> Result<Pixels, DatasetError> {
    let scene = Scene::open(path)?;
    let (width, height) = scene.size();
    let whole = Rect::new(0, 0, width, height);
    let pixels = u64::from(width) * u64::from(height);
    if pixels <= MOST_PIXELS {
        return Ok(scene.read(0, whole)?);
    }
    let scale = (MOST_PIXELS as f64 / pixels as f64).sqrt();
    let reduced = |length: u32| ((f64::from(length) * scale) as u32).max(1);
    Ok(scene.read_scaled(whole, reduced(width), reduced(height))?)
}

/// Decodes a small PNG, JPEG or WebP with eight bits per channel; `None` for everything else.
fn decode(path: &Path) -> Option<Pixels> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let mut start = Vec::new();
    (&mut file).take(12).read_to_end(&mut start).ok()?;
    file.rewind().ok()?;
    match start.as_slice() {
        [0xff, 0xd8, 0xff, ..] => decode_jpeg(file),
        [0x89, b'P', b'N', b'G', ..] => decode_image(PngDecoder::new(file).ok()?),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => {
            decode_image(WebPDecoder::new(file).ok()?)
        }
        _ => None,
    }
}

/// Uses the same decoder as scenes, whose rounding is nearest to libjpeg's and so to Pillow's.
fn decode_jpeg(file: BufReader<File>) -> Option<Pixels> {
    let mut decoder = jpeg_decoder::Decoder::new(file);
    decoder.read_info().ok()?;
    let info = decoder.info()?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    if !is_small(width, height) {
        return None;
    }
    let rgba = match info.pixel_format {
        jpeg_decoder::PixelFormat::RGB24 => {
            let rgb = decoder.decode().ok()?;
            rgb.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect()
        }
        jpeg_decoder::PixelFormat::L8 => {
            decoder.decode().ok()?.into_iter().flat_map(|grey| [grey, grey, grey, 255]).collect()
        }
        _ => return None,
    };
    Some(Pixels { width, height, rgba })
}

fn decode_image(decoder: impl ImageDecoder) -> Option<Pixels> {
    let (width, height) = decoder.dimensions();
    let eight_bits =
        matches!(decoder.color_type(), ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8);
    if !eight_bits || !is_small(width, height) {
        return None;
    }
    let mut rgba = DynamicImage::from_decoder(decoder).ok()?.into_rgba8().into_raw();
    for pixel in rgba.as_chunks_mut::<4>().0 {
        if pixel[3] == 0 {
            *pixel = [0; 4];
        }
    }
    Some(Pixels { width, height, rgba })
}

fn is_small(width: u32, height: u32) -> bool {
    (1..=MOST_PIXELS).contains(&(u64::from(width) * u64::from(height)))
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, LumaA, Rgba, RgbaImage};

    use super::*;

    fn painted() -> RgbaImage {
        RgbaImage::from_fn(37, 23, |x, y| {
            Rgba([(x * 7) as u8, (y * 11) as u8, (x * y) as u8, if x < 5 { 0 } else { 255 }])
        })
    }

    #[test]
    fn the_same_pixels_as_a_scene() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let image = DynamicImage::from(painted());
        image.save(path("alpha.png")).unwrap();
        image.save(path("alpha.webp")).unwrap();
        image.to_rgb8().save(path("colour.jpg")).unwrap();
        image.to_luma8().save(path("grey.jpg")).unwrap();
        GrayImage::from_fn(9, 4, |x, y| image::Luma([(x * y) as u8])).save(path("grey.png")).unwrap();
        image::ImageBuffer::from_fn(9, 4, |x, _| LumaA([x as u8 * 20, x as u8 * 3 / 20 * 255]))
            .save(path("grey_alpha.png"))
            .unwrap();
        image.to_rgb16().save(path("deep.png")).unwrap();
        // A JPEG under a wrong name.
        std::fs::copy(path("colour.jpg"), path("jpeg.png")).unwrap();
        let mut fast = 0;
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            assert!(read_picture(&path).unwrap() == read_scene(&path).unwrap(), "{}", path.display());
            fast += usize::from(decode(&path).is_some());
        }
        assert_eq!(fast, 7, "only the picture with 16 bits needs a scene");
    }

    #[test]
    fn a_bad_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.jpg");
        painted().save(folder.path().join("whole.png")).unwrap();
        let whole = std::fs::read(folder.path().join("whole.png")).unwrap();
        for content in [&[][..], b"no picture at all", &whole[..whole.len() / 2], &[0xff, 0xd8, 0xff, 0xe0]] {
            std::fs::write(&path, content).unwrap();
            let error = read_picture(&path).unwrap_err().to_string();
            assert!(error.contains("cut.jpg"), "{error}");
        }
        assert!(read_picture(Path::new("/no/such.jpg")).unwrap_err().to_string().contains("/no/such.jpg"));
    }
}
