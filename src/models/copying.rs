//! Copying a model from a folder or a file into Skysift's own folder.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::digest::Checksum;
use super::error::Resume;
use super::fetch::{HOME_VARIABLE, require_room};
use super::hub::files_in;
use super::installed::flat;
use super::{CatalogueEntry, FileLayout, Home, ModelError, Watch, unpack};
use crate::clip::{ModelSource, describe_model};

const BUFFER: usize = 1 << 20;

/// Copies or unpacks a model's files.
pub(super) fn take(
    entry: &CatalogueEntry,
    from: &Path,
    home: &Home,
    watch: &mut Watch<'_>,
) -> Result<(), ModelError> {
    let metadata = from.metadata().map_err(|error| ModelError::file(from, "cannot be read", &error))?;
    if metadata.is_dir() {
        return install(entry, home, |folder| copy_all(entry, &files_of(entry, from)?, folder, home, watch));
    }
    if from.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
        return unpack::install(entry, from, home, watch);
    }
    match (entry.layout, entry.weights()) {
        (FileLayout::StateDict, Some(weights)) => {
            let files = [(from.to_owned(), flat(Path::new(""), weights))];
            install(entry, home, |folder| copy_all(entry, &files, folder, home, watch))
        }
        _ => Err(ModelError::source(
            from,
            format!("{} is several files; give the folder that holds them", entry.title),
        )),
    }
}

/// A model's files in a folder, each with the name that its copy gets. The folder may belong to the hub's
/// cache, be a clone of the repository, or hold the files side by side.
fn files_of(entry: &CatalogueEntry, from: &Path) -> Result<Vec<(PathBuf, PathBuf)>, ModelError> {
    let as_there = |folder: &Path, name: &str| folder.join(name);
    let files = files_in(from, &entry.files, as_there).or_else(|| files_in(from, &entry.files, flat));
    let Some(files) = files else {
        let missing = entry.files.iter().find(|spec| {
            let alone = std::slice::from_ref(*spec);
            files_in(from, alone, as_there).is_none() && files_in(from, alone, flat).is_none()
        });
        let names: Vec<String> =
            missing.into_iter().flat_map(|spec| &spec.any).map(|group| group.join(" with ")).collect();
        return Err(ModelError::source(
            from,
            format!(
                "{} is not whole here: {} is missing; get it from {}",
                entry.title,
                names.join(" or "),
                entry.page()
            ),
        ));
    };
    let named = |path: PathBuf| {
        let name = PathBuf::from(path.file_name().unwrap_or_default());
        (path, name)
    };
    Ok(files.into_iter().map(named).collect())
}

fn copy_all(
    entry: &CatalogueEntry,
    files: &[(PathBuf, PathBuf)],
    folder: &Path,
    home: &Home,
    watch: &mut Watch<'_>,
) -> Result<(), ModelError> {
    let size = |path: &Path| {
        path.metadata()
            .map(|metadata| metadata.len())
            .map_err(|error| ModelError::file(path, "cannot be read", &error))
    };
    let sizes: Vec<u64> = files.iter().map(|(path, _)| size(path)).collect::<Result<_, _>>()?;
    let total = sizes.iter().sum();
    require_room(entry, home.models(), total, HOME_VARIABLE)?;
    watch.begin(0, total);
    for ((path, name), size) in files.iter().zip(sizes) {
        let name_text = name.to_string_lossy();
        let pinned = entry
            .files
            .iter()
            .filter(|spec| spec.any.iter().flatten().any(|file| flat(Path::new(""), file) == *name))
            .find_map(|spec| spec.sha256.clone());
        let checksum = pinned.map_or(Checksum::Unknown, |sha256| Checksum::Sha256(sha256.to_lowercase()));
        watch.file(&name_text);
        copy(path, &folder.join(name), size, &checksum, watch)?;
    }
    Ok(())
}

fn copy(
    from: &Path,
    to: &Path,
    size: u64,
    checksum: &Checksum,
    watch: &mut Watch<'_>,
) -> Result<(), ModelError> {
    let unreadable = |error: &io::Error| ModelError::file(from, "cannot be read", error);
    let mut source = File::open(from).map_err(|error| unreadable(&error))?;
    let mut target = File::create(to).map_err(|error| unwritable(to, &error, watch))?;
    let mut sum = checksum.begin(size);
    let mut buffer = vec![0; BUFFER];
    loop {
        watch.check()?;
        let count = source.read(&mut buffer).map_err(|error| unreadable(&error))?;
        if count == 0 {
            break;
        }
        let bytes = buffer.get(..count).unwrap_or_default();
        target.write_all(bytes).map_err(|error| unwritable(to, &error, watch))?;
        sum.add(bytes);
        watch.advance(count as i64);
    }
    target.sync_all().map_err(|error| unwritable(to, &error, watch))?;
    if checksum.matches(sum) {
        return Ok(());
    }
    Err(ModelError::source(
        from,
        "this is another file than the catalogue knows (its checksum differs); get it anew",
    ))
}

/// The error of a file that can't be written in a folder that is being filled. That folder then vanishes, so
/// the error names the one it lies in.
pub(super) fn unwritable(path: &Path, error: &io::Error, watch: &Watch<'_>) -> ModelError {
    let folder = path.ancestors().nth(2).unwrap_or(path);
    let resume = Resume { is_kept: false, variable: HOME_VARIABLE };
    ModelError::unwritable(folder, path, error, watch.left(), resume)
}

/// Fills a folder beside the model's, checks that it is a model, and only then gives it its name.
pub(super) fn install(
    entry: &CatalogueEntry,
    home: &Home,
    fill: impl FnOnce(&Path) -> Result<(), ModelError>,
) -> Result<(), ModelError> {
    let failed = |error: &io::Error| ModelError::file(home.models(), "cannot be written", error);
    fs::create_dir_all(home.models()).map_err(|error| failed(&error))?;
    let folder = tempfile::Builder::new()
        .prefix(&format!("{}-", Home::archive_prefix(entry)))
        .tempdir_in(home.models())
        .map_err(|error| failed(&error))?;
    fill(folder.path())?;
    let path = match (entry.layout, entry.weights()) {
        (FileLayout::StateDict, Some(weights)) => flat(folder.path(), weights),
        _ => folder.path().to_owned(),
    };
    describe_model(&ModelSource { path, arch: entry.arch.clone() })?;
    let place = home.folder(entry);
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| failed(&error))?;
    }
    // From here on the folder is permanent.
    let folder = folder.keep();
    make_readable(&folder);
    fs::rename(&folder, &place).map_err(|error| failed(&error))
}

/// Only its owner may read a temporary folder; everybody may read a model.
fn make_readable(folder: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o755));
    }
    #[cfg(not(unix))]
    let _ = folder;
}
