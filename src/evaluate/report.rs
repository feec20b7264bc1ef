//! The report on classification and retrieval, for people and for programs.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::{Classification, Retrieval, TipAdapter};
use crate::dataset::Skipped;

/// All that was measured, and all that is needed to measure it again.
#[derive(Clone, Debug, Serialize)]
pub struct EvaluationReport {
    /// The folder or file as the person named it.
    pub data: String,
    pub model: String,
    pub model_fingerprint: String,
    pub device: String,
    /// The type of the image tower's numbers: "f32", "f16" or "bf16".
    pub precision: &'static str,
    pub skysift_version: &'static str,
    /// What the pictures were shrunk to first, in pixels along the shorter side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shrink: Option<u32>,
    /// The fingerprint of the network that enlarged small pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharpened_by: Option<String>,
    pub seconds: f64,
    /// The number of items that were left out; [`Self::skipped_items`] says which.
    pub skipped: usize,
    pub skipped_items: Vec<SkippedItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<NamedClassification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub few_shot: Option<FewShot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<Retrieval>,
}

/// An image that was left out, and why.
#[derive(Clone, Debug, Serialize)]
pub struct SkippedItem {
    pub path: String,
    pub reason: String,
}

impl From<&Skipped> for SkippedItem {
    fn from(skipped: &Skipped) -> Self {
        Self { path: skipped.path.display().to_string(), reason: skipped.reason.clone() }
    }
}

/// Zero-shot classification, with the words for the classes.
#[derive(Clone, Debug, Serialize)]
pub struct NamedClassification {
    pub templates: Vec<String>,
    /// The names of the class folders.
    pub classes: Vec<String>,
    /// The words for each class.
    pub words: Vec<Vec<String>>,
    #[serde(flatten)]
    pub result: Classification,
    /// The same by probabilities that were refined among the images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refined: Option<Classification>,
}

/// What a few examples add, measured on the same images as the zero-shot classification beside it.
#[derive(Clone, Debug, Serialize)]
pub struct FewShot {
    /// Examples per class.
    pub shots: usize,
    pub seed: u64,
    /// Where the examples came from.
    pub train: String,
    pub linear_probe: Classification,
    /// The weight of the loss against the regularisation.
    pub linear_probe_c: f64,
    pub tip_adapter: Classification,
    #[serde(rename = "tip_adapter_settings")]
    pub tip: TipAdapter,
}

impl Display for EvaluationReport {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.data)?;
        writeln!(out, "{} on {}, {:.1} s", self.model, self.device, self.seconds)?;
        if let Some(shortest) = self.shrink {
            writeln!(out, "shrunk to {shortest} pixels first")?;
        }
        if let Some(network) = &self.sharpened_by {
            writeln!(out, "small pictures enlarged by the network {}", network.get(..12).unwrap_or(network))?;
        }
        if self.skipped > 0 {
            writeln!(out, "left out: {}", self.skipped)?;
        }
        if let Some(classification) = &self.classification {
            writeln!(out)?;
            show_classification(classification, self.few_shot.as_ref(), out)?;
        }
        if let Some(retrieval) = &self.retrieval {
            writeln!(out)?;
            show_retrieval(retrieval, out)?;
        }
        Ok(())
    }
}

fn show_classification(
    named: &NamedClassification,
    few_shot: Option<&FewShot>,
    out: &mut Formatter<'_>,
) -> fmt::Result {
    let result = &named.result;
    writeln!(out, "{} images in {} classes", result.images, named.classes.len())?;
    for template in &named.templates {
        writeln!(out, "prompt: {template}")?;
    }
    writeln!(out)?;
    writeln!(out, "{:<24}{:>9}{:>9}{:>17}", "accuracy", "top 1", "top 5", "mean of classes")?;
    accuracy_line("zero-shot", result, out)?;
    if let Some(refined) = &named.refined {
        accuracy_line("refined", refined, out)?;
    }
    if let Some(few_shot) = few_shot {
        accuracy_line(&format!("linear probe, {} shots", few_shot.shots), &few_shot.linear_probe, out)?;
        accuracy_line(&format!("Tip-Adapter, {} shots", few_shot.shots), &few_shot.tip_adapter, out)?;
        writeln!(
            out,
            "examples from {}, seed {}; C = {}, alpha = {}, beta = {}",
            few_shot.train, few_shot.seed, few_shot.linear_probe_c, few_shot.tip.alpha, few_shot.tip.beta
        )?;
    }
    writeln!(out)?;

    let words: Vec<String> = named.words.iter().map(|words| words.join(", ")).collect();
    let width = |texts: &[String], heading: &str| {
        texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(heading.len())
    };
    let (class_width, words_width) = (width(&named.classes, "class"), width(&words, "words").min(60));
    writeln!(out, "{:<class_width$}  {:<words_width$}  {:>7}  {:>8}", "class", "words", "images", "top 1")?;
    for ((class, words), of_class) in named.classes.iter().zip(&words).zip(&result.per_class) {
        let share = percent(of_class.acc1);
        writeln!(out, "{class:<class_width$}  {words:<words_width$}  {:>7}  {share:>8}", of_class.images)?;
    }
    Ok(())
}

fn accuracy_line(what: &str, result: &Classification, out: &mut Formatter<'_>) -> fmt::Result {
    let (top1, top5) = (percent(Some(result.acc1)), percent(result.acc5));
    writeln!(out, "{what:<24}{top1:>9}{top5:>9}{:>17}", percent(Some(result.mean_per_class_recall)))
}

fn show_retrieval(result: &Retrieval, out: &mut Formatter<'_>) -> fmt::Result {
    writeln!(out, "{} images, {} captions", result.images, result.texts)?;
    writeln!(out)?;
    writeln!(out, "{:<16}{:>9}{:>9}{:>9}", "recall", "at 1", "at 5", "at 10")?;
    for (what, recalls) in [("image to text", result.image_to_text), ("text to image", result.text_to_image)]
    {
        let [at_1, at_5, at_10] = [recalls.recall_at_1, recalls.recall_at_5, recalls.recall_at_10]
            .map(|share| percent(Some(share)));
        writeln!(out, "{what:<16}{at_1:>9}{at_5:>9}{at_10:>9}")?;
    }
    writeln!(out, "{:<16}{:>9}", "mean of the six", percent(Some(result.mean_recall)))
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", 100.0 * share))
}
