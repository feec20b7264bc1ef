//! What a project consists of.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::scene_reference::SceneReference;
use super::settings::QuerySettings;
use crate::paths;
use crate::raster::Rect;
use crate::search::{Example, ExampleOf, KeywordFeedback};
use crate::windows::{Area, AreaError};

/// All of a project. Fields that this version doesn't know are kept, here and in scenes, and written again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Project {
    /// What people call it; the window shows the file's name where this is empty.
    pub name: String,
    pub notes: String,
    /// What is looked for in every scene.
    pub keywords: Vec<Keyword>,
    pub settings: QuerySettings,
    pub model: ModelReference,
    pub scenes: Vec<ProjectScene>,
    /// The id of the scene that was open last.
    pub current: Option<u32>,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A keyword as the window shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keyword {
    pub word: String,
    /// The number of its colour and line style, from 0.
    pub colour: usize,
    pub hidden: bool,
}

/// The model that results come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelReference {
    /// A folder, a file or a name of the catalogue; none for the model that comes with Skysift.
    #[serde(with = "paths::maybe")]
    pub path: Option<PathBuf>,
    /// The architecture of a bare state dict.
    pub arch: Option<String>,
    /// Tells it from others, whatever its name; empty before it was loaded.
    pub fingerprint: String,
}

/// A scene with all that was said and drawn there. Places are in level-0 pixels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectScene {
    /// Tells it from the project's other scenes.
    pub id: u32,
    #[serde(flatten)]
    pub reference: SceneReference,
    pub notes: String,
    /// Keywords that refer to examples of this scene, and so are looked for nowhere else.
    pub keywords: Vec<Keyword>,
    pub examples: Vec<PlaceExample>,
    pub verdicts: Vec<Verdicts>,
    /// Where to look, empty for everywhere: for each area its polygons, for each of these the outer ring and
    /// those of its holes, for each ring its corners.
    pub areas: Vec<Vec<Vec<Vec<[f64; 2]>>>>,
    pub annotations: Vec<Annotation>,
    pub bookmarks: Vec<Bookmark>,
    /// Where one looked last.
    pub view: Option<SavedView>,
    /// How much of it was scanned last.
    pub coverage: Option<Coverage>,
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What keywords refer to as `@name`: a place of the scene.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceExample {
    pub name: String,
    pub place: Rect,
}

/// What was said about the boxes of a keyword.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Verdicts {
    pub keyword: String,
    pub accepted: Vec<Rect>,
    pub rejected: Vec<Rect>,
}

/// The form of an annotation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShapeKind {
    /// Two opposite corners.
    #[default]
    Box,
    /// Three corners or more; the last is joined to the first.
    Polygon,
    Point,
}

/// Something that a person marked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Annotation {
    /// Tells it from the scene's other ones.
    pub id: u64,
    pub kind: ShapeKind,
    /// Corners `[x, y]`.
    pub coordinates: Vec<[f64; 2]>,
    pub class: String,
    pub note: String,
    /// The number of its colour, from 0.
    pub colour: usize,
}

/// A place to come back to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bookmark {
    pub name: String,
    pub view: SavedView,
}

/// A part of a scene on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedView {
    /// The pixel in the middle of the view.
    pub x: f64,
    pub y: f64,
    /// Points of the screen for each pixel of the scene.
    pub scale: f64,
}

/// How much of a scene was scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Coverage {
    pub scanned: usize,
    pub windows: usize,
}

impl Project {
    /// A scene by its id.
    #[must_use]
    pub fn scene(&self, id: u32) -> Option<&ProjectScene> {
        self.scenes.iter().find(|scene| scene.id == id)
    }

    pub fn scene_mut(&mut self, id: u32) -> Option<&mut ProjectScene> {
        self.scenes.iter_mut().find(|scene| scene.id == id)
    }

    /// An id that no scene has.
    #[must_use]
    pub fn free_id(&self) -> u32 {
        self.scenes.iter().map(|scene| scene.id).max().map_or(1, |most| most.saturating_add(1))
    }

    /// Whether it holds the same work as another: scenes where nothing was done, the settings and the model,
    /// which are remembered elsewhere, don't count.
    #[must_use]
    pub fn is_same_work(&self, other: &Self) -> bool {
        let done = |project: &Self| -> Vec<ProjectScene> {
            project.scenes.iter().filter(|scene| scene.has_content()).cloned().collect()
        };
        self.name == other.name
            && self.notes == other.notes
            && self.keywords == other.keywords
            && done(self) == done(other)
    }

    /// Gives scenes and keywords what they need to be told apart, which a file of another program may lack.
    #[must_use]
    pub fn sound(mut self) -> Self {
        let mut seen = std::collections::HashSet::new();
        for index in 0..self.scenes.len() {
            let free = self.free_id();
            if let Some(scene) = self.scenes.get_mut(index)
                && !seen.insert(scene.id)
            {
                scene.id = free;
                seen.insert(free);
            }
        }
        self
    }
}

impl ProjectScene {
    /// Whether anything was said or drawn here.
    #[must_use]
    pub fn has_content(&self) -> bool {
        !(self.notes.is_empty()
            && self.keywords.is_empty()
            && self.verdicts.is_empty()
            && self.areas.is_empty()
            && self.annotations.is_empty()
            && self.bookmarks.is_empty())
    }

    /// What a query is told of the verdicts.
    #[must_use]
    pub fn feedback(&self) -> Vec<KeywordFeedback> {
        let given = |verdicts: &Verdicts| {
            let Verdicts { keyword, accepted, rejected } = verdicts.clone();
            KeywordFeedback { keyword, accepted, rejected }
        };
        self.verdicts.iter().map(given).collect()
    }

    /// Takes over what was said about boxes.
    pub fn set_feedback(&mut self, given: Vec<KeywordFeedback>) {
        let verdicts = |given: KeywordFeedback| {
            let KeywordFeedback { keyword, accepted, rejected } = given;
            Verdicts { keyword, accepted, rejected }
        };
        self.verdicts = given.into_iter().map(verdicts).collect();
    }

    /// What a query is told of the examples.
    #[must_use]
    pub fn query_examples(&self) -> Vec<Example> {
        let example = |example: &PlaceExample| Example {
            name: example.name.clone(),
            of: ExampleOf::Place(example.place),
        };
        self.examples.iter().map(example).collect()
    }

    /// Takes over the examples that are places.
    pub fn set_examples(&mut self, examples: &[Example]) {
        let place = |example: &Example| match &example.of {
            ExampleOf::Place(place) => Some(PlaceExample { name: example.name.clone(), place: *place }),
            ExampleOf::Picture(_) | ExampleOf::Saved { .. } => None,
        };
        self.examples = examples.iter().filter_map(place).collect();
    }

    /// The areas to look at.
    ///
    /// # Errors
    /// When one is no area.
    pub fn query_areas(&self) -> Result<Vec<Area>, AreaError> {
        self.areas.iter().map(|polygons| Area::from_rings(polygons)).collect()
    }

    pub fn set_areas(&mut self, areas: &[Area]) {
        self.areas = areas.iter().map(Area::rings).collect();
    }
}
