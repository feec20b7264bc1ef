//! CLIP as an encoder, and how it is loaded.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Encoder, EncoderCard, EncoderError, EncoderLoader, PictureSize, Preprocessor, SharedRows};
use crate::clip::{Clip, DenseAttention, ModelSource, Preprocess, RunOn, Sharpener};
use crate::models::ModelPlaces;
use crate::raster::Pixels;

/// Finds a model by its path or name and loads it, and the network in the file `sharpener` if there is one,
/// all on the scanner's thread.
#[must_use]
pub fn named_loader(
    place: ModelPlaces,
    named: PathBuf,
    arch: Option<String>,
    run_on: RunOn,
    sharpener: Option<PathBuf>,
) -> EncoderLoader {
    Box::new(move || {
        let sharpener = sharpener.map(|path| Sharpener::open(&path)).transpose()?.map(Arc::new);
        clip_loader(place.resolve(&named, arch.as_deref())?, run_on, sharpener)()
    })
}

/// Loads a model on the scanner's thread. A `sharpener` enlarges windows that are smaller than its input.
#[must_use]
pub fn clip_loader(source: ModelSource, run_on: RunOn, sharpener: Option<Arc<Sharpener>>) -> EncoderLoader {
    Box::new(move || {
        let mut clip = Clip::load(&source, run_on)?;
        if let Some(sharpener) = sharpener {
            clip.sharpen_by(sharpener);
        }
        Ok(Box::new(clip) as Box<dyn Encoder>)
    })
}

impl Encoder for Clip {
    fn card(&self) -> EncoderCard {
        EncoderCard {
            model: self.name().to_owned(),
            fingerprint: self.fingerprint().to_owned(),
            device: self.device_label(),
            precision: self.device().precision(),
            input_size: self.input_size(),
            embedding_len: self.embedding_len(),
            batch_size: self.batch_size(),
            logit_scale: self.logit_scale(),
            scoring: self.scoring(),
            cells: self.cell_model(),
            known_words: self.known_words().clone(),
            ground_sizes: self.ground_sizes(),
        }
    }

    fn preprocessor(&self) -> Arc<dyn Preprocessor> {
        Arc::new(self.preprocess().clone())
    }

    fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, EncoderError> {
        Ok(self.encode_images(input)?)
    }

    fn encode_cells(&mut self, input: &[f32], cells: PictureSize) -> Result<Vec<f32>, EncoderError> {
        Ok(self.encode_cells(input, cells)?)
    }

    fn attend_by(&mut self, attention: DenseAttention) {
        self.attend_by(attention);
    }

    fn encode_texts(&mut self, sentences: &[String]) -> Result<Vec<Vec<f32>>, EncoderError> {
        Ok(self.encode_texts(sentences)?)
    }

    fn take_notice(&mut self) -> Option<String> {
        self.take_notice()
    }
}

impl Preprocessor for Preprocess {
    fn describe(&self) -> String {
        format!("{self:?}")
    }

    fn input_len(&self) -> usize {
        self.input_len()
    }

    fn stretched(&self, pixels: &Pixels, size: PictureSize) -> Result<Vec<f32>, EncoderError> {
        Ok(self.stretched(pixels, size)?)
    }

    fn mean_color(&self) -> [u8; 3] {
        self.mean_color()
    }

    fn window(
        &self,
        pixels: &Pixels,
        left: f64,
        top: f64,
        side: f64,
        out: &mut [f32],
    ) -> Result<(), EncoderError> {
        Ok(self.window(pixels, left, top, side, out)?)
    }
    fn window_beside(
        &self,
        pixels: &Pixels,
        left: f64,
        top: f64,
        side: f64,
        shared: &mut SharedRows,
        out: &mut [f32],
    ) -> Result<(), EncoderError> {
        Ok(self.window_beside(pixels, left, top, side, shared, out)?)
    }
}
