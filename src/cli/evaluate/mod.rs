//! `skysift evaluate`: how good a model is on a labelled or captioned set (`plan` says what is measured); and
//! in `detect` and `methods` `skysift evaluate-detect`: how well a scan finds what is there.

pub mod detect;
mod encoding_bar;
pub mod methods;
mod plan;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::args::inputs;
use super::args::run_on::RunOnArgs;
use super::{ModelArgs, RefineArgs, SharpenArgs, output};
use crate::clip::Clip;
use crate::dataset::{Dataset, Skipped};
use crate::evaluate::{
    Embeddings, EncodedPictures, EvaluationReport, FewShot, LinearProbe, NamedClassification, Shots,
    SkippedItem, TipAdapter, class_embeddings, confusion_picture, encode_pictures, encode_sentences,
    refined_zero_shot, retrieval, shuffled_by_class, tip_adapter, write_confusion, zero_shot,
};
use crate::export::{ExportError, write_atomically};
use crate::search::PromptTemplate;
use encoding_bar::EncodingBar;
use plan::{ClassPlan, EvaluationPlan, ShotPlan, labels};

#[derive(Args)]
pub struct EvaluateArgs {
    /// A folder of class folders, or a file of captions: JSON lines, JSON (`file.json#test` for one split, or
    /// COCO's), CSV, text
    data: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    run_on: RunOnArgs,
    #[command(flatten)]
    sharpen: SharpenArgs,
    /// Shrink pictures to so many pixels along their shorter side first, to see what coarser ones would give
    #[arg(long, value_name = "PIXELS", value_parser = RangedU64ValueParser::<u32>::new().range(1..=100_000))]
    shrink: Option<u32>,
    /// The sentence made from a class's words; several are averaged [default: a photo of a {}]
    #[arg(long = "prompt", value_name = "TEMPLATE", value_parser = PromptTemplate::new)]
    prompts: Vec<PromptTemplate>,
    /// A file with more such sentences, one a line
    #[arg(long, value_name = "FILE")]
    templates: Option<PathBuf>,
    /// JSON from class folders to words, e.g. {"AnnualCrop": "annual crop land"} [default: folder names]
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    /// Also write which classes were taken for which, as a table
    #[arg(long, value_name = "FILE.csv")]
    confusion: Option<PathBuf>,
    /// Also draw that table
    #[arg(long, value_name = "FILE.png")]
    confusion_picture: Option<PathBuf>,
    #[command(flatten)]
    refine: RefineArgs,
    /// Also measure what N examples a class add: a linear probe and Tip-Adapter
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    shots: Option<usize>,
    /// Which examples; the same number draws the same ones
    #[arg(long, value_name = "N", default_value_t = 0, requires = "shots")]
    seed: u64,
    /// Where the examples come from, with the same class folders [default: DATA, measured on the rest]
    #[arg(long, value_name = "DIR", requires = "shots")]
    train: Option<PathBuf>,
    /// No progress and no notes; what is left out is named all the same
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let source = args.model.source()?;
    let sharpener = args.sharpen.sharpener()?;
    let sharpened_by = sharpener.as_ref().map(|sharpener| sharpener.fingerprint().to_owned());
    let started = Instant::now();
    let set = Dataset::open(&args.data)?;
    // What is wrong with the options should be told before the model is loaded.
    let plan = EvaluationPlan::of(args, &set)?;
    check_outputs(args, &set, &plan)?;
    name_skipped(&set.skipped);
    let mut clip = Clip::load(&source, args.run_on.run_on())?;
    if let Some(sharpener) = sharpener {
        clip.sharpen_by(sharpener);
    }
    let (quiet, refine, shrink) = (args.quiet, args.refine.refine, args.shrink);
    let mut work = Work { clip, quiet, refine, shrink, skipped: set.skipped.clone() };

    let (mut classification, mut few_shot, mut found) = (None, None, None);
    match &plan {
        EvaluationPlan::Captions => found = Some(work.retrieval(&set)?),
        EvaluationPlan::Classes(classes) => {
            let (named, shots) = work.classification(&set, classes)?;
            classification = Some(named);
            few_shot = shots;
        }
    }
    let report = EvaluationReport {
        data: args.data.display().to_string(),
        model: work.clip.name().to_owned(),
        model_fingerprint: work.clip.fingerprint().to_owned(),
        device: work.clip.device_label(),
        precision: work.clip.device().precision().name(),
        skysift_version: env!("CARGO_PKG_VERSION"),
        shrink: args.shrink,
        sharpened_by,
        seconds: started.elapsed().as_secs_f64(),
        skipped: work.skipped.len(),
        skipped_items: work.skipped.iter().map(SkippedItem::from).collect(),
        classification,
        few_shot,
        retrieval: found,
    };
    write_confusions(args, &report)?;
    output::report(&report, args.json)
}

/// Whether nothing that is written replaces what is read.
fn check_outputs(args: &EvaluateArgs, set: &Dataset, plan: &EvaluationPlan) -> anyhow::Result<()> {
    let named = inputs::named(&[
        ("--confusion", args.confusion.as_ref()),
        ("--confusion-picture", args.confusion_picture.as_ref()),
    ]);
    let mut inputs = inputs::inputs();
    args.model.add_to(&mut inputs);
    args.sharpen.add_to(&mut inputs);
    inputs.files("the templates", args.templates.as_ref());
    inputs.files("the class names", args.names.as_ref());
    inputs.dataset(&args.data, set);
    if let (
        Some(path),
        EvaluationPlan::Classes(ClassPlan { shots: Some(ShotPlan { train: Some(train), .. }), .. }),
    ) = (&args.train, plan)
    {
        inputs.dataset(path, train);
    }
    Ok(inputs.check(&named)?)
}

/// Names what the set lacks; a set with most of its images elsewhere lacks thousands.
fn name_skipped(skipped: &[Skipped]) {
    const NAMED: usize = 10;
    for Skipped { path, reason } in &skipped[..skipped.len().min(NAMED)] {
        output::note(format_args!("left out: {}: {reason}", path.display()));
    }
    if skipped.len() > NAMED {
        output::note(format_args!("left out: {} more, which --json lists", skipped.len() - NAMED));
    }
}

fn write_confusions(args: &EvaluateArgs, report: &EvaluationReport) -> anyhow::Result<()> {
    let Some(named) = &report.classification else { return Ok(()) };
    let confusion = &named.result.confusion;
    if let Some(path) = &args.confusion {
        write_atomically(path, |out| {
            write_confusion(&named.classes, confusion, out)
                .map_err(|source| ExportError::Write { path: path.display().to_string(), source })
        })?;
    }
    if let Some(path) = &args.confusion_picture {
        let picture = confusion_picture(&named.classes, confusion)?;
        write_atomically(path, |out| {
            picture.write_with_encoder(image::codecs::png::PngEncoder::new(out)).map_err(|error| {
                let source = std::io::Error::other(error);
                ExportError::Write { path: path.display().to_string(), source }
            })
        })?;
    }
    Ok(())
}

/// The model and what was left out so far.
struct Work {
    clip: Clip,
    quiet: bool,
    refine: bool,
    shrink: Option<u32>,
    skipped: Vec<Skipped>,
}

impl Work {
    fn retrieval(&mut self, set: &Dataset) -> anyhow::Result<crate::evaluate::Retrieval> {
        let all: Vec<usize> = (0..set.items.len()).collect();
        let images = self.pictures(set, &all)?;
        if images.indices.is_empty() {
            bail!("none of the images can be read; the first: {}", self.first_reason());
        }
        let mut owners = Vec::new();
        let mut captions = Vec::new();
        for (image, &item) in images.indices.iter().enumerate() {
            for caption in &set.items[item].captions {
                owners.push(image);
                captions.push(caption.clone());
            }
        }
        let progress = EncodingBar::new(self.quiet, captions.len(), "captions");
        let texts = encode_sentences(&mut self.clip, &captions, &mut |step| progress.show(&step))?;
        progress.finish();
        Ok(retrieval(&images.embeddings, &texts, &owners)?)
    }

    fn classification(
        &mut self,
        set: &Dataset,
        plan: &ClassPlan,
    ) -> anyhow::Result<(NamedClassification, Option<FewShot>)> {
        let progress = EncodingBar::new(self.quiet, 0, "words");
        let classes = class_embeddings(&mut self.clip, &plan.words, &plan.templates, &mut |step| {
            progress.show(&step);
        })?;
        progress.finish();
        let all: Vec<usize> = (0..set.items.len()).collect();
        let images = self.pictures(set, &all)?;
        let labels = labels(set);

        let drawn = plan.shots.as_ref().map(|shots| self.draw(shots, set, &images)).transpose()?;
        // The examples of the set itself aren't measured.
        let used: &[usize] = drawn.as_ref().map_or(&[], |drawn| &drawn.used);
        let kept: Vec<usize> =
            (0..images.indices.len()).filter(|&row| !used.contains(&images.indices[row])).collect();
        if kept.is_empty() {
            bail!("no image is left to measure; the first that can't be read: {}", self.first_reason());
        }
        let test = images.embeddings.select(&kept);
        let test_labels: Vec<usize> = kept.iter().map(|&row| labels[images.indices[row]]).collect();

        let named = NamedClassification {
            templates: plan.templates.iter().map(|template| template.as_str().to_owned()).collect(),
            classes: set.classes.clone(),
            words: plan.words.clone(),
            result: zero_shot(&test, &test_labels, &classes)?,
            refined: (self.refine)
                .then(|| refined_zero_shot(&test, &test_labels, &classes, self.clip.logit_scale()))
                .transpose()?,
        };
        let few_shot = match (&plan.shots, drawn) {
            (Some(plan), Some(drawn)) => {
                let probe = LinearProbe::fit(&drawn.shots, set.classes.len(), LinearProbe::DEFAULT_C)?;
                let tip = TipAdapter::default();
                let scale = self.clip.logit_scale();
                Some(FewShot {
                    shots: plan.count,
                    seed: plan.seed,
                    train: plan.from.clone(),
                    linear_probe: probe.classify(&test, &test_labels)?,
                    linear_probe_c: LinearProbe::DEFAULT_C,
                    tip_adapter: tip_adapter(&test, &test_labels, &classes, &drawn.shots, scale, tip)?,
                    tip,
                })
            }
            _ => None,
        };
        Ok((named, few_shot))
    }

    /// Draws the examples of each class. One that can't be read is replaced by the next in the drawn order.
    fn draw(&mut self, plan: &ShotPlan, set: &Dataset, images: &EncodedPictures) -> anyhow::Result<Drawn> {
        let source = plan.train.as_ref().unwrap_or(set);
        let mut waiting = shuffled_by_class(&labels(source), source.classes.len(), plan.seed);
        for order in &mut waiting {
            order.reverse();
        }
        let mut missing = vec![plan.count; waiting.len()];
        let mut labels = Vec::new();
        let mut used = Vec::new();
        let mut values = Vec::new();
        loop {
            let mut next = Vec::new();
            for (class, order) in waiting.iter_mut().enumerate() {
                let taken = order.split_off(order.len().saturating_sub(missing[class]));
                next.extend(taken.into_iter().rev().map(|item| (item, class)));
            }
            if next.is_empty() {
                break;
            }
            let items: Vec<usize> = next.iter().map(|&(item, _)| item).collect();
            let encoded = if plan.train.is_some() { &self.pictures(source, &items)? } else { images };
            for (position, (item, class)) in next.into_iter().enumerate() {
                let wanted = if plan.train.is_some() { position } else { item };
                if let Ok(row) = encoded.indices.binary_search(&wanted) {
                    values.extend_from_slice(encoded.embeddings.row(row));
                    labels.push(class);
                    used.push(item);
                    missing[class] -= 1;
                }
            }
        }
        if let Some(class) = missing.iter().position(|&missing| missing == plan.count) {
            bail!("no image of class {} in {} can be read", source.classes[class], plan.from);
        }
        if plan.train.is_some() {
            used.clear();
        }
        let embeddings = Embeddings::new(self.clip.embedding_len(), values)?;
        Ok(Drawn { shots: Shots { embeddings, labels }, used })
    }

    /// Encodes some items of a set.
    fn pictures(&mut self, set: &Dataset, items: &[usize]) -> anyhow::Result<EncodedPictures> {
        let paths: Vec<&Path> = items.iter().map(|&item| set.items[item].path.as_path()).collect();
        let progress = EncodingBar::new(self.quiet, paths.len(), "images");
        let encoded = encode_pictures(&mut self.clip, &paths, self.shrink, &mut |step| progress.show(&step))
            .with_context(|| format!("the images of {} could not be encoded", set.root.display()))?;
        progress.finish();
        self.skipped.extend(encoded.unreadable.iter().cloned());
        Ok(encoded)
    }

    fn first_reason(&self) -> &str {
        self.skipped.first().map_or("there are none", |skipped| &skipped.reason)
    }
}

/// Examples, and which items of the measured set they are.
struct Drawn {
    shots: Shots,
    used: Vec<usize>,
}
