//! Why a scene could not be opened or read.

use std::io;
use std::path::{Path, PathBuf};

use super::remote::RemoteError;
use crate::guard;

/// Why a scene could not be opened or read: one sentence that names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum RasterError {
    #[error("cannot open {}: {source}; check the name and that you may read it", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("{} is a folder; give the name of an image file, or a folder that Skysift opens as one scene: Sentinel-2 (.SAFE) or Landsat (with its *_B2.TIF and so on)", path.display())]
    Folder { path: PathBuf },
    #[error(
        "{} holds {} scenes; open the one that you want by its description: {}",
        path.display(),
        scenes.len(),
        listed(scenes)
    )]
    SeveralScenes { path: PathBuf, scenes: Vec<PathBuf> },
    #[error("{} is empty (0 bytes); copy or download it again", path.display())]
    Empty { path: PathBuf },
    #[error(
        "{} is not an image that Skysift reads; it reads TIFF, JPEG 2000, PNG, JPEG and WebP, whatever the name of the file",
        path.display()
    )]
    UnknownFormat { path: PathBuf },
    #[error("cannot show {}: {what}; {advice}", path.display())]
    Unsupported { path: PathBuf, what: String, advice: String },
    #[error(
        "cannot show {}: {what}; make one GeoTIFF of it all, with `gdal_translate -of COG {} scene.tif`",
        path.display(),
        command_word(path)
    )]
    TooNested { path: PathBuf, what: String },
    #[error("cannot read {}: {what}; {advice}", path.display())]
    Remote { path: PathBuf, what: String, advice: String, lasting: bool, stopped: bool },
    #[error("{} is damaged or cut off: {reason}; copy or download it again", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("cannot read {} at {place}: {reason}", path.display())]
    Region { path: PathBuf, place: String, reason: String },
    #[error(
        "cannot write overviews of {} in {}: {source}; free some space or choose another folder",
        path.display(),
        folder.display()
    )]
    Overviews { path: PathBuf, folder: PathBuf, source: io::Error },
    #[error(
        "cannot keep the decoded copy of {} in {}: {source}; free some space or set TMPDIR to another folder",
        path.display(),
        folder.display()
    )]
    Scratch { path: PathBuf, folder: PathBuf, source: io::Error },
}

impl RasterError {
    /// Whether no other part of the scene can be read either, so that trying is of no use: the file has
    /// changed on its server, or the server is gone.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        matches!(self, Self::Remote { lasting: true, .. })
    }

    /// Whether somebody ended the waiting for the server ([`super::Scene::stop_waiting`]), so that nothing is
    /// known of it.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Remote { stopped: true, .. })
    }
}

/// Some files in a row.
fn listed(files: &[PathBuf]) -> String {
    const MOST: usize = 8;
    let mut names: Vec<String> = files.iter().take(MOST).map(|file| file.display().to_string()).collect();
    if files.len() > MOST {
        names.push(format!("and {} more", files.len() - MOST));
    }
    names.join(", ")
}

/// What stands for the file in the commands of an advice.
const FILE: &str = "{file}";

/// A [`RasterError`] before the name of the file is added.
#[derive(Debug)]
pub(super) enum Fault {
    /// The file is fine, but not of a kind that can be shown. In the advice's commands `{file}` stands for
    /// it.
    Unsupported { what: String, advice: String },
    /// Of mosaics within mosaics it is more than anybody can wait for. That is said of the outermost one, of
    /// which no part is left out in silence.
    TooNested(String),
    /// The file is not what it says it is.
    Damaged(String),
    /// The operating system could not read the file.
    Io(io::Error),
    /// The server did not give what was asked for.
    Remote(RemoteError),
    /// The temporary file could not be written or read.
    Scratch(io::Error),
}

impl Fault {
    pub fn unsupported(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), advice: advice.into() }
    }

    /// The advice for most files of a kind that is not read.
    pub fn convert(what: impl Into<String>) -> Self {
        Self::unsupported(
            what,
            "convert it with `gdal_translate -of GTiff -co TILED=YES -co COMPRESS=DEFLATE {file} scene.tif`",
        )
    }

    pub fn of(self, path: &Path) -> RasterError {
        let path = path.to_owned();
        match self {
            Self::Unsupported { what, advice } => {
                let advice = advice.replace(FILE, &command_word(&path));
                RasterError::Unsupported { path, what: one_line(&what), advice }
            }
            Self::TooNested(what) => RasterError::TooNested { path, what },
            Self::Damaged(reason) => RasterError::Damaged { path, reason: one_line(&reason) },
            Self::Io(source) => RasterError::Open { path, source },
            Self::Remote(RemoteError { what, advice, lasting, stopped }) => {
                RasterError::Remote { path, what: one_line(&what), advice, lasting, stopped }
            }
            Self::Scratch(source) => RasterError::Scratch { path, folder: std::env::temp_dir(), source },
        }
    }
}

/// A file as a command line of GDAL's programs takes it, addresses by way of what reads them there.
pub(super) fn command_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = match text.strip_prefix("s3://") {
        Some(rest) => format!("/vsis3/{rest}"),
        None if text.starts_with("http://") || text.starts_with("https://") => format!("/vsicurl/{text}"),
        None => text.into_owned(),
    };
    let plain = |letter: char| letter.is_alphanumeric() || "/\\:._-+=,@%".contains(letter);
    if text.chars().all(plain) {
        text
    } else if cfg!(windows) {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Letters of a decoder's message that anybody reads; some list all bands of a file.
const MOST_LETTERS: usize = 300;

/// What a decoder says, as a part of a sentence: on one line, without a full stop.
pub(super) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST_LETTERS) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.trim_end_matches('.').to_owned(),
    }
}

/// Runs a decoder that was written by others on bytes that were written by anybody: what panics in there
/// is a damaged file to us.
pub(super) fn guard<T>(decode: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    guard::catch(decode).unwrap_or_else(|panic| Err(Fault::Damaged(format!("the decoder stopped ({panic})"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advice_is_a_command_for_this_very_file() {
        let sentence = |path: &str| Fault::convert("it is odd").of(Path::new(path)).to_string();
        assert!(sentence("a/b_c-1.tif").ends_with("COMPRESS=DEFLATE a/b_c-1.tif scene.tif`"));
        assert!(sentence("https://x.org/a.tif").contains(" /vsicurl/https://x.org/a.tif "));
        #[cfg(not(windows))]
        assert!(sentence("it's (1).tif").contains(r" 'it'\''s (1).tif' scene.tif"));
    }
}
