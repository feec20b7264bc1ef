//! The report on how well a scan finds things, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::detection::{AtCut, CategoryScores, DetectionScores};
use crate::search::RankBy;
use crate::windows::GridSettings;

/// All that was measured, and all that is needed to measure it again.
#[derive(Clone, Debug, Serialize)]
pub struct DetectionReport {
    /// The folder as it was named.
    pub data: String,
    pub model: String,
    pub model_fingerprint: String,
    pub device: String,
    /// The type of the image tower's numbers: "f32", "f16" or "bf16".
    pub precision: &'static str,
    pub skysift_version: &'static str,
    #[serde(flatten)]
    pub grid: GridSettings,
    pub prompt: String,
    pub rank_by: RankBy,
    /// Windows kept for each category and image.
    pub top: usize,
    /// Whether every window was read at full resolution.
    pub exact: bool,
    /// Whether probabilities were refined among the windows of each image.
    pub refine: bool,
    pub seconds: f64,
    /// Categories of all truths: the words that every image was scanned for.
    pub keywords: Vec<String>,
    /// The words that competed with them.
    pub background: Vec<String>,
    /// What each score means.
    pub definitions: BTreeMap<&'static str, &'static str>,
    pub images: Vec<MeasuredImage>,
    /// What a person should know about the images and the model: what is missing, approximate or left out.
    pub notices: Vec<String>,
    /// Images without ground truth.
    pub left_out: Vec<String>,
    pub categories: Vec<NamedCategory>,
    pub mean: Option<DetectionScores>,
    /// Categories that a truth lists, without a box anywhere.
    pub categories_without_boxes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct MeasuredImage {
    pub image: String,
    /// Size in pixels.
    pub width: u32,
    pub height: u32,
    pub scene_fingerprint: String,
    /// Windows that were scored, and those that could not be read.
    pub windows: usize,
    /// Those of them that were encoded by this run.
    pub passes: usize,
    pub failed: usize,
    pub boxes: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct NamedCategory {
    pub category: String,
    #[serde(flatten)]
    pub result: CategoryScores,
}

impl Display for DetectionReport {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let (images, categories) = (self.images.len(), self.categories.len());
        let boxes: usize = self.images.iter().map(|image| image.boxes).sum();
        let windows: usize = self.images.iter().map(|image| image.windows).sum();
        let GridSettings { tile, window, step, .. } = self.grid;
        writeln!(out, "{}", self.data)?;
        writeln!(out, "{} on {}, {:.1} s", self.model, self.device, self.seconds)?;
        let passes: usize = self.images.iter().map(|image| image.passes).sum();
        writeln!(out, "images: {images}, categories: {categories}, boxes: {boxes}")?;
        writeln!(out, "windows: {windows}, passes of the model: {passes}")?;
        writeln!(out, "tile {tile}, window {window}, step {step}, prompt: {}", self.prompt)?;
        writeln!(out)?;

        let names = self.categories.iter().map(|named| named.category.chars().count());
        let width = names.max().unwrap_or(0).max("category".len());
        let cuts: Vec<usize> = self.mean.iter().flat_map(|mean| &mean.at).map(|at| at.k).collect();
        let (before, over) = (width + 16, 7 * cuts.len());
        writeln!(out, "{:before$}  {:<over$}  {:<over$}", "", "  recall", "  precision")?;
        write!(out, "{:<width$}{:>8}{:>8}", "category", "images", "boxes")?;
        for _ in ["recall", "precision"] {
            write!(out, "  ")?;
            for k in &cuts {
                write!(out, " at {k:>3}")?;
            }
        }
        writeln!(
            out,
            "  {:>9}{:>7}{:>7}{:>7}{:>9}{:>8}",
            "pointing", "AP", "AP.3", "AP.5", "overlap", "chance"
        )?;
        for NamedCategory { category, result } in &self.categories {
            write!(out, "{category:<width$}{:>8}{:>8}", result.images, result.boxes)?;
            show_scores(&result.scores, out)?;
        }
        if let Some(mean) = &self.mean {
            write!(out, "{:<width$}{:>8}{:>8}", "mean", "", "")?;
            show_scores(mean, out)?;
        }
        writeln!(out)?;
        if let Some(hit) = self.definitions.get("hit") {
            writeln!(out, "a hit is {hit}")?;
        }
        writeln!(out, "AP.3 and AP.5 are average precision where a hit is an overlap of 0.3 or 0.5")?;
        writeln!(out, "all numbers are percentages; --json says what each of them means")
    }
}

fn show_scores(scores: &DetectionScores, out: &mut Formatter<'_>) -> fmt::Result {
    for of in [|at: &AtCut| at.recall, |at: &AtCut| at.precision] {
        write!(out, "  ")?;
        for at in &scores.at {
            write!(out, "{:>7.1}", 100.0 * of(at))?;
        }
    }
    let [pointing, area, overlap, chance] =
        [scores.pointing_accuracy, scores.average_precision, scores.overlap, scores.chance]
            .map(|share| 100.0 * share);
    let [loose, strict] = scores.by_overlap.map(|at| 100.0 * at.average_precision);
    writeln!(out, "  {pointing:>9.1}{area:>7.1}{loose:>7.1}{strict:>7.1}{overlap:>9.1}{chance:>8.1}")
}
