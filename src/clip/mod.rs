//! CLIP and SigLIP in burn.
//!
//! CLIP embeds pictures and sentences in one space, where a picture lies near the sentences that describe it
//! (Radford et al., 2021, <https://arxiv.org/abs/2103.00020>). [`Clip`] is a model ready to encode; it knows
//! neither scenes nor scans.
//!
//! - `source`: the files of a model, found and described
//! - `config`: its sizes and choices, read from its configuration files
//! - `weights`: its tensors on disk, read and written
//! - `towers`: the image and text towers, for all of burn's devices
//! - `cpu`: the image towers made for the processor
//! - `device`: the device it runs on, and another to fall back on
//! - `dense`: embeddings for the cells of a picture
//! - `picture_size`: height and width
//! - `tokenizer`: from sentences to token ids
//! - `preprocess`: from pixels to its input
//! - `sharpen`: a network that enlarges what is smaller than its input
//! - `learner`: a model in training
//! - `random_model`: models with random weights

mod config;
mod cpu;
mod dense;
mod device;
mod error;
mod learner;
mod overlapping;
mod picture_size;
mod preprocess;
mod random_model;
mod sharpen;
mod source;
mod tokenizer;
mod towers;
mod weights;

use std::collections::VecDeque;
use std::sync::Arc;

use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig as _};

pub use dense::{CellModel, DenseAttention, DenseEmbeddings};
pub use device::{CardError, DeviceChoice, ModelDevice, Precision, PrecisionChoice, RunOn};
pub(crate) use error::catch_panic;
pub use error::{ClipError, ComputeError, ResizeError};
pub(crate) use learner::{ForwardPass, Learner, PassGradients, TrainingStep};
pub use picture_size::PictureSize;
pub(crate) use preprocess::other_size::{SizeFilter, resize_pixels, shrunk};
pub use preprocess::{Preprocess, SharedRows};
pub use random_model::{ModelPreset, write_random_model, write_random_model_for};
pub(crate) use sharpen::srvgg::{SrvggConfig, SrvggNetCompact};
pub use sharpen::{Sharpener, sharpener_of};
pub use source::ModelSource;
pub use source::bundled::{bundled_model, bundled_sharpener};
pub use source::description::{ModelDescription, Told, describe_model};
pub use source::ground_sizes::GroundSizes;
pub use source::known_words::KnownWords;
pub(crate) use source::model_files::{model_files, model_in};
pub(crate) use towers::model::Model;
#[cfg(test)]
pub(crate) use towers::vision::VisionTower;
pub use weights::problems::WeightProblems;
pub use weights::saver::WeightType;
pub(crate) use weights::saver::write_tensors;

use config::{ResNetConfig, VisionConfig};
use dense::DenseGrid;
use device::encoder::LogitTransform;
use device::engine::Engine;
use overlapping::OverlappingWindows;
use source::ModelFiles;
use tokenizer::SentenceTokenizer;

/// Has burn's GPU side keep compiled kernels and measurements in the user's cache directory, instead of
/// looking for configuration files above the working directory. cubecl's environment variables still apply.
/// Call it before anything else; later calls have no effect.
pub fn configure() {
    let mut settings = serde_json::json!({
        // Kernels and measurements outlive the process if burn is built with persistent caches.
        "compilation": {"cache": true},
        "autotune": {"logger": {"level": "disabled"}},
    });
    if let Some(directories) = directories::ProjectDirs::from("", "", "skysift") {
        let directory = directories.cache_dir().join("kernels");
        settings["environment"] = serde_json::json!({"path": {"directory": directory}});
    }
    match serde_json::from_value::<CubeClRuntimeConfig>(settings) {
        Ok(config) => {
            CubeClRuntimeConfig::try_set(config.override_from_env());
        }
        Err(error) => log::warn!("the GPU side keeps its usual configuration: {error}"),
    }
    burn::BurnConfig::try_set(burn::BurnConfig::default());
}

/// How a model's cosines become probabilities. A cosine times the model's `logit_scale` is a logit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scoring {
    /// Words share the probability: the softmax of their logits (Radford et al., 2021).
    Softmax,
    /// Each word has its own probability: the sigmoid of its logit plus `bias` (Zhai et al., 2023).
    Sigmoid { bias: f32 },
}

impl Scoring {
    /// The name of the function.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid { .. } => "sigmoid",
        }
    }

    /// What is added to a scaled cosine.
    #[must_use]
    pub fn bias(self) -> f32 {
        match self {
            Self::Softmax => 0.0,
            Self::Sigmoid { bias } => bias,
        }
    }
}

/// The [`Clip::fingerprint`] of a model, without loading it.
///
/// # Errors
/// If there is no such model or it can't be read.
pub fn model_fingerprint(source: &ModelSource) -> Result<String, ClipError> {
    ModelFiles::find(source)?.fingerprint()
}

/// A CLIP or SigLIP on a device, ready to encode.
pub struct Clip {
    engine: Engine,
    tokenizer: Arc<SentenceTokenizer>,
    preprocess: Preprocess,
    embedding_len: usize,
    vision: VisionConfig,
    attention: DenseAttention,
    name: String,
    fingerprint: String,
    logit_transform: LogitTransform,
    known_words: KnownWords,
    ground_sizes: Option<GroundSizes>,
    description: ModelDescription,
    /// What a person should know about the loading.
    notices: VecDeque<String>,
}

impl Clip {
    /// Loads a model onto a device; a device alone means its best precision.
    ///
    /// # Errors
    /// If the directory isn't a model that Skysift runs, its weights don't fit its configuration, or there is
    /// no device or precision as was asked for.
    pub fn load(source: &ModelSource, run_on: impl Into<RunOn>) -> Result<Self, ClipError> {
        let files = Arc::new(ModelFiles::find(source)?);
        Model::check(&files.weights, &files.config)?;
        let tokenizer = Arc::new(SentenceTokenizer::load(&files.directory, files.expected())?);
        let description = source::description::of(&files, &tokenizer);
        let hashed = Arc::clone(&files);
        // Hashing reads the weights once more, while they are being loaded.
        let hashing = std::thread::spawn(move || hashed.fingerprint());
        let (engine, logit_transform) = device::start(&files.weights, &files.config, run_on.into())?;
        let fingerprint = hashing.join().map_err(|_| ClipError::Fingerprint)??;
        // A folder may hold other files of these names, and the model runs as well without what they tell, so
        // an error is but a notice. Beside a bare state dict, files may be another model's.
        let mut notices = VecDeque::from(description.notices.clone());
        let (mut known_words, mut ground_sizes) = (KnownWords::default(), None);
        if source.path.is_dir() {
            let mut tell = |error: ClipError| notices.push_back(error.to_string());
            known_words = KnownWords::open(&files.directory).map_err(&mut tell).unwrap_or_default();
            ground_sizes = GroundSizes::open(&files.directory).map_err(&mut tell).unwrap_or_default();
        }
        Ok(Self {
            engine,
            tokenizer,
            preprocess: files.preprocess.clone(),
            embedding_len: files.config.embed_dim,
            vision: files.config.vision.clone(),
            attention: DenseAttention::default(),
            name: files.name.clone(),
            fingerprint,
            logit_transform,
            known_words,
            ground_sizes,
            description,
            notices,
        })
    }

    /// The model's name for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of configuration and weights, hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The device that it runs on now.
    #[must_use]
    pub fn device(&self) -> ModelDevice {
        self.engine.device()
    }

    /// The name of the device that it runs on now, e.g. "CPU, 2 threads".
    #[must_use]
    pub fn device_label(&self) -> String {
        self.device().to_string()
    }

    /// Side of the square input, in pixels.
    #[must_use]
    pub fn input_size(&self) -> u32 {
        self.preprocess.side()
    }

    /// The number of values of an embedding.
    #[must_use]
    pub fn embedding_len(&self) -> usize {
        self.embedding_len
    }

    /// The number of pictures that are best encoded by one call.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.engine.batch_size()
    }

    /// The factor between cosine and logit, already exponentiated.
    #[must_use]
    pub fn logit_scale(&self) -> f32 {
        self.logit_transform.logit_scale
    }

    /// How its cosines become probabilities.
    #[must_use]
    pub fn scoring(&self) -> Scoring {
        self.logit_transform.scoring
    }

    /// What the model is, and where each part of that was read.
    #[must_use]
    pub fn description(&self) -> &ModelDescription {
        &self.description
    }

    /// The words that the model learnt, if it lists them.
    #[must_use]
    pub fn known_words(&self) -> &KnownWords {
        &self.known_words
    }

    /// From how far away the model saw the ground, if it tells.
    #[must_use]
    pub fn ground_sizes(&self) -> Option<GroundSizes> {
        self.ground_sizes
    }

    /// Has windows and pictures that are smaller than the input enlarged by a network from now on.
    pub fn sharpen_by(&mut self, sharpener: Arc<Sharpener>) {
        let (side, network) = (self.input_size(), sharpener.fingerprint().get(..12).unwrap_or_default());
        self.notices.push_back(format!(
            "what is smaller than {side} pixels a side is enlarged by the network {network}, but for the cells of \
             dense scans: its details are likely, not seen"
        ));
        self.preprocess = self.preprocess.clone().sharpened_by(sharpener);
    }

    /// By what patches attend to each other from now on, when cells are encoded.
    pub fn attend_by(&mut self, attention: DenseAttention) {
        self.attention = attention;
    }

    /// How pixels become the model's input.
    #[must_use]
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// Encodes any number of pictures of [`Preprocess::input_len`] values each, one after the other. Returns
    /// the embeddings one after the other, each of length one.
    ///
    /// # Errors
    /// If `input` isn't made of whole pictures, or the device fails and there is no other to fall back on.
    pub fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, ClipError> {
        if !input.len().is_multiple_of(self.preprocess().input_len()) {
            let picture = self.preprocess().input_len();
            return Err(ClipError::NotPictures { values: input.len(), picture });
        }
        self.engine.encode_images(input)
    }

    /// Dense embeddings of any number of pictures of a `size`, in the layout of [`Self::encode_images`]. A
    /// ResNet takes any multiples of 32 pixels, a transformer [`Self::input_size`]; `attention` is a matter
    /// of CLIP's transformers alone.
    ///
    /// # Errors
    /// As [`Self::encode_images`], and if the model takes no pictures of that size.
    pub fn encode_dense(
        &mut self,
        input: &[f32],
        size: PictureSize,
        attention: DenseAttention,
    ) -> Result<DenseEmbeddings, ClipError> {
        let grid = DenseGrid::of(&self.vision, size)?;
        let picture = 3 * size.area();
        if !input.len().is_multiple_of(picture) {
            return Err(ClipError::NotPictures { values: input.len(), picture });
        }
        Ok(grid.split(self.engine.encode_dense(input, size, attention)?, self.embedding_len))
    }

    /// How the model encodes the cells of a scene; `None` if it can't.
    #[must_use]
    pub fn cell_model(&self) -> Option<CellModel> {
        CellModel::of(&self.vision)
    }

    /// Embeddings of the cells of pictures of `cells`, rows and columns, as [`CellModel`] says: picture after
    /// picture, row by row. A transformer sees windows that overlap by half; a cell gets the mean of its
    /// patches in them, each less 0.3 times its window.
    ///
    /// # Errors
    /// As [`Self::encode_dense`].
    pub fn encode_cells(&mut self, input: &[f32], cells: PictureSize) -> Result<Vec<f32>, ClipError> {
        let attention = self.attention;
        let VisionConfig::Vit(vit) = &self.vision else {
            let side = ResNetConfig::REDUCTION;
            let size = PictureSize { height: cells.height * side, width: cells.width * side };
            return Ok(self.encode_dense(input, size, attention)?.cells);
        };
        let windows = OverlappingWindows::new(cells, vit.grid(), vit.patch_size);
        let mut embeddings = Vec::new();
        for picture in input.chunks_exact(windows.picture_len()) {
            let size = PictureSize::square(self.input_size() as usize);
            let dense = self.encode_dense(&windows.cut(picture), size, attention)?;
            embeddings.extend(windows.mean(&dense, self.embedding_len));
        }
        Ok(embeddings)
    }

    /// Encodes sentences as they are written. Returns an embedding of length one for each.
    ///
    /// # Errors
    /// As [`Self::encode_images`].
    pub fn encode_texts(&mut self, sentences: &[String]) -> Result<Vec<Vec<f32>>, ClipError> {
        let ids: Vec<Vec<u32>> =
            sentences.iter().map(|sentence| self.tokenizer.ids(sentence)).collect::<Result<_, _>>()?;
        let embeddings = self.engine.encode_texts(&ids)?;
        Ok(embeddings.chunks_exact(self.embedding_len()).map(<[f32]>::to_vec).collect())
    }

    /// The token ids of a sentence: start, text, end, padding; as many as the model's context is long.
    ///
    /// # Errors
    /// If the tokenizer fails.
    pub fn token_ids(&self, sentence: &str) -> Result<Vec<u32>, ClipError> {
        self.tokenizer.ids(sentence)
    }

    /// The next thing that a person should know and wasn't told yet, such as the loss of the graphics card.
    pub fn take_notice(&mut self) -> Option<String> {
        self.notices.pop_front().or_else(|| self.engine.take_notice())
    }
}
