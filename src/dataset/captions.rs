//! Files with captions for images.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::error::read_text;
use super::{Dataset, DatasetError, IMAGE_ENDINGS, Item, Skipped, coco, has_image_ending, json, table, text};

/// The names of folders that hold the images of a file of captions.
pub(super) const IMAGE_FOLDERS: [&str; 2] = ["images", "imgs"];

/// What a file says about an image, in one of perhaps several places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CaptionRecord {
    /// The image, as the file names it.
    pub name: String,
    pub captions: Vec<String>,
}

/// Whether a file beside images looks like one with their captions.
pub(super) fn is_captions_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match ending(path).as_str() {
        "jsonl" | "csv" | "tsv" => true,
        "json" | "txt" => ["caption", "dataset", "description"].iter().any(|word| name.contains(word)),
        _ => false,
    }
}

pub(super) fn open(path: &Path) -> Result<Dataset, DatasetError> {
    let (file, split) = split_of(path);
    let Told { classes, records } = read(&file, split.as_deref())?;
    let beside = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let root = beside.unwrap_or(Path::new(".")).to_owned();
    let mut items: Vec<Item> = Vec::new();
    let mut skipped = Vec::new();
    for CaptionRecord { name, captions } in joined(records) {
        let skip = |path: PathBuf, reason: &str| Skipped { path, reason: reason.to_owned() };
        match find(&root, &name) {
            Some(path) if captions.is_empty() => skipped.push(skip(path, "it has no caption")),
            Some(path) => match captions.first().and_then(|name| classes.binary_search(name).ok()) {
                Some(class) => items.push(Item { path, class: Some(class), captions: Vec::new() }),
                None => items.push(Item { path, class: None, captions }),
            },
            None => skipped.push(skip(root.join(&name), "it has captions but there is no such image")),
        }
    }
    if items.is_empty() {
        let reason = skipped.first().map_or_else(
            || "it names none".to_owned(),
            |first| format!("{}: {}", first.path.display(), first.reason),
        );
        return Err(DatasetError::NoItems { path: file, reason });
    }
    items.sort_by(|a, b| a.path.cmp(&b.path));
    // The same image under two names, such as 7 and 7.tif.
    items.dedup_by(|next, item| {
        let same = next.path == item.path;
        if same {
            item.captions.append(&mut next.captions);
        }
        same
    });
    Ok(Dataset { root, classes, items, skipped })
}

/// Splits `#split` off a path, unless there is a file with the whole name.
pub(super) fn split_of(path: &Path) -> (PathBuf, Option<String>) {
    let text = path.to_string_lossy();
    match text.rsplit_once('#') {
        Some((file, split)) if !path.exists() && Path::new(file).is_file() => {
            (PathBuf::from(file), Some(split.to_owned()))
        }
        _ => (path.to_owned(), None),
    }
}

/// What a file tells of images.
pub(super) struct Told {
    /// Of a file whose captions are the names of categories, one an image: those names, sorted.
    pub classes: Vec<String>,
    pub records: Vec<CaptionRecord>,
}

fn read(file: &Path, split: Option<&str>) -> Result<Told, DatasetError> {
    let ending = ending(file);
    if !["jsonl", "ndjson", "json", "csv", "tsv", "txt"].contains(&ending.as_str()) {
        // A missing file is a better reason than an unknown format.
        std::fs::metadata(file).map_err(|source| DatasetError::open(file, source))?;
        return Err(DatasetError::UnknownFormat { path: file.to_owned() });
    }
    let content = read_text(file)?;
    if ending == "json"
        && content.contains("\"annotations\"")
        && let Ok(document) = serde_json::from_str(&content)
        && coco::is_coco(&document)
    {
        return coco::read(file, document);
    }
    let records = match ending.as_str() {
        "json" if !json::is_one_record_a_line(&content) => json::read_document(file, &content, split),
        _ if split.is_some() => Err(DatasetError::NoSplit {
            path: file.to_owned(),
            split: split.unwrap_or_default().to_owned(),
            known: "none; only files like dataset_rsicd.json have any".to_owned(),
        }),
        "jsonl" | "ndjson" | "json" => json::read_lines(file, &content),
        "csv" | "tsv" => table::read(file, &content),
        _ => Ok(text::read(&content)),
    };
    Ok(Told { classes: Vec::new(), records: records? })
}

fn ending(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

/// One record per image, in the order of their first occurrence, without empty captions.
fn joined(records: Vec<CaptionRecord>) -> Vec<CaptionRecord> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut joined: Vec<CaptionRecord> = Vec::new();
    for CaptionRecord { name, captions } in records {
        let place = *places.entry(name.clone()).or_insert(joined.len());
        if place == joined.len() {
            joined.push(CaptionRecord { name, captions: Vec::new() });
        }
        let captions = captions.iter().map(|caption| caption.trim()).filter(|caption| !caption.is_empty());
        joined[place].captions.extend(captions.map(str::to_owned));
    }
    joined
}

/// The path of the image that a file in `root` calls `name`.
fn find(root: &Path, name: &str) -> Option<PathBuf> {
    let beside = [root.to_owned(), root.join("..")];
    let folders = beside.iter().flat_map(|folder| {
        std::iter::once(folder.clone()).chain(IMAGE_FOLDERS.iter().map(|images| folder.join(images)))
    });
    // Files that were made on Windows have its separators.
    let name = name.trim().replace('\\', "/");
    folders
        .flat_map(|folder| {
            let path = folder.join(&name);
            let endings: &[&str] = if has_image_ending(&path) { &[] } else { &IMAGE_ENDINGS };
            let guesses: Vec<PathBuf> =
                endings.iter().map(|ending| folder.join(format!("{name}.{ending}"))).collect();
            std::iter::once(path).chain(guesses)
        })
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder `set` with a captions file and images a.jpg, images/b.png and ../images/7.tif.
    fn opened(file: &str, content: &str) -> Result<Dataset, DatasetError> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("set");
        for image in ["set/a.jpg", "set/images/b.png", "images/7.tif"] {
            let path = folder.path().join(image);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::write(root.join(file.split('#').next().unwrap()), content).unwrap();
        Dataset::open(&root.join(file))
    }

    /// Names and captions of the items.
    fn items(set: &Dataset) -> Vec<(String, Vec<&str>)> {
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let captions = |item: &'_ Item| item.captions.len();
        assert!(set.items.iter().all(|item| captions(item) > 0 && item.class.is_none()));
        set.items
            .iter()
            .map(|item| (name(&item.path), item.captions.iter().map(String::as_str).collect()))
            .collect()
    }

    fn expected() -> Vec<(String, Vec<&'static str>)> {
        vec![("7.tif".to_owned(), vec!["sea"]), ("a.jpg".to_owned(), vec!["a pier", "two boats"])]
    }

    fn sorted(mut found: Vec<(String, Vec<&str>)>) -> Vec<(String, Vec<&str>)> {
        found.sort();
        found
    }

    #[test]
    fn json_lines() {
        let set = opened(
            "captions.jsonl",
            "{\"filename\": \"a.jpg\", \"captions\": [\"a pier\", \" two boats \"]}\n\n\
             {\"image\": \"7.tif\", \"caption\": \"sea\"}\n\
             {\"filename\": \"images/b.png\", \"captions\": []}\n\
             {\"filename\": \"gone.jpg\", \"caption\": \"a ghost\"}\n",
        )
        .unwrap();
        assert_eq!(sorted(items(&set)), expected());
        assert!(set.classes.is_empty());
        let reasons: Vec<&str> = set.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
        assert_eq!(reasons, ["it has no caption", "it has captions but there is no such image"]);
        assert!(set.skipped[1].path.ends_with("set/gone.jpg"));
    }

    #[test]
    fn json_documents() {
        let karpathy = r#"{"dataset": "x", "images": [
            {"filename": "a.jpg", "split": "test", "sentences": [{"raw": "a pier"}, {"raw": "two boats"}]},
            {"filename": "7.tif", "split": "test", "sentences": [{"raw": "sea"}]},
            {"filename": "b.png", "split": "train", "sentences": [{"raw": "a road"}]}]}"#;
        assert_eq!(sorted(items(&opened("dataset.json#test", karpathy).unwrap())), expected());
        assert_eq!(opened("dataset.json", karpathy).unwrap().items.len(), 3);
        let error = opened("dataset.json#val", karpathy).unwrap_err().to_string();
        assert!(error.contains("val") && error.contains("test, train"), "{error}");

        let list = r#"[{"filename": "a.jpg", "captions": ["a pier", "two boats"]},
                       {"filename": "7", "caption": "sea"}]"#;
        assert_eq!(sorted(items(&opened("list.json", list).unwrap())), expected());
        let lines = "{\"filename\": \"a.jpg\", \"captions\": [\"a pier\", \"two boats\"]}\n\
                     {\"filename\": \"7\", \"caption\": \"sea\"}\n";
        assert_eq!(sorted(items(&opened("lines.json", lines).unwrap())), expected());
    }

    #[test]
    fn boxes_of_one_category_an_image_are_classes() {
        let coco = |more: &str| {
            format!(
                r#"{{"images": [{{"id": 3, "file_name": "a.jpg"}}, {{"id": 4, "file_name": "images/b.png"}}],
                    "categories": [{{"id": 1, "name": "pier"}}, {{"id": 9, "name": "boat"}}],
                    "annotations": [{{"image_id": 3, "category_id": 9, "bbox": [0, 0, 1, 1]}},
                        {{"image_id": 3, "category_id": 9, "bbox": [2, 0, 1, 1]}},
                        {{"image_id": 4, "category_id": 1, "bbox": [0, 0, 1, 1]}}{more}]}}"#
            )
        };
        let set = opened("train.json", &coco("")).unwrap();
        assert_eq!(set.classes, ["boat", "pier"]);
        let classes: Vec<_> = set.items.iter().map(|item| (item.class, item.captions.len())).collect();
        assert_eq!(classes, [(Some(0), 0), (Some(1), 0)]);
        // Several in one picture are its captions.
        let set = opened("train.json", &coco(r#", {"image_id": 4, "category_id": 9}"#)).unwrap();
        assert!(set.classes.is_empty());
        assert_eq!(
            sorted(items(&set)),
            [("a.jpg".to_owned(), vec!["boat"]), ("b.png".to_owned(), vec!["pier", "boat"])]
        );
        for (more, words) in [
            (r#", {"image_id": 5, "category_id": 9}"#, "no image 5"),
            (r#", {"image_id": 4, "category_id": 2}"#, "no category 2"),
            (r#", {"image_id": 4}"#, "neither a category nor a caption"),
        ] {
            let error = opened("train.json", &coco(more)).unwrap_err().to_string();
            assert!(error.contains("annotation 4") && error.contains(words), "{error}");
        }
        let captions = r#"{"images": [{"id": 3, "file_name": "a.jpg"}, {"id": 4, "file_name": "7"}],
            "annotations": [{"image_id": 3, "caption": "a pier"}, {"image_id": 3, "caption": "two boats"},
                {"image_id": 4, "caption": "sea"}]}"#;
        assert_eq!(sorted(items(&opened("c.json", captions).unwrap())), expected());
    }

    #[test]
    fn tables() {
        for (file, content) in [
            ("c.csv", "id,filename,caption\n1,a.jpg,a pier\n2,7.tif,sea\n3,a.jpg,two boats\n"),
            ("c.csv", "\u{feff}filepath\ttitle\na.jpg\ta pier\na.jpg\ttwo boats\n7.tif\tsea\n"),
            ("c.tsv", "image\tcaption_1\tcaption_2\na.jpg\ta pier\ttwo boats\n7.tif\tsea\t\n"),
            ("c.csv", "Filename,Captions\na.jpg,\"['a pier' \"\"two boats\"\"]\"\n7.tif,['sea']\n"),
        ] {
            assert_eq!(sorted(items(&opened(file, content).unwrap())), expected(), "{content}");
        }
    }

    #[test]
    fn lines_of_text() {
        for content in [
            "a.jpg#0\ta pier\na.jpg#1\ttwo boats\n7.tif#0\tsea\n",
            "a.jpg\ta pier\ttwo boats\n\n7.tif\tsea\n",
            "a.jpg a pier\r\na two boats\r\n7 sea\r\n",
        ] {
            assert_eq!(sorted(items(&opened("c.txt", content).unwrap())), expected(), "{content}");
        }
        let set = opened("c.txt", "a.jpg a pier . two boats .\n").unwrap();
        assert_eq!(set.items[0].captions, ["a pier .", "two boats ."]);
    }

    #[test]
    fn a_bad_line_is_named() {
        for (file, content, line) in [
            ("c.jsonl", "{\"filename\": \"a.jpg\", \"caption\": \"x\"}\n\n{\"filename\": \n", 3),
            ("c.jsonl", "{\"caption\": \"x\"}\n", 1),
            ("c.jsonl", "{\"filename\": \"a.jpg\", \"captions\": 5}\n", 1),
            ("c.jsonl", "[1]\n", 1),
            ("c.csv", "filename,caption\na.jpg,x\na.jpg,x,y\n", 3),
            ("c.csv", "file,words\na.jpg,x\n", 1),
            ("c.json", "{\n\"images\": [x]}", 2),
        ] {
            let error = opened(file, content).unwrap_err();
            assert!(matches!(&error, DatasetError::Line { line: found, .. } if *found == line), "{error}");
            assert!(error.to_string().contains(file), "{error}");
        }
        let error = opened("c.json", "[{\"filename\": \"a.jpg\", \"caption\": \"x\"}, {\"filename\": 3}]");
        assert!(error.unwrap_err().to_string().contains("image 2"));
    }

    #[test]
    fn a_file_without_usable_images_is_an_error() {
        let error = opened("c.jsonl", "{\"filename\": \"gone.jpg\", \"caption\": \"x\"}").unwrap_err();
        assert!(matches!(error, DatasetError::NoItems { .. }));
        assert!(error.to_string().contains("gone.jpg"), "{error}");
        assert!(matches!(opened("c.jsonl", "").unwrap_err(), DatasetError::NoItems { .. }));
        assert!(matches!(opened("c.doc", "x").unwrap_err(), DatasetError::UnknownFormat { .. }));
        assert!(matches!(Dataset::open(Path::new("/no/c.doc")).unwrap_err(), DatasetError::Open { .. }));
        assert!(matches!(Dataset::open(Path::new("/no/c.csv")).unwrap_err(), DatasetError::Open { .. }));
    }
}
