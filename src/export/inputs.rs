//! What scenes, models and sets consist of on disk, so that no output replaces any of it.

use std::path::Path;

use crate::clip::model_files;
use crate::dataset::Dataset;
use crate::outputs::Inputs;
use crate::raster::{is_address, scene_files};

impl Inputs {
    /// An image with all that it consists of.
    pub fn image(&mut self, image: &Path) {
        let mut files = scene_files(image).into_iter();
        if let Some(first) = files.next() {
            self.file("the image", &first);
        }
        self.files("a part of the image,", files);
        if !is_address(image) {
            // Whether it is there is told when it is opened.
            self.file("the image", image);
        }
    }

    /// A model's folder, or a bare state dict.
    pub fn model(&mut self, path: &Path) {
        self.files("a file of the model,", model_files(path));
    }

    /// A set of images that was named by `path`.
    pub fn dataset(&mut self, path: &Path, set: &Dataset) {
        self.files("a file of the set,", set.files(path));
    }

    /// The folder of stored embeddings.
    pub fn store(&mut self, root: &Path) {
        // Not the folder itself, which may serve for other things, too.
        for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                self.folder("a folder of stored embeddings,", &entry.path());
            }
        }
    }

    pub fn saved_queries(&mut self, folder: &Path) {
        self.folder("the folder of saved queries,", folder);
    }
}
