//! From how far away a model saw the ground that it learnt, if its folder says so in `ground_sizes.json`.

use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

use crate::clip::ClipError;
use crate::text_file;

/// The ground sample distances that a model knows: metres for each pixel of its input, the least and the
/// most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroundSizes {
    finest: f64,
    coarsest: f64,
}

#[derive(Deserialize)]
struct File {
    ground_sample_distance: [f64; 2],
}

impl GroundSizes {
    const FILE: &str = "ground_sizes.json";

    /// `None` if these aren't two lengths, the least first.
    #[must_use]
    pub fn new(finest: f64, coarsest: f64) -> Option<Self> {
        let sound = finest > 0.0 && finest <= coarsest && coarsest.is_finite();
        sound.then_some(Self { finest, coarsest })
    }

    /// Reads them in a model's folder: `{"ground_sample_distance": [0.8, 6.7]}`. Without the file they
    /// aren't known.
    ///
    /// # Errors
    /// If the file can't be read or says something else. The model runs as well without it.
    pub(in crate::clip) fn open(directory: &Path) -> Result<Option<Self>, ClipError> {
        let path = directory.join(Self::FILE);
        let text = match text_file::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ClipError::read(&path, error)),
        };
        let wrong = |why: String| {
            ClipError::file(
                &path,
                format!(
                    "this doesn't tell ground sizes as in {{\"ground_sample_distance\": [0.8, 6.7]}}: {why}"
                ),
            )
        };
        let file: File = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let [finest, coarsest] = file.ground_sample_distance;
        match Self::new(finest, coarsest) {
            Some(sizes) => Ok(Some(sizes)),
            None => Err(wrong("it needs two numbers of metres above 0, the least first".to_owned())),
        }
    }

    /// The least and the largest side of a window that shows the ground at these distances, in metres, for an
    /// input of so many pixels a side.
    #[must_use]
    pub fn window_sides(&self, input_size: u32) -> [f64; 2] {
        [self.finest, self.coarsest].map(|distance| distance * f64::from(input_size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(content: &str) -> Result<Option<GroundSizes>, ClipError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(GroundSizes::FILE), content).unwrap();
        GroundSizes::open(folder.path())
    }

    #[test]
    fn windows_are_the_input_at_the_models_distances() {
        let sizes =
            opened(r#"{"ground_sample_distance": [0.5, 10], "note": "of the input"}"#).unwrap().unwrap();
        assert_eq!(sizes.window_sides(96), [48.0, 960.0]);
    }

    #[test]
    fn a_model_that_does_not_tell_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(GroundSizes::open(folder.path()).unwrap(), None);
    }

    #[test]
    fn what_is_no_pair_of_distances_is_named() {
        for bad in [
            "[]",
            "{}",
            "{",
            r#"{"ground_sample_distance": [2, 1]}"#,
            r#"{"ground_sample_distance": [0, 1]}"#,
        ] {
            let error = opened(bad).unwrap_err().to_string();
            assert!(error.contains("ground_sizes.json"), "{error}");
        }
    }

    #[test]
    fn the_bundled_model_tells_its_own() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/skysift-mini");
        let [least, most] = GroundSizes::open(&folder).unwrap().unwrap().window_sides(96);
        // A part of a picture of UC Merced, and one of EuroSAT that was shrunk.
        assert!(least < 256.0 * 0.3 && most > 64.0 * 10.0, "{least} to {most}");
    }
}
