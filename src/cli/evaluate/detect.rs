//! `skysift evaluate-detect`: how well a scan finds what is known to be in images.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use clap::Args;
use tempfile::TempDir;

use super::methods;
use crate::cli::args::examples::add_examples;
use crate::cli::scan_progress::{FinishedScan, ScanBar, wait};
use crate::cli::{RefineArgs, ScanArgs, output};
use crate::encoder::{DenseAttention, EncoderCard, EncoderLoader, clip_loader};
use crate::evaluate::{
    CategoryInImage, DEFINITIONS, DetectionReport, GroundTruth, MeasuredImage, NamedCategory, RankedWindow,
    TruthImage, chance, mean_scores, score_category,
};
use crate::raster::{Scene, SceneOptions};
use crate::scan::{Command, Event, Failures, ScanSettings, Scanner};
use crate::search::{Detection, Query, RankBy, Ranking, unique_keywords};
use crate::store::Store;
use crate::windows::{Bounds, Grid};

const TOP: usize = 100;

// The truth says what to look for.
#[derive(Args)]
#[command(mut_arg("top", |arg| arg.help("How many windows to keep for each category and image [default: 100]")))]
pub struct EvaluateDetectArgs {
    /// A folder with images and where everything is in them: COCO's JSON, one file for all or one beside each
    pub data: PathBuf,
    #[command(flatten)]
    pub scan: ScanArgs,
    #[command(flatten)]
    refine: RefineArgs,
    /// By what the patches of a transformer attend to each other in dense scans
    #[arg(long, value_enum, default_value_t)]
    attention: DenseAttention,
    /// Compare ways to make boxes: the thesis' windows, one box a place, several scales, heat maps, thumbs
    #[arg(long)]
    methods: bool,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    /// No progress and no notes but what makes the result incomplete
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: &EvaluateDetectArgs) -> anyhow::Result<()> {
    let started = Instant::now();
    let truth = GroundTruth::open(&args.data)?;
    if truth.boxes() == 0 {
        bail!("{} has ground truth without a box, so there is nothing to find", args.data.display());
    }
    let settings = args.scan.settings()?;
    let settings = ScanSettings { top_k: args.scan.rank.top.unwrap_or(TOP), ..settings };
    let mut query = settings.clone().query(unique_keywords(&truth.categories));
    query.refine = args.refine.refine;
    // A category may be called @name after a query that was saved in the window.
    add_examples(&mut query, &[])?;
    let untold: Vec<String> = truth.untold.iter().map(|path| path.display().to_string()).collect();
    if !args.quiet && !untold.is_empty() {
        output::note(format_args!("left out, since no truth tells about them: {}", untold.join(", ")));
    }

    let mut scans = Scans::start(args, settings)?;
    if args.methods {
        output::report(&methods::run(args, &mut scans, &truth, &query)?, args.json)?;
        return scans.check_complete();
    }

    let mut categories = vec![Vec::new(); truth.categories.len()];
    for image in &truth.images {
        let (FinishedScan { ranking, .. }, grid) =
            scans.scan(image, &query, &args.scan.grid.scales, args.scan.grid.dense)?;
        for (&category, boxes) in &image.boxes {
            categories[category].push(found_in(&ranking, &query, category, boxes, chance(&grid, boxes)));
        }
    }

    let results: Vec<_> = categories.iter().map(|images| score_category(images, query.top_k)).collect();
    let (mut named, mut without_boxes) = (Vec::new(), Vec::new());
    for (category, result) in truth.categories.iter().cloned().zip(results) {
        match result {
            Some(result) => named.push(NamedCategory { category, result }),
            None => without_boxes.push(category),
        }
    }
    let Some(card) = scans.card.clone() else { bail!("{} names no image", args.data.display()) };
    let report = DetectionReport {
        data: args.data.display().to_string(),
        model: card.model,
        model_fingerprint: card.fingerprint,
        device: card.device,
        precision: card.precision.name(),
        skysift_version: env!("CARGO_PKG_VERSION"),
        grid: scans.settings.grid,
        prompt: query.template.as_str().to_owned(),
        rank_by: query.rank_by,
        top: query.top_k,
        exact: scans.settings.exact,
        refine: query.refine,
        seconds: started.elapsed().as_secs_f64(),
        background: query.competing_background(),
        keywords: query.keywords,
        definitions: BTreeMap::from(DEFINITIONS),
        images: std::mem::take(&mut scans.images),
        notices: std::mem::take(&mut scans.notices),
        left_out: untold,
        mean: mean_scores(&named.iter().map(|named| &named.result.scores).collect::<Vec<_>>()),
        categories: named,
        categories_without_boxes: without_boxes,
    };
    output::report(&report, args.json)?;
    scans.check_complete()
}

/// One image after the other through one scanner.
pub struct Scans<'a> {
    scanner: Scanner,
    args: &'a ScanArgs,
    /// Several methods look at the same windows, which are encoded once even when nothing is to be kept.
    store: Option<Store>,
    _temporary: Option<TempDir>,
    pub settings: ScanSettings,
    quiet: bool,
    /// Of the last scan: a lost GPU changes the device.
    pub card: Option<EncoderCard>,
    images: Vec<MeasuredImage>,
    /// What there is to know of the images, by their names, and of the model.
    pub notices: Vec<String>,
    pub failed: Failures,
    /// The windows of all scans.
    windows: usize,
}

impl<'a> Scans<'a> {
    pub fn start(args: &'a EvaluateDetectArgs, settings: ScanSettings) -> anyhow::Result<Self> {
        let source = args.scan.run.model.source()?;
        let sharpener = args.scan.run.sharpen.sharpener()?;
        let scanner = Scanner::spawn(|| {});
        let (load, attention) = (clip_loader(source, args.scan.run.run_on(), sharpener), args.attention);
        let load: EncoderLoader = Box::new(move || {
            let mut encoder = load()?;
            encoder.attend_by(attention);
            Ok(encoder)
        });
        if !scanner.send(Command::Load { load, measure: false }) {
            bail!("the scan could not be started");
        }
        // The user's store holds cells by the usual attention alone.
        let is_usual = attention == DenseAttention::default();
        let (mut store, mut temporary) = (args.scan.run.store().filter(|_| is_usual), None);
        if args.methods && store.is_none() {
            let folder = crate::atomic::temporary_folder()?;
            store = Some(Store::new(folder.path()));
            temporary = Some(folder);
        }
        Ok(Self {
            scanner,
            store,
            _temporary: temporary,
            args: &args.scan,
            settings,
            quiet: args.quiet,
            card: None,
            images: Vec::new(),
            notices: Vec::new(),
            failed: Failures::default(),
            windows: 0,
        })
    }

    /// Scans an image for all categories at once.
    pub fn scan(
        &mut self,
        truth: &TruthImage,
        query: &Query,
        scales: &[u32],
        dense: bool,
    ) -> anyhow::Result<(FinishedScan, Grid)> {
        let scene = Arc::new(Scene::open_with(&truth.path, &SceneOptions::from(&self.args.run.storage()))?);
        let (width, height) = scene.size();
        if let Some((told_width, told_height)) = truth.size.filter(|size| *size != scene.size()) {
            bail!(
                "{} has {width} x {height} pixels, but its truth is for {told_width} x {told_height}",
                truth.path.display()
            );
        }
        let grid = Grid::new(width, height, self.settings.grid)?;
        let mut request = self.args.request(&self.settings, &scene, query.clone())?;
        request.scales = scales.to_vec();
        request.dense = dense;
        request.store.clone_from(&self.store);
        if !self.scanner.send(Command::Scan(request)) {
            bail!("the scan could not be started");
        }
        let name = truth.path.file_name().unwrap_or_default().to_string_lossy();
        let bar = ScanBar::new(self.quiet, grid.len() as u64, &name, scene.notices());
        let outcome = wait(&self.scanner, &query.keywords, &bar)?;
        self.take_down(&name, &scene, &outcome);
        let cells = outcome.summary.card.cells.filter(|_| dense);
        let encoded = outcome.summary.windows.saturating_sub(outcome.summary.reused);
        let passes = encoded as f64 * cells.map_or(1.0, |cells| cells.passes());
        self.images.push(MeasuredImage {
            image: truth.path.display().to_string(),
            width,
            height,
            scene_fingerprint: scene.fingerprint(),
            windows: outcome.summary.windows,
            passes: passes.round() as usize,
            failed: outcome.summary.failed.windows,
            boxes: truth.boxes.values().map(Vec::len).sum(),
        });
        Ok((outcome, grid))
    }

    fn take_down(&mut self, name: &str, scene: &Scene, outcome: &FinishedScan) {
        self.card = Some(outcome.summary.card.clone());
        self.windows += outcome.summary.all_windows();
        let Failures { windows, reason } = &outcome.summary.failed;
        if *windows > 0 && self.failed.windows == 0 {
            self.failed.reason.clone_from(reason);
        }
        self.failed.windows += windows;
        let of_scene = scene.notices().list().into_iter().map(|notice| format!("{name}: {notice}"));
        for notice in of_scene.chain(outcome.notices.iter().cloned()) {
            // Several methods look at the same image.
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
    }

    /// Says how much of all images could not be read.
    ///
    /// # Errors
    /// When that is anything: what was measured is of the rest.
    pub fn check_complete(&self) -> anyhow::Result<()> {
        match self.failed.sentence(self.windows) {
            Some(incomplete) => bail!(incomplete),
            None => Ok(()),
        }
    }

    /// Looks for something else in the windows of the last scan.
    pub fn query(&self, query: Query) -> anyhow::Result<Ranking> {
        if !self.scanner.send(Command::SetQuery(query)) {
            bail!("the scanner is busy");
        }
        for event in self.scanner.events() {
            match event {
                Event::Ranked { ranking } => return Ok(ranking),
                Event::Failed(message) | Event::Refused(message) => bail!(message),
                _ => {}
            }
        }
        bail!("the scan ended without a result")
    }
}

/// What was found of a category whose boxes are known.
pub fn found_in(
    ranking: &Ranking,
    query: &Query,
    category: usize,
    boxes: &[Bounds],
    chance: f64,
) -> CategoryInImage {
    let own = ranking.iter().filter(|detection| detection.keyword == query.keywords[category]);
    let windows = own.map(|detection| ranked(detection, query.rank_by)).collect();
    CategoryInImage { boxes: boxes.to_vec(), windows, chance }
}

fn ranked(detection: &Detection, rank_by: RankBy) -> RankedWindow {
    let score = match rank_by {
        RankBy::Probability => detection.probability,
        RankBy::Cosine => detection.cosine,
    };
    RankedWindow { score, bounds: detection.window.into() }
}
