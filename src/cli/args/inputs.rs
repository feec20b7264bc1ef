//! What the options of commands read, so that nothing a command writes replaces it.

use std::path::PathBuf;

use crate::cli::{Like, ModelArgs, RankArgs, RegionArgs, RunArgs, ScanArgs, SharpenArgs, output};
use crate::clip::bundled_model;
use crate::export::SavedQueries;
use crate::outputs::{Inputs, Output};

/// What every command may read.
#[must_use]
pub fn inputs() -> Inputs {
    let mut inputs = Inputs::default();
    inputs.saved_queries(&SavedQueries::user_folder());
    inputs
}

/// The files that options name; the standard output is none.
pub fn named<'a>(options: &[(&'static str, Option<&'a PathBuf>)]) -> Vec<Output<'a>> {
    let outputs = options.iter().filter_map(|(option, path)| {
        let path = output::file(Some(*path.as_ref()?))?;
        Some(Output { option, path })
    });
    outputs.collect()
}

impl ModelArgs {
    pub(in crate::cli) fn add_to(&self, inputs: &mut Inputs) {
        let bundled = || bundled_model().map(|source| source.path);
        if let Some(path) = self.model.clone().or_else(bundled) {
            inputs.model(&path);
        }
    }
}

impl RunArgs {
    pub(in crate::cli) fn add_to(&self, inputs: &mut Inputs) {
        self.model.add_to(inputs);
        self.sharpen.add_to(inputs);
        if let Some(store) = self.store() {
            inputs.store(&store.root);
        }
    }
}

impl SharpenArgs {
    pub(in crate::cli) fn add_to(&self, inputs: &mut Inputs) {
        // What is wrong with it is told when it is loaded.
        inputs.files("the network that sharpens", self.path().ok().flatten());
    }
}

impl RegionArgs {
    pub(in crate::cli) fn add_to(&self, inputs: &mut Inputs) {
        inputs.files("the region", &self.region);
    }
}

impl RankArgs {
    pub(in crate::cli) fn add_to(&self, inputs: &mut Inputs) {
        inputs.files("the background words", self.background.as_ref());
    }
}

impl ScanArgs {
    pub(in crate::cli) fn add_to(&self, inputs: &mut Inputs) {
        self.run.add_to(inputs);
        self.grid.region.add_to(inputs);
        self.rank.add_to(inputs);
    }
}

impl Like {
    pub(in crate::cli) fn add_to(likes: &[Self], inputs: &mut Inputs) {
        for like in likes {
            inputs.image(like.path());
        }
    }
}
