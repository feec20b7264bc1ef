//! Skysift's own folder for models, which were copied or unpacked, and for the user's own catalogue.

use std::path::{Path, PathBuf};

use super::CatalogueEntry;

/// The window keeps its settings there, too.
pub(super) const FOLDER_VARIABLE: &str = "SKYSIFT_STATE_DIR";

/// Skysift's own folder. On a system without a place for a user's data, it is a temporary one, without a
/// catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    catalogue: Option<PathBuf>,
    models: PathBuf,
}

impl Home {
    #[must_use]
    pub fn from_environment() -> Self {
        if let Some(folder) = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()) {
            return Self::at(Path::new(&folder));
        }
        match directories::ProjectDirs::from("", "", "skysift") {
            Some(directories) => Self {
                catalogue: Some(directories.data_dir().join("models.toml")),
                models: directories.data_local_dir().join("models"),
            },
            None => Self { catalogue: None, models: std::env::temp_dir().join("skysift-models") },
        }
    }

    /// A folder that holds both.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { catalogue: Some(folder.join("models.toml")), models: folder.join("models") }
    }

    /// The user's own catalogue, which need not exist.
    #[must_use]
    pub fn catalogue(&self) -> Option<&Path> {
        self.catalogue.as_deref()
    }

    /// The folder of all models.
    #[must_use]
    pub fn models(&self) -> &Path {
        &self.models
    }

    /// The folder of one model, if all of it is here.
    #[must_use]
    pub fn folder(&self, entry: &CatalogueEntry) -> PathBuf {
        self.models.join(&entry.name)
    }

    /// The path of an archive until it is unpacked. Another version of it has another path.
    pub(super) fn archive(&self, entry: &CatalogueEntry, etag: &str) -> PathBuf {
        self.models.join(format!("{}-{etag}.zip", Self::archive_prefix(entry)))
    }

    /// The lock that keeps two programs from downloading the same archive.
    pub(super) fn archive_lock(archive: &Path) -> PathBuf {
        let name = archive.file_name().unwrap_or_default().to_string_lossy();
        archive.with_file_name(".locks").join(format!("{}.lock", name.trim_start_matches('.')))
    }

    /// How the names of a model's archives begin.
    pub(super) fn archive_prefix(entry: &CatalogueEntry) -> String {
        format!(".{}", entry.name)
    }
}
