//! The encoder: what makes embeddings of pictures and sentences, whatever model is behind it.
//!
//! Whoever goes over a scene or answers a query is given an [`Encoder`] and knows neither model nor device.
//! `clip` is the only one that there is.

mod clip;
mod error;

pub use clip::{clip_loader, named_loader};
pub use error::EncoderError;

pub use crate::clip::{CellModel, DenseAttention, PictureSize, SharedRows};
use crate::clip::{GroundSizes, KnownWords, Precision, Scoring};
use crate::raster::Pixels;

/// Loads a model. That takes seconds, so it runs on the thread that will own the encoder.
pub type EncoderLoader = Box<dyn FnOnce() -> Result<Box<dyn Encoder>, EncoderError> + Send>;

/// What a loaded encoder tells about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderCard {
    /// The model's name, as a person would say it.
    pub model: String,
    /// Identifies the weights.
    pub fingerprint: String,
    /// Where it runs, e.g. "CPU, 2 threads" or "NVIDIA RTX 4070 (Vulkan)".
    pub device: String,
    /// The type of the image tower's numbers.
    pub precision: Precision,
    /// Side of the square picture that the image tower takes, in pixels.
    pub input_size: u32,
    pub embedding_len: usize,
    /// The number of windows that one call encodes best.
    pub batch_size: usize,
    /// The factor between cosine and logit, already exponentiated.
    pub logit_scale: f32,
    /// How cosines become probabilities.
    pub scoring: Scoring,
    /// How it encodes the cells of a scene; `None` for one that doesn't.
    pub cells: Option<CellModel>,
    /// The words that it was trained on, if it lists them.
    pub known_words: KnownWords,
    /// From how far away it saw the ground, if it tells.
    pub ground_sizes: Option<GroundSizes>,
}

/// Makes embeddings of windows and sentences.
pub trait Encoder: Send {
    fn card(&self) -> EncoderCard;

    /// The function that turns a window's pixels into model input. It runs on other threads than
    /// [`Self::encode_images`].
    fn preprocessor(&self) -> std::sync::Arc<dyn Preprocessor>;

    /// `input` holds at most `batch_size` pictures in the preprocessor's layout; returns one L2-normalised
    /// embedding after the other.
    ///
    /// # Errors
    /// When the device fails and there is no other to go on with.
    fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, EncoderError>;

    /// L2-normalised embeddings of the cells of pictures of `cells`, rows and columns, as [`CellModel`] says:
    /// picture after picture, row by row. One whose card has no `cells` returns none.
    ///
    /// # Errors
    /// As [`Self::encode_images`].
    fn encode_cells(&mut self, input: &[f32], cells: PictureSize) -> Result<Vec<f32>, EncoderError> {
        let _ = (input, cells);
        Ok(Vec::new())
    }

    /// By what the patches of a transformer attend to each other from now on, when cells are encoded.
    fn attend_by(&mut self, attention: DenseAttention) {
        let _ = attention;
    }

    /// The L2-normalised embedding of the square at (`left`, `top`) with `side` pixels.
    ///
    /// # Errors
    /// As [`Self::encode_images`].
    fn encode_square(
        &mut self,
        pixels: &Pixels,
        left: f64,
        top: f64,
        side: f64,
    ) -> Result<Vec<f32>, EncoderError> {
        let preprocessor = self.preprocessor();
        let mut input = vec![0.0; preprocessor.input_len()];
        preprocessor.window(pixels, left, top, side, &mut input)?;
        self.encode_images(&input)
    }

    /// One L2-normalised embedding a sentence.
    ///
    /// # Errors
    /// As [`Self::encode_images`].
    fn encode_texts(&mut self, sentences: &[String]) -> Result<Vec<Vec<f32>>, EncoderError>;

    /// Something the person should know that happened since the last call, e.g. that the GPU was lost and
    /// the CPU goes on.
    fn take_notice(&mut self) -> Option<String>;
}

/// Turns pixels into model input.
pub trait Preprocessor: Send + Sync {
    /// Everything that decides what comes out, apart from the pixels: embeddings of other input are others.
    fn describe(&self) -> String;

    /// The number of values of one picture: 3 x side x side.
    fn input_len(&self) -> usize;

    /// Stretches a whole picture to a size and normalises it: channel planes of rows (CHW).
    ///
    /// # Errors
    /// As [`Self::window`].
    fn stretched(&self, pixels: &Pixels, size: PictureSize) -> Result<Vec<f32>, EncoderError> {
        let _ = (pixels, size);
        Ok(Vec::new())
    }

    /// The colour that says least to the model: red, green, blue.
    fn mean_color(&self) -> [u8; 3] {
        [128; 3]
    }

    /// Resizes the square at (`left`, `top`) with `side` pixels (fractions allowed) to the model's input and
    /// normalises it into `out` as channel planes of rows (CHW).
    ///
    /// # Errors
    /// When it can't be resized; what `out` holds then means nothing.
    fn window(
        &self,
        pixels: &Pixels,
        left: f64,
        top: f64,
        side: f64,
        out: &mut [f32],
    ) -> Result<(), EncoderError>;

    /// [`Self::window`] of one of several windows of a picture, which share what they can, best from top to
    /// bottom. The same comes out.
    ///
    /// # Errors
    /// As [`Self::window`].
    fn window_beside(
        &self,
        pixels: &Pixels,
        left: f64,
        top: f64,
        side: f64,
        shared: &mut SharedRows,
        out: &mut [f32],
    ) -> Result<(), EncoderError> {
        let _ = shared;
        self.window(pixels, left, top, side, out)
    }
}
