//! VRT: GDAL's text that lays windows of other files side by side.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use roxmltree::Node;

use super::mosaic::{Mosaic, Piece, Plan, Resampling, Window};
use super::pam::{self, BandFacts};
use super::xml;
use crate::raster::display::bands::{Band, Role};
use crate::raster::error::Fault;
use crate::raster::error::guard;
use crate::raster::reader::{Opening, Reader, is_vrt};
use crate::raster::{RasterError, SampleType};

const MOST_BYTES: u64 = 64 << 20;
const MOST_BANDS: usize = 4096;

pub(in crate::raster) fn open(path: &Path, opening: &Opening) -> Result<Box<dyn Reader>, RasterError> {
    let read = || {
        let inside = opening.inside(path)?;
        let text = xml::read(path, MOST_BYTES)?;
        let document = xml::parse(&text)?;
        Mosaic::new(plan(path, document.root_element())?, &inside)
    };
    guard(read).map(|mosaic| Box::new(mosaic) as Box<dyn Reader>).map_err(|fault| fault.of(path))
}

/// The files that a VRT names; none for anything else.
pub(in crate::raster) fn sources_of(path: &Path) -> Vec<PathBuf> {
    let read = || {
        let text = xml::read(path, MOST_BYTES)?;
        let document = xml::parse(&text)?;
        Ok(plan(path, document.root_element())?.files)
    };
    if !path.is_file() || !is_vrt(path) {
        return Vec::new();
    }
    guard(read).unwrap_or_default()
}

/// The sentence for what only GDAL can compute.
fn refused(what: &str) -> Fault {
    Fault::unsupported(what, "make a GeoTIFF of it, with `gdal_translate -of COG {file} scene.tif`")
}

/// A source of one band.
#[expect(clippy::struct_field_names, reason = "a source's window of the source")]
#[derive(Clone, PartialEq)]
struct Source {
    file: usize,
    /// `None` is the mask.
    band: Option<usize>,
    source: Window,
    place: Window,
    nodata: Option<f64>,
    scale: Option<(f64, f64)>,
    masked: bool,
    resampling: Resampling,
}

#[derive(Default)]
struct Files {
    paths: Vec<PathBuf>,
    known: HashMap<PathBuf, usize>,
}

impl Files {
    fn index(&mut self, path: PathBuf) -> usize {
        *self.known.entry(path).or_insert_with_key(|path| {
            self.paths.push(path.clone());
            self.paths.len() - 1
        })
    }
}

fn plan(path: &Path, root: Node) -> Result<Plan, Fault> {
    match root.attribute("subClass") {
        None | Some("VRTDataset") => {}
        Some("VRTWarpedDataset") => {
            return Err(Fault::unsupported(
                "it is a warped VRT, which has to be computed",
                "make a GeoTIFF of it, with `gdalwarp -of COG {file} scene.tif`",
            ));
        }
        Some("VRTPansharpenedDataset") => {
            return Err(refused("it is a pansharpened VRT, which has to be computed"));
        }
        Some(other) => return Err(refused(&format!("it is a VRT of the kind {other}"))),
    }
    let side = |name| {
        let side = root.attribute(name).and_then(|text| text.trim().parse::<u32>().ok());
        side.filter(|side| (1..=1 << 30).contains(side))
            .ok_or_else(|| Fault::Damaged(format!("its {name} is no number of pixels")))
    };
    let (width, height) = (side("rasterXSize")?, side("rasterYSize")?);
    let size = Window { x: 0.0, y: 0.0, width: f64::from(width), height: f64::from(height) };
    let mut files = Files::default();
    let mut bands = Vec::new();
    let mut types = Vec::new();
    let mut lists: Vec<Vec<Source>> = Vec::new();
    let (mut nodata, mut palette) = (None, None);
    for node in xml::children(root, "VRTRasterBand") {
        if bands.len() == MOST_BANDS {
            return Err(refused("it has more than 4096 bands"));
        }
        types.push(sample_type(node.attribute("dataType").unwrap_or("Byte"))?);
        let mut band = Band::new(Role::Undefined);
        let mut facts = BandFacts::of(node);
        if bands.is_empty() {
            nodata = facts.nodata;
            palette = facts.palette.take().filter(|_| facts.role == Some(Role::Palette));
        }
        facts.apply(&mut band);
        lists.push(sources(path, node, size, &mut files)?);
        bands.push(band);
    }
    if bands.is_empty() {
        return Err(Fault::Damaged("it has no bands".to_owned()));
    }
    let mut pieces = pieces(&lists);
    let mask = xml::children(root, "MaskBand").flat_map(|mask| xml::children(mask, "VRTRasterBand")).next();
    if let Some(mask) = mask {
        let list = sources(path, mask, size, &mut files)?;
        pieces.extend(list.into_iter().map(|source| piece(&source, Vec::new())));
    }
    Ok(Plan {
        format: "VRT",
        width,
        height,
        sample_type: widest(&types),
        bands,
        nodata,
        palette,
        georeference: pam::georeference(root),
        contents: files.paths.clone(),
        files: files.paths,
        pieces,
        has_mask: mask.is_some(),
    })
}

fn sources(path: &Path, band: Node, size: Window, files: &mut Files) -> Result<Vec<Source>, Fault> {
    match band.attribute("subClass") {
        None | Some("VRTSourcedRasterBand") => {}
        Some("VRTDerivedRasterBand") => {
            return Err(refused("its bands are computed by a pixel function"));
        }
        Some(other) => return Err(refused(&format!("it has a band of the kind {other}"))),
    }
    let mut found = Vec::new();
    for node in band.children().filter(Node::is_element) {
        match node.tag_name().name() {
            "SimpleSource" | "ComplexSource" => {
                if let Some(source) = source(path, node, size, files)? {
                    found.push(source);
                }
            }
            name if name.ends_with("Source") => {
                return Err(refused(&format!("it has a source of the kind {name}")));
            }
            _ => {}
        }
    }
    Ok(found)
}

fn source(path: &Path, node: Node, size: Window, files: &mut Files) -> Result<Option<Source>, Fault> {
    for computed in ["LUT", "ColorTableComponent", "Exponent"] {
        if xml::text(node, computed).is_some() {
            return Err(refused(&format!("its values are changed by a {computed}")));
        }
    }
    let named = xml::children(node, "SourceFilename").next();
    let name = named.and_then(|node| node.text()).map(str::trim).filter(|name| !name.is_empty());
    let (Some(named), Some(name)) = (named, name) else {
        return Err(Fault::Damaged("it has a source without a file name".to_owned()));
    };
    let relative = named.attribute("relativeToVRT").is_some_and(|value| value.trim() == "1");
    let file = match path.parent() {
        Some(folder) if relative => folder.join(name),
        _ => PathBuf::from(name),
    };
    let complex = node.has_tag_name("ComplexSource");
    let number = |name| xml::text(node, name).and_then(|text| text.to_ascii_lowercase().parse::<f64>().ok());
    let scale = (number("ScaleRatio").unwrap_or(1.0), number("ScaleOffset").unwrap_or(0.0));
    let band = xml::text(node, "SourceBand").unwrap_or("1");
    let properties = xml::children(node, "SourceProperties").next();
    let own = |name| properties.and_then(|node| xml::number(node, name)).filter(|side| *side > 0.0);
    let own = Window {
        width: own("RasterXSize").unwrap_or(size.width),
        height: own("RasterYSize").unwrap_or(size.height),
        ..size
    };
    let source = window(node, "SrcRect", own);
    let place = window(node, "DstRect", size);
    let (Some(source), Some(place)) = (source, place) else { return Ok(None) };
    let band = match band.strip_prefix("mask") {
        Some(_) => None,
        None => Some(
            band.parse::<usize>()
                .ok()
                .and_then(|band| band.checked_sub(1))
                .ok_or_else(|| Fault::Damaged(format!("it asks for band {band} of {name}")))?,
        ),
    };
    Ok(Some(Source {
        file: files.index(file),
        band,
        source,
        place,
        nodata: number("NODATA").filter(|_| complex),
        scale: (complex && scale != (1.0, 0.0)).then_some(scale),
        masked: xml::text(node, "UseMaskBand").is_some_and(|text| text.eq_ignore_ascii_case("true")),
        resampling: node.attribute("resampling").map_or(Resampling::Nearest, Resampling::from_gdal),
    }))
}

/// A rectangle, the default where there is none; nothing when it is empty or absurd.
fn window(node: Node, name: &'static str, default: Window) -> Option<Window> {
    let Some(node) = xml::children(node, name).next() else { return Some(default) };
    let number = |name| xml::number(node, name).filter(|value| value.abs() < 1e10);
    let found =
        Window { x: number("xOff")?, y: number("yOff")?, width: number("xSize")?, height: number("ySize")? };
    (found.width > 0.0 && found.height > 0.0).then_some(found)
}

/// Bands with the same windows of the same files are read together.
fn pieces(lists: &[Vec<Source>]) -> Vec<Piece> {
    let mut groups: Vec<(&[Source], Vec<usize>)> = Vec::new();
    for (band, list) in lists.iter().enumerate() {
        let alike = |first: &[Source]| {
            first.len() == list.len()
                && first
                    .iter()
                    .zip(list)
                    .all(|(a, b)| b.band.is_some() && *a == Source { band: a.band, ..b.clone() })
        };
        match groups.iter_mut().find(|(first, _)| alike(first)) {
            Some((_, bands)) => bands.push(band),
            None => groups.push((list, vec![band])),
        }
    }
    let mut pieces = Vec::new();
    for (first, bands) in groups {
        for (index, source) in first.iter().enumerate() {
            let theirs = bands.iter().filter_map(|&band| {
                let source = lists.get(band).and_then(|list| list.get(index))?;
                Some((band, source.band?))
            });
            let theirs: Vec<_> = theirs.collect();
            if !theirs.is_empty() {
                pieces.push(piece(source, theirs));
            }
        }
    }
    pieces
}

fn piece(source: &Source, bands: Vec<(usize, usize)>) -> Piece {
    let &Source { file, source, place, nodata, scale, masked, resampling, .. } = source;
    Piece { file, bands, source, place, nodata, scale, masked, resampling }
}

fn sample_type(name: &str) -> Result<SampleType, Fault> {
    Ok(match name {
        "Byte" => SampleType::Uint8,
        "Int8" => SampleType::Int8,
        "UInt16" => SampleType::Uint16,
        "Int16" => SampleType::Int16,
        "UInt32" => SampleType::Uint32,
        "Int32" => SampleType::Int32,
        "UInt64" => SampleType::Uint64,
        "Int64" => SampleType::Int64,
        "Float32" => SampleType::Float32,
        "Float64" => SampleType::Float64,
        other => return Err(refused(&format!("its samples are of the type {other}"))),
    })
}

/// One type that holds the values of all bands.
fn widest(types: &[SampleType]) -> SampleType {
    let first = types.first().copied().unwrap_or(SampleType::Uint8);
    if types.iter().all(|other| *other == first) {
        return first;
    }
    if types.iter().all(|other| matches!(other, SampleType::Uint8 | SampleType::Uint16)) {
        return SampleType::Uint16;
    }
    if types.iter().all(|other| other.bytes() <= 2 || *other == SampleType::Float32) {
        return SampleType::Float32;
    }
    SampleType::Float64
}
