//! The pictures of a set, as PNG.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use super::PARTS;
use super::cuts::Cuts;
use crate::export::write_records::OpenScene;
use crate::scan::SceneSource;

/// Where a picture lies in the folder of the set, with `/` between names.
pub(super) fn path_of(name: &str, validation: bool) -> String {
    format!("images/{}/{name}", PARTS[usize::from(validation)])
}

/// Cuts all pictures out of their scenes. What has no data is black.
pub(super) fn write(cuts: &Cuts, open: OpenScene, folder: &Path) -> io::Result<()> {
    for part in PARTS {
        std::fs::create_dir_all(folder.join("images").join(part))?;
    }
    let mut opened: Option<(&str, Arc<dyn SceneSource>)> = None;
    for picture in &cuts.pictures {
        let scene = match &opened {
            Some((name, scene)) if *name == picture.origin.scene => Arc::clone(scene),
            _ => Arc::clone(&opened.insert((&picture.origin.scene, open(&picture.origin)?)).1),
        };
        let pixels = scene.read(0, picture.place).map_err(io::Error::other)?;
        let rgb: Vec<u8> =
            pixels.rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        let file = File::create(folder.join(path_of(&picture.name, picture.validation)))?;
        let mut encoder = png::Encoder::new(BufWriter::new(file), pixels.width, pixels.height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&rgb).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)?;
    }
    Ok(())
}
