//! The scanner from the outside, with a scene and an encoder whose answers are known.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use skysift::clip::ClipError;
use skysift::encoder::{Encoder, EncoderCard, EncoderError, Preprocessor};
use skysift::notices::Notices;
use skysift::raster::{Pixels, RasterError, Rect};
use skysift::scan::{Command, Event, ScanRequest, Scanner, SceneIdentity, SceneSource};
use skysift::search::Ranking;
use skysift::search::{PromptTemplate, Query, RankBy};
use skysift::windows::{Edges, Grid, GridSettings};

/// A scene whose red and green tell the position: (x / 16, y / 16).
pub struct Ramp {
    pub size: (u32, u32),
    pub reads: AtomicUsize,
    /// Reads that touch this rectangle fail.
    pub damaged: Option<Rect>,
    /// Pixels in this rectangle have no data.
    pub hole: Option<Rect>,
    /// Windows that begin in this rectangle can't be resized.
    pub unresizable: Option<Rect>,
    /// Told whenever a hole is read.
    pub told: Option<&'static str>,
    pub notices: Notices,
}

impl Default for Ramp {
    fn default() -> Self {
        Self {
            size: (333, 200),
            reads: AtomicUsize::new(0),
            damaged: None,
            hole: None,
            unresizable: None,
            told: None,
            notices: Notices::default(),
        }
    }
}

impl Ramp {
    pub fn new(width: u32, height: u32) -> Arc<Self> {
        Arc::new(Self { size: (width, height), ..Self::default() })
    }
}

/// Why a part of it can't be read.
fn cut_off() -> RasterError {
    RasterError::Damaged { path: "ramp".into(), reason: "a tile is cut off".to_owned() }
}

impl SceneSource for Ramp {
    fn identity(&self, _: Duration) -> SceneIdentity {
        SceneIdentity::Known { scene: "ramp".into(), fingerprint: format!("{:?} {:?}", self.size, self.hole) }
    }

    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn level_sizes(&self) -> Vec<(u32, u32)> {
        vec![self.size]
    }

    fn read(&self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        assert_eq!(level, 0);
        assert!(rect.right() <= self.size.0 && rect.bottom() <= self.size.1, "{rect:?} is not in the scene");
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.damaged.is_some_and(|damaged| damaged.intersects(&rect)) {
            return Err(cut_off());
        }
        let hole = |x, y| self.hole.is_some_and(|hole| hole.intersects(&Rect::new(x, y, 1, 1)));
        let bad = |x, y| self.unresizable.is_some_and(|bad| bad.intersects(&Rect::new(x, y, 1, 1)));
        let pixel = |x: u32, y: u32| {
            let blue = if bad(x, y) { UNRESIZABLE } else { 0 };
            if hole(x, y) { [0; 4] } else { [(x / 16) as u8, (y / 16) as u8, blue, 255] }
        };
        if let Some(told) = self.told.filter(|_| self.hole.is_some_and(|hole| hole.intersects(&rect))) {
            self.notices.tell(told);
        }
        let rows = rect.y..rect.bottom();
        let rgba = rows.flat_map(|y| (rect.x..rect.right()).flat_map(move |x| pixel(x, y))).collect();
        Ok(Pixels { width: rect.width, height: rect.height, rgba })
    }

    fn notices(&self) -> Notices {
        self.notices.clone()
    }

    fn read_scaled(&self, _: Rect, _: u32, _: u32) -> Result<Pixels, RasterError> {
        unreachable!("no window here is large enough")
    }
}

/// A window whose first pixel has this blue can't be resized.
const UNRESIZABLE: u8 = 77;

/// Takes the colour of the window's first pixel for its place.
struct TopLeft;

impl Preprocessor for TopLeft {
    fn describe(&self) -> String {
        "the first pixel".to_owned()
    }

    fn input_len(&self) -> usize {
        2
    }

    fn window(
        &self,
        pixels: &Pixels,
        left: f64,
        top: f64,
        side: f64,
        out: &mut [f32],
    ) -> Result<(), EncoderError> {
        assert!(left + side <= f64::from(pixels.width) && top + side <= f64::from(pixels.height));
        let offset = (top as usize * pixels.width as usize + left as usize) * 4;
        // No window begins with so much blue: the scene paints it where resizing is to fail.
        if pixels.rgba[offset + 2] == UNRESIZABLE {
            return Err(
                ClipError::File { path: "fake".into(), reason: "it can't be resized".to_owned() }.into()
            );
        }
        out[0] = f32::from(pixels.rgba[offset]);
        out[1] = f32::from(pixels.rgba[offset + 1]);
        Ok(())
    }
}

/// A window's embedding is its direction from the top left; "east" points to the right, "south" down.
struct Compass {
    encoded: Arc<AtomicUsize>,
    /// Time that a batch takes.
    pause: Duration,
    notice: Option<String>,
}

fn normalised(x: f32, y: f32) -> Vec<f32> {
    let norm = (x * x + y * y).sqrt().max(1e-6);
    vec![x / norm, y / norm]
}

impl Encoder for Compass {
    fn card(&self) -> EncoderCard {
        EncoderCard {
            model: "compass".to_owned(),
            fingerprint: String::new(),
            device: "CPU".to_owned(),
            precision: skysift::clip::Precision::Single,
            input_size: 8,
            embedding_len: 2,
            batch_size: 4,
            logit_scale: 100.0,
            scoring: skysift::clip::Scoring::Softmax,
            cells: None,
            known_words: skysift::clip::KnownWords::default(),
            ground_sizes: None,
        }
    }

    fn preprocessor(&self) -> Arc<dyn Preprocessor> {
        Arc::new(TopLeft)
    }

    fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, EncoderError> {
        assert!(input.len() <= 8, "a batch is at most four windows");
        self.encoded.fetch_add(input.len() / 2, Ordering::SeqCst);
        std::thread::sleep(self.pause);
        Ok(input.chunks(2).flat_map(|place| normalised(place[0] + 1.0, place[1] + 1.0)).collect())
    }

    fn encode_texts(&mut self, sentences: &[String]) -> Result<Vec<Vec<f32>>, EncoderError> {
        let embed = |sentence: &String| match sentence.as_str() {
            "a photo of a east" => vec![1.0, 0.0],
            "a photo of a south" => vec![0.0, 1.0],
            _ => normalised(1.0, 1.0),
        };
        Ok(sentences.iter().map(embed).collect())
    }

    fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }
}

pub fn query(keywords: &[&str], top_k: usize) -> Query {
    Query {
        keywords: keywords.iter().map(|&keyword| keyword.to_owned()).collect(),
        template: PromptTemplate::default(),
        background: Vec::new(),
        rank_by: RankBy::Cosine,
        top_k,
        ..Query::default()
    }
}

pub const SETTINGS: GridSettings = GridSettings { tile: 16, window: 2, step: 1, edges: Edges::Cover };

pub fn request(scene: &Arc<Ramp>, query: Query) -> ScanRequest {
    ScanRequest::new(Arc::clone(scene) as _, SETTINGS, query)
}

/// A scanner with a compass in it, and the count of windows it has encoded.
pub fn scanner(pause: Duration) -> (Scanner, Arc<AtomicUsize>) {
    let encoded = Arc::new(AtomicUsize::new(0));
    let scanner = Scanner::spawn(|| {});
    let compass = Compass { encoded: Arc::clone(&encoded), pause, notice: None };
    assert!(scanner.send(Command::Load { load: Box::new(|| Ok(Box::new(compass) as _)), measure: false }));
    (scanner, encoded)
}

/// The next event that `wanted` turns into something.
pub fn wait<T>(scanner: &Scanner, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    loop {
        let event = scanner.events().recv_timeout(Duration::from_mins(1)).expect("the scanner fell silent");
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

pub fn finished(event: Event) -> Option<(usize, Ranking)> {
    match event {
        Event::Finished { summary, ranking } => Some((summary.windows, ranking)),
        Event::Failed(message) => panic!("{message}"),
        _ => None,
    }
}

/// The windows that a plain loop over the grid finds best.
pub fn expected(scene: &Ramp, keyword: &str, top_k: usize) -> Vec<Rect> {
    let grid = Grid::new(scene.size.0, scene.size.1, SETTINGS).unwrap();
    let mut all: Vec<(f32, usize)> = (0..grid.len())
        .map(|index| {
            let rect = grid.rect(index);
            let direction = normalised((rect.x / 16) as f32 + 1.0, (rect.y / 16) as f32 + 1.0);
            // Embeddings are kept in half precision.
            (half::f16::from_f32(direction[usize::from(keyword == "south")]).to_f32(), index)
        })
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    all.into_iter().take(top_k).map(|(_, index)| grid.rect(index)).collect()
}

pub fn windows_of(ranking: &Ranking, keyword: &str) -> Vec<Rect> {
    ranking
        .iter()
        .filter(|detection| detection.keyword == keyword)
        .map(|detection| detection.window)
        .collect()
}

#[test]
fn a_scan_ranks_as_a_plain_loop_does() {
    let scene = Ramp::new(333, 200);
    let (scanner, encoded) = scanner(Duration::ZERO);
    scanner.send(Command::Scan(request(&scene, query(&["east", "south"], 7))));
    let (windows, ranking) = wait(&scanner, finished);
    assert_eq!(windows, Grid::new(333, 200, SETTINGS).unwrap().len());
    assert_eq!(encoded.load(Ordering::SeqCst), windows);
    for keyword in ["east", "south"] {
        assert_eq!(windows_of(&ranking, keyword), expected(&scene, keyword, 7));
    }
}

#[test]
fn a_keyword_added_later_is_compared_with_all_windows_and_encodes_none_again() {
    let scene = Ramp::new(333, 200);
    let (scanner, encoded) = scanner(Duration::from_millis(2));
    scanner.send(Command::Scan(request(&scene, query(&["east"], 5))));
    wait(&scanner, |event| {
        matches!(event, Event::Batch { progress, .. } if progress.done > 20).then_some(())
    });
    scanner.send(Command::SetQuery(query(&["east", "south"], 5)));
    let (windows, ranking) = wait(&scanner, finished);
    assert_eq!(windows_of(&ranking, "south"), expected(&scene, "south", 5));

    scanner.send(Command::SetQuery(query(&["south"], 9)));
    let ranking = wait(&scanner, |event| match event {
        Event::Ranked { ranking } => Some(ranking),
        _ => None,
    });
    assert_eq!(windows_of(&ranking, "south"), expected(&scene, "south", 9));
    assert!(windows_of(&ranking, "east").is_empty());
    assert_eq!(encoded.load(Ordering::SeqCst), windows);
}

#[test]
fn cancelling_keeps_what_was_found_and_stops_within_a_batch() {
    let scene = Ramp::new(2000, 2000);
    let (scanner, encoded) = scanner(Duration::from_millis(20));
    scanner.send(Command::Scan(request(&scene, query(&["east"], 5))));
    wait(&scanner, |event| matches!(event, Event::Batch { .. }).then_some(()));
    let before = encoded.load(Ordering::SeqCst);
    scanner.cancel();
    let mut kept = Ranking::default();
    let done = wait(&scanner, |event| match event {
        Event::Ranked { ranking } => {
            kept = ranking;
            None
        }
        Event::Cancelled(progress) => Some(progress.done),
        _ => None,
    });
    assert!(done <= before + 8, "{done} windows were done, {before} when it was cancelled");
    assert_eq!(kept.len(), done.min(5));

    // The cancellation is spent: the next scan runs.
    let small = Ramp::new(100, 100);
    scanner.send(Command::Scan(request(&small, query(&["east"], 5))));
    assert_eq!(windows_of(&wait(&scanner, finished).1, "east"), expected(&small, "east", 5));
}

#[test]
fn a_scan_cancelled_before_it_begins_does_not_run() {
    let scene = Ramp::new(2000, 2000);
    let (scanner, _) = scanner(Duration::from_millis(5));
    scanner.send(Command::Scan(request(&scene, query(&["east"], 5))));
    scanner.cancel();
    let done = wait(&scanner, |event| match event {
        Event::Cancelled(progress) => Some(progress.done),
        Event::Finished { .. } => panic!("it ran to the end"),
        _ => None,
    });
    assert!(done <= 8);
}

#[test]
fn the_view_comes_first() {
    let scene = Ramp::new(4096, 4096);
    let (scanner, _) = scanner(Duration::from_millis(1));
    let mut request = request(&scene, query(&["south"], 1));
    request.view = Some(Rect::new(0, 4000, 64, 64));
    scanner.send(Command::Scan(request));
    // The bottom left corner is in view, and no other corner looks as much to the south.
    wait(&scanner, |event| match event {
        Event::Batch { ranking, progress } => {
            let done = progress.done;
            // A block for each of the threads that read, and no more.
            assert!(done < 4 * 256, "{ranking:?} after {done} windows");
            ranking.iter().any(|found| found.window.x < 400 && found.window.y > 3600).then_some(())
        }
        Event::Finished { .. } => panic!("nothing was told on the way"),
        _ => None,
    });
}

#[test]
fn a_scene_smaller_than_a_window_is_padded_to_one() {
    let scene = Ramp::new(5, 3);
    let (scanner, _) = scanner(Duration::ZERO);
    scanner.send(Command::Scan(request(&scene, query(&["east"], 5))));
    let (windows, ranking) = wait(&scanner, finished);
    assert_eq!(windows, 1);
    // The window reaches past the scene; what is found doesn't, and what lies beyond has no data.
    assert_eq!(windows_of(&ranking, "east"), [Rect::new(0, 0, 5, 3)]);
    assert!((ranking[0].nodata - (1.0 - 15.0 / 1024.0)).abs() < 1e-6, "{}", ranking[0].nodata);
}

#[test]
fn a_narrow_scene_has_windows_that_are_cut_at_its_edge_and_an_area_beyond_it_is_outside() {
    let scene = Ramp::new(20, 100);
    let (scanner, _) = scanner(Duration::ZERO);
    scanner.send(Command::Scan(request(&scene, query(&["south"], 100))));
    let (windows, ranking) = wait(&scanner, finished);
    assert_eq!((windows, ranking.len()), (6, 6));
    for found in ranking.iter() {
        assert_eq!((found.window.x, found.window.width, found.window.height), (0, 20, 32));
        assert!((found.nodata - 0.375).abs() < 1e-6, "{}", found.nodata);
    }
    let beyond = ScanRequest {
        areas: vec![skysift::windows::Area::rect(Rect::new(25, 0, 5, 5))],
        ..request(&scene, query(&["south"], 100))
    };
    assert!(beyond.layouts().is_err());
}

#[test]
fn damaged_parts_are_left_out_and_counted() {
    let damaged = Rect::new(0, 0, 40, 40);
    let scene = Arc::new(Ramp { damaged: Some(damaged), ..Ramp::default() });
    let (scanner, _) = scanner(Duration::ZERO);
    scanner.send(Command::Scan(request(&scene, query(&["east"], 1000))));
    let mut on_the_way = 0;
    let (windows, failed, ranking) = wait(&scanner, |event| match event {
        Event::Finished { summary, ranking } => Some((summary.windows, summary.failed, ranking)),
        Event::Batch { progress, .. } => {
            on_the_way = progress.failed.windows;
            None
        }
        _ => None,
    });
    let grid = Grid::new(333, 200, SETTINGS).unwrap();
    let whole = (0..grid.len()).filter(|&index| !grid.rect(index).intersects(&damaged)).count();
    assert_eq!((windows, windows_of(&ranking, "east").len()), (whole, whole));
    let lost = grid.len() - whole;
    assert_eq!((failed.windows, on_the_way, failed.reason.as_str()), (lost, lost, &*cut_off().to_string()));
    let sentence = format!("{lost} of {} windows could not be read: {}", grid.len(), cut_off());
    assert_eq!(failed.sentence(grid.len()), Some(sentence));
}

/// Nothing is known of such a window: it's neither ranked nor stored, and the next scan tries it again.
#[test]
fn a_window_that_cannot_be_resized_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let unresizable = Some(Rect::new(64, 64, 1, 1));
    let scene = Arc::new(Ramp { unresizable, ..Ramp::default() });
    let all = Grid::new(333, 200, SETTINGS).unwrap().len();
    for known in [0, all - 1] {
        let (scanner, encoded) = scanner(Duration::ZERO);
        let store = Some(skysift::store::Store::new(folder.path()));
        scanner.send(Command::Scan(ScanRequest { store, ..request(&scene, query(&["east"], 1000)) }));
        let (windows, found, failed, ranking) = wait(&scanner, |event| match event {
            Event::Finished { summary, ranking } => {
                Some((summary.windows, summary.reused, summary.failed, ranking))
            }
            Event::Failed(message) => panic!("{message}"),
            _ => None,
        });
        assert_eq!((windows, found, failed.windows), (all - 1, known, 1));
        assert_eq!(encoded.load(Ordering::SeqCst), all - 1 - known);
        assert!(!windows_of(&ranking, "east").contains(&Rect::new(64, 64, 32, 32)));
        assert_eq!(failed.reason, "fake: it can't be resized");
    }
}

#[test]
fn windows_without_data_are_skipped_and_counted_and_gaps_are_flagged() {
    // Two windows wide, the hole begins in the middle of a window.
    let hole = Rect::new(120, 0, 80, 200);
    let scene = Arc::new(Ramp { hole: Some(hole), ..Ramp::default() });
    let grid = Grid::new(333, 200, SETTINGS).unwrap();
    let rects = || (0..grid.len()).map(|index| grid.rect(index));
    let inside = |rect: &Rect| rect.x >= hole.x && rect.right() <= hole.right();
    let empty = rects().filter(inside).count();
    assert!(empty > 0);
    let mut rankings = Vec::new();
    for view in [None, Some(Rect::new(300, 100, 10, 10))] {
        let (scanner, encoded) = scanner(Duration::ZERO);
        let mut request = request(&scene, query(&["east"], 1000));
        request.view = view;
        scanner.send(Command::Scan(request));
        let (windows, skipped, ranking) = wait(&scanner, |event| match event {
            Event::Finished { summary, ranking } => Some((summary.windows, summary.skipped, ranking)),
            Event::Failed(message) => panic!("{message}"),
            _ => None,
        });
        assert_eq!((windows, skipped), (grid.len() - empty, empty));
        assert_eq!(encoded.load(Ordering::SeqCst), windows);
        assert_eq!(ranking.len(), windows);
        for detection in ranking.iter() {
            assert!(!inside(&detection.window), "{:?} has no data", detection.window);
            let gap =
                detection.window.right().min(hole.right()).saturating_sub(detection.window.x.max(hole.x));
            let part = f64::from(gap) / 32.0;
            assert!((f64::from(detection.nodata) - part).abs() < 1e-6, "{detection:?}");
        }
        // A new keyword does not bring them back, and knows the gaps.
        scanner.send(Command::SetQuery(query(&["east", "south"], 1000)));
        let again = wait(&scanner, |event| match event {
            Event::Ranked { ranking } => Some(ranking),
            _ => None,
        });
        assert_eq!(windows_of(&again, "south").len(), windows);
        assert_eq!(encoded.load(Ordering::SeqCst), windows);
        assert!(again.iter().any(|detection| detection.nodata > 0.0));
        rankings.push(ranking);
    }
    assert_eq!(rankings[0].detections, rankings[1].detections, "the order of reading does not matter");
}

#[test]
fn a_scene_without_any_data_finds_nothing() {
    let hole = Some(Rect::new(0, 0, 333, 200));
    let scene = Arc::new(Ramp { hole, ..Ramp::default() });
    let (scanner, encoded) = scanner(Duration::ZERO);
    scanner.send(Command::Scan(request(&scene, query(&["east"], 5))));
    let (windows, ranking) = wait(&scanner, finished);
    assert_eq!((windows, ranking.len(), encoded.load(Ordering::SeqCst)), (0, 0, 0));
}

#[test]
fn a_scene_that_cannot_be_read_at_all_fails() {
    let damaged = Some(Rect::new(0, 0, 333, 200));
    let scene = Arc::new(Ramp { damaged, ..Ramp::default() });
    let (scanner, _) = scanner(Duration::ZERO);
    scanner.send(Command::Scan(request(&scene, query(&["east"], 5))));
    let message = wait(&scanner, |event| match event {
        Event::Failed(message) => Some(message),
        _ => None,
    });
    assert!(message.contains("could be read"), "{message}");
}

#[test]
fn a_model_that_does_not_load_is_said_and_a_scan_without_one_too() {
    let scanner = Scanner::spawn(|| {});
    let load =
        Box::new(|| Err(ClipError::File { path: "fake".into(), reason: "no such model".to_owned() }.into()));
    scanner.send(Command::Load { load, measure: true });
    let message = wait(&scanner, |event| match event {
        Event::LoadFailed(message) => Some(message),
        _ => None,
    });
    assert_eq!(message, "fake: no such model");
    scanner.send(Command::Scan(request(&Ramp::new(99, 99), query(&["east"], 5))));
    wait(&scanner, |event| matches!(event, Event::Failed(_)).then_some(()));
}

#[test]
fn what_happens_to_the_device_is_told() {
    let encoded = Arc::new(AtomicUsize::new(0));
    let notice = Some("The graphics card was lost; going on on the CPU".to_owned());
    let compass = Compass { encoded, pause: Duration::ZERO, notice };
    let scanner = Scanner::spawn(|| {});
    scanner.send(Command::Load { load: Box::new(|| Ok(Box::new(compass) as _)), measure: false });
    wait(&scanner, |event| matches!(event, Event::Notice(notice) if notice.contains("lost")).then_some(()));
}

#[test]
fn nobody_listening_does_not_hold_up_a_scan() {
    let scene = Ramp::new(3000, 3000);
    let (scanner, encoded) = scanner(Duration::ZERO);
    let all = Grid::new(3000, 3000, SETTINGS).unwrap().len();
    scanner.send(Command::Scan(request(&scene, query(&["east"], 5))));
    for _ in 0..600 {
        if encoded.load(Ordering::SeqCst) == all {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("only {} of {all} windows were encoded", encoded.load(Ordering::SeqCst));
}
