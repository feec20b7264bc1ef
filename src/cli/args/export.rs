//! In which form a result leaves, and where to.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::cli::{output, wrong_usage};
use crate::export::{
    Cut, CutSettings, Format, OpenScene, RecordOptions, Records, name_below, write_training_set,
};
use crate::raster::Scene;

#[derive(Args)]
pub struct ExportArgs {
    /// The form of the result [default: as the ending of -o says, else json]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Where the result goes; a folder for YOLO and with --cut [default: standard output]
    #[arg(short, long, value_name = "FILE|DIR")]
    pub output: Option<PathBuf>,
    /// Put a picture of each box into the KMZ
    #[arg(long)]
    crops: bool,
    /// Cut pictures to train on out of the image, for COCO and YOLO [default for YOLO: tiles]
    #[arg(long, value_enum)]
    cut: Option<Cut>,
    /// Side of the tiles that are cut out, in pixels
    #[arg(long, alias = "tile-size", default_value_t = 640, value_name = "PIXELS")]
    #[arg(value_parser = RangedU64ValueParser::<u32>::new().range(16..=16_384))]
    cut_size: u32,
    /// Also cut out the tiles in which nothing was found
    #[arg(long)]
    empty_tiles: bool,
    /// The part of the pictures that is kept for validation
    #[arg(long, default_value_t = 0.1, value_name = "PART")]
    val_split: f64,
}

impl ExportArgs {
    #[must_use]
    pub fn format(&self) -> Format {
        let by_name = || output::file(self.output.as_deref()).map(Format::of_name);
        self.format.or_else(by_name).unwrap_or_default()
    }

    /// Ends the program where options don't go together.
    pub fn check(&self) {
        let format = self.format();
        let of_set = matches!(format, Format::Coco | Format::Yolo);
        if self.crops && format != Format::Kmz {
            wrong_usage("--crops goes with --format kmz, which holds pictures");
        }
        if (self.cut.is_some() || self.empty_tiles) && !of_set {
            wrong_usage("--cut and --empty-tiles go with --format coco or yolo");
        }
        if !(0.0..1.0).contains(&self.val_split) {
            wrong_usage("--val-split must be from 0 to less than 1");
        }
        if self.cuts().is_some() && output::file(self.output.as_deref()).is_none() {
            wrong_usage("pictures to train on go into a folder; name it with -o DIR");
        }
    }

    /// Writes the result: `write` what is one file.
    ///
    /// # Errors
    /// As [`output::write_to`]; when a picture can't be read.
    pub fn write(
        &self,
        quiet: bool,
        scene: Option<&Scene>,
        open: OpenScene,
        records: impl FnOnce() -> Records,
        write: impl FnOnce(Format, &RecordOptions, &mut dyn io::Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let (format, path) = (self.format(), output::file(self.output.as_deref()));
        if let (Some(settings), Some(path)) = (self.cuts(), path) {
            let pictures = write_training_set(&records(), format, &settings, open, path)?;
            if !quiet {
                let s = if pictures == 1 { "" } else { "s" };
                output::note(format_args!("wrote {pictures} picture{s} to {}", path.display()));
            }
            return Ok(());
        }
        let folder = path.map(|path| path.parent().unwrap_or(Path::new("")));
        if let (Format::Coco, Some(folder), false) = (format, folder, quiet) {
            for origin in records().scenes() {
                if name_below(&origin.scene, folder).is_none() {
                    output::note(format_args!(
                        "{} lies elsewhere than the result: to measure with it, put both into one folder",
                        origin.scene
                    ));
                }
            }
        }
        let options = RecordOptions { scene, crops: self.crops.then_some(open), folder };
        output::write_to(path, |out| write(format, &options, out))
    }

    /// How pictures are cut out, if they are.
    fn cuts(&self) -> Option<CutSettings> {
        let cut = match self.format() {
            Format::Yolo => self.cut.unwrap_or(Cut::Tiles),
            Format::Coco => self.cut?,
            _ => return None,
        };
        let (side, validation, empty) = (self.cut_size, self.val_split, self.empty_tiles);
        Some(CutSettings { cut, side, validation, empty })
    }
}
