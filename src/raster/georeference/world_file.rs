//! World files: six numbers in a text beside an image, and a `.prj` with the reference system.

#![allow(clippy::many_single_char_names, reason = "the six numbers of an affine map have no other names")]

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::affine::Affine;
use super::crs::Crs;
use crate::notices::Notices;
use crate::text_file;

const MOST_WORLD_BYTES: u64 = 4 << 10;
const MOST_PRJ_BYTES: u64 = 1 << 20;

/// The affine transform in the world file of an image, e.g. `scene.tfw`, `scene.tifw` or `scene.wld` for
/// `scene.tif`.
pub(in crate::raster) fn world_file(image: &Path, notices: &Notices) -> Option<(PathBuf, Affine)> {
    for path in beside(image, &world_extensions(image)) {
        let Some(text) = read(&path, MOST_WORLD_BYTES) else { continue };
        match parse(&text) {
            Some(affine) => return Some((path, affine)),
            None => {
                notices
                    .tell(format!("{} is not a world file of six numbers and is left out", path.display()));
            }
        }
    }
    None
}

/// The extensions that the world file of an image may have, in lower case; none for an image without one.
pub(in crate::raster) fn world_extensions(image: &Path) -> Vec<String> {
    let extension = image.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let Some(extension) = extension else { return Vec::new() };
    let mut names = Vec::new();
    if let (Some(first), Some(last)) = (extension.chars().next(), extension.chars().last()) {
        names.push(format!("{first}{last}w"));
    }
    names.push(format!("{extension}w"));
    names.push("wld".to_owned());
    names
}

/// The reference system in the `.prj` beside an image.
pub(in crate::raster) fn prj(image: &Path, notices: &Notices) -> Option<Crs> {
    let path = beside(image, &["prj".to_owned()]).into_iter().next()?;
    let crs = read(&path, MOST_PRJ_BYTES).as_deref().and_then(Crs::from_text);
    if crs.is_none() {
        notices.tell(format!("{} names no reference system and is left out", path.display()));
    }
    crs
}

/// The files beside an image that have one of these extensions, in either case.
fn beside(image: &Path, extensions: &[String]) -> Vec<PathBuf> {
    let either = extensions.iter().flat_map(|name| [name.clone(), name.to_ascii_uppercase()]);
    either.map(|extension| image.with_extension(extension)).filter(|path| path.is_file()).collect()
}

/// Reads a short text; a longer one can't be such a file.
fn read(path: &Path, most: u64) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(most + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= most).then(|| text_file::decode_lossy(&bytes))
}

/// Six numbers: column step in x and y, row step in x and y, and the centre of the top left pixel.
fn parse(text: &str) -> Option<Affine> {
    let numbers = text.split_whitespace().map(|word| word.replace(',', ".").parse::<f64>());
    let numbers: Vec<f64> = numbers.take(6).collect::<Result<_, _>>().ok()?;
    let &[b, e, c, f, x, y] = numbers.as_slice() else { return None };
    Affine::from_centre([x, b, c, y, e, f])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_speak_of_a_centre() {
        let affine = parse("10\n0\n0\n-20\n505\n990\n").unwrap();
        assert_eq!(affine.map(0.0, 0.0), (500.0, 1000.0));
        assert!(parse("10,5\n0\n0\n-20,5\n505\n990").is_some());
        for bad in ["", "1 2 3 4 5", "a b c d e f", "0 0 0 0 0 0", "NaN 0 0 1 1 1"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_usual_name_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for (image, world) in [
            ("a.tif", "a.tfw"),
            ("b.tif", "b.tifw"),
            ("c.tiff", "c.TFW"),
            ("d.png", "d.pgw"),
            ("e.JPG", "e.jgw"),
            ("f.jp2", "f.j2w"),
            ("g.jpeg", "g.wld"),
            ("h.png", "h.WLD"),
        ] {
            let world = folder.path().join(world);
            std::fs::write(&world, "1 0 0 -1 0.5 -0.5").unwrap();
            let found = world_file(&folder.path().join(image), &Notices::default()).map(|(path, _)| path);
            assert_eq!(found, Some(world));
        }
        assert!(world_file(&folder.path().join("none.tif"), &Notices::default()).is_none());
    }
}
