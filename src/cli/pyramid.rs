//! `skysift pyramid`: overviews for an image, in a file of their own.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::sample_scene::progress;
use crate::raster::write_overviews;

/// The arguments of `skysift pyramid`.
#[derive(Clone, Debug, clap::Args)]
pub struct PyramidArgs {
    /// The image
    pub image: PathBuf,
    /// The file to write; QGIS and GDAL read it under the default name [default: the image's name and .ovr]
    #[arg(short, long, value_name = "FILE.ovr")]
    pub output: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
}

/// Writes the overviews.
///
/// # Errors
/// When the image can't be read, has overviews already, or the file can't be written.
pub fn run(args: &PyramidArgs) -> Result<()> {
    let output = args.output.clone().unwrap_or_else(|| beside(&args.image));
    if output.exists() && !args.force {
        bail!("{} is there already; --force writes over it", output.display());
    }
    let bar = progress(1000, "thousandths");
    write_overviews(&args.image, &output, &|part| {
        bar.set_position((part * 1000.0) as u64);
        true
    })?;
    bar.finish_and_clear();
    println!("wrote the overviews of {} to {}", args.image.display(), output.display());
    Ok(())
}

/// `scene.tif.ovr`.
fn beside(image: &Path) -> PathBuf {
    let mut name = image.as_os_str().to_owned();
    name.push(".ovr");
    PathBuf::from(name)
}
