//! What the window remembers from one start to the next.

use std::path::{Path, PathBuf};

use eframe::egui::ThemePreference;
use serde::{Deserialize, Serialize};

use super::results::arrangement::Sort;
use super::results::filter::Show;
use super::search_panel::background::Background;
use crate::clip::{DeviceChoice, PrecisionChoice, RunOn};
use crate::paths;
use crate::raster::{PlaceForm, Storage};
use crate::scan::{ScanOverrides, ScanSettings};
use crate::search::{BoxSettings, PromptTemplate, RankBy, Threshold};
use crate::store::Store;
use crate::windows::{Coarse, Edges, GridSettings};

/// Scenes and models remembered.
const MAX_RECENT: usize = 8;

/// Which boxes have labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Labels {
    /// As many as leave the picture in sight, the best first.
    #[default]
    Auto,
    All,
    /// That of the selected box, and of the one under the pointer.
    Selected,
    None,
}

/// Remembered settings. A file of an older version that lacks some of them still counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Settings {
    pub tile: u32,
    pub window: u32,
    pub step: u32,
    pub drop_edges: bool,
    pub top_k: usize,
    pub rank_by: RankBy,
    pub template: String,
    #[serde(with = "choice_name")]
    pub device: DeviceChoice,
    #[serde(with = "choice_name")]
    pub precision: PrecisionChoice,
    #[serde(with = "paths::maybe")]
    pub model: Option<PathBuf>,
    pub arch: Option<String>,
    /// The published model whose download has not ended.
    pub unfinished_model: Option<String>,
    #[serde(with = "paths::list")]
    pub recent_scenes: Vec<PathBuf>,
    #[serde(with = "paths::list")]
    pub recent_models: Vec<PathBuf>,
    pub show_grid: bool,
    pub show_boxes: bool,
    pub labels: Labels,
    /// How places are copied.
    pub place_form: PlaceForm,
    /// By their names, the last one first.
    pub recent_commands: Vec<String>,
    pub theme: ThemePreference,
    /// List, gallery or columns, and their order.
    pub show: Show,
    pub sort: Sort,
    /// MiB for decoded pixels; counts from the next start on.
    pub memory: usize,
    /// Score the cells of windows instead of windows.
    pub fine: bool,
    /// Other sides of the window, in tiles, to look with as well.
    pub also: Vec<u32>,
    /// Look with windows twice as large first.
    pub coarse_first: bool,
    /// Leave out all but this share of the places after that, where `promising_only`.
    pub promising_only: bool,
    pub promising: f64,
    /// Levels within which a window counts as one colour.
    pub uniform: u8,
    /// Read every window at full resolution.
    pub exact: bool,
    /// Enlarge windows that are smaller than the model's input by a network.
    pub sharpen: bool,
    /// The words that compete with the keywords.
    pub background: Background,
    /// Of windows that overlap by more than `overlap` show only the best.
    pub one_box: bool,
    pub overlap: f64,
    pub merge: bool,
    pub tight: bool,
    pub threshold: Threshold,
    /// Keep embeddings, so that no window is encoded twice.
    pub keep_embeddings: bool,
    /// GiB for them.
    pub store_limit: u64,
}

impl Default for Settings {
    fn default() -> Self {
        let scan = ScanSettings::recommended();
        let GridSettings { tile, window, step, edges } = scan.grid;
        Self {
            tile,
            window,
            step,
            drop_edges: edges == Edges::Drop,
            top_k: scan.top_k,
            rank_by: scan.rank_by,
            template: scan.template.as_str().to_owned(),
            device: DeviceChoice::Auto,
            precision: PrecisionChoice::Auto,
            model: None,
            arch: None,
            unfinished_model: None,
            recent_scenes: Vec::new(),
            recent_models: Vec::new(),
            show_grid: true,
            show_boxes: true,
            labels: Labels::default(),
            place_form: PlaceForm::default(),
            recent_commands: Vec::new(),
            theme: ThemePreference::System,
            show: Show::default(),
            sort: Sort::default(),
            memory: Storage::DEFAULT_MEMORY >> 20,
            fine: scan.dense,
            also: scan.scales.into_iter().filter(|side| *side != window).collect(),
            coarse_first: false,
            promising_only: false,
            promising: PROMISING,
            uniform: scan.uniform,
            exact: scan.exact,
            sharpen: false,
            background: Background::default(),
            one_box: scan.boxes.suppress.is_some(),
            overlap: scan.boxes.suppress.unwrap_or(BoxSettings::DEFAULT_OVERLAP),
            merge: scan.boxes.merge,
            tight: scan.boxes.tight,
            threshold: scan.threshold,
            keep_embeddings: true,
            store_limit: Store::DEFAULT_LIMIT >> 30,
        }
    }
}

impl Settings {
    /// Where the model runs, and how.
    #[must_use]
    pub fn run_on(&self) -> RunOn {
        RunOn { device: self.device, precision: self.precision }
    }

    pub const KEY: &'static str = "skysift";

    #[must_use]
    pub fn grid(&self) -> GridSettings {
        let edges = if self.drop_edges { Edges::Drop } else { Edges::Cover };
        GridSettings { tile: self.tile, window: self.window, step: self.step, edges }
    }

    /// All sides of the window, the largest first; none for a scan at one scale.
    #[must_use]
    pub fn scales(&self) -> Vec<u32> {
        let others: Vec<u32> = self.also.iter().copied().filter(|side| *side != self.window).collect();
        if others.is_empty() {
            return others;
        }
        let mut sides = others;
        sides.push(self.window);
        sides.sort_unstable_by(|a, b| b.cmp(a));
        sides.dedup();
        sides
    }

    #[must_use]
    pub fn coarse(&self) -> Coarse {
        match (self.coarse_first, self.promising_only) {
            (false, _) => Coarse::Off,
            (true, false) => Coarse::First,
            (true, true) => Coarse::Only(self.promising),
        }
    }

    #[must_use]
    pub fn boxes(&self) -> BoxSettings {
        let suppress = self.one_box.then_some(self.overlap);
        BoxSettings { suppress, merge: self.merge, tight: self.tight, regions: false }
    }

    /// What scans are like, with these background words.
    #[must_use]
    pub fn scan(&self, background: Vec<String>) -> ScanSettings {
        ScanSettings {
            grid: self.grid(),
            // Cells have sizes of their own, and none of them says where others should be looked for.
            scales: if self.fine { Vec::new() } else { self.scales() },
            coarse: if self.fine { Coarse::Off } else { self.coarse() },
            exact: self.exact,
            uniform: self.uniform,
            // Nothing is asked while the prompt doesn't fit.
            template: PromptTemplate::new(&self.template).unwrap_or_default(),
            background,
            rank_by: self.rank_by,
            top_k: self.top_k,
            boxes: self.boxes(),
            threshold: self.threshold,
            dense: self.fine,
        }
    }

    /// Takes over what is asked of scans, but for background words.
    pub fn overrule(&mut self, asked: &ScanOverrides) {
        self.tile = asked.tile.unwrap_or(self.tile);
        if let Some(window) = asked.window {
            // A window that is asked for is the only one.
            self.window = window;
            self.also.clear();
        }
        self.step = asked.step.unwrap_or(self.step);
        self.drop_edges = asked.edges.map_or(self.drop_edges, |edges| edges == Edges::Drop);
        if let Some((first, others)) = asked.scales.as_ref().and_then(|scales| scales.split_first()) {
            self.window = *first;
            self.also = others.to_vec();
        }
        match asked.coarse {
            None => {}
            Some(Coarse::Off) => self.coarse_first = false,
            Some(Coarse::First) => (self.coarse_first, self.promising_only) = (true, false),
            Some(Coarse::Only(share)) => {
                (self.coarse_first, self.promising_only, self.promising) = (true, true, share);
            }
        }
        self.exact = asked.exact.unwrap_or(self.exact);
        self.uniform = asked.uniform.unwrap_or(self.uniform);
        if let Some(template) = &asked.template {
            template.as_str().clone_into(&mut self.template);
        }
        self.rank_by = asked.rank_by.unwrap_or(self.rank_by);
        self.top_k = asked.top_k.unwrap_or(self.top_k);
        self.one_box |= asked.overlap.is_some();
        self.overlap = asked.overlap.unwrap_or(self.overlap);
        self.merge = asked.merge.unwrap_or(self.merge);
        self.tight = asked.tight.unwrap_or(self.tight);
        self.threshold = asked.threshold.unwrap_or(self.threshold);
        // Whoever asks for windows of some kind wants windows.
        let asks_for_windows = asked.scales.is_some() || asked.step.is_some() || asked.coarse.is_some();
        self.fine = asked.dense.unwrap_or(self.fine && !asks_for_windows && asked.tight.is_none());
    }

    pub fn remember_scene(&mut self, path: &Path) {
        remember(&mut self.recent_scenes, path);
    }

    /// Puts a command in front of those that were chosen from the list of all.
    pub fn remember_command(&mut self, name: String) {
        self.recent_commands.retain(|known| *known != name);
        self.recent_commands.insert(0, name);
        self.recent_commands.truncate(MAX_RECENT);
    }

    pub fn remember_model(&mut self, path: &Path) {
        remember(&mut self.recent_models, path);
    }

    /// The same, with numbers that a damaged file may hold brought back into their range.
    #[must_use]
    pub fn sound(mut self) -> Self {
        self.tile = self.tile.clamp(GridSettings::MIN_TILE, MAX_TILE);
        self.window = self.window.clamp(1, MAX_TILES);
        self.step = self.step.clamp(1, MAX_TILES);
        self.top_k = self.top_k.clamp(1, MAX_TOP);
        self.memory = self.memory.clamp(Storage::LEAST_MEMORY >> 20, MAX_MEMORY);
        self.also.retain(|side| (1..=MAX_TILES).contains(side));
        self.also.sort_unstable();
        self.also.dedup();
        self.also.truncate(MAX_SCALES - 1);
        self.overlap = share(self.overlap, BoxSettings::DEFAULT_OVERLAP);
        self.promising = share(self.promising, PROMISING);
        if matches!(self.threshold, Threshold::AtLeast(least) if !least.is_finite()) {
            self.threshold = Threshold::Off;
        }
        self.store_limit = self.store_limit.clamp(1, MAX_STORE);
        self.recent_scenes.truncate(MAX_RECENT);
        self.recent_models.truncate(MAX_RECENT);
        self.recent_commands.truncate(MAX_RECENT);
        self
    }
}

/// A choice by the name that the command line has for it; a damaged one stands for any.
mod choice_name {
    use clap::ValueEnum;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(choice: &impl ValueEnum, serializer: S) -> Result<S::Ok, S::Error> {
        let value = choice.to_possible_value();
        serializer.serialize_str(value.as_ref().map_or("auto", |value| value.get_name()))
    }

    pub fn deserialize<'de, T: ValueEnum + Default, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(T::from_str(&name, true).unwrap_or_default())
    }
}

/// The share of promising places to begin with.
const PROMISING: f64 = 0.25;

/// A part of a whole, or another where that is no number.
fn share(part: f64, otherwise: f64) -> f64 {
    if part.is_finite() { part.clamp(0.0, 1.0) } else { otherwise }
}

/// The largest numbers that the controls offer.
pub const MAX_TILE: u32 = 100_000;
pub const MAX_TILES: u32 = 10_000;
pub const MAX_TOP: usize = 100_000;
pub const MAX_MEMORY: usize = 1 << 20;
/// GiB of embeddings.
pub const MAX_STORE: u64 = 1 << 14;
/// Sides of the window in one scan.
const MAX_SCALES: usize = 8;

/// Puts a path first, once, and forgets the oldest.
fn remember(recent: &mut Vec<PathBuf>, path: &Path) {
    recent.retain(|known| known != path);
    recent.insert(0, path.to_owned());
    recent.truncate(MAX_RECENT);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_used_comes_first_and_once() {
        let mut settings = Settings::default();
        for i in 0..12 {
            settings.remember_scene(Path::new(&format!("{i}.tif")));
        }
        settings.remember_scene(Path::new("9.tif"));
        assert_eq!(settings.recent_scenes.len(), MAX_RECENT);
        assert_eq!(settings.recent_scenes[0], Path::new("9.tif"));
        assert_eq!(settings.recent_scenes.iter().filter(|path| path.ends_with("9.tif")).count(), 1);
    }

    #[test]
    fn a_damaged_file_does_no_harm() {
        let settings: Settings = serde_json::from_str(r#"{"device": "?", "precision": "?"}"#).unwrap();
        let settings = Settings { tile: 0, window: 0, step: 0, top_k: 0, ..settings };
        let settings = Settings {
            also: vec![0, 7, 7],
            overlap: f64::NAN,
            promising: f64::NAN,
            threshold: Threshold::AtLeast(f32::INFINITY),
            store_limit: 0,
            ..settings
        };
        let sound = settings.sound();
        assert_eq!((sound.also.as_slice(), sound.store_limit), (&[7][..], 1));
        assert_eq!((sound.overlap, sound.promising), (BoxSettings::DEFAULT_OVERLAP, PROMISING));
        assert_eq!(sound.threshold, Threshold::Off);
        assert_eq!((sound.tile, sound.window, sound.step, sound.top_k), (GridSettings::MIN_TILE, 1, 1, 1));
        assert_eq!((sound.device, sound.precision), (DeviceChoice::Auto, PrecisionChoice::Auto));
    }
}
