//! Atomic writes: a file or a folder is written under a temporary name beside its place, then renamed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::outputs::{is_stream, resolved};

/// A large buffer, for fewer writes: files may be on network drives.
const BUFFER: usize = 1 << 18;

/// A file that takes its place once it is complete, so that nobody ever sees half of it. If dropped before,
/// it is removed, and the previous file stays.
pub(crate) struct NewFile {
    temporary: NamedTempFile,
    place: PathBuf,
}

impl NewFile {
    /// Creates the temporary file in the folder of its place; links are followed. Its permissions are those
    /// of the file that it replaces, or else follow the umask: by default, tempfile lets only the owner read
    /// it.
    ///
    /// # Errors
    /// When the folder doesn't exist or can't be written to.
    pub fn beside(place: &Path) -> io::Result<Self> {
        let place = resolved(place);
        let before = place.metadata().ok();
        if before.as_ref().is_some_and(|before| !before.is_file()) {
            // Renaming would replace a device.
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is there and no file"));
        }
        let folder = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".skysift-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = builder.tempfile_in(folder).map_err(plain)?;
        #[cfg(unix)]
        if let Some(before) = before {
            temporary.as_file().set_permissions(before.permissions())?;
        }
        Ok(Self { temporary, place })
    }

    /// The file to write to.
    pub fn file(&self) -> &File {
        self.temporary.as_file()
    }

    /// Gives the file its name, replacing any previous file.
    ///
    /// # Errors
    /// When that isn't possible; the new file is gone then.
    pub fn finish(self) -> io::Result<()> {
        self.temporary.persist(self.place).map_err(|error| plain(error.error))?;
        Ok(())
    }

    /// Has the file written by code that only takes a path, and may replace the file there. It gets its name
    /// once everything is on disk.
    ///
    /// # Errors
    /// Those of `write` and of the system.
    pub fn finish_by_name(self, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let permissions = self.file().metadata()?.permissions();
        let Self { temporary, place } = self;
        // On some systems, an open file can't be replaced.
        let name = temporary.into_temp_path();
        write(&name).map_err(plain)?;
        let written = File::options().write(true).open(&name)?;
        written.set_permissions(permissions)?;
        written.sync_all()?;
        drop(written);
        name.persist(place).map_err(|error| plain(error.error))
    }
}

/// A folder that takes its place once all files are in it. If dropped before, it is removed.
pub(crate) struct NewFolder {
    temporary: TempDir,
    place: PathBuf,
}

impl NewFolder {
    /// Creates the temporary folder beside its place, where nothing may be yet but an empty folder.
    ///
    /// # Errors
    /// When something is there, or the folder around it doesn't exist or can't be written to.
    pub fn beside(place: &Path) -> io::Result<Self> {
        let place = resolved(place);
        if place.exists() && !is_empty_folder(&place) {
            let reason = "it is there already and no empty folder; name another one";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
        }
        let folder = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".skysift-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let temporary = builder.tempdir_in(folder).map_err(plain)?;
        Ok(Self { temporary, place })
    }

    /// Where to write to.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// When that isn't possible; the new folder is gone then.
    pub fn finish(self) -> io::Result<()> {
        if self.place.exists() {
            // It goes only if it is empty still.
            std::fs::remove_dir(&self.place)?;
        }
        std::fs::rename(self.temporary.path(), &self.place)?;
        // Nothing is there any more to remove.
        let _ = self.temporary.keep();
        Ok(())
    }
}

fn is_empty_folder(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

/// A temporary folder that is removed when dropped.
///
/// # Errors
/// When the system's temporary folder can't be written to.
pub(crate) fn temporary_folder() -> io::Result<TempDir> {
    tempfile::tempdir().map_err(plain)
}

/// An unnamed temporary file that vanishes with the program.
///
/// # Errors
/// When the system's temporary folder can't be written to.
pub(crate) fn temporary_file() -> io::Result<File> {
    tempfile::tempfile().map_err(plain)
}

/// The system's own message: tempfile adds the path of the temporary file, which nobody knows.
pub(crate) fn plain(error: io::Error) -> io::Error {
    let told = error.to_string();
    match told.split_once(" at path \"") {
        Some((words, _)) => io::Error::new(error.kind(), words),
        None => error,
    }
}

/// Writes a file as a [`NewFile`]. Pipes and devices are written to directly. `failed` makes an error that
/// names the file.
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
    if is_stream(path) {
        // Append, so that later output to a file that the shell opened doesn't overwrite it.
        let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
        let stream = File::options().write(true).append(is_file).open(path).map_err(&failed)?;
        return fill(&stream);
    }
    let new = NewFile::beside(path).map_err(&failed)?;
    fill(new.file())?;
    new.finish().map_err(&failed)
}

/// Writes bytes as [`write_whole`] does.
///
/// # Errors
/// Those of the system.
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole(path, |error| error, |out| out.write_all(bytes))
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
    fn a_folder_takes_its_place_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("set");
        drop(NewFolder::beside(&place).unwrap());
        let new = NewFolder::beside(&place).unwrap();
        std::fs::write(new.path().join("a.txt"), "a").unwrap();
        assert!(!place.exists());
        // An empty folder may be there.
        std::fs::create_dir(&place).unwrap();
        new.finish().unwrap();
        assert_eq!(std::fs::read(place.join("a.txt")).unwrap(), b"a");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(NewFolder::beside(&place).is_err(), "nothing that is there is replaced");
        assert!(NewFolder::beside(&place.join("a.txt")).is_err());
    }

    #[test]
    fn an_error_does_not_name_the_temporary_file() {
        for path in ["/no/such/folder/boxes.json", "/dev/null/boxes.json"] {
            let error = NewFile::beside(Path::new(path)).err().unwrap();
            let told = error.to_string();
            assert!(told.ends_with(')') && told.contains("os error"), "{told}");
            assert!(!told.contains(".skysift-"), "{told}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_straight_and_stays() {
        write(Path::new("/dev/null"), "gone").unwrap();
        assert!(NewFile::beside(Path::new("/dev/null")).is_err());
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
        std::fs::set_permissions(&whole, std::fs::Permissions::from_mode(0o640)).unwrap();
        write(&whole, "again").unwrap();
        assert_eq!(mode(&whole) & 0o777, 0o640, "as it was before");
    }

    #[cfg(unix)]
    #[test]
    fn whoever_writes_to_a_name_changes_no_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let [plain, whole] = ["plain", "whole"].map(|name| folder.path().join(name));
        std::fs::write(&plain, "").unwrap();
        let replace = |name: &Path| {
            let other = NamedTempFile::new_in(folder.path())?;
            std::fs::write(other.path(), "tensors")?;
            other.persist(name)?;
            Ok(())
        };
        NewFile::beside(&whole).unwrap().finish_by_name(replace).unwrap();
        assert_eq!(std::fs::read(&whole).unwrap(), b"tensors");
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&whole), mode(&plain));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_what_it_leads_to_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        write(&link, "new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
    }
}
