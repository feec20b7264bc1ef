//! The folder that a training writes to, in which nothing may be lost.

use super::{CURVES_PICTURE, CURVES_TABLE, TrainError, TrainSettings, checkpoint};
use crate::clip::{Learner, model_files, model_in};
use crate::dataset::Dataset;
use crate::outputs::{Inputs, Output, is_same_file};

/// Checks that the result may be written to its folder.
///
/// # Errors
/// If the folder is that of the model to train, holds another model or a training that shouldn't be resumed,
/// or a file in it is one to learn from.
pub(super) fn check(settings: &TrainSettings) -> Result<(), TrainError> {
    let TrainSettings { out, model, resume, .. } = settings;
    let refused = |reason: String| Err(TrainError::Settings(reason));
    let shown = out.display();
    if is_same_file(out, &model.path) {
        return refused(format!("{shown} is the model to begin with; name another folder with --out"));
    }
    if !resume && out.join(checkpoint::FILE_NAME).exists() {
        return refused(format!(
            "{shown} holds a training already; go on with --resume, or name another folder with --out"
        ));
    }
    if !resume && let Some(file) = model_in(out) {
        let file = file.file_name().unwrap_or_default().display();
        return refused(format!(
            "{shown} holds {file} of a model already; name another folder with --out, or remove that model first"
        ));
    }
    let mut inputs = Inputs::default();
    inputs.files("a file of the model,", model_files(&model.path));
    if let Some(tower) = &settings.image_tower {
        inputs.files("a file of the model with the image tower,", model_files(&tower.path));
    }
    inputs.files("the class names", settings.names.as_ref());
    inputs.files("the templates", settings.templates.as_ref());
    inputs.files("the paraphrases", &settings.paraphrases);
    inputs.files("the synonyms", settings.synonyms.as_ref());
    for source in &settings.sources {
        // Sets that can't be opened are reported later.
        if let Ok(set) = Dataset::open(&source.path) {
            inputs.files("a file of the set,", set.files(&source.path));
        }
    }
    let names = Learner::FILES.iter().chain(&[checkpoint::FILE_NAME, CURVES_TABLE, CURVES_PICTURE]);
    let paths: Vec<_> = names.map(|name| out.join(name)).collect();
    let outputs: Vec<Output> = paths.iter().map(|path| Output { option: "--out", path }).collect();
    inputs.check(&outputs).map_err(|error| TrainError::Settings(error.to_string()))
}
