//! Results that are there whole or not at all.

use std::io::Write;
use std::path::Path;

use super::ExportError;
use crate::atomic::write_whole;

/// Writes a file that takes its name once it is complete, so that nobody ever sees half of it and a failure
/// leaves what was there before. Pipes and devices are written straight.
///
/// # Errors
/// What `write` returns, or an error that names `path`.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let failed = |source| ExportError::Write { path: path.display().to_string(), source };
    write_whole(path, failed, |out| write(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_file() {
        let error = write_atomically(Path::new("/no/such/folder/boxes.json"), |_| Ok(())).unwrap_err();
        assert!(error.to_string().starts_with("cannot write /no/such/folder/boxes.json: "));
    }
}
