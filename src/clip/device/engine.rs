//! Runs batches on a device, and goes on with another when it fails.

use crate::clip::ClipError;
use crate::guard;

/// Something that encodes on one device.
pub(in crate::clip) trait DeviceEncoder: Send {
    /// What a person calls the device.
    fn label(&self) -> String;

    /// The number of pictures that one pass takes best.
    fn batch_size(&self) -> usize;

    /// Any number of pictures to one embedding after the other, not normalised.
    fn images(&mut self, input: &[f32]) -> Result<Vec<f32>, String>;

    /// Any number of sentences, as token ids of the context's length, to one embedding after the other, not
    /// normalised.
    fn texts(&mut self, ids: &[Vec<u32>]) -> Result<Vec<f32>, String>;
}

/// Makes the encoder to go on with.
pub(in crate::clip) type Spare = Box<dyn FnOnce() -> Result<Box<dyn DeviceEncoder>, ClipError> + Send>;

/// An encoder with one to fall back on.
pub(in crate::clip) struct Engine {
    active: Box<dyn DeviceEncoder>,
    spare: Option<Spare>,
    notice: Option<String>,
    embedding_len: usize,
}

impl Engine {
    pub fn new(
        active: Box<dyn DeviceEncoder>,
        spare: Option<Spare>,
        notice: Option<String>,
        embedding_len: usize,
    ) -> Self {
        Self { active, spare, notice, embedding_len }
    }

    pub fn label(&self) -> String {
        self.active.label()
    }

    pub fn batch_size(&self) -> usize {
        self.active.batch_size()
    }

    pub fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    /// Embeddings of length one.
    pub fn images(&mut self, input: &[f32]) -> Result<Vec<f32>, ClipError> {
        if input.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|encoder| encoder.images(input))
    }

    /// Embeddings of length one.
    pub fn texts(&mut self, ids: &[Vec<u32>]) -> Result<Vec<f32>, ClipError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|encoder| encoder.texts(ids))
    }

    /// Runs a job on the active encoder; if that fails, moves to the spare one and runs it again there.
    fn run(
        &mut self,
        job: impl Fn(&mut dyn DeviceEncoder) -> Result<Vec<f32>, String>,
    ) -> Result<Vec<f32>, ClipError> {
        let reason = match attempt(self.active.as_mut(), self.embedding_len, &job) {
            Ok(embeddings) => return Ok(embeddings),
            Err(reason) => reason,
        };
        let Some(spare) = self.spare.take() else {
            return Err(ClipError::Encode(format!("the model failed on {}: {reason}", self.label())));
        };
        let lost = self.label();
        // Drivers write several lines.
        let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        self.active = spare()?;
        self.notice = Some(format!("{lost} was lost ({reason}); going on on the {}", self.label()));
        attempt(self.active.as_mut(), self.embedding_len, &job)
            .map_err(|reason| ClipError::Encode(format!("the model failed on {}: {reason}", self.label())))
    }
}

/// One try that ends in embeddings of length one, in which a panic counts as an error: burn panics when a
/// device is lost or out of memory. The encoder isn't used again after that, so a broken state cannot be
/// seen.
pub(in crate::clip) fn attempt(
    encoder: &mut dyn DeviceEncoder,
    embedding_len: usize,
    job: impl Fn(&mut dyn DeviceEncoder) -> Result<Vec<f32>, String>,
) -> Result<Vec<f32>, String> {
    let mut embeddings = guard::catch(|| job(encoder)).flatten()?;
    for embedding in embeddings.chunks_exact_mut(embedding_len) {
        let length = embedding.iter().map(|value| value * value).sum::<f32>().sqrt();
        if !length.is_finite() || length == 0.0 {
            return Err("an embedding isn't a direction (its length is zero or not a number)".to_owned());
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

    /// Gives the embedding (3, 4) for every two numbers, until it fails.
    struct Fake {
        name: &'static str,
        batches_left: usize,
        fails: fn() -> Result<Vec<f32>, String>,
    }

    impl DeviceEncoder for Fake {
        fn label(&self) -> String {
            self.name.to_owned()
        }

        fn batch_size(&self) -> usize {
            2
        }

        fn images(&mut self, input: &[f32]) -> Result<Vec<f32>, String> {
            if self.batches_left == 0 {
                return (self.fails)();
            }
            self.batches_left -= 1;
            Ok([3.0, 4.0].repeat(input.len() / 2))
        }

        fn texts(&mut self, ids: &[Vec<u32>]) -> Result<Vec<f32>, String> {
            self.images(&vec![0.0; ids.len() * 2])
        }
    }

    fn engine(fails: fn() -> Result<Vec<f32>, String>, spare_batches: usize) -> Engine {
        let card = Box::new(Fake { name: "the card", batches_left: 1, fails });
        let spare: Spare =
            Box::new(move || Ok(Box::new(Fake { name: "CPU", batches_left: spare_batches, fails })));
        Engine::new(card, Some(spare), None, 2)
    }

    #[test]
    fn a_lost_device_is_replaced_and_the_batch_runs_again() {
        type Way = fn() -> Result<Vec<f32>, String>;
        let ways: [(Way, &str); 4] = [
            (|| Err("it is gone".to_owned()), "it is gone"),
            (|| panic!("out of memory"), "out of memory"),
            (|| Ok(vec![f32::NAN, 0.0]), "isn't a direction"),
            (|| Ok(vec![0.0, 0.0]), "isn't a direction"),
        ];
        for (way, reason) in ways {
            let mut engine = engine(way, 2);
            assert_eq!(engine.images(&[0.0; 4]).unwrap(), [0.6, 0.8, 0.6, 0.8]);
            assert_eq!((engine.label().as_str(), engine.take_notice()), ("the card", None));
            assert_eq!(engine.images(&[0.0; 4]).unwrap(), [0.6, 0.8, 0.6, 0.8]);
            assert_eq!(engine.label(), "CPU");
            let notice = engine.take_notice().unwrap();
            assert!(notice.starts_with("the card was lost (") && notice.ends_with("going on on the CPU"));
            assert!(notice.contains(reason), "{notice}");
            assert_eq!(engine.take_notice(), None);
            assert_eq!(engine.texts(&[vec![1, 2]]).unwrap(), [0.6, 0.8]);
        }
    }

    #[test]
    fn when_the_spare_fails_too_the_error_says_so() {
        let mut engine = engine(|| Err("no".to_owned()), 0);
        engine.images(&[0.0; 2]).unwrap();
        let error = engine.images(&[0.0; 2]).unwrap_err().to_string();
        assert_eq!(error, "the model failed on CPU: no");
    }
}
