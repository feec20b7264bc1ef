//! Which model: the options of every command that runs one.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use crate::clip::{ModelSource, bundled_model};
use crate::models::ModelPlaces;

#[derive(Args, Clone, Debug)]
pub struct ModelArgs {
    /// Model: a name of `skysift models list`, a folder (Hugging Face or open_clip layout) or a bare state
    /// dict; also read from SKYSIFT_MODEL [default: the model that comes with Skysift]
    #[arg(long, value_name = "NAME|DIR", env = "SKYSIFT_MODEL", hide_env_values = true)]
    pub model: Option<PathBuf>,
    /// Architecture of a bare state dict with its activation: ViT-B-32-quickgelu for what OpenAI made or was
    /// trained further from it, ViT-B-32-gelu for most others; ViT-B-32 is the latter, as in open_clip
    #[arg(long, value_name = "NAME")]
    pub arch: Option<String>,
}

impl ModelArgs {
    /// The model that was named, else the bundled one.
    ///
    /// # Errors
    /// When there is neither, or the named one isn't here.
    pub fn source(&self) -> anyhow::Result<ModelSource> {
        self.source_or(bundled_model)
    }

    fn source_or(&self, bundled: impl FnOnce() -> Option<ModelSource>) -> anyhow::Result<ModelSource> {
        if let Some(named) = &self.model {
            return Ok(ModelPlaces::from_environment().resolve(named, self.arch.as_deref())?);
        }
        bundled().ok_or_else(|| {
            anyhow!(
                "no model: get one with `skysift models get NAME` and name it with --model or SKYSIFT_MODEL"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_model_goes_before_the_bundled_one() {
        let source = |path: &str, arch: Option<&str>| ModelSource {
            path: PathBuf::from(path),
            arch: arch.map(str::to_owned),
        };
        let folder = tempfile::tempdir().unwrap();
        let mine = folder.path().join("mine.pt");
        std::fs::write(&mine, "").unwrap();
        let named = ModelArgs { model: Some(mine.clone()), arch: Some("ViT-B-32".to_owned()) };
        let none = ModelArgs { model: None, arch: None };
        let bundled = || Some(source("weights/skysift-mini", None));
        assert_eq!(named.source_or(bundled).unwrap(), source(mine.to_str().unwrap(), Some("ViT-B-32")));
        assert_eq!(none.source_or(bundled).unwrap(), source("weights/skysift-mini", None));
        let error = none.source_or(|| None).unwrap_err().to_string();
        assert!(error.contains("--model"), "{error}");
    }
}
