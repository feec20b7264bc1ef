//! YOLO's folder: pictures, a text of boxes for each, and the names of classes in `data.yaml`.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::PARTS;
use super::coco::{class, strangers};
use super::cuts::{CutPicture, Cuts};
use super::pictures::path_of;
use crate::export::record::Records;

/// Writes everything but the pictures.
pub(super) fn write(cuts: &Cuts, records: &Records, folder: &Path) -> io::Result<()> {
    for part in PARTS {
        std::fs::create_dir_all(folder.join("labels").join(part))?;
    }
    let strangers = strangers(records);
    for picture in &cuts.pictures {
        let path = path_of(&picture.name, picture.validation).replacen("images", "labels", 1);
        std::fs::write(folder.join(path).with_extension("txt"), lines(picture, records, &strangers))?;
    }
    let kept = cuts.pictures.iter().any(|picture| picture.validation);
    std::fs::write(folder.join("data.yaml"), data(records, &strangers, kept))
}

/// A line a box: class, centre and size as parts of the picture.
fn lines(picture: &CutPicture, records: &Records, strangers: &[String]) -> String {
    let (wide, high) = (f64::from(picture.place.width), f64::from(picture.place.height));
    let mut lines = String::new();
    for found in &picture.boxes {
        let (x, y) = found.place.center();
        let _ = writeln!(
            lines,
            "{} {:.8} {:.8} {:.8} {:.8}",
            class(records, found.record, strangers),
            x / wide,
            y / high,
            f64::from(found.place.width) / wide,
            f64::from(found.place.height) / high
        );
    }
    lines
}

/// What the trainer is told. Without pictures for validation it takes those to learn from.
fn data(records: &Records, strangers: &[String], kept: bool) -> String {
    let [train, val] = PARTS;
    let mut text = format!("train: images/{train}\nval: images/{}\nnames:\n", if kept { val } else { train });
    for (index, name) in records.keywords.iter().chain(strangers).enumerate() {
        // A text of JSON is one of YAML.
        let _ = writeln!(text, "  {index}: {}", serde_json::Value::from(name.as_str()));
    }
    text
}
