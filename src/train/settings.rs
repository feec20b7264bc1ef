//! The settings of a training.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::augment::Augment;
use super::sentences::{Paraphrase, Sentences, Synonyms};
use super::sets::{SplitSet, TrainingData};
use super::{TrainError, checkpoint};
use crate::clip::{DeviceChoice, Learner, ModelSource, WeightType};
use crate::dataset::{ClassNames, Dataset, read_templates};
use crate::search::PromptTemplate;

/// The optimiser: how gradients become changes of the weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OptimizerChoice {
    /// Shazeer and Stern, 2018: needs little memory.
    #[default]
    Adafactor,
    /// Loshchilov and Hutter, 2019.
    Adamw,
}

/// The tower that is frozen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Freeze {
    #[default]
    None,
    Text,
    Image,
}

/// A set of images to learn from.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSource {
    /// As for [`Dataset::open`].
    pub path: PathBuf,
    /// Its share of every batch, relative to the other sets'.
    pub share: f64,
    /// Half of its pictures are shrunk by a factor of up to this, among others of their class; 1: none. A set
    /// whose pictures were taken from far away has less to shrink.
    pub ground_scale: f64,
}

impl TrainSource {
    /// A set with as many pictures as the others, none of which is shrunk.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, share: 1.0, ground_scale: 1.0 }
    }
}

/// All settings of [`super::finetune`].
#[derive(Clone, Debug)]
pub struct TrainSettings {
    pub sources: Vec<TrainSource>,
    pub model: ModelSource,
    /// A model whose image tower takes the place of `model`'s.
    pub image_tower: Option<ModelSource>,
    pub out: PathBuf,
    pub device: DeviceChoice,
    /// One epoch draws as many pictures as all sets hold.
    pub epochs: f64,
    /// Pictures that the loss compares with one another.
    pub batch: usize,
    /// Pictures of one pass; `None`: as many as suit the device.
    pub micro_batch: Option<usize>,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Steps until it is reached; `None`: a tenth of all steps.
    pub warmup: Option<usize>,
    pub optimizer: OptimizerChoice,
    pub weight_decay: f32,
    /// The rank of `LoRA` adapters, which are trained instead of the weights (Hu et al., 2021,
    /// <https://arxiv.org/abs/2106.09685>).
    pub lora: Option<usize>,
    pub freeze: Freeze,
    /// The share of the pictures that is kept for validation.
    pub validation: f64,
    /// Epochs without a better validation after which the training ends.
    pub patience: usize,
    pub resume: bool,
    /// A file of class names, as [`ClassNames::open`] reads it.
    pub names: Option<PathBuf>,
    /// A file of templates, as [`read_templates`] reads it.
    pub templates: Option<PathBuf>,
    /// Files of further captions for the pictures of captioned sets, in the same forms.
    pub paraphrases: Vec<PathBuf>,
    /// A file of synonyms, as [`Synonyms::open`] reads it.
    pub synonyms: Option<PathBuf>,
    /// Side of the input, if it isn't to be the model's.
    pub image_size: Option<usize>,
    pub augment: Augment,
    pub weight_type: WeightType,
    pub seed: u64,
}

impl TrainSettings {
    /// The recipe of the thesis.
    #[must_use]
    pub fn new(sources: Vec<TrainSource>, model: ModelSource, out: PathBuf) -> Self {
        Self {
            sources,
            model,
            image_tower: None,
            out,
            device: DeviceChoice::default(),
            epochs: 10.0,
            batch: 1024,
            micro_batch: None,
            learning_rate: 1e-4,
            warmup: None,
            optimizer: OptimizerChoice::default(),
            weight_decay: 0.0,
            lora: None,
            freeze: Freeze::default(),
            validation: 0.1,
            patience: 10,
            resume: false,
            names: None,
            templates: None,
            paraphrases: Vec::new(),
            synonyms: None,
            image_size: None,
            augment: Augment::default(),
            weight_type: WeightType::default(),
            seed: 0,
        }
    }

    /// The learning rate of a step, counted from 0: it rises linearly, then falls to zero.
    #[must_use]
    pub fn learning_rate(&self, step: usize, steps: usize) -> f64 {
        let warmup = self.warmup.unwrap_or(steps / 10).min(steps);
        if step < warmup {
            return self.learning_rate * (step + 1) as f64 / warmup as f64;
        }
        self.learning_rate * (steps - step) as f64 / (steps - warmup).max(1) as f64
    }

    /// Opens all that is learnt from.
    pub(super) fn training_data(&self) -> Result<TrainingData, TrainError> {
        let names = self.names.as_deref().map(ClassNames::open).transpose()?.unwrap_or_default();
        let mut datasets =
            self.sources.iter().map(|source| Dataset::open(&source.path)).collect::<Result<Vec<_>, _>>()?;
        let classes: Vec<String> = datasets.iter().flat_map(|set| set.classes.clone()).collect();
        if let (Some(path), Some(unknown)) = (&self.names, names.unknown(&classes).first()) {
            let reason =
                format!("{}: {unknown:?} is no folder of these sets; correct or remove it", path.display());
            return Err(TrainError::Settings(reason));
        }
        for path in &self.paraphrases {
            add_captions(&mut datasets, path)?;
        }
        let sets: Vec<SplitSet> = datasets
            .into_iter()
            .zip(&self.sources)
            .map(|(dataset, source)| SplitSet::new(dataset, &names, self.validation, source, self.seed))
            .collect();
        let templates = match &self.templates {
            Some(path) => read_templates(path)?,
            None => vec![PromptTemplate::default()],
        };
        let synonyms = self.synonyms.as_deref().map(Synonyms::open).transpose()?;
        let paraphrases = synonyms.map(|synonyms| Box::new(synonyms) as Box<dyn Paraphrase>);
        let sentences = Sentences::new(templates, paraphrases.into_iter().collect());
        let sets = TrainingData::new(sets, sentences, self.augment, self.seed);
        check_variety(&sets)?;
        Ok(sets)
    }

    /// Notes on what a person may not have intended.
    ///
    /// # Errors
    /// If the model's tokenizer fails.
    pub(super) fn notes(&self, sets: &TrainingData, learner: &Learner) -> Result<Vec<String>, TrainError> {
        let mut notes = Vec::new();
        for set in &sets.list {
            if let Some(skipped) = set.dataset.skipped.first() {
                let count = set.dataset.skipped.len();
                let root = set.dataset.root.display();
                notes.push(format!(
                    "{count} of {root} left out, the first: {} ({})",
                    skipped.path.display(),
                    skipped.reason
                ));
            }
        }
        if self.batch > sets.len() {
            notes.push(format!(
                "a batch of {} is larger than all {} pictures: batches of {} it is",
                self.batch,
                sets.len(),
                sets.len()
            ));
        }
        let names = sets.list.iter().flat_map(|set| &set.names).filter_map(|names| names.first());
        let unknown = learner.unknown_words(names.map(String::as_str))?;
        if !unknown.is_empty() {
            notes.push(format!(
                "these class names aren't words that the model knows: {}; if they are abbreviations or several words \
                 written as one, give words for them with --names",
                listed(&unknown)
            ));
        }
        Ok(notes)
    }

    /// The settings that must stay the same when a training is resumed.
    pub(super) fn fixed(&self, sets: &TrainingData) -> HashMap<String, String> {
        let sources: Vec<String> = self
            .sources
            .iter()
            .map(|source| format!("{} x {}", source.path.display(), source.share))
            .collect();
        [
            ("the sets", sources.join(", ")),
            ("the number of pictures", sets.len().to_string()),
            ("--model", self.model.path.display().to_string()),
            ("--arch", self.model.arch.clone().unwrap_or_default()),
            ("--epochs", self.epochs.to_string()),
            ("--batch", self.batch.to_string()),
            ("--lr", self.learning_rate.to_string()),
            ("--warmup", format!("{:?}", self.warmup)),
            ("--optimizer", format!("{:?}", self.optimizer)),
            ("--weight-decay", self.weight_decay.to_string()),
            ("--lora", format!("{:?}", self.lora)),
            ("--freeze", format!("{:?}", self.freeze)),
            ("--val-split", self.validation.to_string()),
            ("--image-size", format!("{:?}", self.image_size)),
            ("--seed", self.seed.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// Refuses to resume with other settings than those of a checkpoint.
pub(super) fn check_same(
    out: &Path,
    found: &HashMap<String, String>,
    wanted: &HashMap<String, String>,
) -> Result<(), TrainError> {
    let mut names: Vec<&String> =
        wanted.keys().filter(|name| found.get(*name) != wanted.get(*name)).collect();
    names.sort();
    let Some(name) = names.first() else { return Ok(()) };
    let value = |settings: &HashMap<String, String>| settings.get(*name).cloned().unwrap_or_default();
    Err(TrainError::Checkpoint {
        path: out.join(checkpoint::FILE_NAME),
        reason: format!(
            "it began with other settings: {name} was {}, now it is {}; give the same ones or leave out --resume",
            value(found),
            value(wanted)
        ),
    })
}

/// The first few, and how many more there are.
fn listed(words: &[String]) -> String {
    const MOST: usize = 6;
    let shown = words.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match words.len().checked_sub(MOST) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

/// Refuses sets with a single class or caption: there is nothing to tell apart.
fn check_variety(sets: &TrainingData) -> Result<(), TrainError> {
    let mut groups = BTreeSet::new();
    let mut captions = BTreeSet::new();
    for set in &sets.list {
        if set.training.is_empty() {
            return Err(TrainError::Settings(format!(
                "{}: no pictures are left to learn from; make --val-split smaller",
                set.dataset.root.display()
            )));
        }
        for &index in &set.training {
            let item = &set.dataset.items[index];
            match item.class {
                Some(class) => drop(groups.insert(set.names[class].clone())),
                None => captions.extend(&item.captions),
            }
        }
    }
    if groups.len() + captions.len() < 2 {
        return Err(TrainError::Settings(
            "all pictures are of one class, so there is nothing to tell apart; add folders of other classes"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Adds the captions of a file to the pictures that they are for.
fn add_captions(datasets: &mut [Dataset], path: &Path) -> Result<(), TrainError> {
    let more = Dataset::open(path)?;
    let mut by_path: HashMap<PathBuf, Vec<String>> =
        more.items.into_iter().map(|item| (item.path, item.captions)).collect();
    let mut count = 0;
    for item in datasets.iter_mut().filter(|set| set.classes.is_empty()).flat_map(|set| &mut set.items) {
        if let Some(captions) = by_path.remove(&item.path) {
            count += captions.len();
            item.captions.extend(captions);
        }
    }
    if count == 0 {
        let reason = format!("{}: no picture of the captioned sets is named here", path.display());
        return Err(TrainError::Settings(reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let model = ModelSource { path: PathBuf::new(), arch: None };
        let mut settings = TrainSettings::new(Vec::new(), model, PathBuf::new());
        settings.learning_rate = 1.0;
        let rates: Vec<f64> = (0..20).map(|step| settings.learning_rate(step, 20)).collect();
        assert_eq!(rates[..3], [0.5, 1.0, 1.0]);
        assert!(rates[2..].windows(2).all(|pair| pair[0] > pair[1]));
        assert!((rates[19] - 1.0 / 18.0).abs() < 1e-12);
    }

    #[test]
    fn what_differs_is_named() {
        let settings = |batch: &str| HashMap::from([("--batch".to_owned(), batch.to_owned())]);
        assert!(check_same(Path::new("out"), &settings("8"), &settings("8")).is_ok());
        let error = check_same(Path::new("out"), &settings("8"), &settings("9")).unwrap_err().to_string();
        assert!(error.contains("--batch was 8, now it is 9"), "{error}");
    }
}
