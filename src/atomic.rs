//! Files that are there whole or not at all: written beside their place, then renamed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Fewer, larger writes: files may lie on servers.
const BUFFER: usize = 1 << 18;

/// A file that takes its place once it is complete, so that nobody ever sees half of it. Dropped before, it vanishes,
/// and what was there before stays.
pub(crate) struct NewFile {
    temporary: NamedTempFile,
    place: PathBuf,
}

impl NewFile {
    /// Begins a file in the folder of its place. Unlike tempfile's default, others may read it as far as the umask lets
    /// them.
    ///
    /// # Errors
    /// When the folder isn't there or can't be written to.
    pub fn beside(place: &Path) -> io::Result<Self> {
        let folder = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Otherwise the error would name the temporary file.
        folder.metadata()?;
        let mut builder = tempfile::Builder::new();
        builder.prefix(".skysift-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        Ok(Self { temporary: builder.tempfile_in(folder)?, place: place.to_owned() })
    }

    /// Where to write.
    pub fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Gives the file its name, in place of what was there.
    ///
    /// # Errors
    /// When the system doesn't let it; then the file is gone.
    pub fn finish(self) -> io::Result<()> {
        self.temporary.persist(self.place)?;
        Ok(())
    }
}

/// Writes a file as a [`NewFile`]. Pipes and devices are written straight. `failed` makes an error that names the
/// file.
///
/// # Errors
/// What `write` returns or `failed` makes.
pub(crate) fn write_whole<E>(
    path: &Path,
    failed: impl Fn(io::Error) -> E,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    let fill = |file: &File| {
        let mut out = BufWriter::with_capacity(BUFFER, file);
        write(&mut out)?;
        out.flush().map_err(&failed)
    };
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let device = File::options().write(true).open(path).map_err(&failed)?;
        return fill(&device);
    }
    let new = NewFile::beside(path).map_err(&failed)?;
    fill(new.file())?;
    new.finish().map_err(&failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) -> io::Result<()> {
        write_whole(path, |error| error, |out| out.write_all(text.as_bytes()))
    }

    #[test]
    fn a_file_takes_its_place_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("boxes.json");
        write(&path, "old").unwrap();
        let new = NewFile::beside(&path).unwrap();
        new.file().write_all(b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        new.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("boxes.json");
        write(&path, "old").unwrap();
        let failure = write_whole(
            &path,
            |error| error,
            |out| {
                out.write_all(b"new")?;
                Err(io::Error::other("stopped"))
            },
        );
        assert!(failure.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_error_does_not_name_the_temporary_file() {
        let error = write(Path::new("/no/such/folder/boxes.json"), "").unwrap_err().to_string();
        assert!(!error.contains(".skysift-"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_straight_and_stays() {
        write(Path::new("/dev/null"), "gone").unwrap();
        assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let [plain, whole] = ["plain", "whole"].map(|name| folder.path().join(name));
        std::fs::write(&plain, "").unwrap();
        write(&whole, "").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&whole), mode(&plain));
    }
}
