//! The commands: one file each, thin: parse, call, print.

pub mod embed;

use std::process::ExitCode;

/// Runs the program.
#[must_use]
pub fn run() -> ExitCode {
    ExitCode::SUCCESS
}
