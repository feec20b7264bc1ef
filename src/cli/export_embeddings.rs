//! `skysift export-embeddings`: what is stored, for other programs.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use super::scan_args::store;
use super::stored_scenes::StoredScenes;
use super::{ModelArgs, output, outputs};
use crate::clip::model_fingerprint;
use crate::export::{ExportError, GeoParquet, write_atomically};
use crate::scan::{Collection, Inventory, Store, scenes_by_model};

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
    let inventory = Inventory::of(&store)?;
    args.check_output(&inventory, &store)?;
    let (entries, _) = scenes_by_model(&inventory, &fingerprint);
    let entries = scenes.select(entries, &store.root)?;
    let mut chosen = Vec::new();
    let mut left_out = Vec::new();
    for entry in &entries {
        let scene = scenes.scene(&entry.provenance).filter(|scene| scene.lon_lat(0.0, 0.0).is_some());
        if scene.is_none() && (args.all || entries.len() > 1) {
            left_out.push(scenes.name(&entry.provenance));
        } else {
            chosen.push((entry, scene));
        }
    }
    if !left_out.is_empty() && !args.quiet {
        let left_out = left_out.join(", ");
        output::note(format_args!("left out, since their place on the map is not known: {left_out}"));
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
        let (scenes, path) = (chosen.len(), args.output.display());
        output::line(format_args!("wrote {windows} windows of {scenes} scenes to {path}"))?;
    }
    Ok(())
}

impl ExportEmbeddingsArgs {
    /// Whether the file replaces nothing that is read.
    fn check_output(&self, inventory: &Inventory, store: &Store) -> anyhow::Result<()> {
        let mut inputs = outputs::inputs();
        let stored = inventory.entries.iter().map(|entry| Path::new(&entry.provenance.scene));
        self.images.iter().map(PathBuf::as_path).chain(stored).for_each(|image| inputs.image(image));
        self.model.add_to(&mut inputs);
        inputs.store(&store.root);
        Ok(inputs.check(&outputs::named(&[("-o", Some(&self.output))]))?)
    }
}
