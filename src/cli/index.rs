//! `skysift index`: scans images for nothing in particular and keeps their windows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use clap::Args;

use super::open_scene::open_scene;
use super::output::Printed;
use super::scan_progress::{ScanBar, wait, wait_for_model};
use super::{GridArgs, RunArgs, one_line, output};
use crate::encoder::clip_loader;
use crate::raster::{RasterError, Scene, is_address};
use crate::scan::{Command, ScanRequest, ScanSettings, ScanSummary, Scanner};
use crate::search::Query;
use crate::store::Store;

/// What a file in a folder is taken for an image by.
const EXTENSIONS: [&str; 10] = ["tif", "tiff", "jp2", "j2k", "jpx", "vrt", "png", "jpg", "jpeg", "webp"];

#[derive(Args)]
pub struct IndexArgs {
    /// Images, their addresses, and folders, in which images are searched for at any depth
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    grid: GridArgs,
    /// Print nothing but errors and what makes what is kept incomplete
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: &IndexArgs) -> anyhow::Result<()> {
    let Some(store) = args.run.store() else {
        bail!("there is nowhere to keep the windows: --store or SKYSIFT_STORE says none");
    };
    let mut images = Vec::new();
    for path in &args.images {
        find_images(path, &mut images)?;
    }
    if images.is_empty() {
        bail!("there is no image to index");
    }
    let source = args.run.model.source()?;
    let sharpener = args.run.sharpen.sharpener()?;
    let scanner = Scanner::spawn(|| {});
    let load = clip_loader(source, args.run.run_on(), sharpener);
    if !scanner.send(Command::Load { load, measure: false }) {
        bail!("the model could not be loaded");
    }
    wait_for_model(&scanner, args.quiet)?;

    let mut printed = Printed::default();
    let mut failed = 0;
    for image in &images {
        match index(image, &scanner, &store, args, &mut printed) {
            Ok(()) => {}
            Err(error) if images.len() == 1 => return Err(error),
            Err(error) => {
                output::note(one_line(&error));
                failed += 1;
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} images could not be indexed wholly", images.len());
    }
    printed.finish()
}

/// Adds an image, or those in a folder in the order of their names.
fn find_images(path: &Path, images: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    // The folder of a product is one image.
    let is_folder = !is_address(path) && path.is_dir();
    // A product that isn't read as one may hold images that are.
    let is_product = match if is_folder { Scene::open(path).err() } else { None } {
        Some(RasterError::Folder { .. }) => false,
        Some(RasterError::Unsupported { .. }) => true,
        Some(RasterError::SeveralScenes { scenes, .. }) => {
            images.extend(scenes);
            return Ok(());
        }
        _ => {
            images.push(path.to_owned());
            return Ok(());
        }
    };
    let before = images.len();
    let mut entries = Vec::new();
    let cannot = |error: std::io::Error| anyhow::anyhow!("cannot look into {}: {error}", path.display());
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        entries.push(entry.map_err(cannot)?);
    }
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link to a folder may lead round in a circle.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder || (path.is_file() && has_known_extension(&path)) {
            find_images(&path, images)?;
        }
    }
    if is_product && images.len() == before {
        // What it is is told when it is opened again.
        images.push(path.to_owned());
    }
    Ok(())
}

fn has_known_extension(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&&*extension))
}

/// Scans one image, and prints what came of it in a line.
///
/// # Errors
/// When it can't be scanned, or not all of it.
fn index(
    image: &Path,
    scanner: &Scanner,
    store: &Store,
    args: &IndexArgs,
    printed: &mut Printed,
) -> anyhow::Result<()> {
    let scene = Arc::new(open_scene(image, args.quiet, &args.run.storage())?);
    let name = scene.info().path.display().to_string();
    let named = |error: anyhow::Error| anyhow::anyhow!("{name}: {}", one_line(&error));
    let query = Query { background: Vec::new(), ..Query::default() };
    let settings = ScanSettings::default().overruled_by(args.grid.overrides());
    let areas = args.grid.region.areas(&scene).map_err(named)?;
    let request = settings.request(Arc::clone(&scene) as _, query);
    let request = ScanRequest { areas, store: Some(store.clone()), ..request };
    // How many cells there are depends on the model.
    let windows =
        if request.dense { 0 } else { request.layouts().map_err(|error| named(error.into()))?.windows() };
    if !scanner.send(Command::Scan(request)) {
        bail!("the scan could not be started");
    }
    let bar = ScanBar::new(args.quiet, windows as u64, &name, scene.notices());
    let outcome = wait(scanner, &[], &bar).map_err(named)?;
    let ScanSummary { windows, reused, seconds, kept_bytes, .. } = &outcome.summary;
    let Some(bytes) = *kept_bytes else {
        let root = store.root.display();
        bail!("{name}: its windows could not be kept in {root}; make room there, then index it again");
    };
    if !args.quiet {
        let megabytes = bytes as f64 / 1e6;
        printed.line(format_args!(
            "{name}: {windows} windows, {reused} of them known; {seconds:.1} s, {megabytes:.1} MB kept"
        ));
    }
    outcome.check_complete().map_err(named)
}
