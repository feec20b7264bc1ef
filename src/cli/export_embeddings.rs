//! `skysift export-embeddings`: what is stored, for other programs.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::ModelArgs;
use super::scan_args::store;
use super::stored_scenes::StoredScenes;
use crate::clip::model_fingerprint;
use crate::export::{ExportError, GeoParquet, write_atomically};
use crate::scan::{Collection, Inventory, scenes_by_model};

#[derive(Args)]
pub struct ExportEmbeddingsArgs {
    /// Images that were indexed. A single one without a place on the map has its windows' corners in pixels; of several
    /// only those with a place are written
    #[arg(value_name = "IMAGE", required_unless_present = "all", conflicts_with = "all")]
    images: Vec<PathBuf>,
    /// Everything that was indexed with the model
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    model: ModelArgs,
    /// The folder where embeddings are kept [default: the user's]
    #[arg(long, value_name = "FOLDER", env = "SKYSIFT_STORE")]
    store: Option<PathBuf>,
    /// Write embeddings with 16 bits a value, as they are stored: half the size, and fewer programs read them
    #[arg(long)]
    f16: bool,
    /// The GeoParquet file to write
    #[arg(short, long, value_name = "FILE.parquet")]
    output: PathBuf,
    /// Print nothing
    #[arg(long)]
    quiet: bool,
}

pub fn run(args: &ExportEmbeddingsArgs) -> anyhow::Result<()> {
    let Some(store) = store(args.store.as_deref()) else {
        bail!("there is nothing to export: --store or SKYSIFT_STORE says none");
    };
    let mut scenes = StoredScenes::named(&args.images)?;
    let fingerprint = model_fingerprint(&args.model.source()?)?;
    let (entries, _) = scenes_by_model(&Inventory::of(&store)?, &fingerprint);
    let entries = scenes.select(entries, &store.root)?;
    let mut chosen = Vec::new();
    let mut left_out = Vec::new();
    for entry in &entries {
        let image = scenes.scene(&entry.provenance);
        let why = image.as_ref().and_then(|scene| scene.why_no_lon_lat());
        let scene = image.filter(|_| why.is_none());
        if scene.is_none() && (args.all || entries.len() > 1) {
            let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
            left_out.push(format!("{}{why}", scenes.name(&entry.provenance)));
        } else {
            if let Some(why) = why.filter(|_| !args.quiet) {
                eprintln!("skysift: {why}, so the corners of windows are in pixels");
            }
            chosen.push((entry, scene));
        }
    }
    if !left_out.is_empty() && !args.quiet {
        eprintln!("skysift: left out, since their place on the map is not known: {}", left_out.join(", "));
    }
    let Some((first, placed)) = chosen.first().map(|(entry, scene)| (*entry, scene.is_some())) else {
        bail!("no scene has a place on the map");
    };
    let embedding_len = Collection::read(&first.folder)?.embedding_len();
    let mut windows = 0;
    write_atomically(&args.output, |out| {
        let mut write = || {
            let mut file = GeoParquet::new(out, &first.provenance, embedding_len, args.f16, placed)?;
            for (entry, scene) in &chosen {
                let lon_lat = |x, y| scene.as_ref().and_then(|scene| scene.lon_lat(x, y));
                file.add(&Collection::read(&entry.folder)?, &scenes.name(&entry.provenance), &lon_lat)?;
            }
            windows = file.finish()?;
            Ok(())
        };
        let path = args.output.display().to_string();
        write().map_err(|source| ExportError::Write { path, source })
    })?;
    if !args.quiet {
        println!("wrote {windows} windows of {} scenes to {}", chosen.len(), args.output.display());
    }
    Ok(())
}
