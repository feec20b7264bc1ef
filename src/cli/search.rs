//! `skysift search`: everything that was indexed, as one scene.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::bail;
use clap::Args;

use super::args::examples::add_examples;
use super::args::export::ExportArgs;
use super::args::inputs;
use super::stored_scenes::{Chosen, StoredScenes};
use super::{KeywordArgs, Like, RankArgs, RefineArgs, RunArgs, wrong_usage};
use crate::clip::Sharpener;
use crate::encoder::clip_loader;
use crate::export::{LibraryDetection, LibraryReport, Origin, write_library_report};
use crate::scan::{ScanOverrides, ScanSettings};
use crate::search::{
    LibraryMatch, LibrarySearch, Query, Threshold, open_scenes, own_phrases, scenes_by_model, unique_keywords,
};
use crate::store::{Inventory, StoredCollection};

#[derive(Args)]
pub struct SearchArgs {
    /// Only these images, wherever they lie now [default: everything that was indexed with the model]
    #[arg(value_name = "IMAGE", conflicts_with = "all")]
    images: Vec<PathBuf>,
    /// Everything that was indexed with the model, as without IMAGE
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    words: KeywordArgs,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    rank: RankArgs,
    #[command(flatten)]
    refine: RefineArgs,
    /// Look for what is like a picture, or a place in one; may be given several times
    #[arg(long, value_name = "FILE[,x,y,w,h]")]
    like: Vec<Like>,
    /// Search the cells of scenes that were indexed with --dense, and outline what stands out among them
    #[arg(long, conflicts_with = "sharpen")]
    dense: bool,
    /// Only windows with these sides, in pixels; else those of all scans take part
    #[arg(long, value_name = "PIXELS,…", value_delimiter = ',')]
    window_pixels: Vec<u32>,
    // Places come from the images; a window whose image is gone, or has no place, has pixels only.
    #[command(flatten)]
    export: ExportArgs,
    /// Print nothing but the result and what makes it incomplete
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: &SearchArgs) -> anyhow::Result<()> {
    if args.words.keywords.is_empty() && args.like.is_empty() {
        wrong_usage("say what to look for with -k WORD or --like FILE");
    }
    args.export.check();
    let Some(store) = args.run.store() else {
        bail!("there is nothing to search: --store or SKYSIFT_STORE says none");
    };
    let asked = ScanOverrides { dense: Some(args.dense), ..args.rank.overrides()? };
    let settings = ScanSettings::default().overruled_by(asked);
    let mut query = settings.query(unique_keywords(&args.words.keywords));
    query.refine = args.refine.refine;
    add_examples(&mut query, &args.like)?;
    query.expressions()?;
    let mut scenes = StoredScenes::named(&args.images, args.dense, args.quiet, args.run.storage())?;
    let inventory = Inventory::of(&store)?;
    args.check_outputs(&inventory)?;
    let source = args.run.model.source()?;
    let sharpener = args.run.sharpen.sharpener()?;
    let mut encoder = clip_loader(source, args.run.run_on(), sharpener.clone())()?;
    let card = encoder.card();
    let mut report = LibraryReport::new(&card, &query);
    let of_model = std::iter::from_fn(|| encoder.take_notice());
    let phrases: Vec<String> = query.keywords.iter().flat_map(|keyword| own_phrases(keyword)).collect();
    let of_words = card.known_words.note_on(phrases.iter().map(String::as_str));
    for text in of_model.chain(of_words) {
        scenes.tell(text);
    }

    let started = Instant::now();
    inventory.damaged.iter().for_each(|damage| scenes.fail(damage));
    let sharpened_by = sharpener.as_deref().map(Sharpener::fingerprint);
    let (entries, others) = scenes_by_model(&inventory, &card.fingerprint, sharpened_by, args.dense);
    let chosen = scenes.select(entries, &store.root)?;
    if others > 0 && args.images.is_empty() {
        let are = if others == 1 { "scene is" } else { "scenes are" };
        scenes
            .tell(format!("{others} {are} indexed with other models or another --sharpen only and left out"));
    }
    let mut search = LibrarySearch::new(&query, encoder.as_mut());
    for some in chosen.chunks(rayon::current_num_threads().max(1)) {
        let entries: Vec<&StoredCollection> = some.iter().map(|chosen| &chosen.entry).collect();
        for (chosen, scene) in some.iter().zip(open_scenes(&entries, &args.window_pixels)) {
            match scene {
                Ok(mut scene) => {
                    for remark in scene.remarks() {
                        scenes.remark(format!("{}: {remark}", chosen.name));
                    }
                    scene.take_notices().iter().for_each(|notice| scenes.fail(notice));
                    search.add(&scene)?;
                    report.scenes += 1;
                    report.windows += scene.windows();
                }
                Err(error) => scenes.fail(&format!("{} is left out: {error}", chosen.name)),
            }
        }
    }
    let found = search.finish();
    report.seconds = started.elapsed().as_secs_f64();

    let clear: Vec<&LibraryMatch> = found.iter().filter(|found| found.detection.clear).collect();
    report.detections = place(&clear, &query, &chosen, &mut scenes);
    report.notices.append(&mut scenes.notices);
    if query.threshold != Threshold::Off {
        report.find_keywords_without_match();
        report
            .no_clear_match
            .iter()
            .for_each(|keyword| scenes.note(&format!("no clear match for {keyword}")));
    }
    let unplaced = report.detections.iter().filter(|found| found.detection.footprint.is_none()).count();
    if let Some(name) = args.export.format().on_globe().filter(|_| unplaced > 0) {
        if name != "GeoJSON" && unplaced == report.detections.len() {
            bail!(
                "cannot write {name}: nothing that was found has a longitude and latitude; write --format json or csv"
            );
        }
        let have = if unplaced == 1 { "window has" } else { "windows have" };
        scenes.note(&format!("{unplaced} {have} no place on the map and therefore no geometry"));
    }
    let open = |origin: &Origin| {
        let is_it = |chosen: &&Chosen| chosen.entry.provenance.scene_fingerprint == origin.scene_fingerprint;
        scenes.open_again(chosen.iter().find(is_it))
    };
    args.export.write(
        args.quiet,
        None,
        &open,
        || report.records(),
        |format, options, out| write_library_report(&report, format, options, out),
    )?;
    scenes.check()
}

/// Places on the globe for what was found, in its order. Each image is opened once, and one at a time.
fn place(
    found: &[&LibraryMatch],
    query: &Query,
    chosen: &[Chosen],
    scenes: &mut StoredScenes,
) -> Vec<LibraryDetection> {
    let mut of_scene: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, found) in found.iter().enumerate() {
        of_scene.entry(&found.scene.scene_fingerprint).or_default().push(index);
    }
    let mut placed = BTreeMap::new();
    let mut lost = BTreeSet::new();
    for (fingerprint, indices) in of_scene {
        let is_it = |chosen: &&Chosen| chosen.entry.provenance.scene_fingerprint == fingerprint;
        let Some(chosen) = chosen.iter().find(is_it) else { continue };
        let failed = scenes.failed;
        let scene = scenes.open(chosen);
        if scene.is_none() && scenes.failed == failed {
            lost.insert(&chosen.name);
        }
        let lon_lat = |x, y| scene.as_ref().and_then(|scene| scene.lon_lat(x, y));
        let pixel_size = |x, y| scene.as_ref().and_then(|scene| scene.ground_sample_distance_at(x, y));
        for index in indices {
            let name = chosen.name.clone();
            let detection = LibraryDetection::new(found[index], name, query.rank_by, lon_lat, pixel_size);
            placed.insert(index, detection);
        }
    }
    for image in lost {
        scenes.tell(format!("{image} is gone or was changed, so its windows are in pixels only"));
    }
    placed.into_values().collect()
}

impl SearchArgs {
    /// Whether nothing that is written replaces what is read: the images, too, which tell where windows lie.
    fn check_outputs(&self, inventory: &Inventory) -> anyhow::Result<()> {
        let named = inputs::named(&[("-o", self.export.output.as_ref())]);
        if named.is_empty() {
            return Ok(());
        }
        let mut inputs = inputs::inputs();
        let stored = inventory.entries.iter().flat_map(|entry| &entry.places).map(PathBuf::as_path);
        self.images.iter().map(PathBuf::as_path).chain(stored).for_each(|image| inputs.image(image));
        self.run.add_to(&mut inputs);
        self.rank.add_to(&mut inputs);
        Like::add_to(&self.like, &mut inputs);
        Ok(inputs.check(&named)?)
    }
}
