//! Skysift's own folder for models: what came from a stick or an archive, beside the window's settings.

use std::path::{Path, PathBuf};

use super::Entry;

/// Also where the window keeps its settings.
pub(super) const FOLDER_VARIABLE: &str = "SKYSIFT_STATE_DIR";

/// The folder. On a system that names no place for a user's data there is none, and then nothing can be kept
/// there.
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

    /// One that holds both.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { catalogue: Some(folder.join("models.toml")), models: folder.join("models") }
    }

    /// The user's own list of models, which may not be there.
    #[must_use]
    pub fn catalogue(&self) -> Option<&Path> {
        self.catalogue.as_deref()
    }

    /// Where all models lie.
    #[must_use]
    pub fn models(&self) -> &Path {
        &self.models
    }

    /// Where one lies, whole.
    #[must_use]
    pub fn folder(&self, entry: &Entry) -> PathBuf {
        self.models.join(&entry.name)
    }

    /// An archive until it is unpacked; another version of it has another place.
    pub(super) fn archive(&self, entry: &Entry, etag: &str) -> PathBuf {
        self.models.join(format!("{}-{etag}.zip", Self::archive_prefix(entry)))
    }

    /// What keeps two programs from fetching the same archive.
    pub(super) fn archive_lock(archive: &Path) -> PathBuf {
        let name = archive.file_name().unwrap_or_default().to_string_lossy();
        archive.with_file_name(".locks").join(format!("{}.lock", name.trim_start_matches('.')))
    }

    /// How the names of a model's archives begin.
    pub(super) fn archive_prefix(entry: &Entry) -> String {
        format!(".{}", entry.name)
    }
}
