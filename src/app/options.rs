//! What a start may ask for. It holds for that run: remembered is what a person chooses in the window.

use std::path::PathBuf;

use super::search_panel::background::Background;
use super::settings::Settings;
use crate::clip::{DeviceChoice, PrecisionChoice};
use crate::models::ModelPlaces;
use crate::scan::ScanOverrides;
use crate::windows::RequestedRegion;

/// How the window is started. What is `None`, off or empty comes from the remembered settings.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub image: Option<PathBuf>,
    /// Open the sample scene.
    pub sample: bool,
    pub keywords: Vec<String>,
    pub model: Option<PathBuf>,
    pub arch: Option<String>,
    /// The model that comes with Skysift, for when none is named or remembered.
    pub bundled_model: Option<PathBuf>,
    /// The network to sharpen with.
    pub sharpen: Option<PathBuf>,
    /// The one that comes with Skysift, for when none is named.
    pub bundled_sharpener: Option<PathBuf>,
    /// What is asked of scans.
    pub overrides: ScanOverrides,
    pub device: Option<DeviceChoice>,
    pub precision: Option<PrecisionChoice>,
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
    pub region: RequestedRegion,
    /// The folder of embeddings; `None` keeps none.
    pub store: Option<PathBuf>,
    /// The folder of saved queries; `None` saves none.
    pub queries: Option<PathBuf>,
    /// Where published models come from and lie; `None` for what the environment says.
    pub models: Option<ModelPlaces>,
}

impl Options {
    /// Settings as remembered, overruled by what the start asks for.
    #[must_use]
    pub fn apply(&self, mut settings: Settings) -> Settings {
        if let Some(model) = &self.model {
            settings.model = Some(model.clone());
            settings.arch.clone_from(&self.arch);
        }
        settings.memory = self.memory.unwrap_or(settings.memory);
        settings.device = self.device.unwrap_or(settings.device);
        settings.precision = self.precision.unwrap_or(settings.precision);
        settings.sharpen |= self.sharpen.is_some();
        settings.background = match &self.overrides.background {
            Some(words) if words.is_empty() => Background::Off,
            Some(_) => Background::Own,
            // Those of another start are gone.
            None if settings.background == Background::Own => Background::Common,
            None => settings.background,
        };
        settings.overrule(&self.overrides);
        settings.sound()
    }
}

/// The settings before a start had its say, and after.
pub struct Start {
    before: Settings,
    asked: Settings,
}

impl Start {
    #[must_use]
    pub fn new(options: &Options, remembered: Settings) -> Self {
        let before = remembered.sound();
        let asked = options.apply(before.clone());
        Self { before, asked }
    }

    /// The settings to begin with.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.asked.clone()
    }

    /// What to remember: what is still as the start asked goes back to what it was before.
    #[must_use]
    pub fn remembered(&self, now: &Settings) -> Settings {
        let mut kept = self.restored(now).unwrap_or_else(|| now.clone());
        // An architecture belongs to its model.
        let of_model = if now.model == self.asked.model { &self.before } else { now };
        (kept.model, kept.arch) = (of_model.model.clone(), of_model.arch.clone());
        kept
    }

    /// Field by field, by their names in the file, so that none can be forgotten here.
    fn restored(&self, now: &Settings) -> Option<Settings> {
        let before = serde_json::to_value(&self.before).ok()?;
        let asked = serde_json::to_value(&self.asked).ok()?;
        let mut kept = serde_json::to_value(now).ok()?;
        for (name, value) in kept.as_object_mut()? {
            if asked.get(name) == Some(&*value) {
                value.clone_from(before.get(name)?);
            }
        }
        serde_json::from_value(kept).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{BoxSettings, Threshold};
    use crate::windows::{Coarse, Edges, GridSettings};

    fn asking(overrides: ScanOverrides) -> Options {
        Options { overrides, ..Options::default() }
    }

    #[test]
    fn a_start_overrules_what_was_remembered() {
        let remembered = Settings { tile: 64, window: 2, top_k: 30, ..Settings::default() };
        let asked = ScanOverrides { window: Some(3), edges: Some(Edges::Drop), ..ScanOverrides::default() };
        let settings = asking(asked).apply(remembered);
        assert_eq!(settings.grid(), GridSettings { tile: 64, window: 3, step: 1, edges: Edges::Drop });
        assert_eq!(settings.top_k, 30);
    }

    #[test]
    fn several_scales_stand_beside_the_window() {
        let asked = ScanOverrides { scales: Some(vec![3, 4, 2, 3]), ..ScanOverrides::default() };
        let mut settings = asking(asked).apply(Settings::default());
        assert_eq!((settings.window, settings.scales()), (3, vec![4, 3, 2]));
        settings.also = vec![3];
        assert_eq!(settings.scales(), [0; 0], "the window alone is one scale");
    }

    #[test]
    fn boxes_are_windows_unless_asked_for() {
        let plain = Settings { one_box: false, also: Vec::new(), ..Settings::default() };
        assert_eq!((plain.boxes(), plain.scales()), (BoxSettings::default(), Vec::new()));
        let first = Settings::default();
        assert_eq!((first.boxes().suppress, first.scales()), (Some(0.3), vec![4, 2]));
        let narrow = asking(ScanOverrides { window: Some(4), ..ScanOverrides::default() });
        assert_eq!(narrow.apply(first).scales(), [0; 0], "a window that is asked for is the only one");
        let asked = ScanOverrides { overlap: Some(0.5), merge: Some(true), ..ScanOverrides::default() };
        let boxes = asking(asked).apply(Settings::default()).boxes();
        assert_eq!(boxes, BoxSettings { suppress: Some(0.5), merge: true, tight: false, regions: false });
    }

    #[test]
    fn the_order_of_a_start_counts() {
        let coarse = |coarse| asking(ScanOverrides { coarse, ..ScanOverrides::default() });
        let only = coarse(Some(Coarse::Only(0.1))).apply(Settings::default());
        assert_eq!(only.coarse(), Coarse::Only(0.1));
        assert_eq!(coarse(None).apply(only.clone()).coarse(), Coarse::Only(0.1));
        assert_eq!(coarse(Some(Coarse::First)).apply(only).coarse(), Coarse::First);
    }

    #[test]
    fn what_a_start_asks_for_is_not_remembered() {
        let before = Settings { tile: 64, also: vec![2], one_box: false, ..Settings::default() };
        let overrides = ScanOverrides {
            scales: Some(vec![3, 1]),
            merge: Some(true),
            overlap: Some(0.5),
            coarse: Some(Coarse::Only(0.1)),
            threshold: Some(Threshold::AtLeast(0.7)),
            exact: Some(true),
            background: Some(Vec::new()),
            ..ScanOverrides::default()
        };
        let options = Options {
            overrides,
            model: Some("given".into()),
            arch: Some("ViT-B-32".to_owned()),
            ..Options::default()
        };
        let start = Start::new(&options, before.clone());
        let mut now = start.settings();
        assert!(now.merge && now.one_box && now.exact && now.background == Background::Off);
        assert_eq!(start.remembered(&now), before);

        // What is changed in the window is remembered, and what belongs together stays so.
        now.tight = true;
        now.merge = false;
        now.overlap = 0.2;
        now.model = Some("chosen".into());
        now.arch = None;
        now.tile = 256;
        let model = Some("chosen".into());
        let kept = Settings { tight: true, overlap: 0.2, model, tile: 256, ..before };
        assert_eq!(start.remembered(&now), kept);
    }

    #[test]
    fn background_words_of_another_start_are_gone() {
        let own = Settings { background: Background::Own, ..Settings::default() };
        assert_eq!(Options::default().apply(own).background, Background::Common);
        let background = Some(vec!["sea".to_owned()]);
        let given = asking(ScanOverrides { background, ..ScanOverrides::default() });
        assert_eq!(given.apply(Settings::default()).background, Background::Own);
    }
}
