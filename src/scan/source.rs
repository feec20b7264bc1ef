//! The scene as a scan sees it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::notices::Notices;
use crate::raster::{self, Pixels, RasterError, Rect, Scene, SceneView};

/// A scene as the scan sees it. Level 0 is full resolution, level n about 1/2^n of it.
pub trait SceneSource: Send + Sync {
    /// Width and height in level-0 pixels.
    fn size(&self) -> (u32, u32);

    /// Width and height of every level, finest first; the first is [`Self::size`].
    fn level_sizes(&self) -> Vec<(u32, u32)>;

    /// Pixels of `rect`, given in pixels of `level` and inside it.
    ///
    /// # Errors
    /// When the file cannot be read or decoded there.
    fn read(&self, level: usize, rect: Rect) -> Result<Pixels, RasterError>;

    /// Of a level whose pixels come in strips as wide as the scene, which have to be decoded: how many of its
    /// rows are kept decoded. `None` where regions of any shape cost about what their pixels do.
    fn strip_rows(&self, level: usize) -> Option<u32> {
        let _ = level;
        None
    }

    /// What tells the scene from others, as far as that is known after waiting for `patience`: a large file
    /// has to be read for it, which goes on in the background.
    fn identity(&self, patience: Duration) -> SceneIdentity {
        let _ = patience;
        SceneIdentity::None
    }

    /// Whether all that was read so far belongs to the scene that [`Self::identity`] speaks of.
    fn is_unchanged(&self) -> bool {
        true
    }

    /// Ends all waiting for a server that has the scene: reads that wait for it fail. Others may read the
    /// scene, too; they begin again.
    fn stop_waiting(&self) {}

    /// What a person should know of the scene. More may be told while it is read: of what is missing there.
    fn notices(&self) -> Notices {
        Notices::default()
    }

    /// Pixels of `rect`, given in level-0 pixels and inside the scene, averaged to `width` x `height`.
    ///
    /// # Errors
    /// As [`Self::read`].
    fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError>;
}

/// Which scene it is, for those that keep its embeddings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SceneIdentity {
    /// One whose embeddings are not worth keeping.
    None,
    /// Not known yet.
    Pending,
    Known {
        /// Path or address.
        scene: PathBuf,
        /// What tells its contents from others'.
        fingerprint: String,
    },
    /// Why its embeddings can't be kept, in a sentence.
    Unknown(String),
}

/// The path or address by which a scene is found again, wherever a program is started.
#[must_use]
pub fn place_of(scene: &Path) -> PathBuf {
    if raster::is_address(scene) {
        return scene.to_owned();
    }
    std::path::absolute(scene).unwrap_or_else(|_| scene.to_owned())
}

impl SceneSource for Scene {
    fn size(&self) -> (u32, u32) {
        self.size()
    }

    fn level_sizes(&self) -> Vec<(u32, u32)> {
        self.level_sizes()
    }

    fn strip_rows(&self, level: usize) -> Option<u32> {
        self.strip_rows(level)
    }

    fn identity(&self, patience: Duration) -> SceneIdentity {
        match self.fingerprint_within(patience) {
            None => SceneIdentity::Pending,
            Some(Ok(fingerprint)) => SceneIdentity::Known { scene: place_of(self.path()), fingerprint },
            Some(Err(error)) => SceneIdentity::Unknown(error.to_string()),
        }
    }

    fn is_unchanged(&self) -> bool {
        self.is_unchanged()
    }

    fn stop_waiting(&self) {
        self.stop_waiting();
    }

    fn notices(&self) -> Notices {
        self.notices().clone()
    }

    fn read(&self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        self.read(level, rect)
    }

    fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
        self.read_scaled(rect, width, height)
    }
}

/// The scene in other colours: for looking at it, not for a model.
impl SceneSource for SceneView {
    fn size(&self) -> (u32, u32) {
        self.scene().size()
    }

    fn level_sizes(&self) -> Vec<(u32, u32)> {
        self.scene().level_sizes()
    }

    fn notices(&self) -> Notices {
        self.scene().notices().clone()
    }

    fn read(&self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        unstopped(|| self.read(level, rect))
    }

    fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
        unstopped(|| self.read_scaled(rect, width, height))
    }
}

/// Reads for somebody who goes on waiting for a server when a scan that does so, too, is stopped.
fn unstopped(read: impl Fn() -> Result<Pixels, RasterError>) -> Result<Pixels, RasterError> {
    loop {
        match read() {
            Err(error) if error.is_stopped() => {}
            outcome => return outcome,
        }
    }
}
