//! What a room of the window asks for. A room changes only what is its own; the rest it returns as actions,
//! which `command_handler` carries out.

use std::path::PathBuf;

use super::commands::UiCommand;
use super::published_models::DownloadAction;
use super::results::export::ExportTarget;
use super::results::feedback::Feedback;
use super::viewport::boxes::DetectionId;
use crate::raster::{PlaceForm, Rect};
use crate::search::Detection;

/// What a message is about. It leaves with that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The scene at hand, or a scan of it.
    Scene,
    /// The model, or the device that it runs on.
    Model,
    /// What was just done; it stays until it is read.
    Deed,
}

/// Something that a room can't do by itself.
#[derive(Clone, Debug)]
pub enum Action {
    Run(UiCommand),
    /// Open this image, folder or address.
    Open(PathBuf),
    CancelOpening,
    /// Ask for a model's folder.
    PickModel,
    ChooseModel(PathBuf),
    ChooseBundledModel,
    /// Load the model anew, since the device or the architecture is another one.
    ReloadModel,
    Download(DownloadAction),
    /// Look for what a box shows, by itself or together with the selected keyword.
    AddExample {
        place: Rect,
        to_selected: bool,
    },
    /// A keyword is written in another way from now on.
    KeywordRenamed {
        old: String,
        new: String,
    },
    /// A scan that runs begins anew where to look has changed.
    AreasChanged,
    /// Tell the scanner which part of the scene is in view.
    LookAt(Rect),
    /// Select a detection and go there.
    Select(Detection),
    GiveFeedback(DetectionId, Feedback),
    Export(ExportTarget),
    /// Tell something in the status bar.
    Notify(String),
    /// Tell what went wrong over the view.
    ShowError(String),
    DismissError,
    /// Copy a place of the scene, in pixels; in another form, if one is given, which is remembered.
    CopyPlace {
        at: (f64, f64),
        form: Option<PlaceForm>,
    },
}
