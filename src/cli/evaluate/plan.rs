//! What a set and the options ask to be measured, before a model is loaded.

use std::path::Path;

use anyhow::bail;

use super::EvaluateArgs;
use crate::cli::{output, wrong_usage};
use crate::dataset::{ClassNames, Dataset, read_templates};
use crate::search::PromptTemplate;

/// What is going to be measured.
pub enum EvaluationPlan {
    Captions,
    Classes(ClassPlan),
}

pub struct ClassPlan {
    pub templates: Vec<PromptTemplate>,
    /// For each class.
    pub words: Vec<Vec<String>>,
    pub shots: Option<ShotPlan>,
}

pub struct ShotPlan {
    pub count: usize,
    pub seed: u64,
    /// `None`: the set itself, measured on the rest.
    pub train: Option<Dataset>,
    /// Where the examples come from, as it was named.
    pub from: String,
}

impl EvaluationPlan {
    /// What the options and the set ask for.
    ///
    /// # Errors
    /// When they don't fit each other, or a file can't be read.
    pub fn of(args: &EvaluateArgs, set: &Dataset) -> anyhow::Result<Self> {
        let data = args.data.display();
        if set.classes.is_empty() {
            let for_classes = !args.prompts.is_empty()
                || args.templates.is_some()
                || args.names.is_some()
                || args.confusion.is_some()
                || args.confusion_picture.is_some()
                || args.shots.is_some()
                || args.refine.refine;
            if for_classes {
                wrong_usage(
                    "captions are encoded as they are written: --prompt, --templates, --names, --confusion, \
                     --confusion-picture, --shots and --refine are for class folders",
                );
            }
            return Ok(Self::Captions);
        }
        if let [class] = set.classes.as_slice() {
            bail!("{data} has one class only ({class}); give a folder with two class folders or more");
        }
        let names = args.names.as_deref().map(ClassNames::open).transpose()?.unwrap_or_default();
        let unknown = names.unknown(&set.classes);
        if let (Some(file), Some(first)) = (&args.names, unknown.first()) {
            let (file, count) = (file.display(), unknown.len());
            // One file may serve several sets.
            if !names.names_any_of(&set.classes) {
                bail!("{file} names folders that {data} lacks: {}", unknown.join(", "));
            }
            if !args.quiet {
                output::note(format_args!("{file} names {count} folders that {data} lacks, such as {first}"));
            }
        }
        let mut templates = args.prompts.clone();
        if let Some(file) = &args.templates {
            templates.extend(read_templates(file)?);
        }
        if templates.is_empty() {
            templates.push(PromptTemplate::default());
        }
        let words = set.classes.iter().map(|class| names.names(class)).collect();
        let shots = args.shots.map(|count| ShotPlan::of(args, count, set)).transpose()?;
        Ok(Self::Classes(ClassPlan { templates, words, shots }))
    }
}

impl ShotPlan {
    fn of(args: &EvaluateArgs, count: usize, set: &Dataset) -> anyhow::Result<Self> {
        let other = args.train.as_deref().filter(|train| !is_same(train, &args.data));
        let train = other.map(Dataset::open).transpose()?;
        let from = other.unwrap_or(&args.data).display().to_string();
        match &train {
            Some(train) if train.classes != set.classes => {
                bail!("{from} has other classes than {}; both need the same folders", args.data.display())
            }
            Some(_) => {}
            None => {
                let images = class_sizes(set);
                if let Some((class, images)) =
                    set.classes.iter().zip(images).find(|(_, images)| *images <= count)
                {
                    bail!(
                        "class {class} of {from} has {images} images, of which none would be left to measure; \
                         give a smaller --shots, or examples with --train"
                    );
                }
            }
        }
        Ok(Self { count, seed: args.seed, train, from })
    }
}

fn is_same(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn class_sizes(set: &Dataset) -> Vec<usize> {
    let mut sizes = vec![0; set.classes.len()];
    for class in labels(set) {
        sizes[class] += 1;
    }
    sizes
}

/// The class of each item.
pub fn labels(set: &Dataset) -> Vec<usize> {
    set.items.iter().filter_map(|item| item.class).collect()
}
