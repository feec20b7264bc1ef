//! Project files: JSON with a version.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::document::Project;
use crate::{atomic, text_file};

/// The ending of the names of project files.
pub const EXTENSION: &str = "skysift";
/// What a file says that it is.
const FORMAT: &str = "Skysift project";
/// The version of the format that is written, and the newest that is understood.
const VERSION: u64 = 1;
/// A larger file is none: a million verdicts take a quarter of that.
const LARGEST: u64 = 256 << 20;

/// Why a project can't be read or written, in a sentence that names the file.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("cannot read the project {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not a Skysift project", path.display())]
    NoProject { path: PathBuf },
    #[error("{} is cut off or damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "{} was saved by a newer Skysift (project version {version}; this one knows up to {VERSION}); get the newest Skysift to open it",
        path.display()
    )]
    Newer { path: PathBuf, version: u64 },
    #[error("{} has {bytes} bytes, more than a project may have", path.display())]
    TooLarge { path: PathBuf, bytes: u64 },
    #[error("cannot save the project {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// A project with what stands before it in a file.
#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u64,
    skysift_version: &'static str,
    #[serde(flatten)]
    project: &'a Project,
}

/// Whether a path has the ending of a project.
#[must_use]
pub fn is_project(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(EXTENSION))
}

/// Reads a project.
///
/// # Errors
/// When it can't be read, is none, is damaged or of a newer version.
pub fn read(path: &Path) -> Result<Project, ProjectError> {
    let unreadable = |source| ProjectError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    if bytes > LARGEST {
        return Err(ProjectError::TooLarge { path: path.to_owned(), bytes });
    }
    let mut content = Vec::new();
    // It may grow meanwhile, or be a pipe.
    file.take(LARGEST + 1).read_to_end(&mut content).map_err(unreadable)?;
    let text = text_file::decode(&content).map_err(|_| ProjectError::NoProject { path: path.to_owned() })?;
    parse(path, &text)
}

/// The project in a text; `path` is for errors.
pub(super) fn parse(path: &Path, text: &str) -> Result<Project, ProjectError> {
    let path = || path.to_owned();
    let mut value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) if text.trim_start().starts_with('{') && text.contains(FORMAT) => {
            return Err(ProjectError::Damaged { path: path(), reason: error.to_string() });
        }
        Err(_) => return Err(ProjectError::NoProject { path: path() }),
    };
    let fields = value.as_object_mut().ok_or_else(|| ProjectError::NoProject { path: path() })?;
    if fields.remove("format").as_ref().and_then(Value::as_str) != Some(FORMAT) {
        return Err(ProjectError::NoProject { path: path() });
    }
    fields.remove("skysift_version");
    match fields.remove("version").as_ref().and_then(Value::as_u64) {
        Some(version) if version > VERSION => return Err(ProjectError::Newer { path: path(), version }),
        Some(1..) => {}
        _ => {
            let reason = "it doesn't say its version".to_owned();
            return Err(ProjectError::Damaged { path: path(), reason });
        }
    }
    let project: Project = serde_json::from_value(value)
        .map_err(|error| ProjectError::Damaged { path: path(), reason: error.to_string() })?;
    Ok(project.sound())
}

/// The text of a project.
pub(super) fn text(project: &Project) -> io::Result<Vec<u8>> {
    let written =
        Written { format: FORMAT, version: VERSION, skysift_version: env!("CARGO_PKG_VERSION"), project };
    let mut text = serde_json::to_vec_pretty(&written)?;
    text.push(b'\n');
    Ok(text)
}

/// Writes a project; scenes are named as seen from its folder, too. The file that was there stays until the
/// new one is complete.
///
/// # Errors
/// When it can't be written.
pub fn write(path: &Path, project: &Project) -> Result<(), ProjectError> {
    let failed = |source| ProjectError::Write { path: path.to_owned(), source };
    let mut project = project.clone();
    let place = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = place.parent() {
        for scene in &mut project.scenes {
            scene.reference = std::mem::take(&mut scene.reference).beside(folder);
        }
    }
    let text = text(&project).map_err(failed)?;
    atomic::write_bytes(path, &text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{Keyword, ProjectScene, Verdicts};
    use crate::raster::Rect;

    fn project() -> Project {
        let verdicts = Verdicts {
            keyword: "harbor".to_owned(),
            accepted: vec![Rect::new(1, 2, 3, 4)],
            rejected: Vec::new(),
        };
        let area = vec![vec![vec![[0.0, 0.0], [9.5, 0.0], [9.5, 7.0], [0.0, 0.0]]]];
        let scene =
            ProjectScene { id: 7, verdicts: vec![verdicts], areas: vec![area], ..ProjectScene::default() };
        let keyword = Keyword { word: "harbor".to_owned(), colour: 3, hidden: true };
        Project {
            name: "coast".to_owned(),
            keywords: vec![keyword],
            scenes: vec![scene],
            current: Some(7),
            ..Project::default()
        }
    }

    #[test]
    fn what_is_written_is_read_with_what_others_added() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.skysift");
        write(&path, &project()).unwrap();
        assert_eq!(read(&path).unwrap(), project());
        let text = std::fs::read_to_string(&path).unwrap();
        let added = text.replace("\"name\": \"coast\"", "\"name\": \"coast\", \"weather\": [1]");
        std::fs::write(&path, added.replace("\"id\": 7", "\"id\": 7, \"sun\": 3")).unwrap();
        let read_again = read(&path).unwrap();
        assert_eq!((read_again.other.len(), read_again.scenes[0].other.len()), (1, 1));
        write(&path, &read_again).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"weather\"") && text.contains("\"sun\""), "{text}");
        assert_eq!(text.matches("\"version\"").count(), 1, "{text}");
    }

    #[test]
    fn what_is_no_project_is_told_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.skysift");
        let told = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            read(&path).unwrap_err().to_string()
        };
        let whole = text(&project()).unwrap();
        for length in [whole.len() / 4, whole.len() / 2, whole.len() - 3] {
            assert!(told(&whole[..length]).contains("is cut off or damaged"));
        }
        for other in [&b""[..], b"{}", b"[1]", b"\x89PNG\0\0", b"{\"format\": \"x\", \"version\": 1}", b"3"] {
            assert!(told(other).ends_with("is not a Skysift project"), "{}", told(other));
        }
        let newer = String::from_utf8(whole.clone()).unwrap().replace("\"version\": 1", "\"version\": 2");
        let message = told(newer.as_bytes());
        assert!(message.contains("newer Skysift") && message.contains("a.skysift"), "{message}");
        let deep = format!("{{\"format\": \"{FORMAT}\", \"version\": 1, \"x\": {}", "[".repeat(100_000));
        assert!(told(deep.as_bytes()).contains("damaged"));
        let wrong = String::from_utf8(whole).unwrap().replace("\"x\": 1", "\"x\": -1");
        assert!(told(wrong.as_bytes()).contains("damaged"));
        assert!(
            read(&folder.path().join("none")).unwrap_err().to_string().contains("cannot read the project")
        );
    }

    #[test]
    fn ids_that_two_scenes_share_are_told_apart() {
        let twice = Project { scenes: vec![ProjectScene::default(); 3], ..Project::default() };
        let ids: std::collections::HashSet<u32> = twice.sound().scenes.iter().map(|scene| scene.id).collect();
        assert_eq!(ids.len(), 3);
    }
}
