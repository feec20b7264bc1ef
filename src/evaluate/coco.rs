//! Ground truth in COCO's format: images with boxes and their categories.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::EvaluateError;
use crate::dataset::has_image_ending;
use crate::search::folded_keyword;
use crate::text_file;
use crate::windows::Bounds;

/// The ground truth of a folder of images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroundTruth {
    /// The names of all categories, each once, in the order in which the files list them.
    pub categories: Vec<String>,
    /// Sorted by path.
    pub images: Vec<TruthImage>,
    /// Images of the folder without ground truth.
    pub untold: Vec<PathBuf>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TruthImage {
    pub path: PathBuf,
    /// Its size in pixels, if the file says so.
    pub size: Option<(u32, u32)>,
    /// The boxes of each category that the image's file lists; none if the image doesn't show it. An image
    /// may also show what its file doesn't list.
    pub boxes: BTreeMap<usize, Vec<Bounds>>,
}

impl GroundTruth {
    /// Reads all `*.json` files of a folder: one for many images, one beside each image, or anything in
    /// between. Regions marked as crowds count like single things, since a window there shows them.
    ///
    /// # Errors
    /// If there is no such folder or no ground truth in it, a file isn't in COCO's format or contradicts
    /// itself, or an image that it names isn't there.
    pub fn open(folder: &Path) -> Result<Self, EvaluateError> {
        let unreadable = |error| EvaluateError::GroundTruth {
            path: folder.to_owned(),
            reason: format!("it can't be opened as a folder ({error})"),
        };
        let (mut files, mut pictures) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let is_hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if is_hidden || !path.is_file() {
                continue;
            }
            if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
                files.push(path);
            } else if has_image_ending(&path) {
                pictures.push(path);
            }
        }
        if files.is_empty() {
            return Err(EvaluateError::GroundTruth {
                path: folder.to_owned(),
                reason: "it holds no ground truth; put COCO's JSON beside the images".to_owned(),
            });
        }
        files.sort();
        let mut truth = Self::default();
        for file in &files {
            let wrong = |reason| EvaluateError::GroundTruth { path: file.clone(), reason };
            let json = text_file::read(file).map_err(|error| wrong(format!("it can't be read ({error})")))?;
            truth.add(folder, &json).map_err(wrong)?;
        }
        truth.images.sort_by(|a, b| a.path.cmp(&b.path));
        pictures.retain(|picture| truth.images.iter().all(|image| image.path != *picture));
        pictures.sort();
        truth.untold = pictures;
        Ok(truth)
    }

    /// The number of boxes.
    #[must_use]
    pub fn boxes(&self) -> usize {
        self.images.iter().flat_map(|image| image.boxes.values()).map(Vec::len).sum()
    }

    fn add(&mut self, folder: &Path, json: &str) -> Result<(), String> {
        let file: CocoFile =
            serde_json::from_str(json).map_err(|error| format!("it isn't COCO's JSON ({error})"))?;
        let mut categories = HashMap::new();
        for Category { id, name } in &file.categories {
            let index = self.category(name.trim()).ok_or(format!("category {id} has no name"))?;
            if categories.insert(*id, index).is_some() {
                return Err(format!("it has two categories with the id {id}"));
            }
        }
        let mut images = HashMap::new();
        for Image { id, file_name, width, height } in &file.images {
            let path = image_path(folder, file_name)?;
            if self.images.iter().any(|image| image.path == path) {
                return Err(format!("{file_name:?} is told about twice, here or in another file"));
            }
            if images.insert(*id, self.images.len()).is_some() {
                return Err(format!("it has two images with the id {id}"));
            }
            let boxes = categories.values().map(|&index| (index, Vec::new())).collect();
            self.images.push(TruthImage { path, size: width.zip(*height), boxes });
        }
        for (index, annotation) in file.annotations.iter().enumerate() {
            let wrong = |reason: String| format!("annotation {}: {reason}", index + 1);
            let Annotation { image_id, category_id, bbox } = annotation;
            let image = images.get(image_id).ok_or_else(|| wrong(format!("there is no image {image_id}")))?;
            let category = categories
                .get(category_id)
                .ok_or_else(|| wrong(format!("there is no category {category_id}")))?;
            let image = &mut self.images[*image];
            let bounds = bounds(*bbox, image.size).map_err(wrong)?;
            image.boxes.entry(*category).or_default().push(bounds);
        }
        Ok(())
    }

    /// The index of a category, which is added if its name is new.
    fn category(&mut self, name: &str) -> Option<usize> {
        if name.is_empty() {
            return None;
        }
        let known =
            self.categories.iter().position(|category| folded_keyword(category) == folded_keyword(name));
        Some(known.unwrap_or_else(|| {
            self.categories.push(name.to_owned());
            self.categories.len() - 1
        }))
    }
}

/// The parts of a file that matter here; others are skipped.
#[derive(Deserialize)]
struct CocoFile {
    images: Vec<Image>,
    categories: Vec<Category>,
    annotations: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Image {
    id: i64,
    file_name: String,
    width: Option<u32>,
    height: Option<u32>,
}

#[derive(Deserialize)]
struct Category {
    id: i64,
    name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: i64,
    category_id: i64,
    /// Left, top, width, height.
    bbox: [f64; 4],
}

/// The path of an image that a file names, which must be in the folder.
fn image_path(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let stays = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !stays {
        return Err(format!(
            "the image {name:?} would lie outside the folder; name it relative to the folder"
        ));
    }
    let path = folder.join(name);
    if path.is_file() { Ok(path) } else { Err(format!("it names the image {name:?}, which isn't there")) }
}

fn bounds(bbox: [f64; 4], size: Option<(u32, u32)>) -> Result<Bounds, String> {
    let [left, top, width, height] = bbox;
    let bounds = Bounds { left, top, right: left + width, bottom: top + height };
    let is_finite = [left, top, bounds.right, bounds.bottom].iter().all(|side| side.is_finite());
    if !(is_finite && width > 0.0 && height > 0.0) {
        return Err(format!("the box {bbox:?} has no area; it is left, top, width and height"));
    }
    let (wide, high) = size.map_or((f64::INFINITY, f64::INFINITY), |(w, h)| (w.into(), h.into()));
    if bounds.right <= 0.0 || bounds.bottom <= 0.0 || left >= wide || top >= high {
        return Err(format!("the box {bbox:?} lies outside its image"));
    }
    Ok(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    #[test]
    fn files_are_joined_by_the_names_of_categories() {
        let folder = folder(&[
            ("b.png", ""),
            ("a.png", ""),
            ("spare.tif", ""),
            (".hidden.json", "["),
            (
                "1.json",
                r#"{"images": [{"id": 7, "file_name": "b.png", "width": 100, "height": 90}],
                    "categories": [{"id": 0, "name": "ship", "supercategory": "x"}, {"id": 5, "name": "pier"}],
                    "annotations": [{"image_id": 7, "category_id": 5, "bbox": [1, 2.5, 30, 4], "iscrowd": 1}],
                    "info": {"deep": [[[1]]]}}"#,
            ),
            (
                "2.json",
                r#"{"images": [{"id": 7, "file_name": "a.png"}],
                    "categories": [{"id": 1, "name": " pier "}],
                    "annotations": []}"#,
            ),
        ]);
        let truth = GroundTruth::open(folder.path()).unwrap();
        assert_eq!(truth.categories, ["ship", "pier"]);
        assert_eq!(truth.untold, [folder.path().join("spare.tif")]);
        assert_eq!(truth.boxes(), 1);
        let pier = Bounds { left: 1.0, top: 2.5, right: 31.0, bottom: 6.5 };
        let [a, b] = &truth.images[..] else { panic!("{truth:?}") };
        assert_eq!((&a.path, a.size), (&folder.path().join("a.png"), None));
        assert_eq!(a.boxes, BTreeMap::from([(1, vec![])]));
        assert_eq!((b.size, &b.boxes), (Some((100, 90)), &BTreeMap::from([(0, vec![]), (1, vec![pier])])));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_sentence() {
        let deep = "[".repeat(100_000);
        let truth = |images: &str, categories: &str, annotations: &str| {
            format!(
                r#"{{"images": [{images}], "categories": [{categories}], "annotations": [{annotations}]}}"#
            )
        };
        let (image, ship) =
            (r#"{"id": 1, "file_name": "a.png", "width": 9, "height": 9}"#, r#"{"id": 1, "name": "ship"}"#);
        let annotation = |bbox: &str| {
            truth(image, ship, &format!(r#"{{"image_id": 1, "category_id": 1, "bbox": {bbox}}}"#))
        };
        let named = |name: &str| truth(&format!(r#"{{"id": 1, "file_name": "{name}"}}"#), ship, "");
        for (content, words) in [
            ("{", "isn't COCO's JSON"),
            ("\u{0}\u{1}", "can't be read (it looks like UTF-16"),
            (&deep, "isn't COCO's JSON"),
            ("[]", "isn't COCO's JSON"),
            (r#"{"images": []}"#, "missing field `categories`"),
            (&named("gone.png"), "\"gone.png\", which isn't there"),
            (&named("../a.png"), "outside the folder"),
            (&named("/etc/passwd"), "outside the folder"),
            (&named(""), "outside the folder"),
            (&truth(image, &format!("{ship}, {ship}"), ""), "two categories with the id 1"),
            (&truth(image, r#"{"id": 1, "name": " "}"#, ""), "category 1 has no name"),
            (&truth(&format!("{image}, {image}"), ship, ""), "\"a.png\" is told about twice"),
            (
                &truth(image, ship, r#"{"image_id": 2, "category_id": 1, "bbox": [0, 0, 1, 1]}"#),
                "annotation 1: there is no image 2",
            ),
            (
                &truth(image, ship, r#"{"image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 1]}"#),
                "annotation 1: there is no category 9",
            ),
            (&annotation("[0, 0, 0, 4]"), "has no area"),
            (&annotation("[0, 0, -3, 4]"), "has no area"),
            (&annotation("[1e308, 0, 1e308, 4]"), "has no area"),
            (&annotation("[1, 2, 3]"), "isn't COCO's JSON"),
            (&annotation("[9, 0, 3, 4]"), "lies outside its image"),
        ] {
            let folder = folder(&[("a.png", ""), ("truth.json", content)]);
            let error = GroundTruth::open(folder.path()).unwrap_err().to_string();
            assert!(
                error.contains("truth.json") && error.contains(words),
                "{error:?} does not say {words:?}"
            );
        }
        let empty = folder(&[("a.png", "")]);
        assert!(GroundTruth::open(empty.path()).unwrap_err().to_string().contains("no ground truth"));
        assert!(GroundTruth::open(&empty.path().join("a.png")).is_err());
    }
}
