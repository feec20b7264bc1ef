//! The ground truth as COCO's JSON, written piece by piece.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use crate::atomic::write_whole;
use crate::sample_scene::error::SampleSceneError;
use crate::sample_scene::kind::Kind;
use crate::sample_scene::plan::regions;
use crate::sample_scene::scene::SampleScene;
use crate::sample_scene::truth::truths;

/// The least share of a thing that must be visible if it is cut by the scene's edge.
const LEAST_SEEN: f64 = 0.25;

/// Writes the ground truth of a scene in COCO's format; `image` is the file that the boxes are for.
///
/// # Errors
/// If the file can't be written. The error names it.
pub fn write_truth(scene: &SampleScene, image: &Path, path: &Path) -> Result<(), SampleSceneError> {
    let failed = |error| SampleSceneError::write(path, error);
    write_whole(path, failed, |out| write_json(scene, image, out).map_err(failed))
}

fn write_json(scene: &SampleScene, image: &Path, out: &mut dyn Write) -> io::Result<()> {
    let (width, height) = scene.size();
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    let images = json!([{ "id": 1, "file_name": name, "width": width, "height": height }]);
    let categories: Vec<_> =
        Kind::ALL.iter().map(|kind| json!({ "id": kind.number(), "name": kind.name() })).collect();
    writeln!(out, "{{\"images\": {images},")?;
    writeln!(out, "\"categories\": {},", json!(categories))?;
    write!(out, "\"annotations\": [")?;
    let mut id = 0_u64;
    let (left, top) = scene.corner;
    let (right, bottom) = (left + f64::from(width) * scene.gsd(), top + f64::from(height) * scene.gsd());
    for region in regions(&scene.world, [left, top, right - 1e-6, bottom - 1e-6]) {
        for truth in truths(&scene.world, &region) {
            let Some([x, y, wide, high]) = clipped(scene, truth.bounds) else { continue };
            let comma = if id == 0 { "" } else { "," };
            id += 1;
            let annotation = json!({
                "id": id,
                "image_id": 1,
                "category_id": truth.kind.number(),
                "bbox": [x, y, wide, high],
                "area": wide * high,
                "iscrowd": 0,
            });
            write!(out, "{comma}\n{annotation}")?;
        }
    }
    writeln!(out, "\n]}}")
}

/// The visible part of a rectangle in whole pixels: left, top, width, height.
fn clipped(scene: &SampleScene, bounds: [f64; 4]) -> Option<[u32; 4]> {
    let (width, height) = scene.size();
    let x = |metres: f64| (metres - scene.corner.0) / scene.gsd();
    let y = |metres: f64| (metres - scene.corner.1) / scene.gsd();
    let (left, right) = (x(bounds[0]), x(bounds[2]));
    let (top, bottom) = (y(bounds[1]), y(bounds[3]));
    let inside = |value: f64, end: u32| value.clamp(0.0, f64::from(end)).round() as u32;
    let (from_x, to_x) = (inside(left, width), inside(right, width));
    let (from_y, to_y) = (inside(top, height), inside(bottom, height));
    let (wide, high) = (to_x.checked_sub(from_x)?, to_y.checked_sub(from_y)?);
    let seen = f64::from(wide) * f64::from(high);
    (seen > 0.0 && seen >= LEAST_SEEN * (right - left) * (bottom - top))
        .then_some([from_x, from_y, wide, high])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn truth(width: u64, height: u64) -> Value {
        let scene = SampleScene::new(width, height, 0.5, 0).unwrap();
        let mut bytes = Vec::new();
        write_json(&scene, Path::new("folder/coast.tif"), &mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn the_default_scene_has_every_kind_within_it() {
        let truth = truth(4096, 4096);
        assert_eq!(truth["images"][0]["file_name"], "coast.tif");
        for category in truth["categories"].as_array().unwrap() {
            let of_it = |annotation: &&Value| annotation["category_id"] == category["id"];
            assert!(truth["annotations"].as_array().unwrap().iter().any(|one| of_it(&one)), "{category}");
        }
        for annotation in truth["annotations"].as_array().unwrap() {
            let bbox: Vec<u64> =
                annotation["bbox"].as_array().unwrap().iter().map(|side| side.as_u64().unwrap()).collect();
            assert!(bbox[0] + bbox[2] <= 4096 && bbox[1] + bbox[3] <= 4096, "{annotation}");
            assert_eq!(annotation["area"], bbox[2] * bbox[3]);
        }
    }

    #[test]
    fn a_small_scene_shows_the_harbor() {
        let truth = truth(512, 512);
        let harbor = Kind::Harbor.number();
        assert!(truth["annotations"].as_array().unwrap().iter().any(|one| one["category_id"] == harbor));
    }
}
