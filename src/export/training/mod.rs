//! Sets to train on: COCO and YOLO, with pictures cut out of the scenes.
//!
//! `cuts` says which pictures there are and what lies in each, `pictures` writes them, `coco` and `yolo` say
//! in their forms what they show.

mod coco;
mod cuts;
mod pictures;
mod yolo;

use std::io;
use std::path::Path;

pub use coco::name_below;
pub(super) use coco::write_coco;
pub use cuts::{Cut, CutSettings};

use super::write_records::OpenScene;
use super::{ExportError, Format, Records};
use crate::atomic::NewFolder;
use cuts::Cuts;

/// The two parts of a set, as their files and folders are called.
const PARTS: [&str; 2] = ["train", "val"];

/// Writes a folder of pictures that are cut out of scenes, with what they show: as YOLO reads it, else as
/// COCO has it. Detections that were rejected are left out. Returns the number of pictures.
///
/// # Errors
/// When the folder is there and holds something, can't be written, or a scene can't be read.
pub fn write_training_set(
    records: &Records,
    format: Format,
    settings: &CutSettings,
    open: OpenScene,
    path: &Path,
) -> Result<usize, ExportError> {
    let write = || -> io::Result<usize> {
        let folder = NewFolder::beside(path)?;
        let cuts = Cuts::new(records, settings);
        pictures::write(&cuts, open, folder.path())?;
        match format {
            Format::Yolo => yolo::write(&cuts, records, folder.path())?,
            _ => coco::write_parts(&cuts, records, folder.path())?,
        }
        folder.finish()?;
        Ok(cuts.pictures.len())
    };
    write().map_err(|source| ExportError::Write { path: path.display().to_string(), source })
}
