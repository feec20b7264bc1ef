//! The commands: one file each, thin: parse, call, print.

use std::process::ExitCode;

/// Runs the program.
#[must_use]
pub fn run(_: impl IntoIterator<Item = std::ffi::OsString>) -> ExitCode {
    ExitCode::SUCCESS
}
