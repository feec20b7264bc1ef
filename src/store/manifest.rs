//! The manifest of a collection: a small file in its folder that says what it is of, so that nobody has to
//! look into the embeddings to know it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{FORMAT, Provenance};
use crate::atomic::NewFile;
use crate::fingerprint;
use crate::paths::{hex, of_hex};

const NAME: &str = "about.json";
/// Places where a scene was seen that are remembered.
const MOST_PLACES: usize = 8;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    format: u32,
    pub embedding_len: usize,
    /// Where the scene was seen, the latest place first.
    scenes: Vec<ScenePlace>,
    scene_fingerprint: String,
    scene_size: (u32, u32),
    model: String,
    model_fingerprint: String,
    preprocessing: String,
}

/// A path or address. Names of files needn't be text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum ScenePlace {
    Text(String),
    /// In hexadecimal.
    Bytes {
        bytes: String,
    },
}

/// The file as a whole: what is damaged must not be taken for anything.
#[derive(Serialize, Deserialize)]
struct Sealed {
    about: Manifest,
    /// XXH3 of what stands there, as this program would write it.
    checksum: String,
}

impl Manifest {
    pub fn new(provenance: &Provenance, embedding_len: usize) -> Self {
        Self {
            format: FORMAT,
            embedding_len,
            scenes: vec![ScenePlace::of(&provenance.scene)],
            scene_fingerprint: provenance.scene_fingerprint.clone(),
            scene_size: provenance.scene_size,
            model: provenance.model.clone(),
            model_fingerprint: provenance.model_fingerprint.clone(),
            preprocessing: provenance.preprocessing.clone(),
        }
    }

    /// Whether a folder says anything of itself.
    pub fn exists(folder: &Path) -> bool {
        folder.join(NAME).exists()
    }

    /// Reads what a folder says of itself; `None` when it says nothing, or something else than this version.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn read(folder: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read(folder.join(NAME)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("its {NAME} is damaged"));
        let Sealed { about: manifest, checksum } = serde_json::from_slice(&text).map_err(|_| damaged())?;
        if manifest.checksum()? != checksum {
            return Err(damaged());
        }
        Ok((manifest.format == FORMAT).then_some(manifest))
    }

    /// Writes it, with the places that a folder says already behind its own, unless that is the same.
    ///
    /// # Errors
    /// When the folder can't be written to.
    pub fn write(mut self, folder: &Path) -> io::Result<()> {
        let before = Self::read(folder).ok().flatten();
        if let Some(before) = &before {
            let others = before.scenes.iter().filter(|place| !self.scenes.contains(place));
            let others: Vec<ScenePlace> = others.cloned().collect();
            self.scenes.extend(others);
            self.scenes.truncate(MOST_PLACES);
        }
        if before.as_ref() == Some(&self) {
            return Ok(());
        }
        let checksum = self.checksum()?;
        let text = serde_json::to_vec_pretty(&Sealed { about: self, checksum })?;
        let new = NewFile::beside(&folder.join(NAME))?;
        new.file().write_all(&text)?;
        new.finish()
    }

    fn checksum(&self) -> io::Result<String> {
        Ok(format!("{:032x}", fingerprint::checksum(&serde_json::to_vec(self)?)))
    }

    pub fn provenance(&self) -> Provenance {
        Provenance {
            scene: self.places().into_iter().next().unwrap_or_default(),
            scene_fingerprint: self.scene_fingerprint.clone(),
            scene_size: self.scene_size,
            model: self.model.clone(),
            model_fingerprint: self.model_fingerprint.clone(),
            preprocessing: self.preprocessing.clone(),
        }
    }

    pub fn is_of(&self, scene_fingerprint: &str) -> bool {
        self.scene_fingerprint == scene_fingerprint
    }

    pub fn places(&self) -> Vec<PathBuf> {
        self.scenes.iter().map(ScenePlace::path).collect()
    }

    /// Notes where the scene was seen.
    pub fn move_to(&mut self, place: &Path) {
        self.scenes.retain(|known| known.path() != place);
        self.scenes.insert(0, ScenePlace::of(place));
        self.scenes.truncate(MOST_PLACES);
    }
}

impl ScenePlace {
    fn of(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes { bytes: hex(path) },
        }
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Text(text) => PathBuf::from(text),
            Self::Bytes { bytes } => of_hex(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance(scene: &str) -> Provenance {
        Provenance { scene: scene.into(), scene_size: (7, 5), ..Provenance::default() }
    }

    #[test]
    fn the_latest_place_comes_first_and_the_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), None);
        for scene in ["a.tif", "b.tif", "a.tif"] {
            Manifest::new(&provenance(scene), 2).write(folder.path()).unwrap();
        }
        let manifest = Manifest::read(folder.path()).unwrap().unwrap();
        assert_eq!(manifest.places(), ["a.tif", "b.tif"].map(PathBuf::from));
        assert_eq!((manifest.provenance(), manifest.embedding_len), (provenance("a.tif"), 2));
    }

    #[test]
    fn every_damage_is_seen_or_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        Manifest::new(&provenance("a.tif"), 2).write(folder.path()).unwrap();
        let whole = Manifest::read(folder.path()).unwrap();
        let file = folder.path().join(NAME);
        let bytes = fs::read(&file).unwrap();
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1 << bit;
                fs::write(&file, damaged).unwrap();
                assert!(
                    Manifest::read(folder.path()).map_or(true, |manifest| manifest == whole),
                    "{place} {bit}"
                );
            }
            fs::write(&file, &bytes[..place]).unwrap();
            assert!(Manifest::read(folder.path()).is_err(), "cut at {place}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_needn_t_be_text() {
        use std::os::unix::ffi::OsStrExt;
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(b"caf\xe9/\xff.tif"));
        assert_eq!(ScenePlace::of(&path).path(), path);
    }
}
