//! The words for classes in sentences.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::DatasetError;
use super::error::read_text;

/// The words for each class folder. A class may have several, whose embeddings are averaged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassNames(BTreeMap<String, Vec<String>>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl ClassNames {
    /// Reads a JSON object from folder names to words:
    /// `{"AnnualCrop": ["annual crop land", "cropland"], "storagetanks": "storage tanks"}`.
    ///
    /// # Errors
    /// If the file can't be read, isn't such an object, or has no words for a folder.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        let wrong = |reason: String| DatasetError::Content { path: path.to_owned(), reason };
        let names: BTreeMap<String, OneOrMore> =
            serde_json::from_str(&read_text(path)?).map_err(|error| {
                wrong(format!(
                    "expected JSON from folder names to words, as in {{\"AnnualCrop\": [\"cropland\"]}} ({error})"
                ))
            })?;
        let names: BTreeMap<String, Vec<String>> =
            names.into_iter().map(|(folder, words)| (folder, words.cleaned())).collect();
        match names.iter().find(|(_, words)| words.is_empty()) {
            Some((folder, _)) => Err(wrong(format!("{folder:?} has no words; write some or take it out"))),
            None => Ok(Self(names)),
        }
    }

    /// The words for a folder: those of the file, else its name as words ("annual crop" for "`AnnualCrop`").
    #[must_use]
    pub fn names(&self, folder: &str) -> Vec<String> {
        self.0.get(folder).cloned().unwrap_or_else(|| vec![readable(folder)])
    }

    /// Whether the file names any of `classes`.
    #[must_use]
    pub fn names_any_of(&self, classes: &[String]) -> bool {
        classes.iter().any(|class| self.0.contains_key(class))
    }

    /// The folders in the file that aren't among `classes`, sorted: most likely they are misspelt.
    #[must_use]
    pub fn unknown(&self, classes: &[String]) -> Vec<String> {
        self.0.keys().filter(|folder| !classes.contains(folder)).cloned().collect()
    }
}

impl OneOrMore {
    fn cleaned(self) -> Vec<String> {
        let words = match self {
            Self::One(word) => vec![word],
            Self::More(words) => words,
        };
        words.iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
    }
}

/// Splits a name at `_`, `-`, spaces and capitals that begin a word, and makes it lower case.
fn readable(folder: &str) -> String {
    let characters: Vec<char> = folder.chars().collect();
    let mut words = String::new();
    for (index, &character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| characters[index]);
        let after = characters.get(index + 1);
        // "AnnualCrop" between l and C, "NDVIMap" between I and M.
        let starts_word = character.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
            });
        if starts_word {
            words.push(' ');
        }
        match character {
            '_' | '-' => words.push(' '),
            _ => words.extend(character.to_lowercase()),
        }
    }
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() { folder.to_owned() } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_become_words() {
        for (folder, words) in [
            ("AnnualCrop", "annual crop"),
            ("SeaLake", "sea lake"),
            ("storage_tanks", "storage tanks"),
            ("storagetanks", "storagetanks"),
            ("Dense-Residential", "dense residential"),
            ("NDVIMap", "ndvi map"),
            ("_", "_"),
        ] {
            assert_eq!(ClassNames::default().names(folder), [words]);
        }
    }

    #[test]
    fn a_file_may_give_one_or_several() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.json");
        let opened = |content: &str| {
            std::fs::write(&path, content).unwrap();
            ClassNames::open(&path)
        };
        let names = opened(r#"{"AnnualCrop": ["annual crop land", " cropland"], "tanks": "storage tanks"}"#);
        let names = names.unwrap();
        assert_eq!(names.names("AnnualCrop"), ["annual crop land", "cropland"]);
        assert_eq!(names.names("tanks"), ["storage tanks"]);
        assert_eq!(names.names("SeaLake"), ["sea lake"]);
        assert_eq!(names.unknown(&["AnnualCrop".to_owned(), "SeaLake".to_owned()]), ["tanks"]);
        for bad in ["[]", "{\"a\": 3}", "{\"a\": []}", "{\"a\": \" \"}", "{"] {
            let error = opened(bad).unwrap_err().to_string();
            assert!(error.contains("names.json"), "{error}");
        }
    }
}
