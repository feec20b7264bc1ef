//! VRT: GDAL's XML format that composes an image from windows of other files.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use roxmltree::Node;

use super::mosaic::layout::{FloatRect, MosaicLayout, MosaicSource};
use super::mosaic::{Mosaic, Resampling};
use super::open_context::OpenContext;
use super::sidecars::pam::{self, PamBand};
use super::xml;
use crate::raster::band::{Band, Role};
use crate::raster::error::{RasterError, ReaderError, catch_panics};
use crate::raster::reader::Reader;
use crate::raster::samples::SampleType;

const MAX_BYTES: u64 = 64 << 20;
const MAX_BANDS: usize = 4096;

pub(in crate::raster) fn open(path: &Path, context: &OpenContext) -> Result<Box<dyn Reader>, RasterError> {
    let read = || {
        let inside = context.inside(path)?;
        let text = xml::read(path, MAX_BYTES)?;
        let document = xml::parse(&text)?;
        Mosaic::new(layout(path, document.root_element())?, &inside)
    };
    catch_panics(read).map(|mosaic| Box::new(mosaic) as Box<dyn Reader>).map_err(|error| error.for_file(path))
}

/// Whether a file is a VRT: its first element says so.
pub(in crate::raster) fn is_vrt(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_end(&mut start));
    read.is_ok() && String::from_utf8_lossy(&start).contains("<VRTDataset")
}

/// The files that a VRT names; none for any other file.
pub(in crate::raster) fn sources_of(path: &Path) -> Vec<PathBuf> {
    let read = || {
        let text = xml::read(path, MAX_BYTES)?;
        let document = xml::parse(&text)?;
        Ok(layout(path, document.root_element())?.files)
    };
    if !path.is_file() || !is_vrt(path) {
        return Vec::new();
    }
    catch_panics(read).unwrap_or_default()
}

/// The error for what only GDAL can compute.
fn refused(what: &str) -> ReaderError {
    ReaderError::unsupported(what, "make a GeoTIFF of it, with `gdal_translate -of COG {file} scene.tif`")
}

/// A source of one band.
#[derive(Clone, PartialEq)]
struct BandSource {
    file: usize,
    /// The band of the file; `None` for its mask.
    band: Option<usize>,
    src_rect: FloatRect,
    dst_rect: FloatRect,
    nodata: Option<f64>,
    scale: Option<(f64, f64)>,
    masked: bool,
    resampling: Resampling,
}

/// The files that a VRT names, each once.
#[derive(Default)]
struct Files {
    paths: Vec<PathBuf>,
    indices: HashMap<PathBuf, usize>,
}

impl Files {
    fn index(&mut self, path: PathBuf) -> usize {
        *self.indices.entry(path).or_insert_with_key(|path| {
            self.paths.push(path.clone());
            self.paths.len() - 1
        })
    }
}

fn layout(path: &Path, root: Node) -> Result<MosaicLayout, ReaderError> {
    match root.attribute("subClass") {
        None | Some("VRTDataset") => {}
        Some("VRTWarpedDataset") => {
            return Err(ReaderError::unsupported(
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
            .ok_or_else(|| ReaderError::Damaged(format!("its {name} is no number of pixels")))
    };
    let (width, height) = (side("rasterXSize")?, side("rasterYSize")?);
    let size = FloatRect { x: 0.0, y: 0.0, width: f64::from(width), height: f64::from(height) };
    let mut files = Files::default();
    let mut bands = Vec::new();
    let mut types = Vec::new();
    let mut lists: Vec<Vec<BandSource>> = Vec::new();
    let (mut nodata, mut palette) = (None, None);
    for node in xml::children(root, "VRTRasterBand") {
        if bands.len() == MAX_BANDS {
            return Err(refused("it has more than 4096 bands"));
        }
        types.push(sample_type(node.attribute("dataType").unwrap_or("Byte"))?);
        let mut band = Band::new(Role::Undefined);
        let mut pam_band = PamBand::of(node);
        if bands.is_empty() {
            nodata = pam_band.nodata;
            palette = pam_band.palette.take().filter(|_| pam_band.role == Some(Role::Palette));
        }
        pam_band.apply(&mut band);
        lists.push(band_sources(path, node, size, &mut files)?);
        bands.push(band);
    }
    if bands.is_empty() {
        return Err(ReaderError::Damaged("it has no bands".to_owned()));
    }
    let mut sources = merge_bands(&lists);
    let mask = xml::children(root, "MaskBand").flat_map(|mask| xml::children(mask, "VRTRasterBand")).next();
    if let Some(mask) = mask {
        let list = band_sources(path, mask, size, &mut files)?;
        sources.extend(list.into_iter().map(|source| mosaic_source(&source, Vec::new())));
    }
    Ok(MosaicLayout {
        format: "VRT",
        width,
        height,
        sample_type: widest(&types),
        bands,
        nodata,
        palette,
        georeference: pam::georeference(root),
        source_files: files.paths.clone(),
        files: files.paths,
        sources,
        has_mask: mask.is_some(),
    })
}

/// The sources of a `VRTRasterBand`.
fn band_sources(
    path: &Path,
    band: Node,
    size: FloatRect,
    files: &mut Files,
) -> Result<Vec<BandSource>, ReaderError> {
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
                if let Some(source) = band_source(path, node, size, files)? {
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

/// A `SimpleSource` or `ComplexSource`; `None` for one whose rectangles are empty.
fn band_source(
    path: &Path,
    node: Node,
    size: FloatRect,
    files: &mut Files,
) -> Result<Option<BandSource>, ReaderError> {
    for computed in ["LUT", "ColorTableComponent", "Exponent"] {
        if xml::text(node, computed).is_some() {
            return Err(refused(&format!("its values are changed by a {computed}")));
        }
    }
    let named = xml::children(node, "SourceFilename").next();
    let name = named.and_then(|node| node.text()).map(str::trim).filter(|name| !name.is_empty());
    let (Some(named), Some(name)) = (named, name) else {
        return Err(ReaderError::Damaged("it has a source without a file name".to_owned()));
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
    let own = FloatRect {
        width: own("RasterXSize").unwrap_or(size.width),
        height: own("RasterYSize").unwrap_or(size.height),
        ..size
    };
    let src_rect = rect(node, "SrcRect", own);
    let dst_rect = rect(node, "DstRect", size);
    let (Some(src_rect), Some(dst_rect)) = (src_rect, dst_rect) else { return Ok(None) };
    let band = match band.strip_prefix("mask") {
        Some(_) => None,
        None => Some(
            band.parse::<usize>()
                .ok()
                .and_then(|band| band.checked_sub(1))
                .ok_or_else(|| ReaderError::Damaged(format!("it asks for band {band} of {name}")))?,
        ),
    };
    Ok(Some(BandSource {
        file: files.index(file),
        band,
        src_rect,
        dst_rect,
        nodata: number("NODATA").filter(|_| complex),
        scale: (complex && scale != (1.0, 0.0)).then_some(scale),
        masked: xml::text(node, "UseMaskBand").is_some_and(|text| text.eq_ignore_ascii_case("true")),
        resampling: node.attribute("resampling").map_or(Resampling::Nearest, Resampling::from_gdal),
    }))
}

/// A rectangle, or the default if there is none; `None` if it is empty or absurdly large.
fn rect(node: Node, name: &'static str, default: FloatRect) -> Option<FloatRect> {
    let Some(node) = xml::children(node, name).next() else { return Some(default) };
    let number = |name| xml::number(node, name).filter(|value| value.abs() < 1e10);
    let found = FloatRect {
        x: number("xOff")?,
        y: number("yOff")?,
        width: number("xSize")?,
        height: number("ySize")?,
    };
    (found.width > 0.0 && found.height > 0.0).then_some(found)
}

/// Merges sources that read different bands of the same file with the same rectangles, so that those bands
/// are read together.
fn merge_bands(lists: &[Vec<BandSource>]) -> Vec<MosaicSource> {
    let mut groups: Vec<(&[BandSource], Vec<usize>)> = Vec::new();
    for (band, list) in lists.iter().enumerate() {
        let alike = |first: &[BandSource]| {
            first.len() == list.len()
                && first
                    .iter()
                    .zip(list)
                    .all(|(a, b)| b.band.is_some() && *a == BandSource { band: a.band, ..b.clone() })
        };
        match groups.iter_mut().find(|(first, _)| alike(first)) {
            Some((_, bands)) => bands.push(band),
            None => groups.push((list, vec![band])),
        }
    }
    let mut merged = Vec::new();
    for (first, bands) in groups {
        for (index, source) in first.iter().enumerate() {
            let theirs = bands.iter().filter_map(|&band| {
                let source = lists.get(band).and_then(|list| list.get(index))?;
                Some((band, source.band?))
            });
            let theirs: Vec<_> = theirs.collect();
            if !theirs.is_empty() {
                merged.push(mosaic_source(source, theirs));
            }
        }
    }
    merged
}

fn mosaic_source(source: &BandSource, bands: Vec<(usize, usize)>) -> MosaicSource {
    let &BandSource { file, src_rect, dst_rect, nodata, scale, masked, resampling, .. } = source;
    MosaicSource { file, bands, src_rect, dst_rect, nodata, scale, masked, resampling }
}

fn sample_type(name: &str) -> Result<SampleType, ReaderError> {
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

/// A type that holds the values of all bands.
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
