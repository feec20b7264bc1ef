//! COCO's JSON: images, categories, and boxes with outlines in pixels.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::PARTS;
use super::cuts::Cuts;
use super::pictures::path_of;
use crate::export::record::{Record, Records, Verdict, now};
use crate::outputs::resolved;
use crate::raster::{Rect, is_address};

/// A document that is being put together.
#[derive(Default)]
struct Document {
    images: Vec<Value>,
    annotations: Vec<Value>,
}

impl Document {
    fn add_image(&mut self, file_name: &str, (width, height): (u32, u32)) -> usize {
        let id = self.images.len() + 1;
        self.images.push(json!({"id": id, "file_name": file_name, "width": width, "height": height}));
        id
    }

    /// `place` and `corners` are in the pixels of the image.
    fn add(&mut self, image: usize, class: usize, record: &Record, place: Rect, corners: &[[f64; 2]]) {
        let ring: Vec<f64> = corners.iter().flatten().copied().collect();
        let Rect { x, y, width, height } = place;
        let origin = &record.origin;
        self.annotations.push(json!({
            "id": self.annotations.len() + 1,
            "image_id": image,
            "category_id": class + 1,
            "bbox": [x, y, width, height],
            "area": area(corners),
            "segmentation": [ring],
            "iscrowd": 0,
            "score": record.score,
            "probability": record.probability,
            "cosine": record.cosine,
            "rank": record.rank,
            "verdict": record.verdict.text(),
            "note": record.note,
            "scene": origin.scene,
            "model": origin.model,
            "prompt": origin.prompt,
            "tile": origin.tile,
            "window": origin.window,
            "time": origin.time,
        }));
    }

    fn write(self, records: &Records, out: &mut dyn Write) -> io::Result<()> {
        let mut names = records.keywords.clone();
        names.extend(strangers(records));
        let categories: Vec<Value> = names
            .iter()
            .enumerate()
            .map(|(index, name)| json!({"id": index + 1, "name": name, "supercategory": ""}))
            .collect();
        let document = json!({
            "info": {
                "description": "what Skysift found",
                "version": env!("CARGO_PKG_VERSION"),
                "date_created": now(),
            },
            "licenses": [],
            "images": self.images,
            "categories": categories,
            "annotations": self.annotations,
        });
        serde_json::to_writer_pretty(&mut *out, &document)?;
        writeln!(out)
    }
}

/// Keywords of records that weren't looked for, each once.
pub(super) fn strangers(records: &Records) -> Vec<String> {
    let mut strangers: Vec<String> = Vec::new();
    for record in &records.list {
        if !records.keywords.contains(&record.keyword) && !strangers.contains(&record.keyword) {
            strangers.push(record.keyword.clone());
        }
    }
    strangers
}

/// The class of a record among all, strangers last.
pub(super) fn class(records: &Records, record: &Record, strangers: &[String]) -> usize {
    let among = || strangers.iter().position(|other| *other == record.keyword).unwrap_or(0);
    let known = records.class(&record.keyword);
    if known < records.keywords.len() { known } else { known + among() }
}

/// Writes boxes of whole scenes; each scene is called by its way from `folder`, if it lies in there, or else
/// by its name. Detections that were rejected are left out.
pub(in crate::export) fn write_coco(
    records: &Records,
    folder: Option<&Path>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut document = Document::default();
    let strangers = strangers(records);
    for origin in records.scenes() {
        let image = document.add_image(&file_name(&origin.scene, folder), origin.scene_size);
        let own = records.list.iter().filter(|record| record.origin.scene == origin.scene);
        for record in own.filter(|record| record.verdict != Verdict::Rejected) {
            let corners: Vec<[f64; 2]> = record.corners().into_iter().map(|(x, y)| [x, y]).collect();
            document.add(image, class(records, record, &strangers), record, record.place, &corners);
        }
    }
    document.write(records, out)
}

/// Writes `train.json` and, where pictures are kept for validation, `val.json`.
pub(super) fn write_parts(cuts: &Cuts, records: &Records, folder: &Path) -> io::Result<()> {
    let strangers = strangers(records);
    for (validation, part) in [false, true].into_iter().zip(PARTS) {
        let mut document = Document::default();
        for picture in cuts.pictures.iter().filter(|picture| picture.validation == validation) {
            let size = (picture.place.width, picture.place.height);
            let image = document.add_image(&path_of(&picture.name, validation), size);
            for found in &picture.boxes {
                let class = class(records, found.record, &strangers);
                document.add(image, class, found.record, found.place, &found.corners);
            }
        }
        if validation && document.images.is_empty() {
            continue;
        }
        let mut out = BufWriter::new(File::create(folder.join(format!("{part}.json")))?);
        document.write(records, &mut out)?;
        out.flush()?;
    }
    Ok(())
}

/// What a file in `folder` calls a scene that lies in there, too.
#[must_use]
pub fn name_below(scene: &str, folder: &Path) -> Option<String> {
    let path = Path::new(scene);
    if is_address(path) {
        return None;
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let inside = resolved(path).strip_prefix(resolved(folder)).ok()?.to_owned();
    Some(inside.to_string_lossy().replace('\\', "/"))
}

/// What a file in `folder` calls a scene.
fn file_name(scene: &str, folder: Option<&Path>) -> String {
    let path = Path::new(scene);
    let below = folder.and_then(|folder| name_below(scene, folder));
    below.unwrap_or_else(|| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
}

/// The area inside a ring of corners.
fn area(corners: &[[f64; 2]]) -> f64 {
    let next = corners.iter().cycle().skip(1);
    let twice: f64 = corners.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
    twice.abs() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_is_called_by_its_way_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let scene = folder.path().join("below/scene.tif");
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(&scene, "").unwrap();
        let named = |folder: Option<&Path>| file_name(scene.to_str().unwrap(), folder);
        assert_eq!(named(Some(folder.path())), "below/scene.tif");
        assert_eq!(named(Some(&folder.path().join("below"))), "scene.tif");
        assert_eq!(named(Some(&folder.path().join("elsewhere"))), "scene.tif");
        assert_eq!(named(None), "scene.tif");
        assert_eq!(file_name("https://host/a/b.tif", Some(folder.path())), "b.tif");
    }

    #[test]
    fn the_area_is_that_of_the_ring() {
        assert_eq!(area(&[[0.0, 0.0], [0.0, 4.0], [3.0, 4.0], [3.0, 0.0]]), 12.0);
    }
}
