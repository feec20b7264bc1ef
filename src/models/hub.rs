//! The Hugging Face hub as environment variables describe it, and the layout of its cache.
//!
//! A repository's folder holds `blobs`, files named by the hub's checksum of their content; `snapshots`, for
//! every commit a folder of links to them; and `refs`, the commit of every branch. The layout and the
//! environment variables are those of `huggingface_hub`, the Python library.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use super::{CatalogueEntry, FileSpec};

const ENDPOINT: &str = "https://huggingface.co";
/// The time for which the hub may stay silent, in seconds.
const PATIENCE: u64 = 20;

/// The hub, and the folder of its cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// Without a slash at the end.
    pub endpoint: String,
    /// The folder of all repositories.
    pub cache: PathBuf,
    pub(super) token: Option<String>,
    /// No requests may be sent.
    pub offline: bool,
    pub(super) patience: Duration,
}

impl Hub {
    /// As described by `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_HUB_OFFLINE` and the like.
    #[must_use]
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let home = directories::BaseDirs::new().map(|directories| directories.home_dir().to_owned());
        Self::new(&variable, &home.unwrap_or_else(std::env::temp_dir))
    }

    fn new(variable: &dyn Fn(&str) -> Option<String>, home: &Path) -> Self {
        let told = |names: &[&str]| {
            let values = names.iter().filter_map(|name| variable(name));
            values.map(|value| value.trim().to_owned()).find(|value| !value.is_empty())
        };
        let folder = |names: &[&str]| told(names).map(|text| expanded(&text, home));
        let yes = |names: &[&str]| {
            let means_yes =
                |text: &String| ["1", "ON", "YES", "TRUE"].contains(&text.to_uppercase().as_str());
            told(names).as_ref().is_some_and(means_yes)
        };
        let hf_home = folder(&["HF_HOME"]).unwrap_or_else(|| {
            folder(&["XDG_CACHE_HOME"]).unwrap_or_else(|| home.join(".cache")).join("huggingface")
        });
        let token = told(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]).or_else(|| {
            let file = folder(&["HF_TOKEN_PATH"]).unwrap_or_else(|| hf_home.join("token"));
            let token = fs::read_to_string(file).ok()?.trim().to_owned();
            (!token.is_empty() && !yes(&["HF_HUB_DISABLE_IMPLICIT_TOKEN"])).then_some(token)
        });
        let patience =
            told(&["HF_HUB_DOWNLOAD_TIMEOUT"]).and_then(|text| text.parse().ok()).unwrap_or(PATIENCE);
        Self {
            endpoint: told(&["HF_ENDPOINT"])
                .map_or_else(|| ENDPOINT.to_owned(), |url| url.trim_end_matches('/').to_owned()),
            cache: folder(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]).unwrap_or_else(|| hf_home.join("hub")),
            token,
            offline: yes(&["HF_HUB_OFFLINE"])
                || (told(&["HF_HUB_OFFLINE"]).is_none() && yes(&["TRANSFORMERS_OFFLINE"])),
            patience: Duration::from_secs(u64::max(patience, 1)),
        }
    }

    /// A hub at an address with its cache in a folder, whatever the environment says.
    #[must_use]
    pub fn at(endpoint: &str, cache: &Path) -> Self {
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache: cache.to_owned(),
            token: None,
            offline: false,
            patience: Duration::from_secs(PATIENCE),
        }
    }

    /// The repository of a model that lies on the hub.
    #[must_use]
    pub(super) fn repository(&self, entry: &CatalogueEntry) -> Option<Repository> {
        let id = entry.hub.clone()?;
        let name = format!("models--{}", id.replace('/', "--"));
        Some(Repository {
            folder: self.cache.join(&name),
            locks: self.cache.join(".locks").join(&name),
            url: format!("{}/{id}", self.endpoint),
            id,
            revision: entry.revision.clone(),
        })
    }
}

/// A path in which `~` is the user's home folder.
fn expanded(text: &str, home: &Path) -> PathBuf {
    match text.strip_prefix('~') {
        Some("") => home.to_owned(),
        Some(rest) if rest.starts_with(['/', '\\']) => home.join(rest.trim_start_matches(['/', '\\'])),
        _ => PathBuf::from(text),
    }
}

/// A repository at one revision, on the hub and in its cache.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    pub id: String,
    pub revision: String,
    /// The address of its page.
    pub url: String,
    pub folder: PathBuf,
    locks: PathBuf,
}

impl Repository {
    /// The address of a file.
    pub fn file_url(&self, revision: &str, name: &str) -> String {
        format!("{}/resolve/{}/{name}", self.url, revision.replace('/', "%2F"))
    }

    /// The commit of the revision when it was last downloaded.
    pub fn commit(&self) -> Option<String> {
        if is_commit(&self.revision) {
            return Some(self.revision.clone());
        }
        let commit = fs::read_to_string(self.reference()).ok()?.trim().to_owned();
        is_commit(&commit).then_some(commit)
    }

    pub fn reference(&self) -> PathBuf {
        self.folder.join("refs").join(&self.revision)
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    pub fn blobs(&self) -> PathBuf {
        self.folder.join("blobs")
    }

    pub fn blob(&self, etag: &str) -> PathBuf {
        self.blobs().join(etag)
    }

    pub fn partial(&self, etag: &str) -> PathBuf {
        self.blobs().join(format!("{etag}.incomplete"))
    }

    pub fn lock(&self, etag: &str) -> PathBuf {
        self.locks.join(format!("{etag}.lock"))
    }

    /// Makes a blob a file of a commit: by a relative link, or a copy if the system has no links.
    pub fn place(&self, commit: &str, name: &str, etag: &str) -> io::Result<()> {
        let place = self.snapshot(commit).join(name);
        let blob = self.blob(etag);
        if place.canonicalize().ok().is_some_and(|there| blob.canonicalize().is_ok_and(|blob| blob == there))
        {
            return Ok(());
        }
        let folder = place.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        let deep = name.split('/').count() + 1;
        let target = Path::new(&"../".repeat(deep)).join("blobs").join(etag);
        // Made beside its place and renamed, so that there is always the old or the new one.
        let link = folder.join(format!(".{}-{etag}", std::process::id()));
        let _ = fs::remove_file(&link);
        if symlink(&target, &link).is_err() {
            fs::hard_link(&blob, &link).or_else(|_| fs::copy(&blob, &link).map(drop))?;
        }
        fs::rename(&link, &place)
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_target: &Path, _link: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether a text is the full hash of a commit.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|letter| letter.is_ascii_hexdigit())
}

/// The files of a model in a folder: for every [`FileSpec`] the first alternative of which all files are
/// there. `None` if a required file is missing.
pub(super) fn files_in(
    folder: &Path,
    specs: &[FileSpec],
    place: impl Fn(&Path, &str) -> PathBuf,
) -> Option<Vec<PathBuf>> {
    let mut files = Vec::new();
    for spec in specs {
        let whole = spec.any.iter().find_map(|group| {
            let paths: Vec<PathBuf> = group.iter().map(|name| place(folder, name)).collect();
            paths.iter().all(|path| path.is_file()).then_some(paths)
        });
        match whole {
            Some(paths) => files.extend(paths),
            None if spec.optional => {}
            None => return None,
        }
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(variables: &[(&str, &str)], home: &Path) -> Hub {
        let find = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Hub::new(&find, home)
    }

    #[test]
    fn the_environment_is_read_as_python_reads_it() {
        let home = Path::new("/home/me");
        let usual = hub(&[], home);
        assert_eq!((usual.endpoint.as_str(), usual.offline), ("https://huggingface.co", false));
        assert_eq!(usual.cache, Path::new("/home/me/.cache/huggingface/hub"));
        let cache = |variables: &[(&str, &str)]| hub(variables, home).cache;
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/c")]), Path::new("/c/huggingface/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/c"), ("HF_HOME", "~/hf")]), Path::new("/home/me/hf/hub"));
        assert_eq!(cache(&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/models")]), Path::new("/models"));
        assert_eq!(
            hub(&[("HF_ENDPOINT", "https://mirror.example/")], home).endpoint,
            "https://mirror.example"
        );
        assert!(hub(&[("HF_HUB_OFFLINE", "true")], home).offline);
        assert!(!hub(&[("HF_HUB_OFFLINE", "0"), ("TRANSFORMERS_OFFLINE", "1")], home).offline);
        assert!(hub(&[("TRANSFORMERS_OFFLINE", "1")], home).offline);
    }

    #[test]
    fn the_token_comes_from_a_variable_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "from a file\n").unwrap();
        let home = folder.path().to_str().unwrap();
        let token =
            |more: &[(&str, &str)]| hub(&[&[("HF_HOME", home)], more].concat(), Path::new("/none")).token;
        assert_eq!(token(&[]).as_deref(), Some("from a file"));
        assert_eq!(token(&[("HF_TOKEN", " said ")]).as_deref(), Some("said"));
        assert_eq!(token(&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
    }
}
