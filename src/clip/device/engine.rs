//! An encoder with another to fall back on when its device fails.

use super::ModelDevice;
use crate::clip::dense::DenseAttention;
use crate::clip::error::catch_panic;
use crate::clip::picture_size::PictureSize;
use crate::clip::{ClipError, ComputeError};

/// The encoder for one device.
pub(in crate::clip) trait DeviceEncoder: Send {
    fn device(&self) -> ModelDevice;

    /// The number of pictures that are best encoded by one call.
    fn batch_size(&self) -> usize;

    /// Encodes any number of pictures, one after the other. The embeddings are not normalised.
    fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, ComputeError>;

    /// Dense embeddings of any number of pictures of a `size`: of each picture its
    /// [`DenseGrid`](crate::clip::dense::DenseGrid), one after the other. Not normalised.
    fn encode_dense(
        &mut self,
        input: &[f32],
        size: PictureSize,
        attention: DenseAttention,
    ) -> Result<Vec<f32>, ComputeError>;

    /// Encodes any number of sentences, each as many token ids as the context is long. The embeddings are not
    /// normalised.
    fn encode_texts(&mut self, ids: &[Vec<u32>]) -> Result<Vec<f32>, ComputeError>;
}

/// Makes the encoder to fall back on.
pub(in crate::clip) type MakeFallback = Box<dyn FnOnce() -> Result<Box<dyn DeviceEncoder>, ClipError> + Send>;

/// The active encoder, and one to fall back on.
pub(in crate::clip) struct Engine {
    active: Box<dyn DeviceEncoder>,
    fallback: Option<MakeFallback>,
    notice: Option<String>,
    embedding_len: usize,
}

impl Engine {
    pub fn new(
        active: Box<dyn DeviceEncoder>,
        fallback: Option<MakeFallback>,
        notice: Option<String>,
        embedding_len: usize,
    ) -> Self {
        Self { active, fallback, notice, embedding_len }
    }

    pub fn device(&self) -> ModelDevice {
        self.active.device()
    }

    pub fn batch_size(&self) -> usize {
        self.active.batch_size()
    }

    pub fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    /// Embeddings of length one.
    ///
    /// # Errors
    /// If the device fails, and the one to fall back on, too.
    pub fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, ClipError> {
        if input.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|encoder| encoder.encode_images(input))
    }

    /// As [`DeviceEncoder::encode_dense`], with embeddings of length one.
    ///
    /// # Errors
    /// As [`Self::encode_images`].
    pub fn encode_dense(
        &mut self,
        input: &[f32],
        size: PictureSize,
        attention: DenseAttention,
    ) -> Result<Vec<f32>, ClipError> {
        if input.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|encoder| encoder.encode_dense(input, size, attention))
    }

    /// Embeddings of length one.
    ///
    /// # Errors
    /// As [`Self::encode_images`].
    pub fn encode_texts(&mut self, ids: &[Vec<u32>]) -> Result<Vec<f32>, ClipError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|encoder| encoder.encode_texts(ids))
    }

    /// Encodes with the active encoder; if that fails, falls back on the other and encodes again.
    fn run(
        &mut self,
        encode: impl Fn(&mut dyn DeviceEncoder) -> Result<Vec<f32>, ComputeError>,
    ) -> Result<Vec<f32>, ClipError> {
        let error = match encode_normalized(self.active.as_mut(), self.embedding_len, &encode) {
            Ok(embeddings) => return Ok(embeddings),
            Err(error) => error,
        };
        let lost = self.device();
        let Some(make_fallback) = self.fallback.take() else {
            return Err(ClipError::Run { device: lost, error });
        };
        // Drivers write several lines.
        let reason = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        self.active = make_fallback()?;
        self.notice = Some(format!("{lost} was lost ({reason}); going on on the {}", self.device()));
        encode_normalized(self.active.as_mut(), self.embedding_len, &encode)
            .map_err(|error| ClipError::Run { device: self.device(), error })
    }
}

/// Encodes to embeddings of length one. A panic counts as an error: burn panics when a device is lost or out
/// of memory. The encoder isn't used again after that, so nobody sees a broken state.
pub(in crate::clip) fn encode_normalized(
    encoder: &mut dyn DeviceEncoder,
    embedding_len: usize,
    encode: impl Fn(&mut dyn DeviceEncoder) -> Result<Vec<f32>, ComputeError>,
) -> Result<Vec<f32>, ComputeError> {
    normalized(catch_panic(|| encode(encoder))?, embedding_len)
}

/// Embeddings at length one.
pub(in crate::clip) fn normalized(
    mut embeddings: Vec<f32>,
    embedding_len: usize,
) -> Result<Vec<f32>, ComputeError> {
    for embedding in embeddings.chunks_exact_mut(embedding_len) {
        let length = embedding.iter().map(|value| value * value).sum::<f32>().sqrt();
        if !length.is_finite() || length == 0.0 {
            return Err(ComputeError::NoDirection);
        }
        for value in embedding {
            *value /= length;
        }
    }
    Ok(embeddings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip::device::Precision;

    /// Gives the embedding (3, 4) for every two numbers, until it fails.
    struct FakeEncoder {
        device: ModelDevice,
        batches_left: usize,
        fails: fn() -> Result<Vec<f32>, ComputeError>,
    }

    impl DeviceEncoder for FakeEncoder {
        fn device(&self) -> ModelDevice {
            self.device.clone()
        }

        fn batch_size(&self) -> usize {
            2
        }

        fn encode_images(&mut self, input: &[f32]) -> Result<Vec<f32>, ComputeError> {
            if self.batches_left == 0 {
                return (self.fails)();
            }
            self.batches_left -= 1;
            Ok([3.0, 4.0].repeat(input.len() / 2))
        }

        fn encode_dense(
            &mut self,
            input: &[f32],
            _: PictureSize,
            _: DenseAttention,
        ) -> Result<Vec<f32>, ComputeError> {
            self.encode_images(input)
        }

        fn encode_texts(&mut self, ids: &[Vec<u32>]) -> Result<Vec<f32>, ComputeError> {
            self.encode_images(&vec![0.0; ids.len() * 2])
        }
    }

    fn engine(fails: fn() -> Result<Vec<f32>, ComputeError>, fallback_batches: usize) -> Engine {
        let device = ModelDevice::Gpu { card: "the card".to_owned(), precision: Precision::Single };
        let card = Box::new(FakeEncoder { device, batches_left: 1, fails });
        let fallback: MakeFallback = Box::new(move || {
            let device = ModelDevice::Cpu { threads: 2, precision: Precision::Single };
            Ok(Box::new(FakeEncoder { device, batches_left: fallback_batches, fails }))
        });
        Engine::new(card, Some(fallback), None, 2)
    }

    #[test]
    fn a_lost_device_is_replaced_and_the_batch_runs_again() {
        type Way = fn() -> Result<Vec<f32>, ComputeError>;
        let ways: [(Way, &str); 4] = [
            (|| Err(ComputeError::Missing("it is gone")), "it is gone"),
            (|| panic!("out of memory"), "out of memory"),
            (|| Ok(vec![f32::NAN, 0.0]), "isn't a direction"),
            (|| Ok(vec![0.0, 0.0]), "isn't a direction"),
        ];
        for (way, reason) in ways {
            let mut engine = engine(way, 2);
            assert_eq!(engine.encode_images(&[0.0; 4]).unwrap(), [0.6, 0.8, 0.6, 0.8]);
            assert_eq!((engine.device().to_string().as_str(), engine.take_notice()), ("the card", None));
            assert_eq!(engine.encode_images(&[0.0; 4]).unwrap(), [0.6, 0.8, 0.6, 0.8]);
            assert_eq!(engine.device().to_string(), "CPU, 2 threads");
            let notice = engine.take_notice().unwrap();
            assert!(
                notice.starts_with("the card was lost (")
                    && notice.ends_with("going on on the CPU, 2 threads")
            );
            assert!(notice.contains(reason), "{notice}");
            assert_eq!(engine.take_notice(), None);
            assert_eq!(engine.encode_texts(&[vec![1, 2]]).unwrap(), [0.6, 0.8]);
        }
    }

    #[test]
    fn when_the_fallback_fails_too_the_error_says_so() {
        let mut engine = engine(|| Err(ComputeError::Missing("no")), 0);
        engine.encode_images(&[0.0; 2]).unwrap();
        let error = engine.encode_images(&[0.0; 2]).unwrap_err().to_string();
        assert_eq!(error, "the model failed on CPU, 2 threads: no");
    }
}
