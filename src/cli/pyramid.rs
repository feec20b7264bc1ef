//! `skysift pyramid`: overviews for an image, in a file of their own.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::args::inputs;
use super::output;
use super::sample_scene::progress;
use crate::outputs::Output;
use crate::raster::{scene_files, write_overviews};

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
    let file = args.output.clone().unwrap_or_else(|| beside(&args.image));
    args.check_output(&file)?;
    if file.exists() && !args.force {
        bail!("{} is there already; --force writes over it", file.display());
    }
    let bar = progress(1000, "thousandths");
    write_overviews(&args.image, &file, &|part| {
        bar.set_position((part * 1000.0) as u64);
        true
    })?;
    bar.finish_and_clear();
    output::line(format_args!("wrote the overviews of {} to {}", args.image.display(), file.display()))
}

impl PyramidArgs {
    /// Whether the file replaces nothing that is read: overviews that the image has beside it are not.
    fn check_output(&self, file: &Path) -> Result<()> {
        let mut inputs = inputs::inputs();
        let own = [beside(&self.image), self.image.with_extension("ovr")];
        let files = scene_files(&self.image).into_iter().filter(|path| !own.contains(path));
        inputs.files("the image or a part of it,", files);
        Ok(inputs.check(&[Output { option: "-o", path: file }])?)
    }
}

/// `scene.tif.ovr`.
fn beside(image: &Path) -> PathBuf {
    let mut name = image.as_os_str().to_owned();
    name.push(".ovr");
    PathBuf::from(name)
}
