//! No output ever replaces an input: one rule for all commands and the window.
//!
//! Code that writes files first lists what it reads, as [`Inputs`], then checks its outputs against that.

use std::fmt::{self, Display};
use std::io;
use std::path::{Component, Path, PathBuf};

/// The longest chain of symbolic links; a longer one is circular.
const MAX_LINKS: usize = 40;

/// What a command reads.
#[derive(Default)]
pub(crate) struct Inputs {
    files: Vec<Input>,
    /// Folders that only Skysift itself writes to.
    folders: Vec<Input>,
}

struct Input {
    /// "the image"
    what: &'static str,
    path: PathBuf,
}

/// Where a command writes, as given: an option and a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output<'a> {
    /// Such as "--annotate"; empty if the file was chosen in a dialog.
    pub option: &'a str,
    pub path: &'a Path,
}

/// Why a file can't be written to the given path.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error("{output} would replace {what} {}, which is read; name another file", input.display())]
    Input { output: String, what: &'static str, input: PathBuf },
    #[error("{output} lies in {what} {}; name a file elsewhere", folder.display())]
    Folder { output: String, what: &'static str, folder: PathBuf },
    #[error("{one} and {other} name the same file; name two")]
    Twice { one: String, other: String },
}

impl Inputs {
    /// Adds a file.
    pub fn file(&mut self, what: &'static str, path: &Path) {
        self.files.push(Input { what, path: path.to_owned() });
    }

    pub fn files(&mut self, what: &'static str, paths: impl IntoIterator<Item = impl Into<PathBuf>>) {
        self.files.extend(paths.into_iter().map(|path| Input { what, path: path.into() }));
    }

    /// Adds a folder in which nothing may be replaced or added.
    pub fn folder(&mut self, what: &'static str, path: &Path) {
        self.folders.push(Input { what, path: path.to_owned() });
    }

    /// Checks that outputs replace neither inputs nor each other. Pipes and devices always pass.
    ///
    /// # Errors
    /// When an output would.
    pub fn check(&self, outputs: &[Output]) -> Result<(), OutputError> {
        let outputs: Vec<&Output> = outputs.iter().filter(|output| !is_stream(output.path)).collect();
        for (index, output) in outputs.iter().enumerate() {
            let place = FileIdentity::of(output.path);
            if let Some(input) = self.files.iter().find(|input| place.is_that_of(&input.path)) {
                let (what, input) = (input.what, input.path.clone());
                return Err(OutputError::Input { output: output.to_string(), what, input });
            }
            if let Some(folder) = self.folders.iter().find(|folder| place.lies_in(&folder.path)) {
                let (what, folder) = (folder.what, folder.path.clone());
                return Err(OutputError::Folder { output: output.to_string(), what, folder });
            }
            if let Some(before) = outputs.iter().take(index).find(|before| place.is_that_of(before.path)) {
                return Err(OutputError::Twice { one: before.to_string(), other: output.to_string() });
            }
        }
        Ok(())
    }
}

impl Display for Output<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self.option {
            "" => write!(formatter, "{}", self.path.display()),
            option => write!(formatter, "{option} {}", self.path.display()),
        }
    }
}

/// The identity of a file, whether it exists or not, and by whatever name.
struct FileIdentity {
    path: PathBuf,
    /// The identity and length of a file that exists.
    existing: Option<(same_file::Handle, u64)>,
}

impl FileIdentity {
    fn of(path: &Path) -> Self {
        let existing = path.metadata().ok().filter(std::fs::Metadata::is_file).and_then(|metadata| {
            let handle = same_file::Handle::from_path(path).ok()?;
            Some((handle, metadata.len()))
        });
        Self { path: resolved(path), existing }
    }

    fn is_that_of(&self, other: &Path) -> bool {
        let Ok(metadata) = other.metadata() else { return same_name(&self.path, &resolved(other)) };
        match &self.existing {
            // Comparing the length is faster than opening the file.
            Some((handle, length)) if metadata.is_file() => {
                metadata.len() == *length
                    && (same_file::Handle::from_path(other).is_ok_and(|other| other == *handle)
                        || same_name(&self.path, &resolved(other)))
            }
            _ => same_name(&self.path, &resolved(other)),
        }
    }

    fn lies_in(&self, folder: &Path) -> bool {
        let folder = resolved(folder);
        self.path.ancestors().skip(1).any(|above| same_name(above, &folder))
    }
}

/// Whether two paths refer to the same file.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    same_file::is_same_file(one, other).unwrap_or(false) || same_name(&resolved(one), &resolved(other))
}

/// The canonical path of a file, with links followed and `.` and `..` removed, even if the file doesn't
/// exist.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(link) = std::fs::read_link(&path) else { break };
        path = folder_of(&path).join(link);
    }
    if let Ok(whole) = path.canonicalize() {
        return whole;
    }
    match (canonical_folder(folder_of(&path)), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => std::path::absolute(&path).unwrap_or(path),
    }
}

/// The canonical path of a folder whose last components may not exist yet.
fn canonical_folder(folder: &Path) -> io::Result<PathBuf> {
    match (folder.canonicalize(), folder.components().next_back()) {
        (Err(_), Some(Component::Normal(name))) => Ok(canonical_folder(folder_of(folder))?.join(name)),
        // Out of a folder that doesn't exist yet.
        (Err(_), Some(Component::ParentDir)) => {
            let inner = canonical_folder(folder_of(folder))?;
            Ok(folder_of(&inner).to_owned())
        }
        (whole, _) => whole,
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether two paths are the same, ignoring case on systems where file names usually do.
fn same_name(one: &Path, other: &Path) -> bool {
    let alike = |path: &Path| path.to_string_lossy().to_lowercase();
    one == other || cfg!(any(windows, target_vendor = "apple")) && alike(one) == alike(other)
}

/// Whether a path is a pipe, a device or an open file descriptor.
pub(crate) fn is_stream(path: &Path) -> bool {
    const NUMBERED: [&str; 4] = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"];
    let numbered = cfg!(unix) && NUMBERED.iter().any(|name| path.starts_with(name));
    numbered || path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(inputs: &Inputs, paths: &[&Path]) -> Result<(), String> {
        let outputs: Vec<Output> = paths.iter().map(|path| Output { option: "-o", path }).collect();
        inputs.check(&outputs).map_err(|error| error.to_string())
    }

    #[test]
    fn an_input_is_known_by_any_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("below")).unwrap();
        std::fs::write(at("scene.tif"), "pixels").unwrap();
        std::fs::write(at("other.tif"), "pixels").unwrap();
        std::fs::hard_link(at("scene.tif"), at("hard.json")).unwrap();
        let mut inputs = Inputs::default();
        inputs.file("the image", &at("scene.tif"));
        let mut names = vec![at("scene.tif"), at("./scene.tif"), at("below/../scene.tif"), at("hard.json")];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("scene.tif", at("soft.json")).unwrap();
            std::os::unix::fs::symlink(at("soft.json"), at("softer.json")).unwrap();
            names.extend([at("soft.json"), at("softer.json")]);
        }
        for name in &names {
            let error = check(&inputs, &[name]).unwrap_err();
            assert!(error.starts_with("-o ") && error.contains("the image") && error.contains("scene.tif"));
        }
        check(&inputs, &[&at("other.tif"), &at("new.json"), &at("scene.json")]).unwrap();
    }

    #[test]
    fn two_outputs_are_two_files() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let inputs = Inputs::default();
        assert!(check(&inputs, &[&at("a.json"), &at("./a.json")]).unwrap_err().contains("the same file"));
        assert!(check(&inputs, &[&at("new/a.json"), &at("new/../new/a.json")]).is_err());
        check(&inputs, &[&at("a.json"), &at("b.json")]).unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("a.json", at("dangling.json")).unwrap();
            assert!(check(&inputs, &[&at("a.json"), &at("dangling.json")]).is_err());
            let null = Path::new("/dev/null");
            check(&inputs, &[null, null]).unwrap();
        }
    }

    #[test]
    fn nothing_is_written_into_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let mut inputs = Inputs::default();
        inputs.folder("the store", &store);
        for path in [store.join("0.arrows"), store.join("a/b/0.arrows")] {
            assert!(check(&inputs, &[&path]).unwrap_err().contains("the store"));
        }
        check(&inputs, &[&folder.path().join("store.json")]).unwrap();
    }
}
