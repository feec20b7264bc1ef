//! A model that learns: forward passes with their gradients, and the way onto disk. `train` decides what it
//! learns from, and how.
//!
//! - this file: the learner, as it is loaded, prepared and encoded with
//! - [`step`]: the passes of one training step
//! - [`running_statistics`]: what batch norms remember of the passes
//! - [`save`]: the model directory that it writes

mod running_statistics;
mod save;
mod step;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use burn::module::{Lora, Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{DType, Device, Tensor};

use super::config::{ClipConfig, Objective, VisionConfig};
use super::cpu::{Cores, CpuEncoder};
use super::device::encoder::{BatchShape, BurnEncoder, LogitTransform};
use super::device::engine::{DeviceEncoder, Engine};
use super::device::training::TrainingDevice;
use super::device::{DeviceChoice, ModelDevice, Precision};
use super::preprocess::Preprocess;
use super::source::description;
use super::source::{ModelFiles, ModelSource};
use super::tokenizer::SentenceTokenizer;
use super::towers::model::Model;
use super::towers::vision::VisionTower;
use super::weights::layout::CheckpointLayout;
use super::{Clip, ClipError, DenseAttention, KnownWords};

pub(crate) use step::{ForwardPass, PassGradients, TrainingStep};

/// A CLIP whose weights can be trained.
pub(crate) struct Learner {
    pub model: Model,
    config: ClipConfig,
    preprocess: Preprocess,
    files: Arc<ModelFiles>,
    tokenizer: Arc<SentenceTokenizer>,
    /// Those of the model as it was loaded.
    known_words: KnownWords,
    layout: CheckpointLayout,
    device: TrainingDevice,
    /// On a processor, each core takes passes of its own.
    cores: Cores,
}

impl Learner {
    /// Loads a model directory to train. If `image_size` is given, the model is made to take pictures of so
    /// many pixels a side, by interpolating the positional embedding of its image tower.
    ///
    /// # Errors
    /// As [`Clip::load`], and for a SigLIP.
    pub fn load(
        source: &ModelSource,
        device: DeviceChoice,
        image_size: Option<usize>,
    ) -> Result<Self, ClipError> {
        let files = Arc::new(ModelFiles::find(source)?);
        if files.config.objective == Objective::Sigmoid {
            return Err(ClipError::file(
                &source.path,
                "this is a SigLIP, which learns by another loss than Skysift has; train a CLIP model instead",
            ));
        }
        let weights = Arc::clone(&files.weights);
        Model::check(&weights, &files.config)?;
        let tokenizer = Arc::new(SentenceTokenizer::load(&files.directory, files.expected())?);
        // As in [`Clip::load`]; the weights don't need a list that can't be read.
        let known_words = if source.path.is_dir() {
            KnownWords::open(&files.directory).unwrap_or_default()
        } else {
            KnownWords::default()
        };
        let device = TrainingDevice::open(device)?;
        let model = Model::load(&weights, &files.config, &device.device, DType::F32)?;
        let mut learner = Self {
            model,
            config: files.config.clone(),
            preprocess: files.preprocess.clone(),
            layout: CheckpointLayout::of(&weights, &files.config),
            files,
            tokenizer,
            known_words,
            device,
            cores: Cores::new().map_err(ClipError::Threads)?,
        };
        if let Some(image_size) = image_size {
            learner.set_image_size(&source.path, image_size)?;
        }
        Ok(learner)
    }

    fn set_image_size(&mut self, path: &Path, image_size: usize) -> Result<(), ClipError> {
        let before = grid(&self.config.vision);
        self.config.vision = with_image_size(self.config.vision.clone(), image_size);
        self.config = self.config.clone().checked(path)?;
        fit_to_grid(&mut self.model.vision, before, grid(&self.config.vision));
        self.preprocess = self.preprocess.with_side(image_size as u32);
        Ok(())
    }

    /// Takes the image tower of another model, whose words it needn't share, in place of its own. It is
    /// fitted to the size of the learner's pictures.
    ///
    /// # Errors
    /// If that model can't be loaded, or its image tower is of another kind.
    pub fn take_image_tower(&mut self, source: &ModelSource) -> Result<(), ClipError> {
        let files = ModelFiles::find(source)?;
        let theirs = &files.config;
        let image_size = self.config.vision.image_size();
        if theirs.embed_dim != self.config.embed_dim
            || with_image_size(theirs.vision.clone(), image_size) != self.config.vision
        {
            let reason =
                "its image tower has other sizes than that of the model to train, so it can't take its place";
            return Err(ClipError::file(&source.path, reason));
        }
        if files.preprocess.with_side(self.preprocess.side()) != self.preprocess {
            let reason = "its pictures are prepared in another way than those of the model to train";
            return Err(ClipError::file(&source.path, reason));
        }
        let mut vision = Model::load(&files.weights, theirs, &self.device.device, DType::F32)?.vision;
        fit_to_grid(&mut vision, grid(&theirs.vision), grid(&self.config.vision));
        self.model.vision = vision;
        Ok(())
    }

    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// The number of values of an embedding.
    pub fn embedding_len(&self) -> usize {
        self.config.embed_dim
    }

    /// About how many bytes the backward pass needs of one picture.
    pub fn bytes_per_picture(&self) -> usize {
        let numbers = match &self.config.vision {
            // As counted for a small ResNet; the first and largest feature maps make up most of it.
            VisionConfig::ResNet(resnet) => 7 * resnet.image_size.pow(2) * resnet.width,
            VisionConfig::Vit(vit) => {
                let transformer = &vit.transformer;
                let attention_scores = 3 * transformer.heads * vit.tokens();
                transformer.layers
                    * vit.tokens()
                    * (16 * transformer.width + 3 * transformer.mlp_width + attention_scores)
            }
        };
        4 * numbers
    }

    /// The name of the device.
    pub fn device_label(&self) -> &str {
        self.device.label()
    }

    /// The device of the weights, with automatic differentiation.
    pub fn device(&self) -> &Device {
        &self.device.device
    }

    /// Keeps the text tower as it is.
    pub fn freeze_text(&mut self) {
        self.model.text = self.model.text.clone().freeze();
    }

    /// Keeps the image tower as it is.
    pub fn freeze_image(&mut self) {
        self.model.vision = self.model.vision.clone().freeze();
    }

    /// Freezes all weights and learns adapters of this rank for the matrices of attentions and MLPs: `LoRA`
    /// (Hu et al., 2021, <https://arxiv.org/abs/2106.09685>).
    pub fn add_lora(&mut self, rank: usize, seed: u64) {
        const MATRICES: [&str; 7] = ["q_proj", "k_proj", "v_proj", "kv_proj", "c_fc", "c_proj", "out_proj"];
        let matrices: Vec<String> = MATRICES.into_iter().map(|name| format!("{name}.weight")).collect();
        // burn draws the adapters' first values from the device's own generator.
        self.device.device.seed(seed);
        let lora =
            Lora::new(rank, 2.0 * rank as f64).set_param_group(ParamGroup::from_any_predicates(matrices));
        self.model = self.model.clone().freeze().apply_lora(lora);
    }

    /// How many passes run in parallel.
    pub fn parallel_passes(&self) -> usize {
        if self.device.is_cpu() { self.cores.count() } else { 1 }
    }

    /// The token ids of a sentence.
    ///
    /// # Errors
    /// If the tokenizer fails.
    pub fn token_ids(&self, sentence: &str) -> Result<Vec<u32>, ClipError> {
        self.tokenizer.ids(sentence)
    }

    /// What a person should know about the model as it was loaded.
    pub fn notices(&self) -> Vec<String> {
        description::of(&self.files, &self.tokenizer).notices
    }

    /// Those of `names` that the model has no words for: it doesn't list them, or its vocabulary, though
    /// large, has to spell them in pieces.
    ///
    /// # Errors
    /// If the tokenizer fails.
    pub fn unknown_words<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Vec<String>, ClipError> {
        /// Vocabularies of this size hold all common words whole.
        const LARGE: usize = 10_000;
        let mut unknown = Vec::new();
        for name in names {
            let is_unknown = if !self.known_words.is_empty() {
                !self.known_words.knows(name)
            } else if self.config.text.vocab_size >= LARGE {
                let mut pieces = 0;
                for word in name.split_whitespace() {
                    pieces = pieces.max(self.tokenizer.token_count(word)?);
                }
                pieces > 1
            } else {
                false
            };
            if is_unknown && !unknown.iter().any(|listed| listed == name) {
                unknown.push(name.to_owned());
            }
        }
        Ok(unknown)
    }

    /// Runs `work` on all of `jobs`, as many in parallel as suits the device.
    ///
    /// # Errors
    /// The first error of `work`.
    pub fn run<J: Send, E: Send>(
        &self,
        mut jobs: impl Iterator<Item = J> + Send,
        work: impl Fn(J) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        if self.device.is_cpu() { self.cores.run(jobs, work) } else { jobs.try_for_each(work) }
    }

    /// The parameters that aren't matrices, which are exempt from weight decay: biases, norms and the
    /// temperature.
    pub fn vectors(&self) -> ParamGroup {
        struct Vectors(Vec<ParamId>);
        impl ModuleVisitor for Vectors {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if D < 2 {
                    self.0.push(param.id);
                }
            }
        }
        let mut vectors = Vectors(Vec::new());
        self.model.visit(&mut vectors);
        ParamGroup::from_ids(vectors.0)
    }

    /// The model as it is now, to encode with.
    ///
    /// # Errors
    /// If the device fails.
    pub fn snapshot(&self) -> Result<Clip, ClipError> {
        let model = self.model.valid().materialize();
        let logit_transform = LogitTransform { logit_scale: model.logit_scale(), scoring: model.scoring() };
        let encoder: Box<dyn DeviceEncoder> = match self.device.card.clone() {
            None => Box::new(CpuEncoder::of(model, &self.config)?),
            Some(card) => {
                let batches = BatchShape { pictures: 32, sentences: 16, is_fixed: true };
                let device = ModelDevice::Gpu { card, precision: Precision::Single };
                let place = (&self.device().clone().inner(), DType::F32);
                Box::new(BurnEncoder::of(model, &self.config, place, device, batches))
            }
        };
        Ok(Clip {
            engine: Engine::new(encoder, None, None, self.config.embed_dim),
            tokenizer: Arc::clone(&self.tokenizer),
            embedding_len: self.config.embed_dim,
            vision: self.config.vision.clone(),
            attention: DenseAttention::default(),
            preprocess: self.preprocess.clone(),
            name: self.files.name.clone(),
            fingerprint: String::new(),
            logit_transform,
            // What it knows is changing.
            known_words: KnownWords::default(),
            ground_sizes: None,
            description: description::of(&self.files, &self.tokenizer),
            notices: VecDeque::new(),
        })
    }
}

/// How many patches an image tower sees a side.
fn grid(vision: &VisionConfig) -> usize {
    match vision {
        VisionConfig::Vit(vit) => vit.grid(),
        VisionConfig::ResNet(resnet) => resnet.grid(),
    }
}

fn with_image_size(mut vision: VisionConfig, image_size: usize) -> VisionConfig {
    match &mut vision {
        VisionConfig::Vit(vit) => vit.image_size = image_size,
        VisionConfig::ResNet(resnet) => resnet.image_size = image_size,
    }
    vision
}

/// Interpolates the positional embedding of an image tower for another grid.
fn fit_to_grid(vision: &mut VisionTower, before: usize, after: usize) {
    let positional_embedding = match vision {
        VisionTower::Vit(vit) => &mut vit.positional_embedding,
        VisionTower::ResNet(resnet) => &mut resnet.attnpool.positional_embedding,
    };
    let resized = resize_positional_embedding(positional_embedding.val().inner(), before, after);
    *positional_embedding = Param::from_tensor(Tensor::from_inner(resized));
}

/// A positional embedding for a grid of `after` x `after` instead of `before` x `before` tokens, after a
/// first token that lies outside it: bicubic, as in `open_clip`'s `resize_pos_embed`.
fn resize_positional_embedding(embedding: Tensor<2>, before: usize, after: usize) -> Tensor<2> {
    let [count, width] = embedding.dims();
    if before == after {
        return embedding;
    }
    let first = embedding.clone().narrow(0, 0, 1);
    let grid = embedding.narrow(0, 1, count - 1).transpose().reshape([1, width, before, before]);
    let options = InterpolateOptions::new(InterpolateMode::Bicubic)
        .with_align_corners(false)
        .with_output_size([after, after]);
    let grid = burn::tensor::module::interpolate(grid, options);
    Tensor::cat(vec![first, grid.reshape([width, after * after]).transpose()], 0)
}
