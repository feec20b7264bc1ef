//! What the window remembers from one start to the next, and what a start may ask for.

use std::path::{Path, PathBuf};

use eframe::egui::ThemePreference;
use serde::{Deserialize, Serialize};

use crate::clip::DeviceChoice;
use crate::raster::Storage;
use crate::scan::{
    BoxSettings, Coarse, Edges, GridSettings, PromptTemplate, Query, RankBy, Region, Store, Threshold,
};

/// Scenes and models remembered.
const MAX_RECENT: usize = 8;

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
    pub device: String,
    pub model: Option<PathBuf>,
    pub arch: Option<String>,
    pub recent_scenes: Vec<PathBuf>,
    pub recent_models: Vec<PathBuf>,
    pub show_grid: bool,
    pub show_boxes: bool,
    pub theme: ThemePreference,
    /// MiB for decoded pixels; counts from the next start on.
    pub memory: usize,
    /// Other sides of the window, in tiles, to look with as well.
    pub also: Vec<u32>,
    /// Look with windows twice as large first.
    pub coarse_first: bool,
    /// Leave out all but this share of the places after that, where `promising_only`.
    pub promising_only: bool,
    pub promising: f64,
    /// Levels within which a window counts as one colour.
    pub uniform: u8,
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
        let GridSettings { tile, window, step, edges } = GridSettings::default();
        Self {
            tile,
            window,
            step,
            drop_edges: edges == Edges::Drop,
            top_k: Query::DEFAULT_TOP_K,
            rank_by: RankBy::default(),
            template: PromptTemplate::DEFAULT.to_owned(),
            device: "auto".to_owned(),
            model: None,
            arch: None,
            recent_scenes: Vec::new(),
            recent_models: Vec::new(),
            show_grid: true,
            show_boxes: true,
            theme: ThemePreference::System,
            memory: Storage::DEFAULT_MEMORY >> 20,
            also: vec![2],
            coarse_first: false,
            promising_only: false,
            promising: PROMISING,
            uniform: 0,
            one_box: true,
            overlap: BoxSettings::DEFAULT_OVERLAP,
            merge: false,
            tight: false,
            threshold: Threshold::Off,
            keep_embeddings: true,
            store_limit: Store::DEFAULT_LIMIT >> 30,
        }
    }
}

impl Settings {
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
        BoxSettings { suppress: self.one_box.then_some(self.overlap), merge: self.merge, tight: self.tight }
    }

    #[must_use]
    pub fn device(&self) -> DeviceChoice {
        <DeviceChoice as clap::ValueEnum>::from_str(&self.device, true).unwrap_or(DeviceChoice::Auto)
    }

    pub fn remember_scene(&mut self, path: &Path) {
        remember(&mut self.recent_scenes, path);
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
        self
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

/// How the window is started. What is `None` comes from the remembered settings.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Options {
    pub image: Option<PathBuf>,
    /// Open the sample scene.
    pub sample: bool,
    pub keywords: Vec<String>,
    pub model: Option<PathBuf>,
    pub arch: Option<String>,
    /// The model that comes with Skysift, for when none is named or remembered.
    pub bundled_model: Option<PathBuf>,
    pub tile: Option<u32>,
    pub window: Option<u32>,
    pub step: Option<u32>,
    pub edges: Option<Edges>,
    pub top_k: Option<usize>,
    pub template: Option<String>,
    /// Words that compete with the keywords; `None` for those that come with Skysift.
    pub background: Option<Vec<String>>,
    pub rank_by: Option<RankBy>,
    pub device: Option<DeviceChoice>,
    /// Read every window at full resolution.
    pub exact: bool,
    /// Save what the window shows once everything is there, and scan first when there are keywords.
    pub screenshot: Option<PathBuf>,
    /// Leave after the screenshot.
    pub exit: bool,
    /// Write the CPU time of every frame as CSV.
    pub frame_log: Option<PathBuf>,
    /// The folder for files that can be made again; `None` for the user's.
    pub cache: Option<PathBuf>,
    /// MiB for decoded pixels.
    pub memory: Option<usize>,
    /// Where to look in the image that is opened at the start.
    pub region: Region,
    /// Sides of the window in tiles; none for what was remembered.
    pub scales: Vec<u32>,
    pub coarse: Coarse,
    /// Switched on by the start, if set.
    pub merge: bool,
    pub tight: bool,
    /// Show only the best of windows that overlap by more than this.
    pub overlap: Option<f64>,
    pub threshold: Option<Threshold>,
    /// Levels within which a window counts as one colour.
    pub uniform: Option<u8>,
    /// The folder of embeddings; `None` keeps none.
    pub store: Option<PathBuf>,
    /// The folder of saved queries; `None` saves none.
    pub queries: Option<PathBuf>,
}

impl Options {
    /// Settings as remembered, overruled by what the start asks for.
    #[must_use]
    pub fn apply(&self, mut settings: Settings) -> Settings {
        if let Some(model) = &self.model {
            settings.model = Some(model.clone());
            settings.arch.clone_from(&self.arch);
            settings.remember_model(model);
        }
        settings.tile = self.tile.unwrap_or(settings.tile);
        if let Some(window) = self.window {
            // A window that is asked for is the only one.
            settings.window = window;
            settings.also.clear();
        }
        settings.step = self.step.unwrap_or(settings.step);
        settings.drop_edges = self.edges.map_or(settings.drop_edges, |edges| edges == Edges::Drop);
        settings.top_k = self.top_k.unwrap_or(settings.top_k);
        settings.rank_by = self.rank_by.unwrap_or(settings.rank_by);
        settings.memory = self.memory.unwrap_or(settings.memory);
        if let Some((first, others)) = self.scales.split_first() {
            settings.window = *first;
            settings.also = others.to_vec();
        }
        settings.coarse_first |= self.coarse != Coarse::Off;
        match self.coarse {
            Coarse::Off => {}
            Coarse::First => settings.promising_only = false,
            Coarse::Only(share) => (settings.promising_only, settings.promising) = (true, share),
        }
        settings.merge |= self.merge;
        settings.tight |= self.tight;
        settings.one_box |= self.overlap.is_some();
        settings.overlap = self.overlap.unwrap_or(settings.overlap);
        settings.threshold = self.threshold.unwrap_or(settings.threshold);
        settings.uniform = self.uniform.unwrap_or(settings.uniform);
        if let Some(template) = &self.template {
            settings.template.clone_from(template);
        }
        if let Some(value) = self.device.and_then(|device| clap::ValueEnum::to_possible_value(&device)) {
            value.get_name().clone_into(&mut settings.device);
        }
        settings.sound()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_overrules_what_was_remembered() {
        let remembered = Settings { tile: 64, window: 2, top_k: 30, ..Settings::default() };
        let options = Options { window: Some(3), edges: Some(Edges::Drop), ..Options::default() };
        let settings = options.apply(remembered);
        assert_eq!(settings.grid(), GridSettings { tile: 64, window: 3, step: 1, edges: Edges::Drop });
        assert_eq!(settings.top_k, 30);
    }

    #[test]
    fn several_scales_stand_beside_the_window() {
        let options = Options { scales: vec![3, 4, 2, 3], ..Options::default() };
        let mut settings = options.apply(Settings::default());
        assert_eq!((settings.window, settings.scales()), (3, vec![4, 3, 2]));
        settings.also = vec![3];
        assert_eq!(settings.scales(), [0; 0], "the window alone is one scale");
    }

    #[test]
    fn boxes_are_windows_unless_asked_for() {
        let thesis = Settings { one_box: false, also: Vec::new(), ..Settings::default() };
        assert_eq!((thesis.boxes(), thesis.scales()), (BoxSettings::default(), Vec::new()));
        let first = Settings::default();
        assert_eq!((first.boxes().suppress, first.scales()), (Some(0.3), vec![4, 2]));
        let narrow = Options { window: Some(4), ..Options::default() };
        assert_eq!(narrow.apply(first).scales(), [0; 0], "a window that is asked for is the only one");
        let options = Options { overlap: Some(0.5), merge: true, ..Options::default() };
        let boxes = options.apply(Settings::default()).boxes();
        assert_eq!(boxes, BoxSettings { suppress: Some(0.5), merge: true, tight: false });
    }

    #[test]
    fn the_order_of_a_start_counts() {
        let coarse = |coarse| Options { coarse, ..Options::default() };
        let only = coarse(Coarse::Only(0.1)).apply(Settings::default());
        assert_eq!(only.coarse(), Coarse::Only(0.1));
        assert_eq!(coarse(Coarse::Off).apply(only.clone()).coarse(), Coarse::Only(0.1));
        assert_eq!(coarse(Coarse::First).apply(only).coarse(), Coarse::First);
    }

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
        let settings =
            Settings { tile: 0, window: 0, step: 0, top_k: 0, device: "?".into(), ..Settings::default() };
        let settings = Settings {
            also: vec![0, 7, 7],
            overlap: f64::NAN,
            promising: f64::NAN,
            threshold: Threshold::AtLeast(f32::INFINITY),
            store_limit: 0,
            ..settings
        };
        let options = Options::default();
        let sound = options.apply(settings);
        assert_eq!((sound.also.as_slice(), sound.store_limit), (&[7][..], 1));
        assert_eq!((sound.overlap, sound.promising), (BoxSettings::DEFAULT_OVERLAP, PROMISING));
        assert_eq!(sound.threshold, Threshold::Off);
        assert_eq!((sound.tile, sound.window, sound.step, sound.top_k), (GridSettings::MIN_TILE, 1, 1, 1));
        assert!(matches!(sound.device(), DeviceChoice::Auto));
    }
}
