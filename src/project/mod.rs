//! Projects: what a person did, in a file of its own.
//!
//! `document` is what a project consists of: keywords, `settings` of the search, the model, and for each
//! scene what was said and drawn there. `file` writes and reads it (docs/project-file.md describes the
//! format), `scene_reference` finds scenes again that have moved.

mod document;
mod file;
mod scene_reference;
mod settings;

pub use document::{
    Annotation, Bookmark, Coverage, Keyword, ModelReference, PlaceExample, Project, ProjectScene, SavedView,
    ShapeKind, Verdicts,
};
pub use file::{EXTENSION, ProjectError, is_project, read, write};
pub use scene_reference::SceneReference;
pub use settings::{BackgroundChoice, QuerySettings};
