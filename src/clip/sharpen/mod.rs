//! Sharpening: what is smaller than the model's input is enlarged by a network instead of a filter.
//!
//! - this file: a network ready to enlarge pictures
//! - [`srvgg`]: the network, on burn's devices

pub(in crate::clip) mod srvgg;

use std::fmt;
use std::path::Path;

use burn::tensor::Device;
use sha2::{Digest as _, Sha256};

use super::cpu::CpuSrvgg;
use super::error::catch_panic;
use super::picture_size::PictureSize;
use super::weights::Weights;
use super::{ClipError, ModelDevice, Precision};
use crate::fingerprint;
use crate::raster::Pixels;
use srvgg::SrvggNetCompact;

/// The name under which a description of preprocessing holds [`Sharpener::fingerprint`].
const FIELD: &str = "sharpener";

/// A network that enlarges pictures, on the processor. Usable from many threads at once.
pub struct Sharpener {
    network: CpuSrvgg,
    fingerprint: String,
}

impl Sharpener {
    /// Loads a network of Real-ESRGAN's compact kind: safetensors or PyTorch.
    ///
    /// # Errors
    /// If the file can't be read or holds something else.
    pub fn open(path: &Path) -> Result<Self, ClipError> {
        let weights = Weights::open(&[path.to_owned()])?;
        let network = SrvggNetCompact::load(&weights, &Device::flex())?;
        let mut hash = Sha256::new();
        weights.hash_into(&mut hash)?;
        Self::of(&network, fingerprint::finish(hash))
    }

    /// A network as it is now.
    ///
    /// # Errors
    /// If its weights can't be read.
    pub(crate) fn of(network: &SrvggNetCompact, fingerprint: String) -> Result<Self, ClipError> {
        let network = CpuSrvgg::new(network).map_err(ClipError::Cpu)?;
        Ok(Self { network, fingerprint })
    }

    /// SHA-256 of the file, hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// How many times as wide and high it makes a picture.
    #[must_use]
    pub fn upscale(&self) -> u32 {
        self.network.upscale() as u32
    }

    /// A picture [`Self::upscale`] times as wide and high. Alpha is repeated; a picture of one colour stays
    /// one, as it would with a filter.
    ///
    /// # Errors
    /// If the network fails.
    pub fn enlarge(&self, pixels: &Pixels) -> Result<Pixels, ClipError> {
        let upscale = self.upscale();
        let (width, height) = (pixels.width * upscale, pixels.height * upscale);
        let (rgba, _) = pixels.rgba.as_chunks::<4>();
        let Some((first, rest)) = rgba.split_first() else { return Ok(Pixels::empty(width, height)) };
        if rest.iter().all(|pixel| pixel == first) {
            let rgba = first.repeat(width as usize * height as usize);
            return Ok(Pixels { width, height, rgba });
        }
        let size = PictureSize { height: pixels.height as usize, width: pixels.width as usize };
        let rgb: Vec<f32> =
            rgba.iter().flat_map(|&[r, g, b, _]| [r, g, b].map(|x| f32::from(x) / 255.0)).collect();
        let large = catch_panic(|| self.network.forward(&rgb, size)).map_err(|error| ClipError::Run {
            device: ModelDevice::Cpu { threads: 1, precision: Precision::Single },
            error,
        })?;
        let alpha = |index: usize| {
            let (y, x) = (index / width as usize, index % width as usize);
            let near = y / upscale as usize * size.width + x / upscale as usize;
            rgba.get(near).map_or(255, |&[.., alpha]| alpha)
        };
        let byte = |value: f32| value.mul_add(255.0, 0.5).clamp(0.0, 255.0) as u8;
        let (large, _) = large.as_chunks::<3>();
        let pixel = |(index, &[r, g, b]): (usize, &[f32; 3])| [byte(r), byte(g), byte(b), alpha(index)];
        Ok(Pixels { width, height, rgba: large.iter().enumerate().flat_map(pixel).collect() })
    }

    /// Adds the network to the description of what is done to pictures.
    pub(in crate::clip) fn describe(&self, description: &mut fmt::DebugStruct<'_, '_>) {
        description.field(FIELD, &self.fingerprint);
    }
}

/// The fingerprint of the network that a description of preprocessing speaks of, if there is one.
#[must_use]
pub fn sharpener_of(preprocessing: &str) -> Option<&str> {
    let (_, named) = preprocessing.split_once(&format!("{FIELD}: \""))?;
    named.split('"').next()
}

/// Networks are the same if their files are.
impl PartialEq for Sharpener {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

#[cfg(test)]
pub(in crate::clip) mod tests {
    use super::srvgg::SrvggConfig;
    use super::*;

    /// A network that doubles pictures, with random weights.
    pub fn sharpener() -> Sharpener {
        let config = SrvggConfig { num_feat: 4, num_conv: 1, upscale: 2 };
        Sharpener::of(&SrvggNetCompact::init(config, 7, &Device::flex()), "abc".to_owned()).unwrap()
    }

    #[test]
    fn pictures_grow_and_keep_their_alpha() {
        let rgba = (0..6 * 4).map(|i| if i % 4 == 3 { [0, 255][i / 4 % 2] } else { i as u8 * 9 }).collect();
        let large = sharpener().enlarge(&Pixels { width: 3, height: 2, rgba }).unwrap();
        assert_eq!((large.width, large.height, large.rgba.len()), (6, 4, 6 * 4 * 4));
        let alphas: Vec<u8> = large.rgba.iter().skip(3).step_by(4).copied().collect();
        assert_eq!(alphas[..6], [0, 0, 255, 255, 0, 0]);
        assert_eq!(alphas[12..18], [255, 255, 0, 0, 255, 255]);
    }

    #[test]
    fn one_colour_stays_one() {
        let large =
            sharpener().enlarge(&Pixels { width: 2, height: 1, rgba: [9, 8, 7, 255].repeat(2) }).unwrap();
        assert_eq!(large.rgba, [9, 8, 7, 255].repeat(8));
        assert_eq!(sharpener().enlarge(&Pixels::default()).unwrap(), Pixels::default());
    }
}
