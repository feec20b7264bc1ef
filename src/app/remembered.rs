//! What is remembered from one start to the next where several windows are open: each field as it was changed
//! last, by whichever of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::settings::Settings;
use crate::text_file;

/// Lists that grow at their front: what another window put there stays.
const LISTS: [&str; 3] = ["recent_scenes", "recent_models", "recent_commands"];

/// The file that windows share, and what this window knew last.
pub struct Remembered {
    file: Option<PathBuf>,
    last: Settings,
}

impl Remembered {
    /// `file` holds what eframe keeps; `last` is what this window found there.
    #[must_use]
    pub fn new(file: Option<PathBuf>, last: Settings) -> Self {
        Self { file, last }
    }

    /// What to write: what this window has now where that changed since it wrote last, and what is written
    /// already everywhere else.
    pub fn saved(&mut self, now: Settings) -> Settings {
        let there = self.file.as_deref().and_then(read);
        let merged = there.and_then(|there| merged(&self.last, &now, &there));
        self.last = now.clone();
        merged.unwrap_or(now)
    }
}

fn read(file: &Path) -> Option<Settings> {
    let kept: HashMap<String, String> = ron::from_str(&text_file::read(file).ok()?).ok()?;
    ron::from_str(kept.get(Settings::KEY)?).ok()
}

/// Field by field, by their names in the file, so that none can be forgotten here.
fn merged(last: &Settings, now: &Settings, there: &Settings) -> Option<Settings> {
    let [last, now, mut merged] = [last, now, there].map(|settings| serde_json::to_value(settings).ok());
    let (last, now) = (last?, now?);
    for (name, value) in merged.as_mut()?.as_object_mut()? {
        let mine = now.get(name)?;
        if last.get(name) == Some(mine) {
            continue;
        }
        *value = if LISTS.contains(&name.as_str()) { joined(mine, value) } else { mine.clone() };
    }
    let settings: Settings = serde_json::from_value(merged?).ok()?;
    Some(settings.sound())
}

/// The entries of both lists, each once, those of the first in front.
fn joined(first: &Value, second: &Value) -> Value {
    let entries = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let mut all = entries(first);
    for entry in entries(second) {
        if !all.contains(&entry) {
            all.push(entry);
        }
    }
    Value::Array(all)
}

#[cfg(test)]
mod tests {
    use eframe::egui::ThemePreference;

    use super::*;

    fn write(file: &Path, settings: &Settings) {
        let kept = HashMap::from([(Settings::KEY.to_owned(), ron::to_string(settings).unwrap())]);
        std::fs::write(file, ron::to_string(&kept).unwrap()).unwrap();
    }

    #[test]
    fn two_windows_keep_what_each_of_them_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("window.ron");
        let begun = Settings { recent_scenes: vec!["old.tif".into()], ..Settings::default() };
        write(&file, &begun);
        let window = || (Remembered::new(Some(file.clone()), begun.clone()), begun.clone());
        let ((mut first, mut one), (mut second, mut two)) = (window(), window());
        one.theme = ThemePreference::Light;
        one.remember_scene(Path::new("one.tif"));
        write(&file, &first.saved(one.clone()));
        two.tile = 64;
        two.remember_scene(Path::new("two.tif"));
        let both = second.saved(two.clone());
        write(&file, &both);
        assert_eq!((both.theme, both.tile), (ThemePreference::Light, 64));
        let scenes: Vec<PathBuf> = ["two.tif", "old.tif", "one.tif"].map(PathBuf::from).to_vec();
        assert_eq!(both.recent_scenes, scenes);

        // The last change of a field wins, and saving once more takes nothing back.
        assert_eq!(first.saved(one.clone()), both);
        one.tile = 32;
        assert_eq!(first.saved(one).tile, 32);
        two.theme = ThemePreference::Dark;
        assert_eq!(second.saved(two).theme, ThemePreference::Dark);
    }

    #[test]
    fn without_a_readable_file_all_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("window.ron");
        let now = Settings { tile: 64, ..Settings::default() };
        let mut remembered = Remembered::new(Some(file.clone()), Settings::default());
        assert_eq!(remembered.saved(now.clone()), now);
        std::fs::write(&file, "no settings").unwrap();
        assert_eq!(remembered.saved(now.clone()), now);
        assert_eq!(Remembered::new(None, Settings::default()).saved(now.clone()), now);
    }
}
