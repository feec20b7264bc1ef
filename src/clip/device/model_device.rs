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

/// The device that a model runs on. Displayed, it is "CPU, 2 threads" or "NVIDIA H100 (Vulkan), half
/// precision".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelDevice {
    /// The processor.
    Cpu { threads: usize },
    /// A graphics card, with its graphics interface in brackets.
    Gpu { card: String, precision: Precision },
}

/// The type of an image tower's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    Single,
    Half,
}

impl fmt::Display for ModelDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu { threads: 1 } => write!(f, "CPU, 1 thread"),
            Self::Cpu { threads } => write!(f, "CPU, {threads} threads"),
            Self::Gpu { card, precision: Precision::Single } => write!(f, "{card}"),
            Self::Gpu { card, precision: Precision::Half } => write!(f, "{card}, half precision"),
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
