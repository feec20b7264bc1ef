//! Everything that can be done in the window, as one list: the text, the tooltip and the keys of each.

use eframe::egui;
use eframe::egui::{Context, Key, KeyboardShortcut, Modifiers, Response, Ui};
use strum::{EnumIter, IntoEnumIterator as _};

/// Something a person can ask for by a button, a menu or a key. The order is that in which they take keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter)]
pub enum UiCommand {
    /// Before the one whose keys are a part of its own.
    OpenFolder,
    Open,
    OpenUrl,
    OpenSample,
    FocusKeywords,
    Scan,
    Cancel,
    Fit,
    ActualSize,
    ZoomIn,
    ZoomOut,
    PanLeft,
    PanRight,
    PanUp,
    PanDown,
    GoTo,
    CopyPlace,
    FullScreen,
    Palette,
    /// Before the one whose keys are a part of its own.
    PreviousDetection,
    NextDetection,
    Deselect,
    ToggleGrid,
    ToggleBoxes,
    ToolPan,
    ToolSimilar,
    ToolRectangle,
    ToolPolygon,
    ScanView,
    WholeScene,
    ToggleHeatMap,
    ToggleGallery,
    Accept,
    Reject,
    UndoFeedback,
    ExportPicture,
    ExportView,
    ExportGeoJson,
    ExportGeoJsonPixels,
    ExportCsv,
    ExportCsvExcel,
    ExportJson,
    ExportKml,
    ExportKmz,
    ExportGpkg,
    ExportCoco,
    ExportYolo,
    GetModel,
    Preferences,
    ToggleNotices,
    Help,
}

impl UiCommand {
    /// What stands on the button.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Open => "Open…",
            Self::OpenFolder => "Open folder…",
            Self::OpenUrl => "Open URL…",
            Self::OpenSample => "Open the sample scene",
            Self::FocusKeywords => "Type a keyword",
            Self::Scan => "Scan",
            Self::Cancel => "Cancel",
            Self::Fit => "Fit",
            Self::ActualSize => "Actual size",
            Self::ZoomIn => "Zoom in",
            Self::ZoomOut => "Zoom out",
            Self::PanLeft => "Move left",
            Self::PanRight => "Move right",
            Self::PanUp => "Move up",
            Self::PanDown => "Move down",
            Self::GoTo => "Go to…",
            Self::CopyPlace => "Copy place",
            Self::FullScreen => "Full screen",
            Self::Palette => "All commands…",
            Self::NextDetection => "Next detection",
            Self::PreviousDetection => "Previous detection",
            Self::Deselect => "Deselect",
            Self::ToggleGrid => "Window preview",
            Self::ToggleBoxes => "Boxes",
            Self::ToolPan => "Move the view",
            Self::ToolSimilar => "Find similar",
            Self::ToolRectangle => "Search area",
            Self::ToolPolygon => "Draw a polygon",
            Self::ScanView => "Scan view",
            Self::WholeScene => "Clear areas",
            Self::ToggleHeatMap => "Heat map",
            Self::ToggleGallery => "List or gallery",
            Self::Accept => "Accept",
            Self::Reject => "Reject",
            Self::UndoFeedback => "Undo last accept or reject",
            Self::ExportPicture => "Annotated picture, full size…",
            Self::ExportView => "Annotated picture, this view…",
            Self::ExportGeoJson => "Boxes as GeoJSON…",
            Self::ExportGeoJsonPixels => "Boxes as GeoJSON in pixels…",
            Self::ExportCsv => "Boxes as CSV…",
            Self::ExportCsvExcel => "Boxes as CSV for Excel…",
            Self::ExportJson => "Boxes as JSON…",
            Self::ExportKml => "Boxes as KML…",
            Self::ExportKmz => "Boxes as KMZ with pictures…",
            Self::ExportGpkg => "Boxes as GeoPackage…",
            Self::ExportCoco => "Boxes as COCO…",
            Self::ExportYolo => "Pictures to train YOLO on…",
            Self::GetModel => "Get a model…",
            Self::Preferences => "Preferences…",
            Self::ToggleNotices => "Notices",
            Self::Help => "Shortcuts",
        }
    }

    /// What it does, in a sentence.
    #[must_use]
    pub fn tooltip(self) -> &'static str {
        match self {
            Self::Open => "Open a satellite image: GeoTIFF, JPEG 2000, VRT, PNG, JPEG or WebP",
            Self::OpenFolder => "Open the folder of a Sentinel-2 (SAFE) or Landsat product",
            Self::OpenUrl => "Open a GeoTIFF (COG) on a server by its address, without downloading all of it",
            Self::OpenSample => "See how it works on a painted coast; the first time takes a few seconds",
            Self::FocusKeywords => "Go to the field where keywords are typed",
            Self::Scan => "Look for the keywords in the whole scene; what you see now comes first",
            Self::Cancel => "Stop the scan; what was found stays",
            Self::Fit => "Show the whole scene",
            Self::ActualSize => "Show one pixel of the scene as one pixel of the screen",
            Self::ZoomIn => "Show it larger",
            Self::ZoomOut => "Show more of the scene",
            Self::PanLeft => "Move the view to the left",
            Self::PanRight => "Move the view to the right",
            Self::PanUp => "Move the view up",
            Self::PanDown => "Move the view down",
            Self::GoTo => "Go to a place: degrees, UTM, MGRS, a Plus code, a web map's link, a pixel",
            Self::CopyPlace => "Copy the place under the pointer, in the form that was chosen last",
            Self::FullScreen => "Fill the screen with the window, or give it back",
            Self::Palette => "Find any command by a few of its letters",
            Self::NextDetection => "Go to the next detection in the list",
            Self::PreviousDetection => "Go to the detection before in the list",
            Self::Deselect => "Close what is open, or let go of the selected detection",
            Self::ToggleGrid => "Show the window and its tiles under the cursor before a scan",
            Self::ToggleBoxes => "Show or hide all boxes",
            Self::ToolPan => "Move the view by dragging",
            Self::ToolSimilar => "Draw a box around an example; places that look like it are found",
            Self::ToolRectangle => "Draw a rectangle where to look; several are scanned one after the other",
            Self::ToolPolygon => "Draw a polygon where to look, corner by corner",
            Self::ScanView => "Look for the keywords only in what you see now",
            Self::WholeScene => "Remove all areas, so that the next scan looks everywhere",
            Self::ToggleHeatMap => "Colour the scene by how similar each place is to a keyword",
            Self::ToggleGallery => "Show the detections as a list or as pictures",
            Self::Accept => "Accept the selected detection; the ranking moves towards it",
            Self::Reject => "Reject the selected detection; the ranking moves away from it",
            Self::UndoFeedback => "Take the last accept or reject back",
            Self::ExportPicture => {
                "Save the scene with its boxes as a PNG, at full size as far as it is not too large"
            }
            Self::ExportView => "Save what the view shows, with its boxes, as a PNG",
            Self::ExportGeoJson => "Save the boxes as GeoJSON, for maps",
            Self::ExportGeoJsonPixels => {
                "Save the boxes as GeoJSON whose numbers are pixels; maps would show them at a wrong place"
            }
            Self::ExportCsv => "Save the boxes as a table",
            Self::ExportCsvExcel => "Save the boxes as a table that Excel opens with all letters as they are",
            Self::ExportJson => "Save the boxes with everything that made them, for programs",
            Self::ExportKml => "Save the boxes as KML, for Google Earth",
            Self::ExportKmz => "Save the boxes as KMZ, for Google Earth, with a picture of each",
            Self::ExportGpkg => "Save the boxes as a GeoPackage, which QGIS shows in their colours",
            Self::ExportCoco => {
                "Save the boxes as COCO's JSON, which Skysift and others measure and train with; not those you rejected"
            }
            Self::ExportYolo => {
                "Save the scene cut into tiles with the boxes in them, to train YOLO on; not those you rejected"
            }
            Self::GetModel => "See published models that know more words, and download one",
            Self::Preferences => "Memory, and the embeddings that are kept on disk",
            Self::ToggleNotices => "Show what there is to know of the image and the model",
            Self::Help => "Show all keys",
        }
    }

    /// The keys, the one to show first. Those without Ctrl wait while text is typed.
    #[must_use]
    pub fn shortcuts(self) -> &'static [KeyboardShortcut] {
        const fn key(key: Key) -> KeyboardShortcut {
            KeyboardShortcut::new(Modifiers::NONE, key)
        }
        const fn command(key: Key) -> KeyboardShortcut {
            KeyboardShortcut::new(Modifiers::COMMAND, key)
        }
        const fn shift(key: Key) -> KeyboardShortcut {
            KeyboardShortcut::new(Modifiers::SHIFT, key)
        }
        const fn command_shift(key: Key) -> KeyboardShortcut {
            KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
        }
        match self {
            Self::Open => const { &[command(Key::O)] },
            Self::OpenFolder => const { &[command_shift(Key::O)] },
            Self::OpenUrl => const { &[command(Key::U)] },
            Self::FocusKeywords => const { &[command(Key::K), key(Key::Slash)] },
            Self::Scan => const { &[command(Key::Enter), key(Key::F5)] },
            Self::Cancel => const { &[command(Key::Period)] },
            Self::Fit => const { &[key(Key::F), key(Key::Num0)] },
            Self::ActualSize => const { &[key(Key::Num1)] },
            Self::ZoomIn => const { &[key(Key::Plus), key(Key::Equals)] },
            Self::ZoomOut => const { &[key(Key::Minus)] },
            Self::PanLeft => const { &[key(Key::ArrowLeft)] },
            Self::PanRight => const { &[key(Key::ArrowRight)] },
            Self::PanUp => const { &[key(Key::ArrowUp)] },
            Self::PanDown => const { &[key(Key::ArrowDown)] },
            Self::GoTo => const { &[command(Key::G)] },
            Self::CopyPlace => const { &[key(Key::Y)] },
            Self::FullScreen => const { &[key(Key::F11)] },
            Self::Palette => const { &[command_shift(Key::P)] },
            Self::NextDetection => const { &[key(Key::N), key(Key::F3)] },
            Self::PreviousDetection => const { &[key(Key::P), shift(Key::F3)] },
            Self::Deselect => const { &[key(Key::Escape)] },
            Self::ToggleGrid => const { &[key(Key::G)] },
            Self::ToggleBoxes => const { &[key(Key::B)] },
            Self::ToolPan => const { &[key(Key::V)] },
            Self::ToolSimilar => const { &[key(Key::S)] },
            Self::ToolRectangle => const { &[key(Key::R)] },
            Self::ToolPolygon => const { &[key(Key::L)] },
            Self::ScanView => const { &[key(Key::W)] },
            Self::ToggleHeatMap => const { &[key(Key::H)] },
            Self::ToggleGallery => const { &[key(Key::C)] },
            Self::Accept => const { &[key(Key::A)] },
            Self::Reject => const { &[key(Key::X)] },
            Self::UndoFeedback => const { &[command(Key::Z)] },
            Self::ExportPicture => const { &[command(Key::E)] },
            Self::GetModel => const { &[command_shift(Key::M)] },
            Self::Preferences => const { &[command(Key::Comma)] },
            Self::ToggleNotices => const { &[key(Key::I)] },
            Self::OpenSample
            | Self::WholeScene
            | Self::ExportView
            | Self::ExportGeoJson
            | Self::ExportGeoJsonPixels
            | Self::ExportCsv
            | Self::ExportCsvExcel
            | Self::ExportJson
            | Self::ExportKml
            | Self::ExportKmz
            | Self::ExportGpkg
            | Self::ExportCoco
            | Self::ExportYolo => &[],
            Self::Help => const { &[key(Key::F1), key(Key::Questionmark)] },
        }
    }

    /// The keys in words, e.g. "Ctrl+O".
    #[must_use]
    pub fn keys(self, ctx: &Context) -> String {
        self.shortcuts().iter().map(|keys| key_text(ctx, *keys)).collect::<Vec<_>>().join(", ")
    }

    /// A button with tooltip and key.
    pub fn button(self, ui: &mut Ui, enabled: bool) -> Response {
        self.explain(ui.add_enabled(enabled, egui::Button::new(self.text())))
    }

    /// A menu entry with its key at the right.
    pub fn entry(self, ui: &mut Ui, enabled: bool) -> Response {
        let keys = self.shortcuts().first().map(|keys| key_text(ui.ctx(), *keys)).unwrap_or_default();
        let button = egui::Button::new(self.text()).shortcut_text(keys);
        ui.add_enabled(enabled, button).on_hover_text(self.tooltip())
    }

    /// Adds tooltip and key to a control of this command.
    #[must_use]
    pub fn explain(self, response: Response) -> Response {
        let keys = self.keys(&response.ctx);
        let text =
            if keys.is_empty() { self.tooltip().to_owned() } else { format!("{} ({keys})", self.tooltip()) };
        response.on_hover_text(text)
    }

    /// The commands whose keys were pressed since the last frame; a key held down repeats.
    #[must_use]
    pub fn pressed(ctx: &Context) -> Vec<Self> {
        let mut typing = ctx.text_edit_focused();
        // Arrows move between focused controls, and within open lists; the view gets them otherwise.
        let elsewhere = ctx.memory(egui::Memory::focused).is_some_and(|id| id != super::viewport::scene_id());
        let arrows_taken = elsewhere || egui::Popup::is_any_open(ctx);
        let mut pressed = Vec::new();
        for command in Self::iter() {
            for keys in command.shortcuts() {
                let arrow = matches!(
                    keys.logical_key,
                    Key::ArrowLeft | Key::ArrowRight | Key::ArrowUp | Key::ArrowDown
                );
                // A field takes back what was typed by the same keys.
                let plain = command == Self::UndoFeedback
                    || keys.conflicts_with_text_editing() && !is_function_key(keys.logical_key);
                // Esc closes an open menu first.
                let of_menu = command == Self::Deselect && egui::Popup::is_any_open(ctx);
                if (typing && plain) || (arrow && arrows_taken) || of_menu {
                    continue;
                }
                if ctx.input_mut(|input| input.consume_shortcut(keys)) {
                    pressed.push(command);
                    if command == Self::FocusKeywords {
                        // What is typed from here on is text, and the key itself is not part of it.
                        typing = true;
                        let typed =
                            |event: &egui::Event| matches!(event, egui::Event::Text(text) if text == "/");
                        ctx.input_mut(|input| input.events.retain(|event| !typed(event)));
                    }
                }
            }
        }
        pressed
    }
}

/// Keys as they stand on the keyboard: "Ctrl+." rather than "Ctrl+Period".
fn key_text(ctx: &Context, keys: KeyboardShortcut) -> String {
    let symbol = match keys.logical_key {
        Key::Period => ".",
        Key::Comma => ",",
        Key::Slash => "/",
        Key::Plus => "+",
        Key::Minus => "-",
        Key::Equals => "=",
        Key::Questionmark => "?",
        Key::Escape => "Esc",
        _ => return ctx.format_shortcut(&keys),
    };
    let name = keys.logical_key.name();
    let text = ctx.format_shortcut(&keys);
    text.strip_suffix(name).map_or_else(|| text.clone(), |modifiers| format!("{modifiers}{symbol}"))
}

fn is_function_key(key: Key) -> bool {
    matches!(key, Key::F1 | Key::F3 | Key::F5 | Key::F11)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_command_is_explained() {
        for command in UiCommand::iter() {
            assert!(!command.text().is_empty() && !command.tooltip().ends_with('.'), "{command:?}");
            assert!(command.tooltip().chars().next().unwrap().is_uppercase(), "{command:?}");
        }
    }

    #[test]
    fn no_two_commands_share_a_key() {
        let mut seen = HashSet::new();
        for command in UiCommand::iter() {
            for keys in command.shortcuts() {
                assert!(seen.insert(*keys), "{keys:?} of {command:?} is taken");
            }
        }
    }
}
