//! `skysift search`: everything that was indexed, as one scene.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::bail;
use clap::Args;

use super::detect::print;
use super::examples::add_examples;
use super::stored_scenes::StoredScenes;
use super::{KeywordArgs, Like, RankArgs, RunArgs, wrong_usage};
use crate::export::{Format, LibraryDetection, LibraryReport, write_library_report};
use crate::scan::{Inventory, LibrarySearch, Threshold, clip_loader, open_scenes, scenes_by_model};

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
    /// Look for what is like a picture, or a place in one; may be given several times
    #[arg(long, value_name = "FILE[,x,y,w,h]")]
    like: Vec<Like>,
    /// Only windows with these sides, in pixels; else those of all scans take part
    #[arg(long, value_name = "PIXELS,…", value_delimiter = ',')]
    window_pixels: Vec<u32>,
    /// The form of the result. Places come from the images; a window whose image is gone, or has no place, has pixels
    /// only, and no geometry in GeoJSON
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Where the result goes [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print nothing but the result
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: &SearchArgs) -> anyhow::Result<()> {
    if args.words.keywords.is_empty() && args.like.is_empty() {
        wrong_usage("say what to look for with -k WORD or --like FILE");
    }
    let note = |text: &str| {
        if !args.quiet {
            eprintln!("skysift: {text}");
        }
    };
    args.run.set_storage();
    let Some(store) = args.run.store() else {
        bail!("there is nothing to search: --store or SKYSIFT_STORE says none");
    };
    let mut query = args.rank.query(&args.words.keywords)?;
    add_examples(&mut query, &args.like)?;
    query.expressions()?;
    let mut scenes = StoredScenes::named(&args.images)?;
    let inventory = Inventory::of(&store)?;
    let source = args.run.model.source()?;
    let mut encoder = clip_loader(source, args.run.device.unwrap_or_default())()?;
    let card = encoder.card();
    while let Some(text) = encoder.take_notice() {
        note(&text);
    }
    if let Some(text) = card.known_words.note_on(query.keywords.iter().map(String::as_str)) {
        note(&text);
    }

    let started = Instant::now();
    let (entries, others) = scenes_by_model(&inventory, &card.fingerprint);
    let entries = scenes.select(entries, &store.root)?;
    if others > 0 && args.images.is_empty() {
        let are = if others == 1 { "scene is" } else { "scenes are" };
        note(&format!("{others} {are} indexed with other models only and left out"));
    }
    let mut report = LibraryReport::new(&card, &query);
    let mut search = LibrarySearch::new(&query, encoder.as_mut());
    for entries in entries.chunks(rayon::current_num_threads().max(1)) {
        for (entry, scene) in entries.iter().zip(open_scenes(entries, &args.window_pixels)) {
            match scene {
                Ok(scene) => {
                    search.add(&scene)?;
                    report.scenes += 1;
                    report.windows += scene.windows();
                }
                Err(error) => note(&format!("{} is left out: {error}", scenes.name(&entry.provenance))),
            }
        }
    }
    let found = search.finish();
    report.seconds = started.elapsed().as_secs_f64();

    let mut lost = BTreeSet::new();
    for found in found.iter().filter(|found| found.detection.clear) {
        let scene = scenes.scene(&found.scene);
        let image = scenes.name(&found.scene);
        if scene.is_none() {
            lost.insert(image.clone());
        }
        let lon_lat = |x, y| scene.as_ref().and_then(|scene| scene.lon_lat(x, y));
        report.detections.push(LibraryDetection::new(found, image, lon_lat));
    }
    for image in lost {
        note(&format!("{image} is gone or was changed, so its windows are in pixels only"));
    }
    if query.threshold != Threshold::Off {
        report.find_keywords_without_match();
        report.no_clear_match.iter().for_each(|keyword| note(&format!("no clear match for {keyword}")));
    }
    let unplaced = report.detections.iter().filter(|found| found.detection.corners.is_none()).count();
    if args.format == Format::Geojson && unplaced > 0 {
        let have = if unplaced == 1 { "window has" } else { "windows have" };
        note(&format!("{unplaced} {have} no place on the map and therefore no geometry"));
    }
    print(args.output.as_deref(), |out| write_library_report(&report, args.format, out))
}
