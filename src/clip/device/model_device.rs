//! The devices that a model runs on, as people choose them and as reports name them.

use std::fmt;

/// The device that a person wants.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// A graphics card where there is one, else the processor.
    #[default]
    Auto,
    /// A graphics card, or an error.
    Gpu,
    /// The processor.
    Cpu,
}

/// The precision that a person wants for the image tower.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionChoice {
    /// The fastest whose embeddings are as good: bf16 on processors that have it, f16 on graphics cards.
    #[default]
    Auto,
    /// Single precision.
    F32,
    /// bf16 on the processor, or an error.
    Bf16,
}

/// Where a person wants a model to run, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunOn {
    pub device: DeviceChoice,
    pub precision: PrecisionChoice,
}

impl From<DeviceChoice> for RunOn {
    /// In the best precision for it.
    fn from(device: DeviceChoice) -> Self {
        Self { device, precision: PrecisionChoice::Auto }
    }
}

/// The device that a model runs on. Displayed, it is "CPU, 2 threads, bf16" or "NVIDIA H100 (Vulkan), half
/// precision"; single precision goes without saying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelDevice {
    /// The processor.
    Cpu { threads: usize, precision: Precision },
    /// A graphics card, with its graphics interface in brackets.
    Gpu { card: String, precision: Precision },
}

/// The type of an image tower's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// f32.
    Single,
    /// f16, on graphics cards.
    Half,
    /// On processors: factors are bf16, sums f32.
    Bf16,
}

impl Precision {
    /// Its short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "f32",
            Self::Half => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

impl ModelDevice {
    /// The type of the image tower's numbers.
    #[must_use]
    pub fn precision(&self) -> Precision {
        match self {
            Self::Cpu { precision, .. } | Self::Gpu { precision, .. } => *precision,
        }
    }
}

impl fmt::Display for ModelDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu { threads: 1, .. } => write!(f, "CPU, 1 thread")?,
            Self::Cpu { threads, .. } => write!(f, "CPU, {threads} threads")?,
            Self::Gpu { card, .. } => write!(f, "{card}")?,
        }
        match self.precision() {
            Precision::Single => Ok(()),
            Precision::Half => write!(f, ", half precision"),
            Precision::Bf16 => write!(f, ", bf16"),
        }
    }
}

/// Why a graphics card isn't used: a clause.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// This computer has no graphics card.
    #[error("no graphics card was found")]
    NotFound,
    /// This computer has programs only that pretend to be graphics cards.
    #[error("no graphics card was found, only the software renderer {}", renderers.join(", "))]
    SoftwareOnly { renderers: Vec<String> },
    /// Until the process ends, burn cannot use a lost card again.
    #[error("the graphics card was lost earlier and needs Skysift to be restarted")]
    Lost,
    /// The card cannot be opened, or fails in a trial run.
    #[error("{card} failed ({error})")]
    Failed { card: String, error: crate::clip::ComputeError },
}
