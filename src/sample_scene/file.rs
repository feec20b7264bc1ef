//! Files that can be written out of order and are there whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::error::SampleSceneError;

/// Writes a file through a temporary one beside it that takes its name once complete. Devices are written straight.
///
/// # Errors
/// What `write` returns, or an error that names `path`.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), SampleSceneError>,
) -> Result<(), SampleSceneError> {
    let failed = |error: io::Error| SampleSceneError::write(path, error);
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let device = File::options().write(true).open(path).map_err(failed)?;
        return fill(&device, path, write);
    }
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Otherwise the error would name the temporary file.
    folder.metadata().map_err(failed)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".skysift-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(folder).map_err(failed)?;
    fill(temporary.as_file(), path, write)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn fill(
    file: &File,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), SampleSceneError>,
) -> Result<(), SampleSceneError> {
    let mut out = BufWriter::with_capacity(1 << 18, file);
    write(&mut out)?;
    out.flush().map_err(|error| SampleSceneError::write(path, error))
}
