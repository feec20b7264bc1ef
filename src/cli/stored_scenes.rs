//! Which of the stored scenes a command is about, and the images that they were made of.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::output;
use crate::raster::{RasterError, Scene, SceneOptions, Storage, fingerprint_of, is_address, without_secrets};
use crate::scan::{SceneSource, place_of};
use crate::store::StoredCollection;

/// What a command says of scenes, and whether it could do all that it was asked for.
pub struct StoredScenes {
    /// Those on the command line; none for everything.
    named: Vec<Named>,
    storage: Storage,
    /// Whether it is about the cells of dense scans.
    dense: bool,
    quiet: bool,
    /// What was told, for the result.
    pub notices: Vec<String>,
    /// Scenes that are there and could not be dealt with.
    pub failed: usize,
}

struct Named {
    path: PathBuf,
    fingerprint: String,
}

/// A scene that takes part.
pub struct Chosen {
    pub entry: StoredCollection,
    /// What to call it: the path that it was named by, or else where it was seen last.
    pub name: String,
    /// Where the image lies that the embeddings are of; `None` when it is gone.
    image: Option<PathBuf>,
}

/// Where the image of an entry is.
enum ImagePlace {
    At(PathBuf),
    Gone,
    /// Something else lies there now.
    Changed(PathBuf),
    Unreadable(String),
}

impl StoredScenes {
    /// # Errors
    /// When an image can't be read.
    pub fn named(images: &[PathBuf], dense: bool, quiet: bool, storage: Storage) -> anyhow::Result<Self> {
        let named = images.par_iter().map(|path| {
            let fingerprint = if is_address(path) {
                Scene::open_with(path, &SceneOptions::from(&storage))?.fingerprint()
            } else {
                fingerprint_of(path, &storage)?
            };
            Ok(Named { path: path.clone(), fingerprint })
        });
        let named = named.collect::<Result<_, RasterError>>()?;
        Ok(Self { named, storage, dense, quiet, notices: Vec::new(), failed: 0 })
    }

    /// The entries of the images that were named, or all, but for those whose image is another one by now.
    ///
    /// # Errors
    /// When there is none, or none of an image that was named.
    pub fn select(
        &mut self,
        mut entries: Vec<StoredCollection>,
        store: &Path,
    ) -> anyhow::Result<Vec<Chosen>> {
        let of =
            |entry: &StoredCollection, named: &Named| entry.provenance.scene_fingerprint == named.fingerprint;
        let index = if self.dense { "skysift index --dense" } else { "skysift index" };
        for named in &self.named {
            if !entries.iter().any(|entry| of(entry, named)) {
                let name = without_secrets(&named.path);
                let name = name.display();
                bail!("{name} is not indexed with this model in this way; run {index} {name}");
            }
        }
        if entries.is_empty() {
            bail!("nothing is indexed with this model in {}; run {index} IMAGE first", store.display());
        }
        if !self.named.is_empty() {
            entries.retain(|entry| self.named.iter().any(|named| of(entry, named)));
        }
        let images: Vec<ImagePlace> = entries.par_iter().map(|entry| self.image_of(entry)).collect();
        let current: HashSet<PathBuf> = images.iter().filter_map(ImagePlace::path).map(place_of).collect();
        let mut chosen = Vec::new();
        for (entry, image) in entries.into_iter().zip(images) {
            let image = match image {
                ImagePlace::At(image) => Some(image),
                ImagePlace::Gone => None,
                ImagePlace::Changed(path) => {
                    // Where its successor is indexed, nothing is missing.
                    if !current.contains(&path) {
                        let path = path.display();
                        self.tell(format!(
                            "{path} was changed since it was indexed and is left out; index it again"
                        ));
                    }
                    continue;
                }
                ImagePlace::Unreadable(error) => {
                    self.fail(&error);
                    continue;
                }
            };
            let name = without_secrets(image.as_deref().unwrap_or(&entry.provenance.scene));
            chosen.push(Chosen { name: name.display().to_string(), entry, image });
        }
        if chosen.is_empty() {
            bail!("no image is as it was when it was indexed; run {index} IMAGE again");
        }
        chosen.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(chosen)
    }

    /// Looks where a scene was seen, the latest place first.
    fn image_of(&self, entry: &StoredCollection) -> ImagePlace {
        let fingerprint = &entry.provenance.scene_fingerprint;
        if let Some(named) = self.named.iter().find(|named| named.fingerprint == *fingerprint) {
            return ImagePlace::At(named.path.clone());
        }
        let mut image = ImagePlace::Gone;
        for place in &entry.places {
            if is_address(place) {
                return ImagePlace::At(place.clone());
            }
            let found = match fingerprint_of(place, &self.storage) {
                Ok(found) if found == *fingerprint => return ImagePlace::At(place.clone()),
                Err(RasterError::Open { source, .. }) if is_gone(&source) => continue,
                Err(RasterError::Open { path, source }) => {
                    ImagePlace::Unreadable(format!("cannot read {}: {source}", path.display()))
                }
                // Another file, or a mosaic or product that isn't one any more.
                Ok(_) | Err(_) => ImagePlace::Changed(place.clone()),
            };
            if !matches!(
                (&image, &found),
                (ImagePlace::Unreadable(_), _) | (ImagePlace::Changed(_), ImagePlace::Changed(_))
            ) {
                image = found;
            }
        }
        image
    }

    /// Tells something.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            output::note(text);
        }
    }

    /// Tells something that belongs to the result.
    pub fn tell(&mut self, text: String) {
        self.note(&text);
        self.notices.push(text);
    }

    /// Tells what makes the result incomplete, however quiet it is to be.
    pub fn remark(&mut self, text: String) {
        output::note(&text);
        self.notices.push(text);
    }

    /// Tells what could not be done.
    pub fn fail(&mut self, error: &str) {
        self.remark(error.to_owned());
        self.failed += 1;
    }

    /// Opens the image of a scene to know its place. `None` when it is gone, is another one, or can't be
    /// opened although it is there, which is told.
    pub fn open(&mut self, chosen: &Chosen) -> Option<Scene> {
        let image = chosen.image.as_ref()?;
        match Scene::open_with(image, &SceneOptions::from(&self.storage)) {
            Ok(scene) if !is_address(image) => Some(scene),
            // What a server gives is known when it is open.
            Ok(scene) => (scene.fingerprint() == chosen.entry.provenance.scene_fingerprint).then_some(scene),
            Err(RasterError::Open { source, .. }) if is_gone(&source) => None,
            Err(error) => {
                self.fail(&error.to_string());
                None
            }
        }
    }

    /// Opens the image of a scene for its pixels.
    ///
    /// # Errors
    /// When it is gone, is another one by now, or can't be opened.
    pub fn open_again(&self, chosen: Option<&Chosen>) -> io::Result<Arc<dyn SceneSource>> {
        let gone =
            || io::Error::other("the image is gone or was changed, so no picture can be cut out of it");
        let chosen = chosen.ok_or_else(gone)?;
        let image = chosen.image.as_ref().ok_or_else(gone)?;
        let scene = Scene::open_with(image, &SceneOptions::from(&self.storage)).map_err(io::Error::other)?;
        let is_it = scene.fingerprint() == chosen.entry.provenance.scene_fingerprint;
        if is_it { Ok(Arc::new(scene)) } else { Err(gone()) }
    }

    /// # Errors
    /// When something that was told could not be done.
    pub fn check(&self) -> anyhow::Result<()> {
        match self.failed {
            0 => Ok(()),
            1 => bail!("one of the scenes could not be looked at as a whole"),
            several => bail!("{several} of the scenes could not be looked at as a whole"),
        }
    }
}

impl ImagePlace {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::At(path) => Some(path),
            _ => None,
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
