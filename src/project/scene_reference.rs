//! How a project names its scenes, so that one is found again when it, or the project, has moved.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::paths;
use crate::raster::is_address;

/// A scene by its absolute path or address, its place beside the project, and its contents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SceneReference {
    /// The absolute path, or the address on a server.
    #[serde(with = "paths::maybe")]
    pub path: Option<PathBuf>,
    /// The path from the folder of the project; none while it has no file or on another drive.
    #[serde(with = "paths::maybe")]
    pub relative: Option<PathBuf>,
    /// Tells its contents from others'; empty while they are unknown.
    pub fingerprint: String,
}

impl SceneReference {
    /// The name that people know it by.
    #[must_use]
    pub fn name(&self) -> String {
        let path = self.path.as_deref().or(self.relative.as_deref()).unwrap_or(Path::new(""));
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }

    /// The same, as seen from a folder.
    #[must_use]
    pub fn beside(mut self, folder: &Path) -> Self {
        self.relative = self.path.as_deref().filter(|path| !is_address(path)).and_then(|path| {
            // Both without links, as far as they are there.
            let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
            let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            relative(&whole, &folder)
        });
        self
    }

    /// Where the scene lies now: at its place as seen from the project, at its absolute path, or beside the
    /// project. An address always counts as there.
    #[must_use]
    pub fn find(&self, project: Option<&Path>) -> Option<PathBuf> {
        if let Some(address) = self.path.as_deref().filter(|path| is_address(path)) {
            return Some(address.to_owned());
        }
        let folder = project.and_then(Path::parent);
        let seen_from_it = folder.zip(self.relative.as_ref()).map(|(folder, path)| folder.join(path));
        let name = self.path.as_deref().or(self.relative.as_deref()).and_then(Path::file_name);
        let beside_it = folder.zip(name).map(|(folder, name)| folder.join(name));
        [seen_from_it, self.path.clone(), beside_it].into_iter().flatten().find(|path| path.exists())
    }
}

/// The way from a folder to a path, both absolute.
fn relative(path: &Path, folder: &Path) -> Option<PathBuf> {
    let (to, from): (Vec<Component>, Vec<Component>) =
        (path.components().collect(), folder.components().collect());
    let common = to.iter().zip(&from).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return None;
    }
    let up = std::iter::repeat_n(Component::ParentDir, from.len() - common);
    Some(up.chain(to.into_iter().skip(common)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_there_is_short_and_leads_back() {
        let way = |path: &str, folder: &str| relative(Path::new(path), Path::new(folder));
        assert_eq!(way("/a/b/c.tif", "/a/b"), Some("c.tif".into()));
        assert_eq!(way("/a/x/c.tif", "/a/b"), Some("../x/c.tif".into()));
        assert_eq!(way("/c.tif", "/a/b"), Some("../../c.tif".into()));
    }

    #[test]
    fn a_scene_is_found_where_it_went_with_the_project_or_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        std::fs::create_dir_all(old.join("scenes")).unwrap();
        let scene = old.join("scenes/a.tif");
        std::fs::write(&scene, "").unwrap();
        let reference =
            SceneReference { path: Some(scene.clone()), ..SceneReference::default() }.beside(&old);
        assert_eq!(reference.relative.as_deref(), Some(Path::new("scenes/a.tif")));
        assert_eq!(reference.find(Some(&old.join("p.skysift"))).as_deref(), Some(&*scene));
        std::fs::rename(&old, &new).unwrap();
        let project = new.join("p.skysift");
        assert_eq!(reference.find(Some(&project)), Some(new.join("scenes/a.tif")));
        std::fs::rename(new.join("scenes/a.tif"), new.join("a.tif")).unwrap();
        assert_eq!(reference.find(Some(&project)), Some(new.join("a.tif")));
        std::fs::remove_file(new.join("a.tif")).unwrap();
        assert_eq!(reference.find(Some(&project)), None);
        let there = SceneReference { path: Some("https://x.org/a.tif".into()), ..SceneReference::default() };
        assert_eq!(there.clone().beside(&new), there);
        assert!(there.find(None).is_some());
    }
}
