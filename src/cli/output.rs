//! What a command prints. A closed or full output never ends in a panic, as that of `println!` and
//! `eprintln!` does.

use std::fmt::Display;
use std::io::{self, Write, stderr, stdout};
use std::path::Path;

use serde::Serialize;

use crate::export::{ExportError, write_atomically};

/// Whoever reads the standard output has had enough, as in `skysift detect … | head`: no failure.
#[derive(Debug, thiserror::Error)]
#[error("the standard output is closed")]
pub struct Closed;

/// Writes to the standard output.
///
/// # Errors
/// [`Closed`] where nobody reads any more, or what the system says.
pub fn write(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    let written = write(&mut out).and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Closed.into(),
        _ => anyhow::anyhow!("cannot write to the standard output: {error}"),
    })
}

/// Prints a line.
///
/// # Errors
/// As [`write`].
pub fn line(text: impl Display) -> anyhow::Result<()> {
    write(|out| writeln!(out, "{text}"))
}

/// Prints a report as JSON, or as a person reads it.
///
/// # Errors
/// As [`write`].
pub fn report(report: &(impl Display + Serialize), json: bool) -> anyhow::Result<()> {
    write(|out| {
        if json {
            serde_json::to_writer_pretty(&mut *out, report)?;
            writeln!(out)
        } else {
            write!(out, "{report}")
        }
    })
}

/// Writes to a file, or to the standard output where none or `-` is named.
///
/// # Errors
/// As [`write`], or what keeps the file from being written.
pub fn write_to(
    path: Option<&Path>,
    write_all: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let Some(path) = file(path) else { return write(write_all) };
    write_atomically(path, |out| {
        write_all(out).map_err(|source| ExportError::Write { path: path.display().to_string(), source })
    })?;
    Ok(())
}

/// The file that was named; `None` for the standard output.
pub fn file(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| *path != Path::new("-"))
}

/// Says something beside the result. Where nobody can be told, there is nothing to do.
pub fn note(text: impl Display) {
    let _ = writeln!(stderr().lock(), "skysift: {text}");
}

/// What comes of something printed while work goes on: the first failure, told when all is done, so that an
/// output that is closed or full stops no work.
#[derive(Default)]
pub struct Printed(Option<anyhow::Error>);

impl Printed {
    /// Prints a line, unless one before failed.
    pub fn line(&mut self, text: impl Display) {
        if self.0.is_none() {
            self.0 = line(text).err();
        }
    }

    /// # Errors
    /// As [`write`].
    pub fn finish(self) -> anyhow::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
