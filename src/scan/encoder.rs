//! The two things a scan is given: something to read windows from, and something to encode them with.

use std::path::PathBuf;
use std::time::Duration;

use super::ScanError;
use crate::clip::{KnownWords, Scoring};
use crate::notices::Notices;
use crate::raster::{Pixels, Rect};

/// A scene as the scan sees it. Level 0 is full resolution, level n about 1/2^n of it.
pub trait SceneSource: Send + Sync {
    /// Width and height in level-0 pixels.
    fn size(&self) -> (u32, u32);

    /// Width and height of every level, finest first; the first is [`Self::size`].
    fn level_sizes(&self) -> Vec<(u32, u32)>;

    /// Pixels of `rect`, given in pixels of `level` and inside it.
    ///
    /// # Errors
    /// When the file cannot be read or decoded there.
    fn read(&self, level: usize, rect: Rect) -> Result<Pixels, ScanError>;

    /// Of a level whose pixels come in strips as wide as the scene, which have to be decoded: how many of its rows are kept
    /// decoded. `None` where regions of any shape cost about what their pixels do.
    fn strip_rows(&self, level: usize) -> Option<u32> {
        let _ = level;
        None
    }

    /// What tells the scene from others, as far as that is known after so long: a large file has to be read for it, which
    /// goes on in the background.
    fn identity(&self, patience: Duration) -> Identity {
        let _ = patience;
        Identity::None
    }

    /// Whether all that was read so far belongs to the scene that [`Self::identity`] speaks of.
    fn is_unchanged(&self) -> bool {
        true
    }

    /// What a person should know of the scene. More may be told while it is read: of what is missing there.
    fn notices(&self) -> Notices {
        Notices::default()
    }

    /// Pixels of `rect`, given in level-0 pixels and inside the scene, averaged to `width` x `height`.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, ScanError>;
}

/// Which scene it is, for those that keep what they see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// One whose embeddings are not worth keeping.
    None,
    /// Not known yet.
    Pending,
    Known {
        /// Path or address.
        scene: PathBuf,
        /// What tells its contents from others'.
        fingerprint: String,
    },
    /// A sentence why what is seen of it can't be kept.
    Unknown(String),
}

/// What a loaded encoder says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderCard {
    /// The model's name, as a person would say it.
    pub model: String,
    /// Identifies the weights, for provenance.
    pub fingerprint: String,
    /// Where it runs, e.g. "CPU, 2 threads" or "NVIDIA RTX 4070 (Vulkan)".
    pub device: String,
    /// Side of the square picture that the image tower takes, in pixels.
    pub input_size: u32,
    pub embedding_len: usize,
    /// The number of windows that one call encodes best.
    pub batch_size: usize,
    /// The factor between cosine and logit, already exponentiated.
    pub logit_scale: f32,
    /// How cosines become probabilities.
    pub scoring: Scoring,
    /// The words that it learnt, if it tells.
    pub known_words: KnownWords,
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
    fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, ScanError>;

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
    ) -> Result<Vec<f32>, ScanError> {
        let preprocessor = self.preprocessor();
        let mut input = vec![0.0; preprocessor.input_len()];
        preprocessor.window(pixels, left, top, side, &mut input)?;
        self.encode_images(&input)
    }

    /// One L2-normalised embedding a sentence.
    ///
    /// # Errors
    /// As [`Self::encode_images`].
    fn encode_texts(&mut self, sentences: &[String]) -> Result<Vec<Vec<f32>>, ScanError>;

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
    ) -> Result<(), ScanError>;
}
