//! Sentinel-2 products from before 2016 hold many granules, which are laid side by side on the map as one
//! scene.

use std::collections::BTreeMap;

use super::names::BandFile;
use super::single::{affine, band, sample_type, whole, whole_band};
use super::{Granule, names, single};
use crate::raster::error::ReaderError;
use crate::raster::formats::mosaic::layout::{FloatRect, MosaicLayout, MosaicSource};
use crate::raster::formats::open_context::OpenContext;
use crate::raster::georeference::{Affine, Crs, Georeference};
use crate::raster::reader::{Header, Level};

/// A granule with its position on the map.
struct Placed<'a> {
    granule: &'a Granule,
    header: Header,
    /// The full level of its finest band.
    level: Level,
    affine: Affine,
    metres: u32,
}

/// Lays out the granules of the UTM zone that has most of them. The others are left out, with a notice.
pub(super) fn layout(granules: &[Granule], inside: &OpenContext) -> Result<MosaicLayout, ReaderError> {
    if let [granule] = granules {
        return single::layout("Sentinel-2", &granule.bands, inside);
    }
    let files = granules.iter().map(|granule| granule.bands.len()).sum();
    let context = inside.for_sources(files, 1)?;
    let mut zones: BTreeMap<String, Vec<Placed>> = BTreeMap::new();
    for granule in granules {
        match place(granule, &context) {
            Ok(placed) => {
                let crs = placed.header.georeference.as_ref().and_then(|place| place.crs.as_ref());
                zones.entry(crs.and_then(Crs::short_name).unwrap_or_default()).or_default().push(placed);
            }
            Err(reason) => {
                inside
                    .notices
                    .tell(format!("{}: {reason}; the granule is left out", granule.folder.display()));
            }
        }
    }
    let Some(zone) = zones.iter().rev().max_by_key(|(_, placed)| placed.len()).map(|(zone, _)| zone.clone())
    else {
        return Err(ReaderError::unsupported("none of its granules can be opened", "download it again"));
    };
    let shown = zones.remove(&zone).unwrap_or_default();
    for (other, placed) in &zones {
        let example = placed.first().and_then(|placed| manifest_of(placed.granule)).unwrap_or_default();
        inside.notices.tell(format!(
            "{} of the product's {} granules lie in another zone ({other}, not {zone}) and are left out; open the \
             description of such a granule to see it: {example}",
            placed.len(),
            granules.len(),
        ));
    }
    side_by_side(&shown)
}

/// The metadata file of a granule, by which it can be opened alone.
fn manifest_of(granule: &Granule) -> Option<String> {
    let mut files = super::files(&granule.folder).into_iter();
    files.find(|file| names::is_granule_manifest(file)).map(|file| file.display().to_string())
}

/// Opens the finest band of a granule to see where it lies.
fn place<'a>(granule: &'a Granule, context: &OpenContext) -> Result<Placed<'a>, String> {
    let finest = granule.bands.iter().filter(|band| band.metres.is_some()).min_by_key(|band| band.metres);
    let file = finest.or(granule.bands.first()).ok_or("it has no bands")?;
    let reader = context.open(&file.path).map_err(|error| error.to_string())?;
    let header = reader.header().clone();
    let level = header.levels.first().copied().ok_or("it has no pixels")?;
    let affine = affine(&header).ok_or("it doesn't say where it lies")?;
    let [(across, turned), (other, down)] = steps(affine);
    if across <= 0.0 || down >= 0.0 || turned != 0.0 || other != 0.0 {
        return Err("its top isn't north".to_owned());
    }
    Ok(Placed { granule, level, affine, metres: file.metres.unwrap_or(1), header })
}

/// The map vectors of one pixel to the right and one pixel down.
fn steps(affine: Affine) -> [(f64, f64); 2] {
    let (x, y) = affine.map(0.0, 0.0);
    [affine.map(1.0, 0.0), affine.map(0.0, 1.0)].map(|(to_x, to_y)| (to_x - x, to_y - y))
}

/// Lays out all granules on the grid of the first.
fn side_by_side(granules: &[Placed]) -> Result<MosaicLayout, ReaderError> {
    let Some(first) = granules.first() else {
        return Err(ReaderError::Damaged("it has no granules".to_owned()));
    };
    let [(across, _), (_, down)] = steps(first.affine);
    let to_first = |placed: &Placed, column: f64, row: f64| {
        let (x, y) = placed.affine.map(column, row);
        first.affine.pixel(x, y)
    };
    let dst_rect = |placed: &Placed| {
        let size = whole(placed.level);
        let (left, top) = to_first(placed, 0.0, 0.0);
        let (right, bottom) = to_first(placed, size.width, size.height);
        FloatRect {
            x: left.round(),
            y: top.round(),
            width: (right - left).round(),
            height: (bottom - top).round(),
        }
    };
    let rects: Vec<FloatRect> = granules.iter().map(dst_rect).collect();
    let least = |of: fn(&FloatRect) -> f64| rects.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&FloatRect) -> f64| rects.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    let (left, top) = (least(|rect| rect.x), least(|rect| rect.y));
    let (width, height) = (most(|rect| rect.x + rect.width) - left, most(|rect| rect.y + rect.height) - top);
    let side = |side: f64| {
        Some(side as u32)
            .filter(|_| (1.0..=f64::from(1 << 30)).contains(&side))
            .ok_or_else(|| ReaderError::Damaged("its granules lie too far apart".to_owned()))
    };
    let codes = all_bands(granules);
    let mut files = Vec::new();
    let mut sources: Vec<MosaicSource> = Vec::new();
    for (placed, rect) in granules.iter().zip(&rects) {
        let dst_rect = FloatRect { x: rect.x - left, y: rect.y - top, ..*rect };
        let full = whole(placed.level);
        for file in &placed.granule.bands {
            let Some(index) = codes.iter().position(|band| band.code == file.code) else { continue };
            let ratio = f64::from(file.metres.unwrap_or(placed.metres)) / f64::from(placed.metres.max(1));
            let src_rect = FloatRect { width: full.width / ratio, height: full.height / ratio, ..full };
            // Granules overlap, and each has an area without data.
            let source = whole_band(files.len(), index, src_rect, dst_rect);
            sources.push(MosaicSource { nodata: Some(0.0), ..source });
            files.push(file.path.clone());
        }
    }
    let (x, y) = first.affine.map(left, top);
    let affine = Affine::new([x, across, 0.0, y, 0.0, down]);
    let crs = first.header.georeference.as_ref().and_then(|place| place.crs.clone());
    Ok(MosaicLayout {
        format: "Sentinel-2",
        width: side(width)?,
        height: side(height)?,
        sample_type: sample_type(&first.header),
        bands: codes.into_iter().map(band).collect(),
        nodata: first.header.nodata.or(Some(0.0)),
        palette: None,
        georeference: Georeference::new(affine, crs),
        source_files: files.clone(),
        files,
        sources,
        has_mask: false,
    })
}

/// The bands of all granules, each once, in order.
fn all_bands<'a>(granules: &[Placed<'a>]) -> Vec<&'a BandFile> {
    let all = granules.iter().flat_map(|placed| &placed.granule.bands);
    let mut bands: Vec<&BandFile> = Vec::new();
    for band in all {
        if !bands.iter().any(|known| known.code == band.code) {
            bands.push(band);
        }
    }
    bands
}
