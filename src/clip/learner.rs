//! A model that learns: forward passes that can be walked back, and the way onto disk. What is learnt from,
//! and how, is for `train` to say.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use burn::module::{Lora, Module, ModuleVisitor, Param, ParamGroup, ParamId, RunningState};
use burn::optim::GradientsParams;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{DType, Device, Tensor, TensorData};
use serde_json::{Value, json};

use super::config::open_clip;
use super::config::{ClipConfig, Objective, ResNetConfig, VisionConfig};
use super::cpu::{Cores, CpuEncoder, Norms, Trail, Trunk};
use super::device::encoder::{BurnEncoder, Feeding, Scale};
use super::device::engine::{DeviceEncoder, Engine};
use super::device::{self, TrainingDevice};
use super::preprocess::Preprocess;
use super::source::description;
use super::source::{ModelFiles, ModelSource};
use super::tokenizer::SentenceTokenizer;
use super::towers::model::Model;
use super::towers::resnet;
use super::towers::vision::VisionTower;
use super::weights::layout::Layout;
use super::weights::saver::{Saver, WeightType};
use super::{Clip, ClipError, DeviceChoice, KnownWords};
use crate::atomic::write_bytes;
use crate::text_file;

/// A CLIP whose weights can be changed.
pub(crate) struct Learner {
    pub model: Model,
    config: ClipConfig,
    preprocess: Preprocess,
    files: Arc<ModelFiles>,
    tokenizer: Arc<SentenceTokenizer>,
    /// Those of the model as it was loaded.
    known_words: KnownWords,
    layout: Layout,
    device: TrainingDevice,
    /// The processor's, which each take passes of their own.
    cores: Cores,
}

/// The model as it stands during one step.
pub(crate) struct Step<'a> {
    learner: &'a Learner,
    /// The convolutions of a ResNet on a processor.
    trunk: Option<Trunk>,
}

/// Embeddings of length one, and the way back.
pub(crate) struct Pass {
    embeddings: Tensor<2>,
    /// Whether any weight that it went through may change.
    learns: bool,
    /// With its own leaves, so that passes on several threads don't wait for each other.
    model: Model,
    trunk: Option<(Trail, Tensor<3>)>,
    /// What burn's batch norms saw.
    seen: Vec<resnet::Statistics>,
}

/// What one pass adds to the gradients of a step.
pub(crate) struct Contribution {
    pub gradients: GradientsParams,
    /// Mean and variance of every batch norm.
    statistics: Vec<Statistics>,
}

type Statistics = (Vec<f32>, Vec<f32>);

impl Learner {
    /// Loads a model directory to be trained, for pictures of `image_size` pixels a side if that is given:
    /// then the positions of the image tower are interpolated.
    ///
    /// # Errors
    /// As [`Clip::load`]; also for a SigLIP.
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
        // As in [`Clip::load`]; a list that can't be read says nothing of the weights.
        let known_words = if source.path.is_dir() {
            KnownWords::open(&files.directory).unwrap_or_default()
        } else {
            KnownWords::default()
        };
        let device = device::for_training(device)?;
        let model = Model::load(&weights, &files.config, &device.device, DType::F32)?;
        let mut learner = Self {
            model,
            config: files.config.clone(),
            preprocess: files.preprocess.clone(),
            layout: Layout::of(&weights, &files.config),
            files,
            tokenizer,
            known_words,
            device,
            cores: Cores::new().map_err(|error| ClipError::Device(error.to_string()))?,
        };
        if let Some(image_size) = image_size {
            learner.set_image_size(&source.path, image_size)?;
        }
        Ok(learner)
    }

    fn set_image_size(&mut self, path: &Path, image_size: usize) -> Result<(), ClipError> {
        let grid = |vision: &VisionConfig| match vision {
            VisionConfig::Vit(vit) => vit.grid(),
            VisionConfig::ResNet(resnet) => resnet.grid(),
        };
        let before = grid(&self.config.vision);
        match &mut self.config.vision {
            VisionConfig::Vit(vit) => vit.image_size = image_size,
            VisionConfig::ResNet(resnet) => resnet.image_size = image_size,
        }
        self.config = self.config.clone().checked(path)?;
        let after = grid(&self.config.vision);
        let positions = match &mut self.model.vision {
            VisionTower::Vit(vit) => &mut vit.positions,
            VisionTower::ResNet(resnet) => &mut resnet.pool.positions,
        };
        let moved = regrid(positions.val().inner(), before, after);
        *positions = Param::from_tensor(Tensor::from_inner(moved));
        self.preprocess = self.preprocess.with_side(image_size as u32);
        Ok(())
    }

    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// The number of values of an embedding.
    pub fn embedding_len(&self) -> usize {
        self.config.embed_dim
    }

    /// About how many bytes one picture leaves for the way back.
    pub fn bytes_per_picture(&self) -> usize {
        let numbers = match &self.config.vision {
            // As counted for a small one; the first, widest maps make most of it.
            VisionConfig::ResNet(resnet) => 7 * resnet.image_size.pow(2) * resnet.width,
            VisionConfig::Vit(vit) => {
                let transformer = &vit.transformer;
                let scores = 3 * transformer.heads * vit.tokens();
                transformer.layers
                    * vit.tokens()
                    * (16 * transformer.width + 3 * transformer.mlp_width + scores)
            }
        };
        4 * numbers
    }

    /// Where it runs, in words.
    pub fn device_label(&self) -> &str {
        &self.device.label
    }

    /// The device of the weights, with automatic differentiation.
    pub fn device(&self) -> &Device {
        &self.device.device
    }

    /// Leaves the text tower as it is.
    pub fn freeze_text(&mut self) {
        self.model.text = self.model.text.clone().freeze();
    }

    /// Leaves the image tower as it is.
    pub fn freeze_images(&mut self) {
        self.model.vision = self.model.vision.clone().freeze();
    }

    /// Leaves all weights as they are and learns adapters of this rank for the matrices of attentions and
    /// perceptrons (Hu et al., 2021, <https://arxiv.org/abs/2106.09685>).
    pub fn add_adapters(&mut self, rank: usize, seed: u64) {
        const MATRICES: [&str; 6] = ["query", "key", "value", "key_value", "up", "down"];
        let matrices =
            MATRICES.into_iter().chain(["out"]).map(|name| format!("{name}.weight")).collect::<Vec<_>>();
        // Random numbers come from the device's own generator.
        self.device.device.seed(seed);
        let lora =
            Lora::new(rank, 2.0 * rank as f64).set_param_group(ParamGroup::from_any_predicates(matrices));
        self.model = self.model.clone().freeze().apply_lora(lora);
    }

    /// How many passes run side by side.
    pub fn parallel_passes(&self) -> usize {
        if self.device.is_cpu { self.cores.count() } else { 1 }
    }

    /// The token ids of a sentence.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn token_ids(&self, sentence: &str) -> Result<Vec<u32>, ClipError> {
        self.tokenizer.ids(sentence)
    }

    /// What a person should know of the model as it was loaded.
    pub fn notices(&self) -> Vec<String> {
        description::of(&self.files, &self.tokenizer).notices
    }

    /// Those of `names` that aren't words to the model: it doesn't list them, or its large vocabulary has to
    /// spell them.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn strange_words<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<Vec<String>, ClipError> {
        /// Words in which a vocabulary has all common ones whole.
        const LARGE: usize = 10_000;
        let mut strange = Vec::new();
        for name in names {
            let is_strange = if !self.known_words.is_empty() {
                !self.known_words.knows(name)
            } else if self.config.text.vocab_size >= LARGE {
                let mut pieces = 0;
                for word in name.split_whitespace() {
                    pieces = pieces.max(self.tokenizer.pieces(word)?);
                }
                pieces > 1
            } else {
                false
            };
            if is_strange && !strange.iter().any(|known| known == name) {
                strange.push(name.to_owned());
            }
        }
        Ok(strange)
    }

    /// Runs `work` on all of `jobs`, as many at a time as the device takes.
    ///
    /// # Errors
    /// The first error of `work`.
    pub fn run<J: Send, E: Send>(
        &self,
        mut jobs: impl Iterator<Item = J> + Send,
        work: impl Fn(J) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        if self.device.is_cpu { self.cores.run(jobs, work) } else { jobs.try_for_each(work) }
    }

    /// Prepares a step with the weights as they are.
    ///
    /// # Errors
    /// When burn fails.
    pub fn step(&self) -> Result<Step<'_>, String> {
        let trunk = match &self.model.vision {
            VisionTower::ResNet(resnet) if self.device.is_cpu => Some(Trunk::new(resnet)?),
            _ => None,
        };
        Ok(Step { learner: self, trunk })
    }

    /// Moves the running statistics of batch norms towards those that the passes of a step saw, on average.
    pub fn follow(&self, contributions: &[Contribution]) {
        /// PyTorch's.
        const MOMENTUM: f64 = 0.1;
        let VisionTower::ResNet(resnet) = &self.model.vision else { return };
        let seen: Vec<&Vec<Statistics>> = contributions
            .iter()
            .map(|contribution| &contribution.statistics)
            .filter(|statistics| !statistics.is_empty())
            .collect();
        if seen.is_empty() {
            return;
        }
        let move_towards = |state: &RunningState<Tensor<1>>, values: &mut dyn Iterator<Item = &Vec<f32>>| {
            let tensors = values.map(|values| {
                Tensor::<1>::from_data(TensorData::new(values.clone(), [values.len()]), self.device())
            });
            let mean = tensors.reduce(|sum, more| sum + more).map(|sum| sum / seen.len() as f64);
            if let Some(mean) = mean {
                state.update(state.value() * (1.0 - MOMENTUM) + mean * MOMENTUM);
                state.value_sync();
            }
        };
        for (index, layer) in resnet.layers().enumerate() {
            let of_layer = || seen.iter().filter_map(move |statistics| statistics.get(index));
            move_towards(&layer.norm.running_mean, &mut of_layer().map(|(mean, _)| mean));
            move_towards(&layer.norm.running_var, &mut of_layer().map(|(_, variance)| variance));
        }
    }

    /// The parameters that aren't matrices: biases, norms and the temperature, which weight decay spares.
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
    /// When the device fails.
    pub fn snapshot(&self) -> Result<Clip, ClipError> {
        let model = self.model.valid().materialize();
        let scale = Scale { logit_scale: model.logit_scale(), scoring: model.scoring() };
        let encoder: Box<dyn DeviceEncoder> = if self.device.is_cpu {
            Box::new(CpuEncoder::of(model, &self.config)?)
        } else {
            let feeding = Feeding { pictures: 32, sentences: 16, fixed_shapes: true };
            let (device, label) = (self.device().clone().inner(), self.device.label.clone());
            Box::new(BurnEncoder::of(model, &self.config, &device, DType::F32, label, feeding))
        };
        Ok(Clip {
            engine: Engine::new(encoder, None, None, self.config.embed_dim),
            tokenizer: Arc::clone(&self.tokenizer),
            embedding_len: self.config.embed_dim,
            preprocess: self.preprocess.clone(),
            name: self.files.name.clone(),
            fingerprint: String::new(),
            scale,
            // What it knows is just changing.
            known_words: KnownWords::default(),
            description: description::of(&self.files, &self.tokenizer),
            notices: VecDeque::new(),
        })
    }

    /// What is taken over from the model that was loaded.
    const COMPANIONS: [&str; 7] = [
        "preprocessor_config.json",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "vocab.json",
        "merges.txt",
    ];
    /// The names that [`Self::save`] may write.
    pub const FILES: [&str; 11] = [
        "preprocessor_config.json",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "vocab.json",
        "merges.txt",
        "config.json",
        "open_clip_config.json",
        "model.safetensors",
        "open_clip_model.safetensors",
    ];

    /// Writes a model directory in the layout of the one that was loaded, with its tokenizer beside it;
    /// adapters are merged into the weights.
    ///
    /// # Errors
    /// When the directory cannot be written, or the one that was loaded has gone.
    pub fn save(&self, directory: &Path, dtype: WeightType) -> Result<(), ClipError> {
        fs::create_dir_all(directory).map_err(|error| ClipError::write(directory, error))?;
        let write = |name: &str, bytes: &[u8]| {
            let to = directory.join(name);
            write_bytes(&to, bytes).map_err(|error| ClipError::write(&to, error))
        };
        let config_name = self.files.config_name();
        if config_name.is_none() {
            let config = open_clip::written(&self.config, &self.preprocess);
            write("open_clip_config.json", format!("{config:#}\n").as_bytes())?;
        }
        for name in Self::COMPANIONS.into_iter().chain(config_name) {
            let from = self.files.directory.join(name);
            if !from.is_file() {
                continue;
            }
            let bytes = fs::read(&from).map_err(|error| ClipError::read(&from, error))?;
            let bytes = self.with_image_size(name, bytes);
            write(name, &bytes)?;
        }
        let mut saver = Saver::new(self.layout, dtype);
        self.model.save(&mut saver);
        let weights = match config_name {
            Some("config.json") => "model.safetensors",
            _ => "open_clip_model.safetensors",
        };
        saver.finish(&directory.join(weights))
    }

    /// A configuration file with the size of pictures that the model takes now.
    fn with_image_size(&self, name: &str, bytes: Vec<u8>) -> Vec<u8> {
        let side = self.config.vision.image_size();
        if side == self.files.config.vision.image_size() {
            return bytes;
        }
        let places: &[&str] = match name {
            "config.json" => &["/vision_config/image_size", "/vision_config_dict/image_size"],
            "open_clip_config.json" => &["/model_cfg/vision_cfg/image_size"],
            "processor_config.json" => &[
                "/image_processor/size/shortest_edge",
                "/image_processor/size/height",
                "/image_processor/size/width",
                "/image_processor/crop_size/height",
                "/image_processor/crop_size/width",
            ],
            "preprocessor_config.json" => &[
                "/size/shortest_edge",
                "/size/height",
                "/size/width",
                "/crop_size/height",
                "/crop_size/width",
            ],
            _ => return bytes,
        };
        let text = text_file::decode(&bytes).unwrap_or_default();
        let Ok(mut config) = serde_json::from_str::<Value>(&text) else { return bytes };
        for place in places {
            if let Some(value) = config.pointer_mut(place) {
                *value = json!(side);
            }
        }
        if let Some(size) = config.pointer_mut("/preprocess_cfg/size") {
            *size = json!([side, side]);
        }
        format!("{config:#}\n").into_bytes()
    }
}

impl Step<'_> {
    /// Embeddings of pictures: planes of rows, one after the other.
    ///
    /// # Errors
    /// When burn fails.
    pub fn images(&self, pictures: &[f32]) -> Result<Pass, String> {
        let side = self.learner.config.vision.image_size();
        let count = pictures.len() / (3 * side * side);
        let device = self.learner.device();
        let model = self.learner.model.clone().fork(device);
        let mut seen = Vec::new();
        let (embeddings, trunk) = match (&self.trunk, &model.vision, &self.learner.config.vision) {
            (Some(trunk), VisionTower::ResNet(resnet), VisionConfig::ResNet(config)) => {
                let norms = if self.is_frozen() { Norms::Running } else { Norms::Batch };
                let trail = trunk.walk(pictures, side, norms)?;
                let pixels = self.pixels(&trail, count, config)?;
                (resnet.pool.forward(pixels.clone()), Some((trail, pixels)))
            }
            (_, vision, _) => {
                let pictures = TensorData::new(pictures.to_vec(), [count, 3, side, side]);
                let pictures = Tensor::from_data(pictures, device);
                let embeddings = match vision {
                    VisionTower::ResNet(resnet) if !self.is_frozen() => {
                        let (embeddings, statistics) = resnet.forward_training(pictures);
                        seen = statistics;
                        embeddings
                    }
                    vision => vision.forward(pictures),
                };
                (embeddings, None)
            }
        };
        let learns = learns(&model.vision);
        Ok(Pass { embeddings: normalized(embeddings), learns, model, trunk, seen })
    }

    fn pixels(&self, trail: &Trail, count: usize, config: &ResNetConfig) -> Result<Tensor<3>, String> {
        let shape = [count, config.grid() * config.grid(), config.features()];
        let pixels = TensorData::new(trail.output()?.to_vec(), shape);
        Ok(Tensor::from_data(pixels, self.learner.device()).require_grad())
    }

    /// Whether the convolutions stay as they are.
    fn is_frozen(&self) -> bool {
        match &self.learner.model.vision {
            VisionTower::ResNet(resnet) => !resnet.layers().any(|layer| layer.conv.weight.is_require_grad()),
            VisionTower::Vit(_) => false,
        }
    }

    /// Embeddings of sentences as token ids.
    pub fn sentences(&self, ids: &[Vec<u32>]) -> Pass {
        let device = self.learner.device();
        let model = self.learner.model.clone().fork(device);
        let pooling = self.learner.config.text.pooling;
        let standing: Vec<usize> = ids.iter().map(|ids| pooling.position(ids)).collect();
        let length = self.learner.config.text.needed(&standing);
        let ids: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        let embeddings = model.text_embeddings(&ids, &standing, length, device);
        let learns = learns(&model.text);
        Pass { embeddings: normalized(embeddings), learns, model, trunk: None, seen: Vec::new() }
    }
}

impl Pass {
    /// One embedding after the other.
    ///
    /// # Errors
    /// When the device fails.
    pub fn values(&self) -> Result<Vec<f32>, String> {
        self.embeddings.clone().inner().try_into_vec_as::<f32>().map_err(|error| error.to_string())
    }

    /// From the gradient of a loss by the embeddings to that by the weights.
    ///
    /// # Errors
    /// When burn fails.
    pub fn back(self, step: &Step<'_>, gradient: Vec<f32>) -> Result<Contribution, String> {
        if !self.learns {
            return Ok(Contribution { gradients: GradientsParams::new(), statistics: Vec::new() });
        }
        let gradient = TensorData::new(gradient, self.embeddings.dims());
        let gradient = Tensor::<2>::from_data(gradient, step.learner.device());
        // The gradient of this sum by the embeddings is `gradient`.
        let mut from_sum = (self.embeddings * gradient).sum().backward();
        let mut gradients = GradientsParams::from_module(&mut from_sum, &self.model);
        let read =
            |tensor: Tensor<1>| tensor.inner().try_into_vec_as::<f32>().map_err(|error| error.to_string());
        let seen = self.seen.into_iter().map(|(mean, variance)| Ok((read(mean)?, read(variance)?)));
        let mut statistics = seen.collect::<Result<Vec<Statistics>, String>>()?;
        if let (Some((trail, pixels)), Some(trunk)) = (self.trunk, &step.trunk)
            && !step.is_frozen()
        {
            let seen = trail.statistics().into_iter();
            statistics = seen.map(|(mean, variance)| (mean.to_vec(), variance.to_vec())).collect();
            let by_pixels = pixels.grad(&from_sum).ok_or("the feature map has no gradient")?;
            let by_pixels = by_pixels.try_into_vec_as::<f32>().map_err(|error| error.to_string())?;
            let layers = trunk.back(trail, by_pixels)?;
            if let VisionTower::ResNet(resnet) = &self.model.vision {
                for (layer, gradient) in resnet.layers().zip(layers) {
                    gradient.register(layer, &mut gradients)?;
                }
            }
        }
        Ok(Contribution { gradients, statistics })
    }
}

/// Whether any of a module's weights may change.
fn learns(module: &impl Module) -> bool {
    struct Learns(bool);
    impl ModuleVisitor for Learns {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let adapter = param.adapter().is_some();
            self.0 |= adapter || param.is_require_grad();
        }
    }
    let mut learns = Learns(false);
    module.visit(&mut learns);
    learns.0
}

/// Each row at length one.
fn normalized(rows: Tensor<2>) -> Tensor<2> {
    let length = rows.clone().powf_scalar(2.0).sum_dim(1).sqrt().clamp_min(1e-12);
    rows / length
}

/// The positions of a tower, whose first isn't in the square, for another square: bicubic, as `open_clip`
/// does it.
fn regrid(positions: Tensor<2>, before: usize, after: usize) -> Tensor<2> {
    let [count, width] = positions.dims();
    if before == after {
        return positions;
    }
    let first = positions.clone().narrow(0, 0, 1);
    let square = positions.narrow(0, 1, count - 1).transpose().reshape([1, width, before, before]);
    let options = InterpolateOptions::new(InterpolateMode::Bicubic)
        .with_align_corners(false)
        .with_output_size([after, after]);
    let square = burn::tensor::module::interpolate(square, options);
    Tensor::cat(vec![first, square.reshape([width, after * after]).transpose()], 0)
}
