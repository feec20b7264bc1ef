//! `skysift evaluate-detect --methods`: the thesis' boxes beside those that are made of them.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::bail;

use super::detect::{EvaluateDetectArgs, Scans, found_in};
use crate::evaluate::{
    GroundTruth, MethodScores, MethodTable, NoneHere, TruthImage, chance, mean_scores, score_category,
};
use crate::scan::ScanSummary;
use crate::search::{BoxSettings, KeywordFeedback, Query, Ranking, Threshold};

/// A way to make boxes.
struct BoxMethod {
    name: String,
    scales: Vec<u32>,
    boxes: BoxSettings,
    refine: bool,
    /// Cells instead of windows.
    dense: bool,
    /// Boxes of each category that a person says something about, the best first.
    clicks: usize,
}

/// The thesis' method, each addition alone, then together.
fn methods(window: u32) -> Vec<BoxMethod> {
    let mut scales = vec![window, window.div_ceil(2)];
    scales.dedup();
    let thesis = BoxSettings::default();
    let nms = BoxSettings { suppress: Some(BoxSettings::DEFAULT_OVERLAP), ..thesis };
    let merge = BoxSettings { merge: true, ..thesis };
    let tight = BoxSettings { tight: true, ..thesis };
    let one = |name: &str, boxes, clicks| BoxMethod {
        name: name.to_owned(),
        scales: Vec::new(),
        boxes,
        refine: false,
        dense: false,
        clicks,
    };
    let dense = |name: &str, clicks| BoxMethod { dense: true, ..one(name, thesis, clicks) };
    let several =
        |name: &str, boxes, clicks| BoxMethod { scales: scales.clone(), ..one(name, boxes, clicks) };
    vec![
        one("thesis", thesis, 0),
        one("nms", nms, 0),
        one("merge", merge, 0),
        one("heat map", tight, 0),
        several("scales", thesis, 0),
        several("scales, nms", nms, 0),
        several("scales, heat map", tight, 0),
        BoxMethod { scales: vec![window.div_ceil(2)], ..one("half the window", thesis, 0) },
        BoxMethod { refine: true, ..one("refined", thesis, 0) },
        BoxMethod { refine: true, ..several("scales, nms, refined", nms, 0) },
        one("nms, 3 clicks", nms, 3),
        one("nms, 10 clicks", nms, 10),
        several("scales, nms, 10 clicks", nms, 10),
        dense("dense", 0),
        BoxMethod { refine: true, ..dense("dense, refined", 0) },
        dense("dense, 10 clicks", 10),
    ]
}

pub fn run(
    args: &EvaluateDetectArgs,
    scans: &mut Scans,
    truth: &GroundTruth,
    query: &Query,
) -> anyhow::Result<MethodTable> {
    let started = Instant::now();
    let methods = methods(scans.settings.grid.window);
    let mut found = vec![vec![Vec::new(); truth.categories.len()]; methods.len()];
    let mut windows = vec![0; methods.len()];
    let mut times = vec![MethodTime::default(); methods.len()];
    // Of windows of one size, of those at several scales, and refined.
    let first = |is: &dyn Fn(&BoxMethod) -> bool| methods.iter().position(is).unwrap_or(0);
    let told = [
        0,
        first(&|method| !method.scales.is_empty()),
        first(&|method| method.refine),
        first(&|method| method.dense),
    ];
    let mut none_here = BTreeMap::from(told.map(|index| (index, NoneHere::default())));
    for image in &truth.images {
        for (index, method) in methods.iter().enumerate() {
            let refine = method.refine || query.refine;
            let asked = Query { boxes: method.boxes, refine, ..query.clone() };
            let (outcome, grid) = scans.scan(image, &asked, &method.scales, method.dense)?;
            windows[index] += outcome.summary.windows;
            times[index].add(&outcome.summary);
            if let Some(counts) = none_here.get_mut(&index) {
                for (&category, boxes) in &image.boxes {
                    // One word at a time, as a person asks: the other categories then compete as background
                    // words.
                    let keywords = vec![query.keywords[category].clone()];
                    let alone =
                        Query { keywords, threshold: Threshold::Auto, top_k: 1, refine, ..query.clone() };
                    let has_match = scans.query(alone)?.iter().any(|found| found.clear);
                    counts.count(!boxes.is_empty(), has_match);
                }
            }
            let ranking = match method.clicks {
                0 => outcome.ranking,
                clicks => scans.query(Query {
                    feedback: feedback_of(image, &outcome.ranking, query, clicks),
                    ..asked
                })?,
            };
            for (&category, boxes) in &image.boxes {
                let chance = chance(&grid, boxes);
                found[index][category].push(found_in(&ranking, query, category, boxes, chance));
            }
        }
    }
    let Some(card) = &scans.card else { bail!("{} names no image", args.data.display()) };
    let images = truth.images.len();
    // Windows take longer than cells.
    let a_window = [false, true].map(|dense| {
        let alike = methods.iter().zip(&times).filter(|(method, _)| method.dense == dense);
        MethodTime::of_a_window(&alike.map(|(_, time)| *time).collect::<Vec<_>>())
    });
    let rows = methods.iter().zip(&found).zip(windows.into_iter().zip(&times));
    let rows = rows.map(|((method, found), (windows, time))| {
        let results: Vec<_> = found.iter().filter_map(|images| score_category(images, query.top_k)).collect();
        let mean = mean_scores(&results.iter().map(|result| &result.scores).collect::<Vec<_>>());
        let windows = windows as f64 / images.max(1) as f64;
        let seconds = a_window[usize::from(method.dense)].map(|a_window| time.alone(a_window));
        let cells = card.cells.filter(|_| method.dense);
        let passes = windows * cells.map_or(1.0, |cells| cells.passes());
        MethodScores { method: method.name.clone(), windows, passes, seconds, mean }
    });
    Ok(MethodTable {
        data: args.data.display().to_string(),
        model: card.model.clone(),
        model_fingerprint: card.fingerprint.clone(),
        images,
        categories: truth.categories.len(),
        boxes: truth.boxes(),
        failed: scans.failed.windows,
        notices: scans.notices.clone(),
        methods: rows.collect(),
        none_here: none_here
            .into_iter()
            .map(|(index, counts)| (methods[index].name.clone(), counts))
            .collect(),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// How long the scans of a method took, and how many windows they encoded and knew.
#[derive(Clone, Copy, Default)]
struct MethodTime {
    seconds: f64,
    encoded: usize,
    known: usize,
}

impl MethodTime {
    fn add(&mut self, summary: &ScanSummary) {
        self.seconds += summary.seconds;
        self.encoded += summary.windows.saturating_sub(summary.reused);
        self.known += summary.reused;
    }

    /// Seconds to encode a window, by the methods that encoded more than they knew; `None` if there is none.
    fn of_a_window(times: &[Self]) -> Option<f64> {
        let fresh = || times.iter().filter(|time| time.encoded > time.known);
        let encoded: usize = fresh().map(|time| time.encoded).sum();
        (encoded > 0).then(|| fresh().map(|time| time.seconds).sum::<f64>() / encoded as f64)
    }

    /// Seconds without what other methods had encoded.
    fn alone(self, a_window: f64) -> f64 {
        self.seconds + self.known as f64 * a_window
    }
}

/// What a person who knows the truth says about the best boxes of each category: right is what hits.
fn feedback_of(image: &TruthImage, ranking: &Ranking, query: &Query, clicks: usize) -> Vec<KeywordFeedback> {
    let mut all = Vec::new();
    for (&category, boxes) in image.boxes.iter().filter(|(_, boxes)| !boxes.is_empty()) {
        let keyword = &query.keywords[category];
        let mut feedback = KeywordFeedback { keyword: keyword.clone(), ..KeywordFeedback::default() };
        for detection in ranking.iter().filter(|detection| detection.keyword == *keyword).take(clicks) {
            let window = detection.window.into();
            let is_right = boxes.iter().any(|bounds| bounds.hits(&window));
            if is_right { &mut feedback.accepted } else { &mut feedback.rejected }.push(detection.window);
        }
        all.push(feedback);
    }
    all
}
