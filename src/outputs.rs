//! No output ever replaces an input: one rule for all commands and the window.
//!
//! Whoever writes files first says what it reads, as [`Inputs`], then asks whether its outputs keep clear of
//! that.

use std::fmt::{self, Display};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Links that lead to links, at most; a longer chain leads round in a circle.
const MOST_LINKS: usize = 40;

/// What a command reads.
#[derive(Default)]
pub(crate) struct Inputs {
    files: Vec<Input>,
    /// Folders in which nothing is written but by Skysift itself.
    folders: Vec<Input>,
}

struct Input {
    /// "the image"
    what: &'static str,
    path: PathBuf,
}

/// Where a command writes, as it was told: an option and a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output<'a> {
    /// "--annotate"; empty where a person chose the file in a dialog.
    pub option: &'a str,
    pub path: &'a Path,
}

/// Why a file can't be written where it was asked for.
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

    /// Adds a folder of which nothing may be replaced and to which nothing may be added.
    pub fn folder(&mut self, what: &'static str, path: &Path) {
        self.folders.push(Input { what, path: path.to_owned() });
    }

    /// Whether some outputs keep clear of the inputs and of each other. Pipes and devices always do.
    ///
    /// # Errors
    /// When one doesn't.
    pub fn check(&self, outputs: &[Output]) -> Result<(), OutputError> {
        let outputs: Vec<&Output> = outputs.iter().filter(|output| !is_stream(output.path)).collect();
        for (index, output) in outputs.iter().enumerate() {
            let place = Place::of(output.path);
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

/// Where a file is or would be, whatever it is called.
struct Place {
    path: PathBuf,
    /// What tells a file from all others, of one that is there, and its length.
    known: Option<(same_file::Handle, u64)>,
}

impl Place {
    fn of(path: &Path) -> Self {
        let known = path.metadata().ok().filter(std::fs::Metadata::is_file).and_then(|metadata| {
            let handle = same_file::Handle::from_path(path).ok()?;
            Some((handle, metadata.len()))
        });
        Self { path: resolved(path), known }
    }

    fn is_that_of(&self, other: &Path) -> bool {
        let Ok(metadata) = other.metadata() else { return same_name(&self.path, &resolved(other)) };
        match &self.known {
            // To ask for the length is faster than to open it.
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

/// Whether two paths are those of the same file, by any name that it has.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    same_file::is_same_file(one, other).unwrap_or(false) || same_name(&resolved(one), &resolved(other))
}

/// The file that a path leads to: its links followed, its folder without `.` and `..`, also where there is no
/// such file.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
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

/// The canonical path of a folder, of which the last parts may be still to be made.
fn canonical_folder(folder: &Path) -> io::Result<PathBuf> {
    match (folder.canonicalize(), folder.components().next_back()) {
        (Err(_), Some(Component::Normal(name))) => Ok(canonical_folder(folder_of(folder))?.join(name)),
        // Out of a folder that is still to be made.
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

/// Most systems with these names don't tell capitals from small letters in the names of files.
fn same_name(one: &Path, other: &Path) -> bool {
    let alike = |path: &Path| path.to_string_lossy().to_lowercase();
    one == other || cfg!(any(windows, target_vendor = "apple")) && alike(one) == alike(other)
}

/// Whether what is written there goes on to somebody else: a pipe, a device, an open file by its number.
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
