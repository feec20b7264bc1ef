//! KMZ: KML in an archive, with pictures of the boxes.

use std::io::{self, Seek, Write};
use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::kml::write_kml;
use super::record::{Record, Records};
use super::write_records::OpenScene;
use crate::atomic::temporary_file;
use crate::scan::SceneSource;

/// The longest side of a picture, in pixels: as much as a balloon shows.
const LONGEST_SIDE: u32 = 400;
const QUALITY: u8 = 88;

/// Writes the archive: `doc.kml`, and the pictures in `files`.
///
/// # Errors
/// Those of the writer, or when a scene can't be opened or read.
pub(super) fn write_kmz(records: &Records, crops: Option<OpenScene>, out: &mut dyn Write) -> io::Result<()> {
    let names: Vec<String> = match crops {
        Some(_) => (1..=records.list.len()).map(|number| format!("files/{number}.jpg")).collect(),
        None => Vec::new(),
    };
    // Lengths stand before what they are of, so that also simple readers find everything.
    let mut archive = ZipWriter::new(temporary_file()?);
    // The document comes first: readers may take the first that they find.
    archive.start_file("doc.kml", SimpleFileOptions::default())?;
    write_kml(records, &names, &mut archive)?;
    if let Some(open) = crops {
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (scene, indices) in by_scene(records) {
            let Some(first) = indices.first().and_then(|&index| records.list.get(index)) else { continue };
            let scene_pixels = open(&first.origin).map_err(|error| named(&scene, &error))?;
            for index in indices {
                archive.start_file(names[index].as_str(), stored)?;
                archive.write_all(&crop(&scene_pixels, &records.list[index])?)?;
            }
        }
    }
    let mut file = archive.finish()?;
    file.rewind()?;
    io::copy(&mut file, out)?;
    Ok(())
}

/// The indices of records by their scene, so that each is opened once.
pub(super) fn by_scene(records: &Records) -> Vec<(String, Vec<usize>)> {
    let mut scenes: Vec<(String, Vec<usize>)> = Vec::new();
    for (index, record) in records.list.iter().enumerate() {
        match scenes.iter_mut().find(|(scene, _)| *scene == record.origin.scene) {
            Some((_, indices)) => indices.push(index),
            None => scenes.push((record.origin.scene.clone(), vec![index])),
        }
    }
    scenes
}

fn named(scene: &str, error: &io::Error) -> io::Error {
    io::Error::other(format!("the pictures of {scene} can't be read: {error}"))
}

/// What a box shows, as JPEG.
fn crop(scene: &Arc<dyn SceneSource>, record: &Record) -> io::Result<Vec<u8>> {
    let place = record.place;
    let longest = place.width.max(place.height).max(1);
    let scale = (f64::from(LONGEST_SIDE) / f64::from(longest)).min(1.0);
    let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let pixels = if scale < 1.0 {
        scene.read_scaled(place, side(place.width), side(place.height))
    } else {
        scene.read(0, place)
    };
    let pixels = pixels.map_err(io::Error::other)?;
    let rgb: Vec<u8> = pixels.rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    encoder
        .encode(&rgb, pixels.width, pixels.height, image::ExtendedColorType::Rgb8)
        .map_err(io::Error::other)?;
    Ok(jpeg)
}
