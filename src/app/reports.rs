//! What jobs and the scanner have to tell.

use eframe::egui::Context;

use super::App;
use super::jobs::Report;

impl App {
    /// Takes what jobs and scanner have to tell.
    pub(super) fn take_reports(&mut self, ctx: &Context) {
        while let Some(report) = self.jobs.next() {
            match report {
                Report::Opened { number, scene, areas } => {
                    // A scene that was asked for before another one is no longer wanted.
                    if let Some(opening) = self.opening.take_if(|opening| opening.number == number) {
                        let there = scene.is_ok();
                        self.opened(ctx, &opening.wanted, scene);
                        match areas {
                            Ok(areas) if there => self.areas = areas,
                            Ok(_) => {}
                            Err(error) => {
                                // Not the whole scene was asked for.
                                self.scan_when_ready = false;
                                self.fail(ctx, error);
                            }
                        }
                    }
                }
                Report::Counted { number, windows } => self.plan.take(number, windows),
                Report::Stored(stored) => self.preferences.take(stored),
                Report::Cleared(cleared) => self.cleared(cleared),
                Report::SavedQueries(listing) => self.saved_queries_listed(listing),
                Report::Overviewing(scene, part) => self.overviews_advance(&scene, part),
                Report::Overviewed(scene, made) => self.overviews_ended(&scene, made),
                Report::Rendered(rendered) => self.rendered(rendered),
                Report::Shaded(shaded) => self.shaded(ctx, *shaded),
                Report::PickedImage(path) => self.open(path),
                Report::PickedModel(path) => self.choose_model(path),
                Report::Models(cards) => self.get_model.listed(cards),
                Report::Fetching(progress) => self.get_model.fetching(progress),
                Report::Fetched(fetched) => self.model_fetched(fetched),
                Report::PickedTarget(target) => self.export(target),
                Report::NoDialog => {
                    self.error = Some(
                        "No file dialog could be opened. Drop the file on the window, or name it on the command \
                         line; on Linux, installing xdg-desktop-portal or zenity brings the dialogs."
                            .to_owned(),
                    );
                }
                Report::Exporting(part) => {
                    if let Some(running) = &mut self.exporting {
                        running.part = part;
                    }
                }
                Report::Exported(done) => {
                    self.exporting = None;
                    match done {
                        Ok(notice) => self.search.notify(notice),
                        Err(error) => self.error = Some(error),
                    }
                }
                Report::ScreenshotSaved(saved) => self.screenshot_saved(ctx, saved),
            }
        }
        self.search.drain();
        for notice in self.search.take_lasting() {
            self.notices.add(notice);
        }
        if let Some(incomplete) = self.search.take_incomplete() {
            self.tell_incomplete(incomplete);
        }
        for error in self.search.take_errors() {
            self.fail(ctx, error);
        }
    }
}
