//! A training on disk: one file with everything that the next step depends on. It is written beside its place
//! and renamed, so a kill at any moment leaves the one before.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use burn::module::Module as _;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, View};
use serde::{Deserialize, Serialize};

use super::curves::Point;
use super::{Standing, TrainError};
use crate::clip::{Learner, write_tensors};

/// The name of the file in the folder of the result.
pub const FILE_NAME: &str = "checkpoint.safetensors";

/// What isn't weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// Settings that the result depends on, by name.
    pub settings: HashMap<String, String>,
    pub curve: Vec<Point>,
    /// The validation before the first step.
    #[serde(default)]
    pub start: Option<f64>,
    /// The best validation so far, and the last epoch that gave it.
    pub best: Option<(f64, usize)>,
    /// The epoch that last was better than all before it.
    #[serde(default)]
    pub improved: usize,
}

impl Progress {
    /// Takes an epoch's validation into account.
    pub fn take(&mut self, epoch: usize, validation: Option<f64>) -> Standing {
        // Where nothing is measured, the latest counts.
        let Some(value) = validation else { return Standing::Best };
        let standing = match self.best {
            Some((best, _)) if value < best => return Standing::Worse,
            Some((best, _)) if value == best => Standing::Equal,
            _ => {
                self.improved = epoch;
                Standing::Best
            }
        };
        self.best = Some((value, epoch));
        if self.start.is_some_and(|start| value <= start) { Standing::BelowStart } else { standing }
    }
}

/// Bytes inside the file.
struct Blob {
    bytes: Vec<u8>,
    shape: [usize; 1],
}

impl View for Blob {
    fn dtype(&self) -> Dtype {
        Dtype::U8
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes a checkpoint into `directory`.
///
/// # Errors
/// When it cannot be written; the one before is then still there.
pub fn save(
    directory: &Path,
    learner: &Learner,
    optimizer: &ModuleOptimizer,
    progress: &Progress,
) -> Result<(), TrainError> {
    let device = |error: &dyn std::fmt::Display| TrainError::Device(error.to_string());
    let model = learner.model.clone().into_record().into_bytes().map_err(|error| device(&error))?;
    let optimizer = optimizer.to_record().into_bytes().map_err(|error| device(&error))?;
    let progress = serde_json::to_vec(progress).map_err(|error| device(&error))?;
    let path = directory.join(FILE_NAME);
    let blobs = [("model", model.to_vec()), ("optimizer", optimizer.to_vec()), ("progress", progress)];
    let views = blobs.map(|(name, bytes)| (name, Blob { shape: [bytes.len()], bytes }));
    write_tensors(&path, views, None).map_err(|error| TrainError::Write { path, error })
}

/// Takes up the checkpoint in `directory`.
///
/// # Errors
/// When there is none, or it isn't one of this program, or of another model.
pub fn load(
    directory: &Path,
    learner: &mut Learner,
    optimizer: ModuleOptimizer,
) -> Result<(ModuleOptimizer, Progress), TrainError> {
    let path = directory.join(FILE_NAME);
    let wrong = |reason: String| TrainError::Checkpoint { path: path.clone(), reason };
    let bytes = fs::read(&path).map_err(|error| {
        wrong(format!("there is no checkpoint to go on from ({error}); leave out --resume"))
    })?;
    let broken = |error: &dyn std::fmt::Display| {
        wrong(format!("this isn't a whole checkpoint ({error}); start anew without --resume"))
    };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| broken(&error))?;
    let blob = |name: &str| {
        let bytes = file.tensor(name).map_err(|error| broken(&error))?.data().to_vec();
        Ok::<_, TrainError>(Bytes::from_bytes_vec(bytes))
    };
    let progress: Progress = serde_json::from_slice(&blob("progress")?).map_err(|error| broken(&error))?;
    let model = ModuleRecord::from_bytes(blob("model")?).map_err(|error| broken(&error))?;
    let another = |error: burn::store::RecordError| wrong(format!("it is of another model ({error})"));
    learner.model = learner.model.clone().try_load_record(model).map_err(another)?;
    let record = OptimizerRecord::from_bytes(blob("optimizer")?).map_err(|error| broken(&error))?;
    Ok((optimizer.load_record(record), progress))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_equal_epochs_is_kept_and_the_start_is_no_best() {
        let mut progress = Progress { start: Some(0.5), ..Progress::default() };
        let mut take = |epoch, value| (progress.take(epoch, Some(value)), progress.best, progress.improved);
        assert_eq!(take(1, 0.4), (Standing::BelowStart, Some((0.4, 1)), 1));
        assert_eq!(take(2, 0.5), (Standing::BelowStart, Some((0.5, 2)), 2));
        assert_eq!(take(3, 0.7), (Standing::Best, Some((0.7, 3)), 3));
        assert_eq!(take(4, 0.7), (Standing::Equal, Some((0.7, 4)), 3));
        assert_eq!(take(5, 0.6), (Standing::Worse, Some((0.7, 4)), 3));
        assert_eq!(Progress::default().take(7, None), Standing::Best);
    }
}
