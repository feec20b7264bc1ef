//! How weights differ from what a configuration requires, all of it in one sentence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// All differences between weights and what the configuration requires.
#[derive(Debug, Default)]
pub struct WeightProblems {
    /// The file, or the directory of several.
    pub path: PathBuf,
    /// Tensors that the model needs and the file doesn't have.
    pub missing: BTreeSet<String>,
    /// Tensors that the file has and the model doesn't need.
    pub surplus: BTreeSet<String>,
    /// Tensors of the wrong shape, with the shape they have and the one they should have.
    pub misshaped: BTreeMap<String, (Vec<usize>, Vec<usize>)>,
}

impl WeightProblems {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty() && self.misshaped.is_empty()
    }
}

impl fmt::Display for WeightProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let misshaped: Vec<String> = self
            .misshaped
            .iter()
            .map(|(name, (found, wanted))| format!("{name} ({found:?} instead of {wanted:?})"))
            .collect();
        let parts: Vec<String> = [
            ("missing", self.missing.iter().map(String::as_str).collect::<Vec<_>>()),
            ("surplus", self.surplus.iter().map(String::as_str).collect()),
            ("of the wrong shape", misshaped.iter().map(String::as_str).collect()),
        ]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what}: {}", listed(&names)))
        .collect();
        write!(
            f,
            "{}: the weights don't fit the configuration, take the two from the same model ({})",
            self.path.display(),
            parts.join("; ")
        )
    }
}

impl std::error::Error for WeightProblems {}

/// The first names: hundreds, as of a wholly different model, would be no help.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 20;
    let shown = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
