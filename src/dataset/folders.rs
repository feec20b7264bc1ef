//! Folders with a folder of images for each class.

use std::fs;
use std::path::{Path, PathBuf};

use super::captions::{IMAGE_FOLDERS, is_captions_file};
use super::{Dataset, DatasetError, Item, Skipped, has_image_ending};

/// The content of a folder, sorted, without what is hidden.
struct Listing {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Listing {
    fn of(folder: &Path) -> Result<Self, DatasetError> {
        let failed = |source| DatasetError::open(folder, source);
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                paths.push(entry.path());
            }
        }
        paths.sort();
        let (folders, files) = paths.into_iter().partition(|path| path.is_dir());
        Ok(Self { folders, files })
    }
}

pub(super) fn open(root: &Path) -> Result<Dataset, DatasetError> {
    let listing = Listing::of(root)?;
    let only_image_folders = listing.folders.iter().all(|folder| IMAGE_FOLDERS.contains(&&*name(folder)));
    let captions = listing.files.iter().find(|file| is_captions_file(file));
    if let (true, Some(file)) = (only_image_folders, captions) {
        return Err(DatasetError::NameTheFile { path: root.to_owned(), example: name(file) });
    }

    let mut set =
        Dataset { root: root.to_owned(), classes: Vec::new(), items: Vec::new(), skipped: Vec::new() };
    let mut nested = None;
    for folder in &listing.folders {
        let inside = Listing::of(folder)?;
        let images: Vec<PathBuf> = inside.files.into_iter().filter(|file| has_image_ending(file)).collect();
        if images.is_empty() {
            if !inside.folders.is_empty() {
                nested = nested.or_else(|| Some(name(folder)));
            }
            let reason = "no images lie in this folder".to_owned();
            set.skipped.push(Skipped { path: folder.clone(), reason });
            continue;
        }
        let class = Some(set.classes.len());
        set.classes.push(name(folder));
        set.items.extend(images.into_iter().map(|path| Item { path, class, captions: Vec::new() }));
    }
    match (set.items.is_empty(), nested) {
        (false, _) => {
            set.items.sort_by(|a, b| a.path.cmp(&b.path));
            Ok(set)
        }
        (true, Some(example)) => Err(DatasetError::Nested { path: root.to_owned(), example }),
        (true, None) => Err(DatasetError::NoClasses { path: root.to_owned() }),
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_of(files: &[&str]) -> (tempfile::TempDir, Result<Dataset, DatasetError>) {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let set = Dataset::open(folder.path());
        (folder, set)
    }

    #[test]
    fn classes_and_images_are_sorted_and_the_rest_is_ignored() {
        let files = [
            "b/2.jpg",
            "b/1.PNG",
            "b/.hidden.jpg",
            "b/deep/3.jpg",
            "a/1.tif",
            "a/labels.txt",
            ".git/x.png",
            "names.json",
            "empty/readme.md",
        ];
        let (folder, set) = set_of(&files);
        let set = set.unwrap();
        assert_eq!(set.classes, ["a", "b"]);
        let found: Vec<(PathBuf, usize)> =
            set.items.iter().map(|item| (item.path.clone(), item.class.unwrap())).collect();
        let path = |name: &str| folder.path().join(name);
        assert_eq!(found, [(path("a/1.tif"), 0), (path("b/1.PNG"), 1), (path("b/2.jpg"), 1)]);
        assert_eq!(set.skipped.len(), 1);
        assert_eq!(set.skipped[0].path, path("empty"));
    }

    #[test]
    fn one_class_is_a_set() {
        let (_folder, set) = set_of(&["only/1.jpg"]);
        assert_eq!(set.unwrap().classes, ["only"]);
    }

    #[test]
    fn folders_of_folders_are_refused_with_an_example() {
        let (folder, set) = set_of(&["train/beach/1.jpg", "test/beach/2.jpg"]);
        let error = set.unwrap_err();
        assert!(matches!(error, DatasetError::Nested { .. }));
        assert!(error.to_string().contains(&folder.path().join("test").display().to_string()), "{error}");
    }

    #[test]
    fn captions_beside_images_are_refused_with_the_file() {
        for images in ["images/1.jpg", "1.jpg"] {
            let (_folder, set) = set_of(&["captions_train.jsonl", images]);
            let error = set.unwrap_err();
            assert!(matches!(error, DatasetError::NameTheFile { .. }));
            assert!(error.to_string().ends_with("captions_train.jsonl"), "{error}");
        }
        // A table of classes beside class folders is only a table.
        let (_folder, set) = set_of(&["labels.csv", "beach/1.jpg", "images/2.jpg"]);
        assert_eq!(set.unwrap().classes, ["beach", "images"]);
    }

    #[test]
    fn nothing_in_it_is_an_error() {
        for files in [&[][..], &["1.jpg"], &["a/readme.md"]] {
            let (_folder, set) = set_of(files);
            assert!(matches!(set.unwrap_err(), DatasetError::NoClasses { .. }), "{files:?}");
        }
        assert!(matches!(
            Dataset::open(Path::new("/no/such/set")).unwrap_err(),
            DatasetError::Open { .. } | DatasetError::UnknownFormat { .. }
        ));
    }
}
