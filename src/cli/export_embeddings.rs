//! `skysift export-embeddings`: what is stored, for other programs.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::args::inputs;
use super::args::scan::store;
use super::stored_scenes::StoredScenes;
use super::{ModelArgs, SharpenArgs, output};
use crate::clip::{Sharpener, model_fingerprint};
use crate::export::{ExportError, GeoParquet, write_atomically};
use crate::raster::{Scene, Storage};
use crate::search::scenes_by_model;
use crate::store::{Collection, Inventory, Store};

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct ExportEmbeddingsArgs {
    /// Images that were indexed. A single one without a place on the map has its windows' corners in pixels;
    /// of several only those with a place are written
    #[arg(value_name = "IMAGE", required_unless_present = "all", conflicts_with = "all")]
    images: Vec<PathBuf>,
    /// Everything that was indexed with the model
    #[arg(long)]
    all: bool,
    /// The cells of scenes that were indexed with --dense, instead of windows
    #[arg(long, conflicts_with = "sharpen")]
    dense: bool,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    sharpen: SharpenArgs,
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
    let mut scenes = StoredScenes::named(&args.images, args.dense, args.quiet, Storage::default())?;
    let fingerprint = model_fingerprint(&args.model.source()?)?;
    let sharpener = args.sharpen.sharpener()?;
    let sharpened_by = sharpener.as_deref().map(Sharpener::fingerprint);
    let inventory = Inventory::of(&store)?;
    args.check_output(&inventory, &store)?;
    inventory.damaged.iter().for_each(|damage| scenes.fail(damage));
    let (entries, _) = scenes_by_model(&inventory, &fingerprint, sharpened_by, args.dense);
    let all = scenes.select(entries, &store.root)?;
    let several = args.all || all.len() > 1;
    // Images are opened one at a time, since there may be thousands.
    let (mut chosen, mut left_out) = (Vec::new(), Vec::new());
    for scene in all {
        let image = scenes.open(&scene);
        let why = image.as_ref().and_then(Scene::why_no_lon_lat);
        let placed = image.is_some() && why.is_none();
        if placed || !several {
            if let Some(why) = why {
                scenes.note(&format!("{why}, so the corners of windows are in pixels"));
            }
            chosen.push((scene, placed));
        } else {
            let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
            left_out.push(format!("{}{why}", scene.name));
        }
    }
    if !left_out.is_empty() {
        let names = left_out.join(", ");
        scenes.note(&format!("left out, since their place on the map is not known: {names}"));
    }
    let Some((first, placed)) = chosen.first() else {
        bail!("no scene has a place on the map");
    };
    let embedding_len = Collection::read(&first.entry.folder)?.embedding_len();
    let (provenance, placed) = (&first.entry.provenance, *placed);
    let mut windows = 0;
    write_atomically(&args.output, |out| {
        let mut write = || {
            let mut file = GeoParquet::new(out, provenance, embedding_len, args.f16, placed)?;
            for (chosen, _) in &chosen {
                let scene = scenes.open(chosen);
                let lon_lat = |x, y| scene.as_ref().and_then(|scene| scene.lon_lat(x, y));
                let mut collection = Collection::read(&chosen.entry.folder)?;
                collection.take_notices().iter().for_each(|notice| scenes.fail(notice));
                file.add(&collection, &chosen.name, &lon_lat)?;
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
    scenes.check()
}

impl ExportEmbeddingsArgs {
    /// Whether the file replaces nothing that is read.
    fn check_output(&self, inventory: &Inventory, store: &Store) -> anyhow::Result<()> {
        let mut inputs = inputs::inputs();
        let stored = inventory.entries.iter().flat_map(|entry| &entry.places).map(PathBuf::as_path);
        self.images.iter().map(PathBuf::as_path).chain(stored).for_each(|image| inputs.image(image));
        self.model.add_to(&mut inputs);
        self.sharpen.add_to(&mut inputs);
        inputs.store(&store.root);
        Ok(inputs.check(&inputs::named(&[("-o", Some(&self.output))]))?)
    }
}
