//! Whether what is smaller than the model's input is sharpened.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;

use crate::clip::{Sharpener, bundled_sharpener};

#[derive(Args, Clone, Debug)]
pub struct SharpenArgs {
    /// Enlarge windows that are smaller than the model's input by a network instead of a filter: one that
    /// train-sharpener wrote, or Real-ESRGAN's compact ones [default without a file: the one that comes with
    /// Skysift]
    // With the sign alone: what follows a space would be an image just as well.
    #[arg(long, value_name = "FILE", require_equals = true)]
    pub sharpen: Option<Option<PathBuf>>,
}

impl SharpenArgs {
    /// The network that was asked for, if one was.
    ///
    /// # Errors
    /// When it can't be loaded, or there is none.
    pub fn sharpener(&self) -> anyhow::Result<Option<Arc<Sharpener>>> {
        match self.path()? {
            Some(path) => Ok(Some(Arc::new(Sharpener::open(&path)?))),
            None => Ok(None),
        }
    }

    /// Its file.
    pub(in crate::cli) fn path(&self) -> anyhow::Result<Option<PathBuf>> {
        let Some(named) = &self.sharpen else { return Ok(None) };
        let path = named.clone().or_else(bundled_sharpener).ok_or_else(|| {
            anyhow!(
                "no network to sharpen with comes with this build; name a file, as in --sharpen=FILE: one that `skysift \
                 train-sharpener` wrote, or realesr-general-x4v3.pth"
            )
        })?;
        Ok(Some(path))
    }
}
