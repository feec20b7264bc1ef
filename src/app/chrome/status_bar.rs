//! The status bar: where the pointer is, what runs and how far it is.

use eframe::egui;
use eframe::egui::{Align, Label, Layout, ProgressBar, RichText, Ui};

use super::{Chrome, ChromeContext};
use crate::app::format;
use crate::app::jobs::Job;
use crate::app::scene::histogram::number;
use crate::app::scene::{OpenScene, SceneState};
use crate::app::search::{ModelState, ScanState, Search};
use crate::app::viewport::Viewport;
use crate::raster::Scene;
use crate::scan::{ScanProgress, ScanSummary};

impl Chrome {
    /// The bar at the bottom.
    pub fn status_ui(&mut self, ui: &mut Ui, cx: ChromeContext<'_>) {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = 14.0;
            show_place(ui, cx.scene, cx.viewport);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 14.0;
                if let ModelState::Ready(card) = cx.search.model() {
                    ui.weak(&card.device).on_hover_text("Where the model runs");
                }
                self.notices.bell_ui(ui, cx.scene.scene().map(AsRef::as_ref));
                show_jobs(ui, cx);
                show_progress(ui, cx.search);
                show_latest(ui, cx.search);
            });
        });
    }
}

fn show_place(ui: &mut Ui, state: &SceneState, viewport: &Viewport) {
    let Some(scene) = state.scene() else {
        ui.weak("No image");
        return;
    };
    let (width, height) = scene.size();
    let scale = viewport.view().scale().unwrap_or(1.0) * f64::from(ui.ctx().pixels_per_point());
    fixed(ui, 52.0, &format::zoom(scale), "Screen pixels for one pixel of the scene");
    if let Some((x, y)) = viewport.view().pointer {
        let pixel = format!("{:.0}, {:.0}", x.floor(), y.floor());
        fixed(ui, 104.0, &pixel, "Pixel under the pointer, from the top left corner");
        if let Some(values) = state.pixel_values((x, y)) {
            let text: Vec<String> = values.iter().map(|value| number(*value)).collect();
            let label = Label::new(RichText::new(text.join(" ")).weak()).truncate();
            ui.scope(|ui| {
                ui.set_max_width(160.0);
                ui.add(label)
                    .on_hover_text("What the file holds in the pixel under the pointer, band by band");
            });
        }
        show_map_place(ui, scene, (x, y));
    } else {
        let size = format!("{} × {} px", format::count(width as usize), format::count(height as usize));
        ui.weak(size).on_hover_text("Width and height of the scene");
        show_no_place(ui, scene);
    }
}

/// Where the pointer is on the map and on the globe.
fn show_map_place(ui: &mut Ui, scene: &Scene, (x, y): (f64, f64)) {
    let (map, globe) = (scene.map(x, y), scene.lon_lat(x, y));
    show_no_place(ui, scene);
    // A map in degrees would say the same twice.
    let same = |(x, y): (f64, f64)| globe.is_some_and(|(lon, lat)| (x - lon).hypot(y - lat) < 1e-3);
    if let Some(at) = map.filter(|at| !same(*at)) {
        let info = scene.info();
        let system = match (info.epsg, &info.crs) {
            (Some(code), Some(name)) => format!("EPSG:{code}, {name}"),
            (Some(code), None) => format!("EPSG:{code}"),
            (None, Some(name)) => name.clone(),
            (None, None) => "the image's own system, which it does not name".to_owned(),
        };
        let tip = format!("Map coordinates under the pointer ({system})");
        fixed(ui, 150.0, &format::map_position(at.0, at.1), &tip);
    }
    if let Some((lon, lat)) = globe {
        let tip = "Latitude and longitude under the pointer (WGS 84)";
        fixed(ui, 190.0, &format::lon_lat(lon, lat), tip);
    }
}

/// How far exports and overviews are.
fn show_jobs(ui: &mut Ui, cx: ChromeContext<'_>) {
    if let Some(job) = cx.results.export_job() {
        let words = JobWords { name: "Export", doing: "Exporting", tip: "How far the export is" };
        show_job(ui, job, &words, "Stop the export; nothing is left of it");
    }
    if let Some(job) = cx.scene.open_scene().and_then(OpenScene::overviews) {
        let words = JobWords {
            name: "Overviews",
            doing: "Sharpening the picture",
            tip: "The image has no overviews; they are made once and kept, and the image itself is not changed",
        };
        show_job(ui, job, &words, "Leave the picture coarse from afar");
    }
}

/// How far the scan is, or how it went.
fn show_progress(ui: &mut Ui, search: &Search) {
    let what = format::looked_at(search.scanned_dense().unwrap_or_default());
    match search.progress() {
        ScanState::Running(ScanProgress {
            done,
            skipped,
            failed,
            windows,
            windows_per_second,
            seconds_left,
        }) => {
            let part = *done as f32 / (*windows).max(1) as f32;
            if *windows_per_second > 0.0 {
                ui.label(format!("{} left", format::duration(*seconds_left)))
                    .on_hover_text("Expected time until the scan is done");
                ui.label(format::rate(*windows_per_second, what)).on_hover_text("The speed of the scan");
            }
            let missing = format::missing(*skipped, failed.windows);
            ui.label(format!("{} / {} {what}{missing}", format::count(*done), format::count(*windows)))
                .on_hover_text("What was looked at, of all; what has no data is skipped");
            ui.add(ProgressBar::new(part).desired_width(140.0).desired_height(12.0))
                .accessible_name("Scan")
                .on_hover_text("How far the scan is");
        }
        ScanState::Finished(ScanSummary { windows, skipped, failed, .. }) if search.all_known() => {
            let (count, missing) = (format::count(*windows), format::missing(*skipped, failed.windows));
            ui.weak(format!("From cache: {count} {what}{missing}"))
                .on_hover_text("The last scan; nothing had to be encoded");
        }
        ScanState::Finished(ScanSummary { windows, reused, skipped, failed, seconds, .. }) => {
            let (count, missing) = (format::count(*windows), format::missing(*skipped, failed.windows));
            let stored =
                if *reused == 0 { String::new() } else { format!(", {} stored", format::count(*reused)) };
            ui.weak(format!("{count} {what} in {}{stored}{missing}", format::duration(*seconds)))
                .on_hover_text(
                    "The last scan; what has no data is skipped, and what is stored was encoded before",
                );
        }
        ScanState::Cancelled(ScanProgress { done, skipped, failed, windows, .. }) => {
            let (done, windows) = (format::count(*done), format::count(*windows));
            let missing = format::missing(*skipped, failed.windows);
            ui.weak(format!("Stopped at {done} / {windows} {what}{missing}")).on_hover_text("The last scan");
        }
        ScanState::Waiting => {
            ui.weak("Starting…");
        }
        ScanState::Idle | ScanState::Failed(_) => {}
    }
}

/// What was told last, with what was told before it in the tooltip.
fn show_latest(ui: &mut Ui, search: &Search) {
    let Some(latest) = search.notices().back() else { return };
    let response = ui.add(Label::new(RichText::new(latest).weak()).truncate());
    response.on_hover_ui(|ui| {
        for notice in search.notices() {
            ui.label(notice);
        }
    });
}

/// The words of a job that runs.
struct JobWords {
    name: &'static str,
    doing: &'static str,
    tip: &'static str,
}

/// How far a job is, how long it still takes, and a button that stops it.
fn show_job<T>(ui: &mut Ui, job: &Job<T, f32>, words: &JobWords, stop: &str) {
    if ui.small_button("Stop").on_hover_text(stop).clicked() {
        job.stop();
    }
    ui.add(ProgressBar::new(job.part()).desired_width(120.0).desired_height(12.0))
        .accessible_name(words.name)
        .on_hover_text(words.tip);
    let left = job.seconds_left().map(format::about).map(|left| format!(", {left} left"));
    ui.weak(format!("{}{}", words.doing, left.unwrap_or_default())).on_hover_text(words.tip);
}

/// Says that nothing is known of where the scene lies on the earth, and why.
fn show_no_place(ui: &mut Ui, scene: &Scene) {
    if scene.is_on_globe() {
        return;
    }
    if scene.map(0.0, 0.0).is_none() {
        ui.weak("No georeference: pixels only").on_hover_text(
            "The image does not say where on the earth it lies, so places and lengths are unknown",
        );
    } else if let Some(why) = scene.why_no_lon_lat() {
        let tip = format!("Places and lengths on the earth are unknown: {why}");
        ui.weak("Coordinate system not known").on_hover_text(tip);
    }
}

/// A text in a place of fixed width, so that the others stay where they are.
fn fixed(ui: &mut Ui, width: f32, text: &str, tip: &str) {
    let height = ui.available_height();
    ui.allocate_ui_with_layout(egui::vec2(width, height), Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(width);
        ui.label(text).on_hover_text(tip);
    });
}
