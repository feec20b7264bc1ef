//! The real scene and the real model, as the scan's two traits see them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Encoder, EncoderCard, EncoderLoader, Identity, Preprocessor, ScanError, SceneSource};
use crate::clip::{Clip, DeviceChoice, ModelSource, Preprocess};
use crate::models::Place;
use crate::notices::Notices;
use crate::raster::{self, Pixels, Rect, Rendered, Scene};

/// What finds a model by its path or name and loads it, both on the scanner's thread.
#[must_use]
pub fn named_loader(
    place: Place,
    named: PathBuf,
    arch: Option<String>,
    device: DeviceChoice,
) -> EncoderLoader {
    Box::new(move || clip_loader(place.resolve(&named, arch.as_deref())?, device)())
}

/// What loads a model on the scanner's thread.
#[must_use]
pub fn clip_loader(source: ModelSource, device: DeviceChoice) -> EncoderLoader {
    Box::new(move || Ok(Box::new(Clip::load(&source, device)?) as Box<dyn Encoder>))
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

    fn identity(&self, patience: Duration) -> Identity {
        match self.fingerprint_within(patience) {
            None => Identity::Pending,
            Some(Ok(fingerprint)) => Identity::Known { scene: place_of(self.path()), fingerprint },
            Some(Err(sentence)) => Identity::Unknown(sentence),
        }
    }

    fn is_unchanged(&self) -> bool {
        self.is_unchanged()
    }

    fn notices(&self) -> Notices {
        self.notices().clone()
    }

    fn read(&self, level: usize, rect: Rect) -> Result<Pixels, ScanError> {
        Ok(self.read(level, rect)?)
    }

    fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, ScanError> {
        Ok(self.read_scaled(rect, width, height)?)
    }
}

/// The scene in other colours: for looking at it, not for a model.
impl SceneSource for Rendered {
    fn size(&self) -> (u32, u32) {
        self.scene().size()
    }

    fn level_sizes(&self) -> Vec<(u32, u32)> {
        self.scene().level_sizes()
    }

    fn notices(&self) -> Notices {
        self.scene().notices().clone()
    }

    fn read(&self, level: usize, rect: Rect) -> Result<Pixels, ScanError> {
        Ok(self.read(level, rect)?)
    }

    fn read_scaled(&self, rect: Rect, width: u32, height: u32) -> Result<Pixels, ScanError> {
        Ok(self.read_scaled(rect, width, height)?)
    }
}

impl Encoder for Clip {
    fn card(&self) -> EncoderCard {
        EncoderCard {
            model: self.name().to_owned(),
            fingerprint: self.fingerprint().to_owned(),
            device: self.device_label(),
            input_size: self.input_size(),
            embedding_len: self.embedding_len(),
            batch_size: self.batch_size(),
            logit_scale: self.logit_scale(),
            scoring: self.scoring(),
            known_words: self.known_words().clone(),
        }
    }

    fn preprocessor(&self) -> Arc<dyn Preprocessor> {
        Arc::new(self.preprocess().clone())
    }

    fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, ScanError> {
        Ok(self.encode_images(input)?)
    }

    fn encode_texts(&mut self, sentences: &[String]) -> Result<Vec<Vec<f32>>, ScanError> {
        Ok(self.encode_texts(sentences)?)
    }

    fn take_notice(&mut self) -> Option<String> {
        self.take_notice()
    }
}

impl Preprocessor for Preprocess {
    fn describe(&self) -> String {
        format!("{self:?}")
    }

    fn input_len(&self) -> usize {
        self.input_len()
    }

    fn window(
        &self,
        pixels: &Pixels,
        left: f64,
        top: f64,
        side: f64,
        out: &mut [f32],
    ) -> Result<(), ScanError> {
        Ok(self.window(pixels, left, top, side, out)?)
    }
}
