//! Published models: which there are, how they are downloaded, and where they lie.
//!
//! [`Catalogue`] is data, `assets/models.toml`. Its models lie on the Hugging Face hub and are downloaded
//! into the hub's own cache ([`Hub`]), so that Python programs find what Skysift downloaded, and Skysift what
//! they did. `hf-hub`, the hub's own library, was considered: version 1.0 needs an asynchronous runtime, a
//! second HTTP client and the hub's chunk store (xet), doesn't verify the content of files, and supports
//! neither checks of disk space nor paused downloads. All that is needed of the protocol are two requests,
//! which `request` sends with the HTTP client that also serves remote scenes.
//!
//! - `catalogue`: the list of models
//! - `home`, `hub`: the folders in which models lie
//! - `installed`: a model in these folders
//! - `fetch`, `download`, `request` with `headers`: from a server, by model, file and request
//! - `copying`, `unpack`: from a folder, a file or an archive on this computer
//! - `digest`, `lock`, `watch`, `pace`: checksums, locks, progress and speed of a download
//! - `unfinished`: whose the files are that aren't complete yet

mod catalogue;
mod copying;
mod digest;
mod download;
mod error;
mod fetch;
mod headers;
mod home;
mod hub;
mod installed;
mod lock;
mod pace;
mod request;
mod unfinished;
mod unpack;
mod watch;

use std::path::Path;

pub use catalogue::{Catalogue, CatalogueEntry, FileLayout, FileSpec};
pub use error::ModelError;
pub use home::Home;
pub use hub::Hub;
pub use installed::Installed;
pub use pace::Pace;
pub use watch::{DownloadProgress, Watch};

use crate::clip::ModelSource;

/// Where models lie: on the hub, in its cache, and in Skysift's own folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPlaces {
    pub hub: Hub,
    pub home: Home,
}

impl ModelPlaces {
    /// The places that the environment names.
    #[must_use]
    pub fn from_environment() -> Self {
        Self { hub: Hub::from_environment(), home: Home::from_environment() }
    }

    /// The catalogue, and which of its models are here.
    ///
    /// # Errors
    /// If the user's own catalogue can't be read.
    pub fn models(&self) -> Result<Models, ModelError> {
        Ok(Models { catalogue: Catalogue::load(self.home.catalogue())?, place: self.clone() })
    }

    /// What a person means by a path or a name: a folder or file that exists, else a model of the catalogue.
    ///
    /// # Errors
    /// If it is neither, or a model of the catalogue that isn't here yet.
    pub fn resolve(&self, named: &Path, arch: Option<&str>) -> Result<ModelSource, ModelError> {
        if named.exists() {
            return Ok(ModelSource { path: named.to_owned(), arch: arch.map(str::to_owned) });
        }
        let models = self.models()?;
        let entry = models.named(&named.to_string_lossy())?;
        let mut source = models.find(entry).ok_or_else(|| ModelError::not_here(entry))?.source;
        if let Some(arch) = arch {
            source.arch = Some(arch.to_owned());
        }
        Ok(source)
    }
}

/// The published models, and which of them are here.
pub struct Models {
    pub catalogue: Catalogue,
    place: ModelPlaces,
}

impl Models {
    /// The model with a name, or of a repository on the hub.
    ///
    /// # Errors
    /// If there is none. The error suggests similar names.
    pub fn named(&self, name: &str) -> Result<&CatalogueEntry, ModelError> {
        self.catalogue.find(name).map_err(|near| ModelError::Unknown {
            named: name.into(),
            near: near.into_iter().map(str::to_owned).collect(),
        })
    }

    /// A model on this computer, if all of it is here.
    #[must_use]
    pub fn find(&self, entry: &CatalogueEntry) -> Option<Installed> {
        installed::find(entry, &self.place)
    }

    /// Downloads what isn't here yet. An interrupted download is continued.
    ///
    /// # Errors
    /// If it can't be downloaded; [`ModelError::Stopped`] if `watch` says so.
    pub fn fetch(&self, entry: &CatalogueEntry, watch: &mut Watch<'_>) -> Result<Installed, ModelError> {
        fetch::fetch(entry, &self.place, watch)?;
        self.find(entry).ok_or_else(|| ModelError::vanished(entry))
    }

    /// Copies a model from a folder or a file on this computer into Skysift's own folder.
    ///
    /// # Errors
    /// If files are missing, can't be copied, or aren't those of the catalogue.
    pub fn take(
        &self,
        entry: &CatalogueEntry,
        from: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<Installed, ModelError> {
        copying::take(entry, from, &self.place.home, watch)?;
        self.find(entry).ok_or_else(|| ModelError::vanished(entry))
    }

    /// Removes a model, also from the hub's cache, and returns the number of bytes freed.
    ///
    /// # Errors
    /// If the system doesn't allow it.
    pub fn remove(&self, entry: &CatalogueEntry) -> Result<u64, ModelError> {
        installed::remove(entry, &self.place)
    }

    /// Removes what interrupted downloads left behind.
    pub fn discard_unfinished(&self, entry: &CatalogueEntry) {
        installed::discard_unfinished(entry, &self.place);
    }
}

/// A size as the hub writes it: "2.2 MB", "605 MB", "1.71 GB".
#[must_use]
pub fn size_text(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} bytes"),
        1000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..10_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        10_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_as_the_hub_tells_them() {
        let texts = [12, 4200, 2_220_000, 605_000_000, 1_710_000_000].map(size_text);
        assert_eq!(texts, ["12 bytes", "4 kB", "2.2 MB", "605 MB", "1.71 GB"]);
    }

    #[test]
    fn a_path_that_is_there_goes_before_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let source = ModelPlaces::from_environment().resolve(folder.path(), Some("RN50")).unwrap();
        assert_eq!((source.path.as_path(), source.arch.as_deref()), (folder.path(), Some("RN50")));
    }
}
