//! `skysift detect`: the scan without a window.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;

use super::args::examples::add_examples;
use super::args::export::ExportArgs;
use super::args::inputs;
use super::open_scene::open_scene;
use super::scan_progress::{ScanBar, wait};
use super::{KeywordArgs, Like, RefineArgs, ScanArgs, output, wrong_usage};
use crate::encoder::clip_loader;
use crate::export::{
    AnnotateOptions, Coordinates, Format, Origin, PictureFrame, ReportedScan, ScanReport, annotate,
    write_atomically, write_heat_map, write_report,
};
use crate::notices::Notices;
use crate::raster::Scene;
use crate::scan::{Command, Scanner, SceneSource};
use crate::search::{Answer, Blend, Detection, HeatMapOf, Query, unique_keywords};

#[derive(Args)]
pub struct DetectArgs {
    /// The image: GeoTIFF, JPEG 2000, VRT, PNG, JPEG, WebP or the folder of a product, or the https://,
    /// http:// or s3:// address of a GeoTIFF (COG)
    image: PathBuf,
    #[command(flatten)]
    words: KeywordArgs,
    #[command(flatten)]
    scan: ScanArgs,
    #[command(flatten)]
    refine: RefineArgs,
    /// Look for what is like a picture, or a place in one; may be given several times
    #[arg(long, value_name = "FILE[,x,y,w,h]")]
    like: Vec<Like>,
    #[command(flatten)]
    export: ExportArgs,
    /// Give the corners of GeoJSON polygons in pixels, also where the image has longitudes and latitudes
    #[arg(long)]
    pixels: bool,
    /// Also write the image with the boxes drawn on it
    #[arg(long, value_name = "FILE.png")]
    annotate: Option<PathBuf>,
    /// Also write a heat map of the first keyword as a GeoTIFF of 32-bit floats
    #[arg(long, value_name = "FILE.tif")]
    heatmap: Option<PathBuf>,
    /// What a pixel of the heat map is of the windows over it
    #[arg(long, value_enum, default_value_t)]
    heatmap_blend: Blend,
    /// Print nothing but the result and what makes it incomplete
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: &DetectArgs) -> anyhow::Result<()> {
    if args.words.keywords.is_empty() && args.like.is_empty() {
        wrong_usage("say what to look for with -k WORD or --like FILE");
    }
    args.export.check();
    args.check_outputs()?;
    let settings = args.scan.settings()?;
    let mut query = settings.clone().query(unique_keywords(&args.words.keywords));
    query.refine = args.refine.refine;
    add_examples(&mut query, &args.like)?;
    if let (Some(_), Some(keyword)) = (&args.heatmap, query.keywords.first()) {
        query.heat_map = Some(HeatMapOf { keyword: keyword.clone(), blend: args.heatmap_blend });
    }
    query.expressions()?;
    let source = args.scan.run.model.source()?;
    let sharpener = args.scan.run.sharpen.sharpener()?;
    let scene = Arc::new(open_scene(&args.image, args.quiet, &args.scan.run.storage())?);
    args.check_place(&scene)?;
    // A wrong setting should be told before the model is loaded.
    let request = args.scan.request(&settings, &scene, query.clone())?;
    // How many cells there are depends on the model.
    let windows = if settings.dense { 0 } else { request.layouts()?.windows() };

    let scanner = Scanner::spawn(|| {});
    let load = clip_loader(source, args.scan.run.run_on(), sharpener);
    let sent = scanner.send(Command::Load { load, measure: false }) && scanner.send(Command::Scan(request));
    if !sent {
        bail!("the scan could not be started");
    }
    let bar = ScanBar::new(args.quiet, windows as u64, "loading the model", scene.notices());
    let outcome = wait(&scanner, &query.keywords, &bar)?;

    let detections: Vec<Detection> = outcome.ranking.iter().filter(|found| found.clear).cloned().collect();
    let scan = ReportedScan {
        scene: &scene,
        grid: settings.grid,
        scales: &settings.scales,
        query: &query,
        summary: &outcome.summary,
        notices: &outcome.notices,
    };
    let mut report = ScanReport::new(&scan, &outcome.ranking, &detections);
    if args.pixels {
        report.coordinates = Coordinates::Pixels;
    }
    if !args.quiet {
        report
            .no_clear_match
            .iter()
            .for_each(|keyword| output::note(format_args!("no clear match for {keyword}")));
    }
    args.tell_of_unplaced(&report);
    let pictures = args.write_pictures(&scene, &query, &outcome.ranking, &detections);
    if let Ok(notices) = &pictures {
        notices.iter().for_each(output::note);
        report.notices.extend_from_slice(notices);
    }
    // Last: whoever reads it may have had enough, and the files are wanted all the same. What was found is
    // written even where the scene is damaged, so that no picture of it can be drawn.
    let open = |_: &Origin| Ok(Arc::clone(&scene) as Arc<dyn SceneSource>);
    args.export.write(
        args.quiet,
        Some(&*scene),
        &open,
        || report.records(),
        |format, options, out| write_report(&report, format, options, out),
    )?;
    let complete = outcome.check_complete();
    match (pictures, complete) {
        (Ok(_), complete) => complete,
        (Err(error), Ok(())) => Err(error),
        (Err(error), Err(incomplete)) => {
            output::note(incomplete);
            Err(error)
        }
    }
}

impl DetectArgs {
    /// Whether the format has what it needs of the scene.
    fn check_place(&self, scene: &Scene) -> anyhow::Result<()> {
        let format = self.export.format();
        let Some((name, why)) = format.on_globe().zip(scene.why_no_lon_lat()) else { return Ok(()) };
        let (image, needs) = (self.image.display(), "which needs longitude and latitude");
        if format != Format::Geojson {
            bail!("cannot write {name} of {image}, {needs}: {why}; write --format json, csv or gpkg");
        }
        if !self.pixels {
            bail!(
                "cannot write {name} of {image}, {needs}: {why}; add --pixels for polygons in pixels, or write \
                 --format json or csv"
            );
        }
        Ok(())
    }

    /// Says what has no polygon although the scene has a place.
    fn tell_of_unplaced(&self, report: &ScanReport) {
        let beside = report.detections.iter().filter(|found| found.footprint.is_none()).count();
        let in_degrees =
            report.coordinates == Coordinates::LonLat && self.export.format().on_globe().is_some();
        if in_degrees && beside > 0 && !self.quiet {
            let have = if beside == 1 { "detection has" } else { "detections have" };
            output::note(format_args!("{beside} {have} a corner beside the earth and therefore no geometry"));
        }
    }

    /// Writes the annotated picture and the heat map, if they are asked for. Returns what there is to say
    /// about them.
    fn write_pictures(
        &self,
        scene: &Scene,
        query: &Query,
        answer: &Answer,
        detections: &[Detection],
    ) -> anyhow::Result<Vec<String>> {
        let notices = Notices::default();
        if let (Some(path), Some((_, heat_map))) = (&self.heatmap, &answer.heat_map) {
            write_heat_map(path, heat_map, scene)?;
        }
        if let Some(path) = &self.annotate {
            let options = AnnotateOptions {
                frame: PictureFrame::whole(scene.size(), PictureFrame::LONGEST_SIDE),
                keywords: &query.keywords,
                detections,
                rank_by: query.rank_by,
            };
            write_atomically(path, |out| annotate(scene, &options, out, &notices, &|_| true))?;
        }
        Ok(notices.list())
    }

    /// Whether nothing that is written replaces what is read.
    fn check_outputs(&self) -> anyhow::Result<()> {
        let mut inputs = inputs::inputs();
        inputs.image(&self.image);
        self.scan.add_to(&mut inputs);
        Like::add_to(&self.like, &mut inputs);
        Ok(inputs.check(&inputs::named(&[
            ("-o", self.export.output.as_ref()),
            ("--annotate", self.annotate.as_ref()),
            ("--heatmap", self.heatmap.as_ref()),
        ]))?)
    }
}
