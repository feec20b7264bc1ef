//! What a scan needn't do twice, where it looks and what becomes of the windows, with a scene and an encoder
//! whose answers are known.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use skysift::raster::Rect;
use skysift::scan::{Command, EarlyRecall, Event, ScanRequest, ScanSummary};
use skysift::search::Ranking;
use skysift::search::{
    Blend, BoxSettings, Example, ExampleOf, HeatMapOf, KeywordFeedback, Query, RankBy, Threshold,
};
use skysift::store::Store;
use skysift::windows::Coarse;
use skysift::windows::{Area, GridSettings};

use super::scan::{Ramp, SETTINGS, expected, finished, query, request, scanner, wait, windows_of};

/// What a scan came to: windows, those that were known, encoded ones, the ranking.
struct Done {
    windows: usize,
    known: usize,
    encoded: usize,
    early: EarlyRecall,
    ranking: Ranking,
}

/// Scans with a scanner of its own, as a program that was just started.
fn run(request: ScanRequest) -> Done {
    let (scanner, encoded) = scanner(Duration::ZERO);
    scanner.send(Command::Scan(request));
    wait(&scanner, |event| match event {
        Event::Finished { summary: ScanSummary { windows, reused, early, .. }, ranking } => {
            Some(Done { windows, known: reused, encoded: encoded.load(Ordering::SeqCst), early, ranking })
        }
        Event::Failed(message) => panic!("{message}"),
        _ => None,
    })
}

fn stored(scene: &Arc<Ramp>, query: Query, folder: &Path) -> ScanRequest {
    ScanRequest { store: Some(Store::new(folder)), ..request(scene, query) }
}

fn ranked(scanner: &skysift::scan::Scanner, query: Query) -> Ranking {
    scanner.send(Command::SetQuery(query));
    wait(scanner, |event| match event {
        Event::Ranked { ranking } => Some(ranking),
        Event::Notice(told) | Event::Refused(told) => panic!("{told}"),
        _ => None,
    })
}

#[test]
fn a_scene_is_encoded_once_whatever_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Ramp::new(333, 200);
    let first = run(stored(&scene, query(&["east"], 5), folder.path()));
    assert_eq!((first.known, first.encoded), (0, first.windows));
    let again = run(stored(&scene, query(&["east"], 5), folder.path()));
    assert_eq!((again.known, again.encoded), (first.windows, 0));
    assert_eq!(again.ranking.detections, first.ranking.detections);
    let other = run(stored(&scene, query(&["south"], 9), folder.path()));
    assert_eq!(other.encoded, 0);
    assert_eq!(windows_of(&other.ranking, "south"), expected(&scene, "south", 9));
    // Another scene has other windows, and nothing is kept of a scan that is not to be kept.
    assert_eq!(run(stored(&Ramp::new(334, 200), query(&["east"], 5), folder.path())).known, 0);
    assert_eq!(run(request(&scene, query(&["east"], 5))).known, 0);
}

#[test]
fn windows_of_another_grid_are_known_by_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Ramp::new(320, 192);
    let fine = GridSettings { tile: 8, window: 4, step: 1, ..SETTINGS };
    let all = run(ScanRequest { grid: fine, ..stored(&scene, query(&["east"], 5), folder.path()) });
    // Two tiles of 16 are four of 8.
    let coarse = run(stored(&scene, query(&["east"], 5), folder.path()));
    assert_eq!((coarse.known, coarse.encoded), (coarse.windows, 0));
    let larger = GridSettings { window: 3, ..SETTINGS };
    let other = run(ScanRequest { grid: larger, ..stored(&scene, query(&["east"], 5), folder.path()) });
    assert_eq!((other.known, other.encoded), (0, other.windows));
    let both = ScanRequest { scales: vec![3, 2], ..stored(&scene, query(&["east"], 5), folder.path()) };
    let both = run(both);
    assert_eq!((both.windows, both.encoded), (coarse.windows + other.windows, 0));
    assert!(all.windows > coarse.windows);
}

#[test]
fn a_scan_goes_on_where_it_was_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Ramp::new(1000, 1000);
    let whole = run(request(&scene, query(&["east", "south"], 20)));
    let (scanner, encoded) = scanner(Duration::from_millis(1));
    scanner.send(Command::Scan(stored(&scene, query(&["east"], 5), folder.path())));
    wait(&scanner, |event| {
        matches!(event, Event::Batch { progress, .. } if progress.done > 100).then_some(())
    });
    scanner.cancel();
    wait(&scanner, |event| matches!(event, Event::Cancelled(_)).then_some(()));
    let before = encoded.load(Ordering::SeqCst);
    drop(scanner);
    let rest = run(stored(&scene, query(&["east", "south"], 20), folder.path()));
    assert_eq!((rest.known, rest.encoded), (before, rest.windows - before));
    assert_eq!(rest.ranking.detections, whole.ranking.detections);
}

#[test]
fn windows_without_data_are_not_read_again_either() {
    let folder = tempfile::tempdir().unwrap();
    let hole = Some(Rect::new(100, 0, 100, 200));
    let scene = Arc::new(Ramp { hole, ..Ramp::default() });
    let first = run(stored(&scene, query(&["east"], 5), folder.path()));
    let reads = scene.reads.load(Ordering::SeqCst);
    let again = run(stored(&scene, query(&["east"], 5), folder.path()));
    assert_eq!((again.windows, again.known), (first.windows, first.windows));
    assert_eq!(scene.reads.load(Ordering::SeqCst), reads);
}

/// What can't be read has no data, but that is not for ever: such windows are looked at again, and whoever is
/// answered from what is stored is told, too.
#[test]
fn what_was_told_while_windows_were_read_is_told_with_those_that_are_stored() {
    let folder = tempfile::tempdir().unwrap();
    let hole = Some(Rect::new(100, 0, 100, 200));
    let scene = |told| Arc::new(Ramp { hole, told, ..Ramp::default() });
    let first = scene(Some("a source is missing"));
    let windows = run(stored(&first, query(&["east"], 5), folder.path())).windows;
    assert_eq!(first.notices.list(), ["a source is missing"]);
    // The source is there for a moment; the windows of the first scan are still those without it.
    let second = scene(None);
    let again = run(stored(&second, query(&["east"], 5), folder.path()));
    assert_eq!((again.windows, again.known, again.encoded), (windows, windows, 0));
    assert_eq!(second.notices.list(), ["a source is missing"]);
    assert!(second.reads.load(Ordering::SeqCst) > 0, "windows without data are looked at again");
    let entry = skysift::store::Inventory::of(&Store::new(folder.path())).unwrap().entries.pop().unwrap();
    let kept = skysift::search::StoredScene::open(&entry, &[]).unwrap();
    assert_eq!(kept.remarks(), ["a source is missing"]);
}

#[test]
fn only_areas_are_looked_at_one_after_the_other() {
    let scene = Ramp::new(800, 800);
    let areas = [Rect::new(700, 700, 64, 64), Rect::new(10, 10, 64, 64)];
    let request = ScanRequest {
        areas: areas.iter().map(|area| Area::rect(*area)).collect(),
        ..request(&scene, query(&["east"], 10_000))
    };
    let done = run(request);
    assert_eq!((done.windows, done.encoded), (done.ranking.len(), done.ranking.len()));
    let belongs = |rect: &Rect| areas.iter().any(|area| Area::rect(*area).holds(rect));
    assert!(done.ranking.iter().all(|found| belongs(&found.window)));
    let grid = skysift::windows::Grid::new(800, 800, SETTINGS).unwrap();
    assert_eq!(done.windows, (0..grid.len()).filter(|window| belongs(&grid.rect(*window))).count());
}

#[test]
fn promising_places_come_first_and_the_result_is_the_same() {
    // The best windows lie far from where a scan begins.
    let scene = Ramp::new(2000, 2000);
    let plain = run(request(&scene, query(&["south"], 20)));
    let first = run(ScanRequest { coarse: Coarse::First, ..request(&scene, query(&["south"], 20)) });
    assert_eq!(first.ranking.detections, plain.ranking.detections);
    assert!(first.windows > plain.windows, "the windows that say where to look count, too");
    assert!(
        first.early.quarter >= 0.99 && plain.early.quarter < 0.01,
        "{:?}, {:?}",
        first.early,
        plain.early
    );
    let only = run(ScanRequest { coarse: Coarse::Only(0.25), ..request(&scene, query(&["south"], 20)) });
    // A quarter of the places, and as many windows twice as large.
    assert!(only.encoded < plain.encoded * 6 / 10);
    assert_eq!(only.windows, only.encoded);
    assert_eq!(only.ranking[0].window, plain.ranking[0].window);
}

#[test]
fn boxes_are_thinned_out_merged_and_tightened_on_request() {
    let scene = Ramp::new(500, 500);
    let (scanner, encoded) = scanner(Duration::ZERO);
    scanner.send(Command::Scan(request(&scene, query(&["east"], 10))));
    let (windows, plain) = wait(&scanner, finished);
    let boxes = |boxes| Query { boxes, ..query(&["east"], 10) };
    let thinned = ranked(&scanner, boxes(BoxSettings { suppress: Some(0.1), ..BoxSettings::default() }));
    assert_eq!((thinned.len(), thinned[0].window), (10, plain[0].window));
    for (index, one) in thinned.iter().enumerate() {
        assert!(thinned[..index].iter().all(|other| overlap(one.window, other.window) <= 0.1));
    }
    let merged = ranked(&scanner, boxes(BoxSettings { merge: true, ..BoxSettings::default() }));
    assert!(merged.len() < 10 && merged[0].window.width > 32, "{merged:?}");
    let tight = ranked(&scanner, boxes(BoxSettings { tight: true, ..BoxSettings::default() }));
    assert!(!tight.is_empty());
    let off = ranked(&scanner, boxes(BoxSettings::default()));
    assert_eq!(off.detections, plain.detections);
    assert_eq!(encoded.load(Ordering::SeqCst), windows);
}

#[test]
fn refinement_depends_on_the_windows_and_never_on_how_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Ramp::new(333, 200);
    let asked = |refine| Query { refine, rank_by: RankBy::Probability, ..query(&["east", "south"], 7) };
    let fresh = run(stored(&scene, asked(true), folder.path()));
    let known = run(stored(&scene, asked(true), folder.path()));
    assert_eq!((fresh.encoded, known.encoded), (fresh.windows, 0));
    assert_eq!(fresh.ranking.detections, known.ranking.detections);

    let (scanner, _) = scanner(Duration::ZERO);
    scanner.send(Command::Scan(request(&scene, asked(false))));
    let (_, plain) = wait(&scanner, finished);
    let refined = ranked(&scanner, asked(true));
    assert_eq!(refined.detections, fresh.ranking.detections);
    assert_ne!(refined.detections, plain.detections);
    assert_eq!(ranked(&scanner, asked(false)).detections, plain.detections);
}

/// "north" is nowhere: whatever windows say of each other, none of them fits it better than the background.
#[test]
fn refinement_never_makes_a_match_clear() {
    let scene = Ramp::new(333, 200);
    let (scanner, _) = scanner(Duration::ZERO);
    let asked = |refine| Query {
        refine,
        rank_by: RankBy::Probability,
        threshold: Threshold::Auto,
        background: vec!["east".to_owned(), "south".to_owned()],
        ..query(&["north"], 7)
    };
    scanner.send(Command::Scan(request(&scene, asked(false))));
    let (_, plain) = wait(&scanner, finished);
    let refined = ranked(&scanner, asked(true));
    assert_eq!(refined.len(), plain.len());
    for found in refined.iter() {
        let same = plain.iter().find(|other| other.window == found.window);
        assert!(same.is_none_or(|same| same.clear == found.clear), "{found:?}");
    }
}

fn overlap(a: Rect, b: Rect) -> f64 {
    let common = |from: u32, to: u32| f64::from(to.saturating_sub(from));
    let area =
        common(a.x.max(b.x), a.right().min(b.right())) * common(a.y.max(b.y), a.bottom().min(b.bottom()));
    area / (f64::from(a.width * a.height) + f64::from(b.width * b.height) - area)
}

#[test]
fn a_heat_map_is_highest_where_the_best_window_lies() {
    let scene = Ramp::new(500, 500);
    let (scanner, _) = scanner(Duration::ZERO);
    let heat_map = Some(HeatMapOf { keyword: "east".to_owned(), blend: Blend::Max });
    scanner.send(Command::Scan(request(&scene, Query { heat_map, ..query(&["east"], 1) })));
    let (_, ranking) = wait(&scanner, finished);
    let (keyword, map) = ranking.heat_map.clone().unwrap();
    assert_eq!(keyword, "east");
    let at = |x: u32, y: u32| map.values[(y / map.cell) as usize * map.width + (x / map.cell) as usize];
    let (x, y) = ranking[0].window.center();
    assert!(at(x as u32, y as u32) > at(10, 490));
    assert!(map.values.iter().all(|value| value.is_finite()));
}

#[test]
fn expressions_and_examples_point_where_they_should() {
    let scene = Ramp::new(500, 500);
    let (scanner, _) = scanner(Duration::ZERO);
    scanner.send(Command::Scan(request(&scene, query(&["east"], 3))));
    wait(&scanner, finished);
    let difference = ranked(&scanner, query(&["east - south"], 3));
    assert_eq!(difference.len(), 3);
    assert!(difference.iter().all(|found| found.window.y == 0 && found.window.x > 400), "{difference:?}");
    let either = ranked(&scanner, query(&["east | south"], 600));
    let found: HashSet<Rect> = windows_of(&either, "east | south").into_iter().collect();
    assert!(
        expected(&scene, "east", 3)
            .iter()
            .chain(&expected(&scene, "south", 3))
            .all(|best| found.contains(best))
    );

    let place = Rect::new(160, 320, 32, 32);
    let of = ExampleOf::Place(place);
    let examples = vec![Example { name: "1".to_owned(), of }];
    let alike = ranked(&scanner, Query { examples, ..query(&["@1"], 1) });
    assert!((alike[0].cosine - 1.0).abs() < 1e-3, "{alike:?}");
    scanner.send(Command::SetQuery(query(&["@2"], 1)));
    let refused = wait(&scanner, |event| match event {
        Event::Refused(reason) => Some(reason),
        Event::Ranked { ranking } => panic!("an example that nobody gave has a ranking: {ranking:?}"),
        _ => None,
    });
    assert!(refused.contains("@2"), "{refused}");
}

#[test]
fn thumbs_move_the_ranking_and_taking_them_back_restores_it() {
    let scene = Ramp::new(500, 500);
    let (scanner, encoded) = scanner(Duration::ZERO);
    scanner.send(Command::Scan(request(&scene, query(&["middle"], 3))));
    let (windows, before) = wait(&scanner, finished);
    let up = expected(&scene, "south", 2);
    let feedback =
        vec![KeywordFeedback { keyword: "middle".to_owned(), accepted: up.clone(), rejected: Vec::new() }];
    let refined = ranked(&scanner, Query { feedback, ..query(&["middle"], 3) });
    let southward = |ranking: &Ranking| {
        ranking.iter().map(|found| found.window.center().1 - found.window.center().0).sum::<f64>()
    };
    assert!(southward(&refined) > southward(&before));
    let restored = ranked(&scanner, query(&["middle"], 3));
    assert_eq!(restored.detections, before.detections);
    assert_eq!(encoded.load(Ordering::SeqCst), windows, "all of them were windows of the scan");
}

#[test]
fn a_threshold_tells_clear_matches_from_weak_ones() {
    let scene = Ramp::new(500, 500);
    let threshold = Threshold::AtLeast(0.9);
    let done = run(request(&scene, Query { threshold, ..query(&["east", "south"], 1000) }));
    assert!(done.ranking.iter().all(|found| found.clear == (found.cosine >= 0.9)));
    assert!(done.ranking.iter().any(|found| found.clear) && done.ranking.iter().any(|found| !found.clear));
    let keywords = ["east".to_owned(), "south".to_owned()];
    assert!(done.ranking.without_match(&keywords).is_empty());
    let threshold = Threshold::AtLeast(1.5);
    let none = run(request(&scene, Query { threshold, ..query(&["east", "south"], 3) }));
    assert_eq!(none.ranking.without_match(&keywords), ["east", "south"]);
}
