//! How the bands of one scene are laid over each other.

use super::names::Found;
use crate::raster::SampleType;
use crate::raster::display::bands::{Band, Role};
use crate::raster::error::Fault;
use crate::raster::formats::mosaic::{Piece, Plan, Resampling, Window};
use crate::raster::georeference::{Affine, Georeference};
use crate::raster::reader::{self, Header, Level, Opening};

/// The scene of some bands, on the grid of the finest one. A band that can't be opened is left out and told.
pub(super) fn of_one(format: &'static str, found: &[Found], inside: &Opening) -> Result<Plan, Fault> {
    let opening = inside.of_sources(found.len(), 1)?;
    let mut finest: Option<(Header, Level)> = None;
    let mut opened = Vec::new();
    let mut failed = None;
    for file in found {
        let reader = match reader::open_within(&file.path, &opening) {
            Ok(reader) => reader,
            Err(error) => {
                inside.notices.tell(format!("{error}; the band {} is left out", file.code));
                failed.get_or_insert(format!("its band {} cannot be opened ({error})", file.code));
                continue;
            }
        };
        let header = reader.header();
        let Some(level) = header.levels.first().copied() else { continue };
        opened.push((file, level, affine(header)));
        if finest.as_ref().is_none_or(|(_, finest)| finest.width < level.width) {
            finest = Some((header.clone(), level));
        }
    }
    let Some((header, full)) = finest else {
        let what = failed.unwrap_or_else(|| "it has no bands".to_owned());
        return Err(Fault::unsupported(what, "download it again"));
    };
    let grid = affine(&header);
    let whole = whole(full);
    let pieces = opened.iter().enumerate().map(|(index, (_, level, affine))| {
        let source = self::whole(*level);
        let placed = grid.zip(*affine).map(|(grid, affine)| {
            let (left, top) = affine.map(0.0, 0.0);
            let (right, bottom) = affine.map(source.width, source.height);
            let ((left, top), (right, bottom)) = (grid.pixel(left, top), grid.pixel(right, bottom));
            Window { x: left, y: top, width: right - left, height: bottom - top }
        });
        let place = placed.filter(|place| place.width > 0.0 && place.height > 0.0).unwrap_or(whole);
        piece(index, index, source, place)
    });
    let files: Vec<_> = opened.iter().map(|(file, _, _)| file.path.clone()).collect();
    Ok(Plan {
        format,
        width: full.width,
        height: full.height,
        sample_type: sample_type(&header),
        nodata: header.nodata.or(Some(0.0)),
        palette: None,
        georeference: header.georeference.clone(),
        pieces: pieces.collect(),
        bands: opened.iter().map(|(file, _, _)| band(file)).collect(),
        has_mask: false,
        contents: files.clone(),
        files,
    })
}

/// A file with one band, all of which goes to a place.
pub(super) fn piece(file: usize, band: usize, source: Window, place: Window) -> Piece {
    Piece {
        file,
        bands: vec![(band, 0)],
        source,
        place,
        nodata: None,
        scale: None,
        masked: false,
        resampling: Resampling::Nearest,
    }
}

pub(super) fn whole(level: Level) -> Window {
    Window { x: 0.0, y: 0.0, width: f64::from(level.width), height: f64::from(level.height) }
}

pub(super) fn affine(header: &Header) -> Option<Affine> {
    header.georeference.as_ref().and_then(Georeference::affine)
}

pub(super) fn sample_type(header: &Header) -> SampleType {
    if header.sample_type == SampleType::Uint8 { SampleType::Uint8 } else { SampleType::Uint16 }
}

pub(super) fn band(file: &Found) -> Band {
    let role = match file.common {
        Some("red") => Role::Red,
        Some("green") => Role::Green,
        Some("blue") => Role::Blue,
        _ => Role::Undefined,
    };
    let name = file.common.map_or_else(|| file.code.clone(), |common| format!("{} ({common})", file.code));
    Band { name: Some(name), ..Band::new(role) }
}
