//! Archives: what unpacks them, and what to open then.

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Way, fault};
use crate::raster::error::{Fault, command_word};

/// Names in an archive that are looked at.
const MOST_NAMES: usize = 10_000;

pub(super) fn recognise(path: &Path, start: &[u8]) -> Option<Fault> {
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
        _ if is_tar => Some(fault(
            "an archive (tar)",
            Way::Other("unpack it, with `tar -xf {file}`, and open what was in it"),
        )),
        Some((kind, _)) if named_tar => Some(Fault::unsupported(
            format!("it is an archive (tar, packed with {kind})"),
            "unpack it, with `tar -xf {file}`, and open what was in it",
        )),
        Some((kind, command)) => Some(Fault::unsupported(
            format!("it is packed with {kind}"),
            format!("unpack it, with `{command}`, and open what comes of it"),
        )),
        None if start.starts_with(b"7z\xbc\xaf\x27\x1c") => Some(fault(
            "an archive (7z)",
            Way::Other("unpack it, with `7z x {file}`, and open what was in it"),
        )),
        None if start.starts_with(b"Rar!") => Some(fault(
            "an archive (RAR)",
            Way::Other("unpack it, with `unrar x {file}`, and open what was in it"),
        )),
        None => None,
    }
}

/// A zip, by the names in it.
fn zip(path: &Path) -> Fault {
    let names: Vec<String> = File::open(path)
        .ok()
        .and_then(|file| zip::ZipArchive::new(file).ok())
        .map(|archive| {
            archive.file_names().filter_map(Result::ok).take(MOST_NAMES).map(Cow::into_owned).collect()
        })
        .unwrap_or_default();
    if names.iter().any(|name| name.to_ascii_lowercase().ends_with(".kml")) {
        return fault("a map for Google Earth (KMZ)", Way::Gdal);
    }
    if names.iter().any(|name| name == "[Content_Types].xml") {
        return fault("a document and no image", Way::Other("open an image"));
    }
    let folder = path.file_stem().map_or_else(|| PathBuf::from("scene"), PathBuf::from);
    let folder = if path.with_extension("").exists() { PathBuf::from("scene") } else { folder };
    // A product keeps its folder; of loose files the folder that they are unpacked into is it.
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
    Fault::unsupported(
        "it is an archive (zip)",
        format!(
            "unpack it, with `unzip {{file}} -d {}`, and open {}",
            command_word(&folder),
            open.display().to_string().replace('\\', "/")
        ),
    )
}
