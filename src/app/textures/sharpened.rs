//! The scene as the network that enlarges windows shows it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::clip::Sharpener;
use crate::raster::{Pixels, RasterError, Rect};
use crate::scan::SceneSource;

/// A scene whose parts come enlarged. The network is loaded by the thread that first reads, which isn't the
/// window's.
pub struct SharpenedScene {
    scene: Arc<dyn SceneSource>,
    path: PathBuf,
    sharpener: OnceLock<Option<Sharpener>>,
}

impl SharpenedScene {
    /// The scene enlarged by the network in a file.
    #[must_use]
    pub fn source(scene: &Arc<dyn SceneSource>, path: &Path) -> Arc<dyn SceneSource> {
        let (scene, path) = (Arc::clone(scene), path.to_owned());
        Arc::new(Self { scene, path, sharpener: OnceLock::new() })
    }

    /// A part enlarged; as it is where there is no network. Why there is none is told where the model is
    /// loaded.
    fn enlarged(&self, pixels: Pixels) -> Pixels {
        let sharpener = self.sharpener.get_or_init(|| Sharpener::open(&self.path).ok());
        let enlarged = sharpener.as_ref().and_then(|sharpener| {
            sharpener.enlarge(&pixels).inspect_err(|error| log::debug!("{error}")).ok()
        });
        enlarged.unwrap_or(pixels)
    }
}

impl SceneSource for SharpenedScene {
    fn size(&self) -> (u32, u32) {
        self.scene.size()
    }

    fn level_sizes(&self) -> Vec<(u32, u32)> {
        self.scene.level_sizes()
    }

    fn read(&self, level: usize, rect: Rect) -> Result<Pixels, RasterError> {
        Ok(self.enlarged(self.scene.read(level, rect)?))
    }

    fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
        Ok(self.enlarged(self.scene.read_scaled(rect, width, height)?))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::clip::{SrvggConfig, SrvggNetCompact, WeightType};

    struct Plain;

    impl SceneSource for Plain {
        fn size(&self) -> (u32, u32) {
            (8, 8)
        }

        fn level_sizes(&self) -> Vec<(u32, u32)> {
            vec![(8, 8)]
        }

        fn read(&self, _level: usize, rect: Rect) -> Result<Pixels, RasterError> {
            self.read_scaled(rect, rect.width, rect.height)
        }

        fn read_scaled(&self, _: Rect, width: u32, height: u32) -> Result<Pixels, RasterError> {
            let rgba = (0..width * height).flat_map(|i| [i as u8 * 3, 9, 9, 255]).collect();
            Ok(Pixels { width, height, rgba })
        }
    }

    #[test]
    fn parts_come_enlarged_or_else_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.safetensors");
        let scene: Arc<dyn SceneSource> = Arc::new(Plain);
        let part = |path: &Path| {
            SharpenedScene::source(&scene, path).read_scaled(Rect::new(0, 0, 4, 3), 4, 3).unwrap()
        };
        assert_eq!((part(&path).width, part(&path).height), (4, 3));
        let config = SrvggConfig { num_feat: 4, num_conv: 1, upscale: 2 };
        let network = SrvggNetCompact::init(config, 1, &Device::flex());
        network.saver(WeightType::F16).finish(&path).unwrap();
        assert_eq!((part(&path).width, part(&path).height), (8, 6));
    }
}
