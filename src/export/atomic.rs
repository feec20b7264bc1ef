//! Files that are there whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::ExportError;

/// Writes a file through a temporary one beside it that takes its name once complete, so that nobody ever
/// sees half of it and a failure leaves what was there before. Pipes and devices are written straight.
///
/// # Errors
/// What `write` returns, or an error that names `path`.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let failed = |source| ExportError::Write { path: path.display().to_string(), source };
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let mut device = File::create(path).map_err(failed)?;
        return write(&mut device);
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = new_file(folder).map_err(failed)?;
    let mut writer = BufWriter::new(temporary);
    write(&mut writer)?;
    let temporary = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A temporary file that, unlike tempfile's default, others may read as far as the umask lets them.
fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".skysift-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("boxes.json");
        write_atomically(&path, |out| {
            out.write_all(b"old").unwrap();
            Ok(())
        })
        .unwrap();
        let failure = write_atomically(&path, |out| {
            out.write_all(b"new").unwrap();
            Err(ExportError::Stopped)
        });
        assert!(failure.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_error_names_the_file() {
        let error = write_atomically(Path::new("/no/such/folder/boxes.json"), |_| Ok(())).unwrap_err();
        assert!(error.to_string().starts_with("cannot write /no/such/folder/boxes.json: "));
    }
}
