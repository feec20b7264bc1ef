//! The status bar: where the pointer is, what runs and how far it is.

use eframe::egui;
use eframe::egui::{Align, Label, Layout, ProgressBar, RichText, Ui};

use crate::app::App;
use crate::app::format;
use crate::app::jobs::Running;
use crate::app::search::{ModelState, Progress};
use crate::raster::Scene;
use crate::scan::{ScanProgress, ScanSummary};

impl App {
    /// The bar at the bottom.
    pub(in crate::app) fn show_status(&mut self, ui: &mut Ui) {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = 14.0;
            self.show_place(ui);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 14.0;
                if let ModelState::Ready(card) = &self.search.model {
                    ui.weak(&card.device).on_hover_text("Where the model runs");
                }
                self.show_bell(ui);
                self.show_progress(ui);
                self.show_latest(ui);
            });
        });
    }

    fn show_place(&self, ui: &mut Ui) {
        let Some(open) = &self.scene else {
            ui.weak("No image");
            return;
        };
        let (width, height) = open.scene.size();
        let scale = self.view.scale().unwrap_or(1.0) * f64::from(ui.ctx().pixels_per_point());
        fixed(ui, 52.0, &format::zoom(scale), "Screen pixels for one pixel of the scene");
        if let Some((x, y)) = self.view.pointer {
            let pixel = format!("{:.0}, {:.0}", x.floor(), y.floor());
            fixed(ui, 104.0, &pixel, "Pixel under the pointer, from the top left corner");
            Self::show_map_place(ui, &open.scene, (x, y));
        } else {
            let size = format!("{} × {} px", format::count(width as usize), format::count(height as usize));
            ui.weak(size).on_hover_text("Width and height of the scene");
            show_no_place(ui, &open.scene);
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

    fn show_progress(&self, ui: &mut Ui) {
        if let Some(running) = &self.exporting {
            let job = Job { name: "Export", doing: "Exporting", tip: "How far the export is" };
            show_running(ui, running, &job, "Stop the export; nothing is left of it");
        }
        if let Some(overviewing) = &self.overviewing {
            let job = Job {
                name: "Overviews",
                doing: "Sharpening the picture",
                tip: "The image has no overviews; they are made once and kept, and the image itself is not changed",
            };
            show_running(ui, &overviewing.0, &job, "Leave the picture coarse from afar");
        }
        match &self.search.progress {
            Progress::Running(ScanProgress {
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
                    ui.label(format::rate(*windows_per_second)).on_hover_text("The speed of the scan");
                }
                let missing = format::missing(*skipped, failed.windows);
                ui.label(format!("{} / {} windows{missing}", format::count(*done), format::count(*windows)))
                    .on_hover_text("Windows that were looked at, of all; those without data are skipped");
                ui.add(ProgressBar::new(part).desired_width(140.0).desired_height(12.0))
                    .accessible_name("Scan")
                    .on_hover_text("How far the scan is");
            }
            Progress::Finished(ScanSummary { windows, skipped, failed, .. }) if self.search.all_known() => {
                let (count, missing) = (format::count(*windows), format::missing(*skipped, failed.windows));
                ui.weak(format!("Answered from stored embeddings: {count} windows{missing}"))
                    .on_hover_text("The last scan; nothing had to be encoded");
            }
            Progress::Finished(ScanSummary { windows, reused, skipped, failed, seconds, .. }) => {
                let (count, missing) = (format::count(*windows), format::missing(*skipped, failed.windows));
                let stored =
                    if *reused == 0 { String::new() } else { format!(", {} stored", format::count(*reused)) };
                ui.weak(format!("{count} windows in {}{stored}{missing}", format::duration(*seconds)))
                    .on_hover_text("The last scan; windows without data are skipped, and stored ones were encoded before");
            }
            Progress::Cancelled(ScanProgress { done, skipped, failed, windows, .. }) => {
                let (done, windows) = (format::count(*done), format::count(*windows));
                let missing = format::missing(*skipped, failed.windows);
                ui.weak(format!("Stopped at {done} / {windows} windows{missing}"))
                    .on_hover_text("The last scan");
            }
            Progress::Waiting => {
                ui.weak("Starting…");
            }
            Progress::Idle | Progress::Failed(_) => {}
        }
    }

    /// What was told last, with what was told before it in the tooltip.
    fn show_latest(&self, ui: &mut Ui) {
        let Some(latest) = self.search.notices().back() else { return };
        let response = ui.add(Label::new(RichText::new(latest).weak()).truncate());
        response.on_hover_ui(|ui| {
            for notice in self.search.notices() {
                ui.label(notice);
            }
        });
    }
}

/// The words of a job that runs.
struct Job {
    name: &'static str,
    doing: &'static str,
    tip: &'static str,
}

/// How far a job is, how long it still takes, and a button that stops it.
fn show_running(ui: &mut Ui, running: &Running, job: &Job, stop: &str) {
    if ui.small_button("Stop").on_hover_text(stop).clicked() {
        running.stop();
    }
    ui.add(ProgressBar::new(running.part).desired_width(120.0).desired_height(12.0))
        .accessible_name(job.name)
        .on_hover_text(job.tip);
    let left = running.seconds_left().map(format::about).map(|left| format!(", {left} left"));
    ui.weak(format!("{}{}", job.doing, left.unwrap_or_default())).on_hover_text(job.tip);
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
