//! What the scanner tells, taken in.

use std::sync::Arc;

use super::{Card, ModelState, ScanState, Search};
use crate::app::action::About;
use crate::app::format;
use crate::clip::DeviceChoice;
use crate::scan::{Event, ScanProgress};
use crate::search::Answer;

impl Search {
    /// Takes what the scanner told since the last frame.
    pub fn poll(&mut self) {
        let events: Vec<Event> = self.scanner.events().try_iter().collect();
        for event in events {
            self.handle_event(event);
        }
    }

    /// Takes one event.
    pub fn handle_event(&mut self, event: Event) {
        let current = self.to_begin == 0 && !self.abandoned;
        match event {
            Event::Loaded { card, windows_per_second } => {
                // What stands for keywords is the other model's.
                if !self.ranking.vectors.is_empty() {
                    self.ranking = Arc::new(Answer { vectors: Vec::new(), ..(*self.ranking).clone() });
                }
                let on_processor = card.device.starts_with("CPU");
                if !on_processor {
                    self.card = Card::Likely;
                } else if self.device == DeviceChoice::Auto {
                    self.card = Card::Missing;
                }
                self.model = ModelState::Ready(card);
                self.windows_per_second = windows_per_second.filter(|rate| *rate > 0.0);
            }
            Event::LoadFailed(reason) => {
                self.model = ModelState::Failed(reason.clone());
                if self.running() {
                    self.end(ScanState::Failed(reason.clone()));
                }
                self.errors.push((About::Model, reason));
            }
            Event::Started { windows, reused } => {
                self.to_begin = self.to_begin.saturating_sub(1);
                self.begun = true;
                if self.to_begin == 0 && self.progress == ScanState::Waiting {
                    if reused > 0 {
                        let (reused, windows) = (format::count(reused), format::count(windows));
                        self.notify(format!("{reused} of {windows} windows were there already"));
                    }
                    self.progress = ScanState::Running(ScanProgress::new(windows, reused));
                    if self.keeps_to_what_is_stored() && reused < windows {
                        self.cancel();
                    }
                }
            }
            Event::Batch { progress, ranking } => {
                if current {
                    self.progress = ScanState::Running(progress);
                    self.ranking = ranking;
                }
            }
            Event::Ranked { ranking } => {
                if current {
                    self.ranking = ranking;
                }
            }
            Event::Finished { summary, ranking } => {
                self.begun = false;
                self.model = ModelState::Ready(summary.card.clone());
                // A cell is a part of a window.
                let cells = self.cells().filter(|_| self.scanned_dense() == Some(true));
                let passes = cells.map_or(1.0, |cells| cells.passes());
                let rate = (summary.windows - summary.reused) as f64 * passes / summary.seconds;
                if current && rate.is_finite() && rate > 0.0 {
                    self.windows_per_second = Some(rate);
                }
                if current {
                    self.ranking = ranking;
                    self.incomplete = summary.incomplete();
                    self.end(ScanState::Finished(summary));
                }
            }
            Event::Cancelled(progress) => {
                self.begun = false;
                if current {
                    self.incomplete = progress.failed.sentence(progress.done);
                    self.end(ScanState::Cancelled(progress));
                }
            }
            Event::Failed(reason) => self.failed(reason),
            Event::Notice(notice) => {
                self.notify(format::sentence(&notice));
                self.of_model.push(format::sentence(&notice));
                self.lasting.push(notice);
            }
            Event::Refused(reason) => self.notify(format::sentence(&reason)),
        }
    }

    fn failed(&mut self, reason: String) {
        if self.begun {
            self.begun = false;
        } else {
            // It failed before it began.
            self.to_begin = self.to_begin.saturating_sub(1);
        }
        if self.to_begin > 0 || self.abandoned {
            return;
        }
        // A model that could not be loaded has said so already.
        if !matches!(self.progress, ScanState::Failed(_)) {
            self.errors.push((About::Scene, reason.clone()));
        }
        if self.running() {
            self.end(ScanState::Failed(reason));
        }
    }

    pub(super) fn end(&mut self, progress: ScanState) {
        self.progress = progress;
        self.cancelling = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::search::Estimate;
    use crate::clip::KnownWords;
    use crate::encoder::EncoderCard;
    use crate::raster::Rect;
    use crate::scan::{EarlyRecall, Failures, ScanSummary};
    use crate::search::{Detection, Ranking};

    const EARLY: EarlyRecall = EarlyRecall { tenth: 0.0, quarter: 0.0 };

    fn ranking(keyword: &str) -> Ranking {
        let detection = Detection {
            keyword: keyword.to_owned(),
            rank: 1,
            probability: 0.5,
            cosine: 0.2,
            window: Rect::new(0, 0, 9, 9),
            nodata: 0.0,
            outline: None,
            weak: false,
            by_example: false,
            clear: true,
            scores: Vec::new(),
        };
        Arc::new(Answer { detections: vec![detection], ..Answer::default() })
    }

    fn card() -> EncoderCard {
        EncoderCard {
            model: "tiny".to_owned(),
            fingerprint: String::new(),
            device: "CPU".to_owned(),
            precision: crate::clip::Precision::Single,
            input_size: 32,
            embedding_len: 8,
            batch_size: 4,
            logit_scale: 100.0,
            scoring: crate::clip::Scoring::Softmax,
            cells: None,
            known_words: KnownWords::default(),
            ground_sizes: None,
        }
    }

    fn batch(keyword: &str) -> Event {
        let progress = ScanProgress { skipped: 1, ..ScanProgress::new(9, 3) };
        Event::Batch { progress, ranking: ranking(keyword) }
    }

    fn summary(windows: usize, seconds: f64) -> ScanSummary {
        ScanSummary {
            windows,
            reused: 0,
            skipped: 0,
            failed: Failures::default(),
            early: EARLY,
            seconds,
            card: card(),
            kept_bytes: None,
        }
    }

    fn finished(windows: usize, seconds: f64) -> Event {
        Event::Finished { summary: summary(windows, seconds), ranking: ranking("harbor") }
    }

    /// A search as it is right after a scan was asked for.
    fn asked() -> Search {
        let mut search = Search::new(|| {});
        search.progress = ScanState::Waiting;
        search.to_begin = 1;
        search
    }

    #[test]
    fn an_old_scan_does_not_show_on_a_new_scene() {
        let mut search = asked();
        search.handle_event(Event::Started { windows: 9, reused: 0 });
        search.handle_event(batch("harbor"));
        assert_eq!(search.ranking.len(), 1);
        search.reset();
        search.handle_event(finished(9, 9.0));
        assert!(search.ranking.is_empty());
        assert_eq!(search.progress, ScanState::Idle);
    }

    #[test]
    fn a_scan_stopped_by_the_next_does_not_end_it() {
        let mut search = asked();
        // A second one was asked for before the first began.
        search.to_begin = 2;
        search.handle_event(Event::Started { windows: 5, reused: 0 });
        search.handle_event(batch("old"));
        search.handle_event(Event::Cancelled(ScanProgress::new(5, 0)));
        assert_eq!(search.progress, ScanState::Waiting);
        assert!(search.ranking.is_empty());
        search.handle_event(Event::Started { windows: 9, reused: 0 });
        assert!(matches!(search.progress, ScanState::Running(ScanProgress { windows: 9, .. })));
        search.handle_event(batch("new"));
        assert_eq!(search.ranking[0].keyword, "new");
    }

    #[test]
    fn the_expected_time_comes_from_the_last_scan() {
        let mut search = asked();
        assert_eq!(search.estimate(100, false), Estimate { windows: 100, seconds: None });
        search.handle_event(Event::Loaded { card: card(), windows_per_second: Some(10.0) });
        assert_eq!(search.estimate(100, false).seconds, Some(10.0));
        search.handle_event(Event::Started { windows: 20, reused: 0 });
        search.handle_event(finished(20, 4.0));
        assert_eq!(search.estimate(100, false).seconds, Some(20.0));
        assert!(!search.running());
    }

    #[test]
    fn windows_that_were_there_are_told() {
        let mut search = asked();
        search.handle_event(Event::Started { windows: 1330, reused: 1200 });
        assert!(matches!(search.progress, ScanState::Running(ScanProgress { done: 1200, .. })));
        assert_eq!(search.notices().back().unwrap(), "1,200 of 1,330 windows were there already");
        assert!(!search.all_known());
        search.progress = ScanState::Finished(ScanSummary { reused: 9, skipped: 2, ..summary(9, 0.1) });
        assert!(search.all_known());
    }

    #[test]
    fn windows_that_could_not_be_read_are_told_at_the_end() {
        let mut search = asked();
        search.handle_event(Event::Started { windows: 10, reused: 0 });
        let failed = Failures { windows: 3, reason: "it is cut off".to_owned() };
        let summary = ScanSummary { failed, ..summary(7, 4.0) };
        search.handle_event(Event::Finished { summary, ranking: ranking("harbor") });
        let told = search.take_incomplete().unwrap();
        assert_eq!(told, "3 of 10 windows could not be read: it is cut off");
        assert_eq!(search.take_incomplete(), None);
    }

    #[test]
    fn messages_leave_with_what_they_are_about() {
        let mut search = asked();
        search.handle_event(Event::Notice("the card was lost".to_owned()));
        search.handle_event(Event::Started { windows: 9, reused: 4 });
        let failed = Failures { windows: 3, reason: "it is cut off".to_owned() };
        let summary = ScanSummary { failed, ..summary(7, 4.0) };
        search.handle_event(Event::Finished { summary, ranking: ranking("harbor") });
        // Another scene is opened before the window has shown it.
        search.reset();
        assert_eq!(search.take_incomplete(), None);
        assert_eq!(search.notices().iter().collect::<Vec<_>>(), ["The card was lost."]);
    }

    #[test]
    fn vectors_of_another_model_are_forgotten() {
        let mut search = Search::new(|| {});
        let vectors = vec![("harbor".to_owned(), Arc::from([1.0_f32]))];
        search.ranking = Arc::new(Answer { vectors, ..(*ranking("harbor")).clone() });
        assert!(search.ranking.vector("harbor").is_some());
        search.handle_event(Event::Loaded { card: card(), windows_per_second: None });
        assert!(search.ranking.vector("harbor").is_none());
        assert!(search.has_no_card(), "the processor was taken where a card would have been");
        assert_eq!(search.ranking.len(), 1);
    }

    #[test]
    fn a_failed_load_is_told_once_and_ends_a_waiting_scan() {
        let mut search = asked();
        search.handle_event(Event::LoadFailed("no such folder".to_owned()));
        search.handle_event(Event::Failed("no model is loaded".to_owned()));
        assert!(!search.running());
        assert_eq!(search.take_errors(), [(About::Model, "no such folder".to_owned())]);
    }
}
