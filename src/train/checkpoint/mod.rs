//! Checkpoints: one file with everything that the next step depends on. It takes its name once it is
//! complete, so a kill at any moment leaves the previous one.

mod former_names;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use burn::module::Module as _;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::{ModuleRecord, RecordError};
use burn::tensor::Bytes;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, View};
use serde::{Deserialize, Serialize};

use super::curves::Point;
use super::{TrainError, ValidationStanding};
use crate::clip::{Learner, write_tensors};

/// The name of the file, in the folder of the result.
pub const FILE_NAME: &str = "checkpoint.safetensors";

/// All of a checkpoint but the weights and the optimiser's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingProgress {
    /// Steps that are done.
    pub step: usize,
    /// The settings that the result depends on, by name.
    pub settings: HashMap<String, String>,
    pub curve: Vec<Point>,
    /// The validation before the first step.
    #[serde(default)]
    pub start: Option<f64>,
    /// The best validation so far, and the last epoch that reached it.
    pub best: Option<(f64, usize)>,
    /// The last epoch that was better than all before it.
    #[serde(default)]
    pub improved: usize,
}

impl TrainingProgress {
    /// Takes the validation of an epoch into account.
    pub fn add_validation(&mut self, epoch: usize, validation: Option<f64>) -> ValidationStanding {
        // Without validation the latest epoch is kept.
        let Some(value) = validation else { return ValidationStanding::Best };
        let standing = match self.best {
            Some((best, _)) if value < best => return ValidationStanding::Worse,
            Some((best, _)) if value == best => ValidationStanding::Equal,
            _ => {
                self.improved = epoch;
                ValidationStanding::Best
            }
        };
        self.best = Some((value, epoch));
        if self.start.is_some_and(|start| value <= start) { ValidationStanding::BelowStart } else { standing }
    }
}

/// Bytes as a tensor of the file.
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
/// If it cannot be written; the previous one is then still there.
pub fn save(
    directory: &Path,
    learner: &Learner,
    optimizer: &ModuleOptimizer,
    progress: &TrainingProgress,
) -> Result<(), TrainError> {
    let model = learner.model.clone().into_record().into_bytes().map_err(TrainError::Record)?;
    let optimizer = optimizer.to_record().into_bytes().map_err(TrainError::Record)?;
    let progress = serde_json::to_vec(progress).map_err(TrainError::Progress)?;
    let path = directory.join(FILE_NAME);
    let blobs = [("model", model.to_vec()), ("optimizer", optimizer.to_vec()), ("progress", progress)];
    let views = blobs.map(|(name, bytes)| (name, Blob { shape: [bytes.len()], bytes }));
    write_tensors(&path, views, None).map_err(|error| TrainError::Write { path, error })
}

/// Resumes from the checkpoint in `directory`.
///
/// # Errors
/// If there is none, it isn't one of this program, or it is of another model.
pub fn load(
    directory: &Path,
    learner: &mut Learner,
    optimizer: ModuleOptimizer,
) -> Result<(ModuleOptimizer, TrainingProgress), TrainError> {
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
    let progress: TrainingProgress =
        serde_json::from_slice(&blob("progress")?).map_err(|error| broken(&error))?;
    let read = |bytes: Bytes| ModuleRecord::from_bytes(bytes).map_err(|error| broken(&error));
    let another = |error: RecordError| wrong(format!("it is of another model ({error})"));
    learner.model = match learner.model.clone().try_load_record(read(blob("model")?)?) {
        Ok(model) => model,
        Err(error) => {
            let renamed = former_names::with_current_names(blob("model")?).map_err(|error| broken(&error))?;
            let loaded = learner.model.clone().try_load_record(read(renamed)?);
            loaded.map_err(|_| another(error))?
        }
    };
    let record = OptimizerRecord::from_bytes(blob("optimizer")?).map_err(|error| broken(&error))?;
    Ok((optimizer.load_record(record), progress))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_equal_epochs_is_kept_and_the_start_is_no_best() {
        let mut progress = TrainingProgress { start: Some(0.5), ..TrainingProgress::default() };
        let mut take =
            |epoch, value| (progress.add_validation(epoch, Some(value)), progress.best, progress.improved);
        assert_eq!(take(1, 0.4), (ValidationStanding::BelowStart, Some((0.4, 1)), 1));
        assert_eq!(take(2, 0.5), (ValidationStanding::BelowStart, Some((0.5, 2)), 2));
        assert_eq!(take(3, 0.7), (ValidationStanding::Best, Some((0.7, 3)), 3));
        assert_eq!(take(4, 0.7), (ValidationStanding::Equal, Some((0.7, 4)), 3));
        assert_eq!(take(5, 0.6), (ValidationStanding::Worse, Some((0.7, 4)), 3));
        assert_eq!(TrainingProgress::default().add_validation(7, None), ValidationStanding::Best);
    }
}
