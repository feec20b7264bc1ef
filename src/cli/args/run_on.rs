//! Where a model runs, and in which precision: the options of commands that keep no settings.

use clap::Args;

use crate::clip::{DeviceChoice, PrecisionChoice, RunOn};

#[derive(Args, Clone, Copy, Debug)]
pub struct RunOnArgs {
    /// Where the model runs; auto takes a real GPU if there is one
    #[arg(long, value_enum, default_value_t)]
    pub device: DeviceChoice,
    /// Precision of the image tower; auto takes bf16 on processors that have it where embeddings stay as good
    #[arg(long, value_enum, default_value_t)]
    pub precision: PrecisionChoice,
}

impl RunOnArgs {
    #[must_use]
    pub fn run_on(self) -> RunOn {
        RunOn { device: self.device, precision: self.precision }
    }
}
