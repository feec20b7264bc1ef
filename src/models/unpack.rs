//! Weights in a .zip, as `SkyScript`'s authors publish them.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::copying::{install as install_folder, unwritable};
use super::fetch::{HOME_VARIABLE, require_room};
use super::installed::flat;
use super::{CatalogueEntry, Home, ModelError, Watch};

const BUFFER: usize = 1 << 18;
/// Weights hardly shrink when they are compressed. What grows by more than this factor aren't weights.
const MOST_GROWTH: u64 = 100;

/// Unpacks a model's files from an archive, in whatever folder of it they lie, and nothing else.
pub(super) fn install(
    entry: &CatalogueEntry,
    archive: &Path,
    home: &Home,
    watch: &mut Watch<'_>,
) -> Result<(), ModelError> {
    let file = File::open(archive).map_err(|error| ModelError::file(archive, "cannot be read", &error))?;
    let mut zip = ZipArchive::new(file).map_err(|error| broken(archive, &error))?;
    install_folder(entry, home, |folder| {
        for spec in &entry.files {
            let found = spec.any.iter().find(|group| group.iter().all(|name| place_of(&zip, name).is_some()));
            match found {
                Some(group) => {
                    for name in group {
                        unpack(entry, archive, &mut zip, name, folder, watch)?;
                    }
                }
                None if spec.optional => {}
                None => return Err(lacks(archive, &zip, &spec.any)),
            }
        }
        Ok(())
    })
}

/// The index of the file with a name.
fn place_of(zip: &ZipArchive<File>, name: &str) -> Option<usize> {
    let wanted = flat(Path::new(""), name);
    zip.file_names()
        .filter_map(Result::ok)
        .filter(|path| !path.ends_with('/') && !path.starts_with("__MACOSX/"))
        .find(|path| path.rsplit(['/', '\\']).next().is_some_and(|last| Path::new(last) == wanted))
        .and_then(|path| zip.index_for_name(&path))
}

fn unpack(
    entry: &CatalogueEntry,
    archive: &Path,
    zip: &mut ZipArchive<File>,
    name: &str,
    folder: &Path,
    watch: &mut Watch<'_>,
) -> Result<(), ModelError> {
    let Some(index) = place_of(zip, name) else { return Ok(()) };
    let mut packed = zip.by_index(index).map_err(|error| broken(archive, &error))?;
    let (size, packed_size) = (packed.size(), packed.compressed_size());
    if size > packed_size.saturating_mul(MOST_GROWTH).max(1 << 20) {
        return Err(ModelError::source(
            archive,
            format!("{name} in it would grow from {packed_size} to {size} bytes; this is no model"),
        ));
    }
    // The folder itself vanishes when there is no room.
    require_room(entry, folder.parent().unwrap_or(folder), size, HOME_VARIABLE)?;
    // The name is the catalogue's, never the archive's.
    let path = flat(folder, name);
    watch.begin(0, size);
    let mut file = File::create(&path).map_err(|error| unwritable(&path, &error, watch))?;
    watch.file(name);
    let mut buffer = vec![0; BUFFER];
    let mut left = size;
    loop {
        watch.check()?;
        // The reader holds the content to its checksum at the end.
        let count = packed.read(&mut buffer).map_err(|error| broken(archive, &error.into()))?;
        if count == 0 {
            break;
        }
        left = left.checked_sub(count as u64).ok_or_else(|| {
            ModelError::source(
                archive,
                format!("{name} in it is longer than the archive says; this is no model"),
            )
        })?;
        file.write_all(buffer.get(..count).unwrap_or_default())
            .map_err(|error| unwritable(&path, &error, watch))?;
        watch.advance(count as i64);
    }
    file.sync_all().map_err(|error| unwritable(&path, &error, watch))
}

fn broken(archive: &Path, error: &ZipError) -> ModelError {
    ModelError::source(archive, format!("this is not a whole .zip ({error}); get it anew"))
}

fn lacks(archive: &Path, zip: &ZipArchive<File>, any: &[Vec<String>]) -> ModelError {
    const MOST: usize = 5;
    let wanted: Vec<String> = any.iter().map(|group| group.join(" with ")).collect();
    let held: Vec<_> = zip.file_names().filter_map(Result::ok).take(MOST).collect();
    ModelError::source(
        archive,
        format!(
            "it holds no {}, only {}; take the archive that the model's page names",
            wanted.join(" or "),
            held.join(", ")
        ),
    )
}
