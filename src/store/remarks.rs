//! What was told of a scene while its windows were read, beside their embeddings: whoever asks of them later
//! reads nothing of the scene, and is to be told all the same.

use std::io::{self, Write};
use std::path::Path;

use crate::atomic::write_whole;

const FILE: &str = "remarks.json";

/// The remarks in a collection's folder; none where the file is absent or holds something else.
pub(super) fn read(folder: &Path) -> Vec<String> {
    let text = std::fs::read(folder.join(FILE)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Adds remarks to those that are there. Of two programs that do so at once one may lose its own; it adds
/// them at the end of its scan again.
///
/// # Errors
/// When the file can't be written.
pub(super) fn add(folder: &Path, remarks: &[String]) -> io::Result<()> {
    let mut all = read(folder);
    let before = all.len();
    for remark in remarks {
        if !all.contains(remark) {
            all.push(remark.clone());
        }
    }
    if all.len() == before {
        return Ok(());
    }
    let bytes = serde_json::to_vec(&all)?;
    write_whole(&folder.join(FILE), |error| error, |out| out.write_all(&bytes))
}

/// What is said when that failed.
pub fn lost(error: &io::Error) -> String {
    format!("what there is to know of the scene can't be kept: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).is_empty());
        let remarks = ["a source is missing".to_owned(), "band 2 can't be read".to_owned()];
        add(folder.path(), &remarks[..1]).unwrap();
        add(folder.path(), &remarks).unwrap();
        assert_eq!(read(folder.path()), remarks);
        std::fs::write(folder.path().join(FILE), "[1").unwrap();
        assert!(read(folder.path()).is_empty(), "what is damaged says nothing");
    }
}
