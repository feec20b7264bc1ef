//! Queries that were saved, to be looked for in other scenes: a folder with a JSON file for each.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::{ExportError, write_atomically};
use crate::search::{Example, ExampleOf};
use crate::store::Store;
use crate::text_file;

const EXTENSION: &str = "json";
const LONGEST_NAME: usize = 60;

/// A keyword as a vector among those of sentences. Keywords refer to it as `@name`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedQuery {
    pub name: String,
    /// What the keyword was.
    pub expression: String,
    /// The model's name, for people, and the fingerprint by which its vectors are told from those of others.
    pub model: String,
    pub model_fingerprint: String,
    pub embedding: Vec<f32>,
}

impl SavedQuery {
    #[must_use]
    pub fn example(&self) -> Example {
        let of = ExampleOf::Saved {
            vector: Arc::from(&self.embedding[..]),
            model: self.model_fingerprint.clone(),
        };
        Example { name: self.name.clone(), of }
    }

    /// Says what is wrong with a name, if anything is.
    ///
    /// # Errors
    /// When it is empty, too long, holds anything but letters, digits, `-` and `_`, or no letter at all: `@1`
    /// is what was shown as an example.
    pub fn check_name(name: &str) -> Result<(), QueryNameError> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if !name.chars().any(|letter| letter.is_ascii_alphabetic()) {
            return Err(QueryNameError::NoLetter);
        }
        if !name.chars().all(fits) {
            return Err(QueryNameError::OtherLetters);
        }
        if name.len() > LONGEST_NAME {
            return Err(QueryNameError::TooLong);
        }
        Ok(())
    }
}

/// What is wrong with the name of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryNameError {
    #[error("a name needs at least one letter from a to z")]
    NoLetter,
    #[error("a name may hold letters from a to z, digits, - and _")]
    OtherLetters,
    #[error("a name may have {LONGEST_NAME} letters at most")]
    TooLong,
}

/// What is wrong with a file that should hold a query.
#[derive(Debug, thiserror::Error)]
pub enum SavedQueryFault {
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    #[error(transparent)]
    NoQuery(#[from] serde_json::Error),
    #[error(transparent)]
    Name(#[from] QueryNameError),
    #[error("it says that its name is {name}")]
    OtherName { name: String },
    #[error("its vector is damaged")]
    DamagedVector,
}

/// What could not be read or written, in a sentence that names the file.
#[derive(Debug, thiserror::Error)]
pub enum SavedQueryError {
    #[error("cannot read the saved query {path}: {source}")]
    Read { path: String, source: SavedQueryFault },
    #[error("the name {name:?} does not fit: {source}")]
    Name { name: String, source: QueryNameError },
    #[error("cannot remove the saved query {path}: {source}")]
    Remove { path: String, source: io::Error },
    #[error("cannot make the folder {path}: {source}")]
    Folder { path: String, source: io::Error },
    #[error(transparent)]
    Write(#[from] ExportError),
}

/// The folder of saved queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedQueries {
    folder: PathBuf,
}

impl SavedQueries {
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder of this user's data.
    #[must_use]
    pub fn user_folder() -> PathBuf {
        Store::user_folder().with_file_name("queries")
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All that are there, by name, and what is wrong with those that can't be read.
    #[must_use]
    pub fn list(&self) -> (Vec<SavedQuery>, Vec<SavedQueryError>) {
        let files = match fs::read_dir(&self.folder) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (Vec::new(), Vec::new()),
            Err(error) => return (Vec::new(), vec![unreadable(&self.folder, error.into())]),
        };
        let (mut queries, mut errors) = (Vec::new(), Vec::new());
        for path in files.flatten().map(|file| file.path()) {
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                match read(&path).map_err(|fault| unreadable(&path, fault)) {
                    Ok(query) => queries.push(query),
                    Err(error) => errors.push(error),
                }
            }
        }
        queries.sort_by(|a, b| a.name.cmp(&b.name));
        (queries, errors)
    }

    /// Saves a query; one of the same name makes way.
    ///
    /// # Errors
    /// When the name doesn't fit or the file can't be written.
    pub fn save(&self, query: &SavedQuery) -> Result<(), SavedQueryError> {
        let path = self.path(&query.name)?;
        fs::create_dir_all(&self.folder)
            .map_err(|source| SavedQueryError::Folder { path: self.folder.display().to_string(), source })?;
        write_atomically(&path, |out| {
            serde_json::to_writer(out, query).map_err(|error| ExportError::Write {
                path: path.display().to_string(),
                source: error.into(),
            })
        })?;
        Ok(())
    }

    /// Removes a query; one that isn't there is removed already.
    ///
    /// # Errors
    /// When the file can't be removed.
    pub fn remove(&self, name: &str) -> Result<(), SavedQueryError> {
        let path = self.path(name)?;
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(SavedQueryError::Remove { path: path.display().to_string(), source })
            }
            _ => Ok(()),
        }
    }

    /// The file of a query. Names differ in more than their case, as on systems that don't tell these apart.
    fn path(&self, name: &str) -> Result<PathBuf, SavedQueryError> {
        SavedQuery::check_name(name)
            .map_err(|source| SavedQueryError::Name { name: name.to_owned(), source })?;
        Ok(self.folder.join(name.to_ascii_lowercase()).with_extension(EXTENSION))
    }
}

fn read(path: &Path) -> Result<SavedQuery, SavedQueryFault> {
    let query: SavedQuery = serde_json::from_str(&text_file::read(path)?)?;
    SavedQuery::check_name(&query.name)?;
    // Whoever renames a file means another name.
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if !query.name.eq_ignore_ascii_case(&stem) {
        return Err(SavedQueryFault::OtherName { name: query.name });
    }
    if query.embedding.is_empty() || query.embedding.iter().any(|value| !value.is_finite()) {
        return Err(SavedQueryFault::DamagedVector);
    }
    Ok(query)
}

fn unreadable(path: &Path, source: SavedQueryFault) -> SavedQueryError {
    SavedQueryError::Read { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str) -> SavedQuery {
        SavedQuery {
            name: name.to_owned(),
            expression: "harbor - beach".to_owned(),
            model: "tiny".to_owned(),
            model_fingerprint: "12ab".to_owned(),
            embedding: vec![0.1, -0.7, 1.0 / 3.0],
        }
    }

    #[test]
    fn what_was_saved_comes_back_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let saved = SavedQueries::new(&folder.path().join("queries"));
        assert!(saved.list().0.is_empty());
        saved.save(&query("ports")).unwrap();
        saved.save(&query("Docks")).unwrap();
        saved.save(&SavedQuery { expression: "dock".to_owned(), ..query("docks") }).unwrap();
        let (queries, errors) = saved.list();
        assert!(errors.is_empty());
        assert_eq!(queries.iter().map(|query| query.name.as_str()).collect::<Vec<_>>(), ["docks", "ports"]);
        assert_eq!(queries[1], query("ports"));
        saved.remove("ports").unwrap();
        saved.remove("ports").unwrap();
        assert_eq!(saved.list().0.len(), 1);
    }

    #[test]
    fn a_damaged_file_is_named_and_the_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let saved = SavedQueries::new(folder.path());
        saved.save(&query("ports")).unwrap();
        fs::write(folder.path().join("broken.json"), "{\"name\": \"bro").unwrap();
        fs::copy(folder.path().join("ports.json"), folder.path().join("renamed.json")).unwrap();
        let (queries, errors) = saved.list();
        assert_eq!(queries, [query("ports")]);
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 2);
        assert!(errors.iter().any(|error| error.contains("broken.json")));
        assert!(errors.iter().any(|error| error.contains("renamed.json") && error.contains("ports")));
    }

    #[test]
    fn names_stay_in_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let saved = SavedQueries::new(folder.path());
        for name in ["", "12", "../a", "a b", "hôtel", &"a".repeat(61)] {
            assert!(saved.save(&query(name)).is_err(), "{name:?}");
        }
        for name in ["a", "night-2", "x_1"] {
            assert_eq!(SavedQuery::check_name(name), Ok(()));
        }
    }
}
