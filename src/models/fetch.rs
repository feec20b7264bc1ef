//! The download of all files of a model from its server into the cache.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::digest::Checksum;
use super::download::{DownloadJob, download};
use super::hub::Repository;
use super::request::{Client, FileInfo, Lookup};
use super::{CatalogueEntry, FileSpec, Home, ModelError, ModelPlaces, Watch, installed, unfinished, unpack};
use crate::atomic::NewFile;

/// The variables that name the hub's folder and Skysift's own.
pub(super) const HUB_VARIABLE: &str = "HF_HOME";
pub(super) const HOME_VARIABLE: &str = super::home::FOLDER_VARIABLE;
/// Space in bytes that a download leaves free on a disk.
const SPARE: u64 = 32_000_000;

/// Downloads what isn't here.
pub(super) fn fetch(
    entry: &CatalogueEntry,
    place: &ModelPlaces,
    watch: &mut Watch<'_>,
) -> Result<(), ModelError> {
    let ModelPlaces { hub, home } = place;
    if installed::find(entry, place).is_some() {
        return Ok(());
    }
    if hub.offline {
        return Err(ModelError::server(
            format!("{} is not on this computer, and HF_HUB_OFFLINE says to ask nobody", entry.title),
            format!(
                "unset it, or take the files from a folder with `skysift models get {} --from FOLDER`",
                entry.name
            ),
        ));
    }
    let client = Client::new(hub);
    match (hub.repository(entry), &entry.url) {
        (Some(repository), _) => from_hub(entry, &repository, &client, home, watch),
        (None, Some(url)) => from_archive(entry, url, &client, home, watch),
        (None, None) => Ok(()),
    }
}

/// A file of a repository that will be downloaded.
struct WantedFile {
    name: String,
    info: FileInfo,
    job: DownloadJob,
}

fn from_hub(
    entry: &CatalogueEntry,
    repository: &Repository,
    client: &Client,
    home: &Home,
    watch: &mut Watch<'_>,
) -> Result<(), ModelError> {
    let (commit, wanted) = plan(entry, repository, client, watch)?;
    unfinished::note(home, entry, wanted.iter().map(|file| file.info.etag.as_str()));
    let here: Vec<u64> = wanted.iter().map(|file| file.job.bytes_here()).collect();
    let total: u64 = wanted.iter().map(|file| file.info.size).sum();
    let done: u64 = here.iter().sum();
    let blobs = repository.blobs();
    require_room(entry, &blobs, total.saturating_sub(done), HUB_VARIABLE)?;
    watch.begin(done, total);
    for (file, here) in wanted.iter().zip(here) {
        download(&file.job, client, here, watch)?;
        repository
            .place(&commit, &file.name, &file.info.etag)
            .map_err(|error| ModelError::file(&repository.snapshot(&commit), "cannot be written", &error))?;
    }
    unfinished::forget(home, entry);
    write_reference(repository, &commit)
}

/// The files to download, all of one commit, the smallest first.
fn plan(
    entry: &CatalogueEntry,
    repository: &Repository,
    client: &Client,
    watch: &Watch<'_>,
) -> Result<(String, Vec<WantedFile>), ModelError> {
    let mut revision = repository.revision.clone();
    let mut commit = None;
    let mut wanted = Vec::new();
    for spec in &entry.files {
        let Some(files) = first_that_is_there(spec, repository, &revision, client, watch)? else {
            if spec.optional {
                continue;
            }
            let names: Vec<String> = spec.any.iter().map(|group| group.join(" with ")).collect();
            return Err(ModelError::server(
                format!("the repository {} has no {} (404)", repository.id, names.join(" or ")),
                format!("see {}, and name the files in your models.toml", repository.url),
            ));
        };
        for (name, info) in files {
            let told = info.commit.clone().ok_or_else(|| {
                ModelError::server(
                    "the server does not tell a file's commit",
                    "see that HF_ENDPOINT is a hub, or unset it",
                )
            })?;
            // A branch may move between two requests.
            revision.clone_from(commit.get_or_insert(told));
            wanted.push(wanted_file(repository, name, info, spec)?);
        }
    }
    wanted.sort_by_key(|file| file.info.size);
    Ok((commit.unwrap_or_default(), wanted))
}

/// The first alternative of which all files are there.
fn first_that_is_there(
    spec: &FileSpec,
    repository: &Repository,
    revision: &str,
    client: &Client,
    watch: &Watch<'_>,
) -> Result<Option<Vec<(String, FileInfo)>>, ModelError> {
    'groups: for group in &spec.any {
        let mut files = Vec::new();
        for name in group {
            match client.look(&repository.file_url(revision, name), &repository.url, watch)? {
                Lookup::File(info) => files.push((name.clone(), info)),
                Lookup::Missing => continue 'groups,
            }
        }
        return Ok(Some(files));
    }
    Ok(None)
}

fn wanted_file(
    repository: &Repository,
    name: String,
    info: FileInfo,
    spec: &FileSpec,
) -> Result<WantedFile, ModelError> {
    let checksum = match (Checksum::of_etag(&info.etag), &spec.sha256) {
        (Checksum::Sha256(told), Some(pinned)) if !told.eq_ignore_ascii_case(pinned) => {
            return Err(ModelError::server(
                format!("the hub has another {name} than the catalogue knows"),
                format!("see {}; with the new file's sha256 in your models.toml it is taken", repository.url),
            ));
        }
        (_, Some(pinned)) => Checksum::Sha256(pinned.to_lowercase()),
        (told, None) => told,
    };
    let job = DownloadJob {
        name: name.clone(),
        url: info.url.clone(),
        page: repository.url.clone(),
        size: info.size,
        checksum,
        partial: repository.partial(&info.etag),
        done: repository.blob(&info.etag),
        lock: repository.lock(&info.etag),
        variable: HUB_VARIABLE,
    };
    Ok(WantedFile { name, info, job })
}

/// Records the commit of the branch.
fn write_reference(repository: &Repository, commit: &str) -> Result<(), ModelError> {
    if repository.revision == commit {
        return Ok(());
    }
    let path = repository.reference();
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let new = NewFile::beside(&path)?;
        new.file().write_all(commit.as_bytes())?;
        new.finish()
    };
    write().map_err(|error| ModelError::file(&path, "cannot be written", &error))
}

/// Downloads and unpacks a .zip with the weights.
fn from_archive(
    entry: &CatalogueEntry,
    url: &str,
    client: &Client,
    home: &Home,
    watch: &mut Watch<'_>,
) -> Result<(), ModelError> {
    let Lookup::File(info) = client.look(url, &entry.licence_page, watch)? else {
        return Err(ModelError::server(
            format!("there is no file {url} any more (404)"),
            format!("see {}", entry.licence_page),
        ));
    };
    let archive = home.archive(entry, &info.etag);
    let job = DownloadJob {
        name: url.rsplit('/').next().unwrap_or(url).to_owned(),
        url: info.url,
        page: entry.licence_page.clone(),
        size: info.size,
        checksum: Checksum::Unknown,
        partial: archive.with_extension("zip.incomplete"),
        lock: Home::archive_lock(&archive),
        done: archive.clone(),
        variable: HOME_VARIABLE,
    };
    let here = job.bytes_here();
    // Space for the archive and for its content.
    let needed = (info.size - here).saturating_add(info.size);
    require_room(entry, home.models(), needed, HOME_VARIABLE)?;
    watch.begin(here, info.size);
    download(&job, client, here, watch)?;
    unpack::install(entry, &archive, home, watch).inspect_err(|error| {
        // An archive without a model has to be downloaded again. Anything else that went wrong, above all a
        // full disk, is no reason for that.
        if matches!(error, ModelError::Source { .. } | ModelError::Clip(_)) {
            let _ = fs::remove_file(&archive);
        }
    })?;
    let _ = fs::remove_file(&archive);
    Ok(())
}

/// Checks that a disk has enough space, before anything is downloaded to it.
pub(super) fn require_room(
    entry: &CatalogueEntry,
    folder: &Path,
    bytes: u64,
    variable: &'static str,
) -> Result<(), ModelError> {
    fs::create_dir_all(folder).map_err(|error| ModelError::file(folder, "cannot be made", &error))?;
    // On systems that don't tell the free space, writing will fail.
    let Ok(free) = fs4::available_space(folder) else { return Ok(()) };
    if bytes.saturating_add(SPARE) <= free || bytes == 0 {
        return Ok(());
    }
    Err(ModelError::Room {
        title: entry.title.clone(),
        needed: bytes,
        spare: SPARE,
        free,
        path: folder.to_owned(),
        variable,
    })
}
