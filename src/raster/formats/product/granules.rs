//! Products of Sentinel-2 from before 2016 hold many granules: they are one scene, laid side by side on the
//! map.

use std::collections::BTreeMap;

use super::names::Found;
use super::plan::{affine, band, of_one, piece, sample_type, whole};
use super::{Granule, names};
use crate::raster::error::Fault;
use crate::raster::formats::mosaic::{Piece, Plan, Window};
use crate::raster::georeference::{Affine, Crs, Georeference};
use crate::raster::reader::{self, Header, Level, Opening};

/// A granule whose place is known.
struct Placed<'a> {
    granule: &'a Granule,
    header: Header,
    /// Of its finest band.
    level: Level,
    affine: Affine,
    metres: u32,
}

/// The scene of all granules that lie in one zone; what is left out is told.
pub(super) fn plan(granules: &[Granule], inside: &Opening) -> Result<Plan, Fault> {
    if let [granule] = granules {
        return of_one("Sentinel-2", &granule.bands, inside);
    }
    let files = granules.iter().map(|granule| granule.bands.len()).sum();
    let opening = inside.of_sources(files, 1)?;
    let mut zones: BTreeMap<String, Vec<Placed>> = BTreeMap::new();
    for granule in granules {
        match place(granule, &opening) {
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
        return Err(Fault::unsupported("none of its granules can be opened", "download it again"));
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
    lay_out(&shown)
}

/// The file that describes a granule, by which it is opened alone.
fn manifest_of(granule: &Granule) -> Option<String> {
    let mut files = super::files(&granule.folder).into_iter();
    files.find(|file| names::is_granule_manifest(file)).map(|file| file.display().to_string())
}

/// Opens the finest band of a granule, which tells where it lies.
fn place<'a>(granule: &'a Granule, opening: &Opening) -> Result<Placed<'a>, String> {
    let finest = granule.bands.iter().filter(|band| band.metres.is_some()).min_by_key(|band| band.metres);
    let file = finest.or(granule.bands.first()).ok_or("it has no bands")?;
    let reader = reader::open_within(&file.path, opening).map_err(|error| error.to_string())?;
    let header = reader.header().clone();
    let level = header.levels.first().copied().ok_or("it has no pixels")?;
    let affine = affine(&header).ok_or("it doesn't say where it lies")?;
    let [(across, turned), (other, down)] = steps(affine);
    if across <= 0.0 || down >= 0.0 || turned != 0.0 || other != 0.0 {
        return Err("its top isn't north".to_owned());
    }
    Ok(Placed { granule, level, affine, metres: file.metres.unwrap_or(1), header })
}

/// What one pixel to the right, and one down, are on the map.
fn steps(affine: Affine) -> [(f64, f64); 2] {
    let (x, y) = affine.map(0.0, 0.0);
    [affine.map(1.0, 0.0), affine.map(0.0, 1.0)].map(|(to_x, to_y)| (to_x - x, to_y - y))
}

/// All granules on the grid of the first.
fn lay_out(granules: &[Placed]) -> Result<Plan, Fault> {
    let Some(first) = granules.first() else {
        return Err(Fault::Damaged("it has no granules".to_owned()));
    };
    let [(across, _), (_, down)] = steps(first.affine);
    let to_first = |placed: &Placed, column: f64, row: f64| {
        let (x, y) = placed.affine.map(column, row);
        first.affine.pixel(x, y)
    };
    let window = |placed: &Placed| {
        let size = whole(placed.level);
        let (left, top) = to_first(placed, 0.0, 0.0);
        let (right, bottom) = to_first(placed, size.width, size.height);
        Window {
            x: left.round(),
            y: top.round(),
            width: (right - left).round(),
            height: (bottom - top).round(),
        }
    };
    let windows: Vec<Window> = granules.iter().map(window).collect();
    let least = |of: fn(&Window) -> f64| windows.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&Window) -> f64| windows.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    let (left, top) = (least(|window| window.x), least(|window| window.y));
    let (width, height) =
        (most(|window| window.x + window.width) - left, most(|window| window.y + window.height) - top);
    let side = |side: f64| {
        Some(side as u32)
            .filter(|_| (1.0..=f64::from(1 << 30)).contains(&side))
            .ok_or_else(|| Fault::Damaged("its granules lie too far apart".to_owned()))
    };
    let codes = all_bands(granules);
    let mut files = Vec::new();
    let mut pieces: Vec<Piece> = Vec::new();
    for (placed, window) in granules.iter().zip(&windows) {
        let place = Window { x: window.x - left, y: window.y - top, ..*window };
        let full = whole(placed.level);
        for file in &placed.granule.bands {
            let Some(index) = codes.iter().position(|known| known.code == file.code) else { continue };
            let ratio = f64::from(file.metres.unwrap_or(placed.metres)) / f64::from(placed.metres.max(1));
            let source = Window { width: full.width / ratio, height: full.height / ratio, ..full };
            // Granules overlap, and each has a part without data.
            pieces.push(Piece { nodata: Some(0.0), ..piece(files.len(), index, source, place) });
            files.push(file.path.clone());
        }
    }
    let (x, y) = first.affine.map(left, top);
    let affine = Affine::new([x, across, 0.0, y, 0.0, down]);
    let crs = first.header.georeference.as_ref().and_then(|place| place.crs.clone());
    Ok(Plan {
        format: "Sentinel-2",
        width: side(width)?,
        height: side(height)?,
        sample_type: sample_type(&first.header),
        bands: codes.into_iter().map(band).collect(),
        nodata: first.header.nodata.or(Some(0.0)),
        palette: None,
        georeference: Georeference::new(affine, crs),
        contents: files.clone(),
        files,
        pieces,
        has_mask: false,
    })
}

/// The bands of all granules, each once, in their order.
fn all_bands<'a>(granules: &[Placed<'a>]) -> Vec<&'a Found> {
    let all = granules.iter().flat_map(|placed| &placed.granule.bands);
    let mut bands: Vec<&Found> = Vec::new();
    for band in all {
        if !bands.iter().any(|known| known.code == band.code) {
            bands.push(band);
        }
    }
    bands
}
