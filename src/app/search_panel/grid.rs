//! How large windows are and how far they lie apart.

use eframe::egui;
use eframe::egui::{DragValue, Response, RichText, Ui};

use super::boxes::show_scan_settings;
use super::{SearchContext, SearchPanel, proposal};
use crate::app::format;
use crate::app::search::Search;
use crate::app::settings::{MAX_TILE, MAX_TILES, Settings};
use crate::windows::Coarse;
use crate::windows::GridSettings;

/// Tile sizes at hand.
const TILES: [u32; 3] = [64, 128, 256];

impl SearchPanel {
    pub(super) fn show_grid_settings(&self, ui: &mut Ui, settings: &mut Settings, cx: SearchContext<'_>) {
        egui::Grid::new("windows").num_columns(2).spacing([10.0, 6.0]).show(ui, |ui| {
            ui.label("Detail");
            ui.horizontal(|ui| {
                for (fine, text, tip) in [
                    (
                        true,
                        "Fine",
                        "Score what the model sees within windows, and outline what stands out: small things are \
                         found, with fewer passes of the model",
                    ),
                    (false, "Whole windows", "Score whole windows, as the thesis does; boxes are windows"),
                ] {
                    if ui.selectable_label(settings.fine == fine, text).on_hover_text(tip).clicked() {
                        settings.fine = fine;
                    }
                }
            });
            ui.end_row();

            let label = ui.label("Tile");
            ui.horizontal(|ui| {
                number(ui, &mut settings.tile, GridSettings::MIN_TILE..=MAX_TILE, |_| " px", 1.0)
                    .labelled_by(label.id)
                    .on_hover_text("Side of a tile in pixels of the scene; drag, or click to type");
                for tile in TILES {
                    let button = ui.selectable_label(settings.tile == tile, tile.to_string());
                    if button.on_hover_text(format!("Tiles of {tile} × {tile} pixels")).clicked() {
                        settings.tile = tile;
                    }
                }
            });
            ui.end_row();

            let label = ui.label("Window");
            ui.horizontal(|ui| {
                number(ui, &mut settings.window, 1..=MAX_TILES, tiles, 0.05)
                    .labelled_by(label.id)
                    .on_hover_text("Side of the window in tiles; about as large as what you look for");
                let side = settings.tile.saturating_mul(settings.window);
                ui.weak(format!("{0} × {0} px", format::count(side as usize)));
            });
            ui.end_row();

            if settings.fine {
                return;
            }
            let label = ui.label("Step");
            number(ui, &mut settings.step, 1..=MAX_TILES, tiles, 0.05)
                .labelled_by(label.id)
                .on_hover_text("How far the window moves, in tiles; larger steps are faster and coarser");
            ui.end_row();

            ui.label("Edges");
            ui.horizontal(|ui| {
                for (drop, text, tip) in [
                    (
                        false,
                        "Cover",
                        "Add windows along the right and bottom edge, so that every pixel is seen",
                    ),
                    (true, "Drop", "Leave out what is left at the right and bottom edge"),
                ] {
                    if ui.selectable_label(settings.drop_edges == drop, text).on_hover_text(tip).clicked() {
                        settings.drop_edges = drop;
                    }
                }
            });
            ui.end_row();
        });
        proposal::show(ui, settings, cx);
        if !settings.fine {
            show_scan_settings(ui, settings);
        }
        self.show_estimate(ui, settings, cx.search);
    }

    /// The number of windows and the expected time, before anything is scanned.
    fn show_estimate(&self, ui: &mut Ui, settings: &Settings, search: &Search) {
        let Some(windows) = self.window_count.windows() else { return };
        let estimate = search.estimate(windows, settings.fine);
        let windows = match (settings.fine, estimate.windows) {
            (true, 1) => "cell",
            (true, _) => "cells",
            (false, 1) => "window",
            (false, _) => "windows",
        };
        // Which places are promising shows only while it scans.
        let most =
            if matches!(settings.coarse(), Coarse::Only(_)) && !settings.fine { "At most " } else { "" };
        let mut text = format!("{most}{} {windows}", format::count(estimate.windows));
        if let Some(seconds) = estimate.seconds {
            text.push_str(", ");
            text.push_str(&format::about(seconds));
        }
        ui.label(RichText::new(text).strong()).on_hover_text(
            "What a scan looks at, and how long that takes at the speed of this model on this machine",
        );
    }
}

/// A number with its unit, to drag or to type.
fn number(
    ui: &mut Ui,
    value: &mut u32,
    range: std::ops::RangeInclusive<u32>,
    unit: impl Fn(u32) -> &'static str,
    speed: f64,
) -> Response {
    let unit = unit(*value);
    ui.add(DragValue::new(value).range(range).suffix(unit).speed(speed))
}

fn tiles(number: u32) -> &'static str {
    if number == 1 { " tile" } else { " tiles" }
}
