//! The layout of a scene whose bands are single files.

use super::names::BandFile;
use crate::raster::band::{Band, Role};
use crate::raster::error::ReaderError;
use crate::raster::formats::mosaic::Resampling;
use crate::raster::formats::mosaic::layout::{FloatRect, MosaicLayout, MosaicSource};
use crate::raster::formats::open_context::OpenContext;
use crate::raster::georeference::{Affine, Georeference};
use crate::raster::reader::{Header, Level};
use crate::raster::samples::SampleType;

/// Lays out some bands on the grid of the finest one. A band that can't be opened is left out, with a notice.
pub(super) fn layout(
    format: &'static str,
    files: &[BandFile],
    inside: &OpenContext,
) -> Result<MosaicLayout, ReaderError> {
    let context = inside.for_sources(files.len(), 1)?;
    let mut finest: Option<(Header, Level)> = None;
    let mut opened = Vec::new();
    let mut failed = None;
    for file in files {
        let reader = match context.open(&file.path) {
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
        return Err(ReaderError::unsupported(what, "download it again"));
    };
    let grid = affine(&header);
    let whole = whole(full);
    let sources = opened.iter().enumerate().map(|(index, (_, level, affine))| {
        let src_rect = self::whole(*level);
        let dst_rect = grid.zip(*affine).map(|(grid, affine)| {
            let (left, top) = affine.map(0.0, 0.0);
            let (right, bottom) = affine.map(src_rect.width, src_rect.height);
            let ((left, top), (right, bottom)) = (grid.pixel(left, top), grid.pixel(right, bottom));
            FloatRect { x: left, y: top, width: right - left, height: bottom - top }
        });
        let dst_rect = dst_rect.filter(|rect| rect.width > 0.0 && rect.height > 0.0).unwrap_or(whole);
        whole_band(index, index, src_rect, dst_rect)
    });
    let paths: Vec<_> = opened.iter().map(|(file, _, _)| file.path.clone()).collect();
    Ok(MosaicLayout {
        format,
        width: full.width,
        height: full.height,
        sample_type: sample_type(&header),
        nodata: header.nodata.or(Some(0.0)),
        palette: None,
        georeference: header.georeference.clone(),
        sources: sources.collect(),
        bands: opened.iter().map(|(file, _, _)| band(file)).collect(),
        has_mask: false,
        source_files: paths.clone(),
        files: paths,
    })
}

/// A source that fills one band from a file with one band.
pub(super) fn whole_band(file: usize, band: usize, src_rect: FloatRect, dst_rect: FloatRect) -> MosaicSource {
    MosaicSource {
        file,
        bands: vec![(band, 0)],
        src_rect,
        dst_rect,
        nodata: None,
        scale: None,
        masked: false,
        resampling: Resampling::Nearest,
    }
}

/// The rectangle of a whole level.
pub(super) fn whole(level: Level) -> FloatRect {
    FloatRect { x: 0.0, y: 0.0, width: f64::from(level.width), height: f64::from(level.height) }
}

pub(super) fn affine(header: &Header) -> Option<Affine> {
    header.georeference.as_ref().and_then(Georeference::affine)
}

pub(super) fn sample_type(header: &Header) -> SampleType {
    if header.sample_type == SampleType::Uint8 { SampleType::Uint8 } else { SampleType::Uint16 }
}

pub(super) fn band(file: &BandFile) -> Band {
    let role = match file.common_name {
        Some("red") => Role::Red,
        Some("green") => Role::Green,
        Some("blue") => Role::Blue,
        _ => Role::Undefined,
    };
    let name =
        file.common_name.map_or_else(|| file.code.clone(), |common| format!("{} ({common})", file.code));
    Band { name: Some(name), ..Band::new(role) }
}
