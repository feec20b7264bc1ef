//! Sets of labelled or captioned images, with which models are measured and trained.
//!
//! A [`Dataset`] is a folder with a folder of images for each class (EuroSAT, UC Merced), or a file with
//! captions for images (RSICD, UCM-Captions, Sydney-Captions). Opening one lists its images without reading
//! them; [`read_picture`] reads one. [`ClassNames`] says what a class is called in a sentence.
//!
//! - `folders`: folders of class folders
//! - `captions`, with `json`, `table` and `text`: files of captions, by format
//! - `coco`: COCO's boxes as classes or captions
//! - `class_names`, `templates`: the words for classes, and the sentences around them
//! - `picture`: one image, whole
//!
//! ```no_run
//! use skysift::dataset::{ClassNames, Dataset, read_picture};
//!
//! # fn main() -> Result<(), skysift::dataset::DatasetError> {
//! let set = Dataset::open("EuroSAT_RGB".as_ref())?;
//! assert_eq!(ClassNames::default().names(&set.classes[0]), ["annual crop"]);
//! let pixels = read_picture(&set.items[0].path)?;
//! # Ok(())
//! # }
//! ```

mod captions;
mod class_names;
mod coco;
mod error;
mod folders;
mod json;
mod picture;
mod table;
mod templates;
mod text;

use std::path::{Path, PathBuf};

pub use class_names::ClassNames;
pub use error::DatasetError;
pub use picture::read_picture;
pub use templates::read_templates;

/// Images with their classes or captions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// The folder that holds the class folders, or the file of captions.
    pub root: PathBuf,
    /// The names of the class folders or categories, sorted; none in a captioned set.
    pub classes: Vec<String>,
    /// Sorted by path, each path once.
    pub items: Vec<Item>,
    /// What was left out, and why.
    pub skipped: Vec<Skipped>,
}

/// One image of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub path: PathBuf,
    /// An index into [`Dataset::classes`]; `None` in a captioned set.
    pub class: Option<usize>,
    /// In the order of the file; none in a set of class folders, one at least in a captioned set.
    pub captions: Vec<String>,
}

/// Something in a set that can't be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub path: PathBuf,
    pub reason: String,
}

impl Dataset {
    /// Lists a set. `path` is one of
    ///
    /// - a folder of class folders with images in them; hidden files and those without an image's extension
    ///   are ignored;
    /// - a `.jsonl` file with an object per line: `{"filename": "a.jpg", "captions": ["…", "…"]}`, or
    ///   `"caption"`;
    /// - a `.json` file with a list of such objects, or the form of Karpathy's splits, as RSICD's
    ///   `dataset_rsicd.json`; `dataset_rsicd.json#test` is the images of one split;
    /// - a `.json` file in COCO's form: the categories of an image's boxes are its captions, and classes if
    ///   no image has more than one; COCO's captions are captions;
    /// - a `.csv` or `.tsv` file with a column `filename`, `image` or `filepath` and a column `caption`,
    ///   `captions`, `title` or `text`;
    /// - a `.txt` file with lines `a.jpg#0<tab>caption`, `a.jpg<tab>caption<tab>caption` or
    ///   `a.jpg caption . caption .`
    ///
    /// Captions of the same image are joined in the order of the file. Images are searched beside the file,
    /// and in folders `images` and `imgs` beside it and beside its folder; if a name has no extension, the
    /// usual ones are tried. Images without captions and captions without an image are in [`Self::skipped`].
    ///
    /// A single class is accepted; the caller decides whether it makes sense.
    ///
    /// # Errors
    /// If there is no such file or folder, it has none of these forms, a line can't be understood, or it
    /// contains nothing that can be used.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        if path.is_dir() { folders::open(path) } else { captions::open(path) }
    }

    /// The files that the set is read from: its captions, if it has any, and its images. `path` is the one it
    /// was opened with.
    #[must_use]
    pub fn files(&self, path: &Path) -> Vec<PathBuf> {
        let captions = (!path.is_dir()).then(|| captions::split_of(path).0);
        let items = self.items.iter().map(|item| &item.path);
        let skipped = self.skipped.iter().map(|skipped| &skipped.path);
        captions.into_iter().chain(items.chain(skipped).cloned()).collect()
    }
}

/// The extensions of images.
const IMAGE_ENDINGS: [&str; 6] = ["jpg", "jpeg", "png", "tif", "tiff", "webp"];

pub(crate) fn has_image_ending(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    IMAGE_ENDINGS.contains(&ending.as_str())
}
