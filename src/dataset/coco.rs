//! Sets in COCO's form: images with boxes or captions.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::DatasetError;
use super::captions::{CaptionRecord, Told};

#[derive(Deserialize)]
struct File {
    images: Vec<Image>,
    #[serde(default)]
    categories: Vec<Category>,
    annotations: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Image {
    id: i64,
    file_name: String,
}

#[derive(Deserialize)]
struct Category {
    id: i64,
    name: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: i64,
    category_id: Option<i64>,
    caption: Option<String>,
}

/// Whether a document is COCO's: beside images there is a list of what they show.
pub(super) fn is_coco(document: &Value) -> bool {
    let is_list = |name: &str| document.get(name).is_some_and(Value::is_array);
    is_list("images") && is_list("annotations")
}

/// Reads a document: each image with the categories that it shows, each once, or its captions. An image
/// without annotations has none.
pub(super) fn read(path: &Path, document: Value) -> Result<Told, DatasetError> {
    let wrong = |reason: String| DatasetError::Content { path: path.to_owned(), reason };
    let file: File =
        serde_json::from_value(document).map_err(|error| wrong(format!("it isn't COCO's JSON ({error})")))?;
    let categories: BTreeMap<i64, &str> =
        file.categories.iter().map(|category| (category.id, category.name.trim())).collect();
    let places: HashMap<i64, usize> =
        file.images.iter().enumerate().map(|(place, image)| (image.id, place)).collect();
    let mut records: Vec<CaptionRecord> = file
        .images
        .iter()
        .map(|image| CaptionRecord { name: image.file_name.clone(), captions: Vec::new() })
        .collect();
    let mut captioned = false;
    for (index, annotation) in file.annotations.iter().enumerate() {
        let wrong = |what: String| wrong(format!("in annotation {}, {what}; correct it", index + 1));
        let image = places.get(&annotation.image_id);
        let image = *image.ok_or_else(|| wrong(format!("there is no image {}", annotation.image_id)))?;
        let name = match (&annotation.caption, annotation.category_id) {
            (Some(caption), _) => {
                captioned = true;
                caption.as_str()
            }
            (None, Some(id)) => {
                categories.get(&id).copied().ok_or_else(|| wrong(format!("there is no category {id}")))?
            }
            (None, None) => return Err(wrong("there is neither a category nor a caption".to_owned())),
        };
        let captions = &mut records[image].captions;
        if captioned || !captions.iter().any(|known| known == name) {
            captions.push(name.to_owned());
        }
    }
    let mut classes = Vec::new();
    if !captioned && records.iter().all(|record| record.captions.len() <= 1) {
        classes = records.iter().flat_map(|record| record.captions.iter().cloned()).collect();
        classes.sort_unstable();
        classes.dedup();
    }
    Ok(Told { classes, records })
}
