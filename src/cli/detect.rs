//! `skysift detect`: the scan without a window.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use clap::Args;

use super::scan_progress::{Progress, wait};
use super::{ScanArgs, wrong_usage};
use crate::export::{
    AnnotateOptions, ExportError, Format, Frame, Report, ReportedDetection, annotate, write_atomically,
    write_report,
};
use crate::raster::Scene;
use crate::scan::{Command, Grid, ScanRequest, Scanner, clip_loader};

#[derive(Args)]
pub struct DetectArgs {
    /// The image: GeoTIFF, JPEG 2000, VRT, PNG, JPEG, WebP or the folder of a product, or the https://, http:// or s3:// address of a GeoTIFF (COG)
    image: PathBuf,
    #[command(flatten)]
    scan: ScanArgs,
    /// The form of the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Where the result goes [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also write the image with the boxes drawn on it
    #[arg(long, value_name = "FILE.png")]
    annotate: Option<PathBuf>,
    /// Print nothing but the result
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: &DetectArgs) -> anyhow::Result<()> {
    if args.scan.keywords.is_empty() {
        wrong_usage("say what to look for with -k WORD");
    }
    args.scan.set_storage();
    let query = args.scan.query()?;
    let source = args.scan.model.source()?;
    let scene = Arc::new(Scene::open(&args.image)?);
    if let Some(notice) = scene.info().notice.as_ref().filter(|_| !args.quiet) {
        eprintln!("skysift: {notice}");
    }
    // A wrong setting should be told before the model is loaded.
    let grid = Grid::new(scene.size().0, scene.size().1, args.scan.grid())?;

    let scanner = Scanner::spawn(|| {});
    let load = clip_loader(source, args.scan.device.unwrap_or_default());
    let request = ScanRequest {
        scene: Arc::clone(&scene) as _,
        grid: grid.settings(),
        query: query.clone(),
        view: None,
        exact: args.scan.exact,
    };
    let sent = scanner.send(Command::Load { load, measure: false }) && scanner.send(Command::Scan(request));
    if !sent {
        bail!("the scan could not be started");
    }
    let progress = Progress::new(args.quiet, grid.len() as u64, "loading the model");
    let outcome = wait(&scanner, &query.keywords, &progress)?;

    let mut report =
        Report::new(scene.info().path.display().to_string(), scene.size(), &outcome.card, grid.settings());
    report.windows = outcome.windows;
    report.skipped = outcome.skipped;
    query.template.as_str().clone_into(&mut report.prompt);
    report.seconds = outcome.seconds;
    report.scene_fingerprint = scene.fingerprint();
    report.keywords.clone_from(&query.keywords);
    report.detections = outcome
        .ranking
        .iter()
        .map(|detection| ReportedDetection::new(detection, |x, y| scene.lon_lat(x, y)))
        .collect();
    let placed = report.detections.iter().all(|detection| detection.corners.is_some());
    if args.format == Format::Geojson && !placed && !args.quiet {
        eprintln!("skysift: the image has no georeference, so the polygons are in pixels");
    }
    print(&report, args.format, args.output.as_deref())?;
    if let Some(path) = &args.annotate {
        let options = AnnotateOptions {
            frame: Frame::whole(scene.size(), Frame::LONGEST_SIDE),
            keywords: &query.keywords,
            detections: &outcome.ranking,
            rank_by: query.rank_by,
        };
        write_atomically(path, |out| annotate(&*scene, &options, out, &|_| true))?;
    }
    Ok(())
}

fn print(report: &Report, format: Format, output: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = output.filter(|path| *path != Path::new("-")) else {
        let mut out = stdout().lock();
        write_report(report, format, &mut out)?;
        out.flush()?;
        return Ok(());
    };
    write_atomically(path, |out| {
        write_report(report, format, out)
            .map_err(|source| ExportError::Write { path: path.display().to_string(), source })
    })?;
    Ok(())
}
