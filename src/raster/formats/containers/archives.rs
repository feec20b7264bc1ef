//! Archives: the command that unpacks them, and what to open then.

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Remedy, unsupported};
use crate::raster::error::{ReaderError, command_word};

/// The most names in an archive that are considered.
const MAX_NAMES: usize = 10_000;

pub(super) fn recognise(path: &Path, start: &[u8]) -> Option<ReaderError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return Some(zip(path));
    }
    let is_tar = start.get(257..262) == Some(b"ustar");
    let packed: Option<(&str, &str)> = [
        (&b"\x1f\x8b"[..], ("gzip", "gunzip -k {file}")),
        (b"BZh", ("bzip2", "bunzip2 -k {file}")),
        (b"\xfd7zXZ\0", ("xz", "unxz -k {file}")),
        (b"\x28\xb5\x2f\xfd", ("Zstandard", "unzstd {file}")),
    ]
    .into_iter()
    .find_map(|(bytes, kind)| start.starts_with(bytes).then_some(kind));
    let named_tar = [".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst"]
        .iter()
        .any(|end| name.ends_with(end));
    match packed {
        _ if is_tar => Some(unsupported(
            "an archive (tar)",
            Remedy::Other("unpack it, with `tar -xf {file}`, and open what was in it"),
        )),
        Some((kind, _)) if named_tar => Some(ReaderError::unsupported(
            format!("it is an archive (tar, packed with {kind})"),
            "unpack it, with `tar -xf {file}`, and open what was in it",
        )),
        Some((kind, command)) => Some(ReaderError::unsupported(
            format!("it is packed with {kind}"),
            format!("unpack it, with `{command}`, and open what comes of it"),
        )),
        None if start.starts_with(b"7z\xbc\xaf\x27\x1c") => Some(unsupported(
            "an archive (7z)",
            Remedy::Other("unpack it, with `7z x {file}`, and open what was in it"),
        )),
        None if start.starts_with(b"Rar!") => Some(unsupported(
            "an archive (RAR)",
            Remedy::Other("unpack it, with `unrar x {file}`, and open what was in it"),
        )),
        None => None,
    }
}

/// Recognises a zip by the names in it.
fn zip(path: &Path) -> ReaderError {
    let names: Vec<String> = File::open(path)
        .ok()
        .and_then(|file| zip::ZipArchive::new(file).ok())
        .map(|archive| {
            archive.file_names().filter_map(Result::ok).take(MAX_NAMES).map(Cow::into_owned).collect()
        })
        .unwrap_or_default();
    if names.iter().any(|name| name.to_ascii_lowercase().ends_with(".kml")) {
        return unsupported("a map for Google Earth (KMZ)", Remedy::Gdal);
    }
    if names.iter().any(|name| name == "[Content_Types].xml") {
        return unsupported("a document and no image", Remedy::Other("open an image"));
    }
    let folder = path.file_stem().map_or_else(|| PathBuf::from("scene"), PathBuf::from);
    let folder = if path.with_extension("").exists() { PathBuf::from("scene") } else { folder };
    // A product has a folder in the archive; loose files are opened as the folder that they are unpacked to.
    let inside =
        names.iter().find_map(|name| name.split_once(".SAFE/").map(|(first, _)| format!("{first}.SAFE")));
    let image = || {
        let is_image = |name: &&String| {
            [".tif", ".tiff", ".jp2", ".png", ".jpg", ".vrt"]
                .iter()
                .any(|end| name.to_ascii_lowercase().ends_with(end))
        };
        let images: Vec<&String> = names.iter().filter(is_image).collect();
        if let [image] = images[..] { Some(image.clone()) } else { None }
    };
    let open = inside.or_else(image).map_or_else(|| folder.clone(), |inside| folder.join(inside));
    ReaderError::unsupported(
        "it is an archive (zip)",
        format!(
            "unpack it, with `unzip {{file}} -d {}`, and open {}",
            command_word(&folder),
            open.display().to_string().replace('\\', "/")
        ),
    )
}
