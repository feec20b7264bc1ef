//! Files beside an image that say more of it: overviews (`.ovr`), a mask (`.msk`), places, reference system,
//! statistics and colours (`.aux.xml`, world files, `.prj`).
//!
//! A damaged one is a notice and never stops the scene.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::pam::{self, BandFacts};
use super::{tiff, xml};
use crate::notices::Notices;
use crate::raster::Rect;
use crate::raster::display::bands::Role;
use crate::raster::error::Fault;
use crate::raster::error::guard;
use crate::raster::georeference;
use crate::raster::georeference::{Georeference, Rpc};
use crate::raster::reader::{Header, Opening, Reader};

const MOST_AUX_BYTES: u64 = 16 << 20;
/// Overviews and masks share the cache of their image in spirit: these are small.
const CACHE_BYTES: usize = 64 << 20;
/// Pixels of a mask that are read for one region of a level that has no mask of its size.
const MOST_MASK_PIXELS: u64 = 16 << 20;

/// An image together with what lies beside it.
struct WithSidecars {
    image: Box<dyn Reader>,
    overviews: Option<Beside>,
    mask: Option<Beside>,
    header: Header,
    /// For each level, where it is.
    places: Vec<Place>,
}

/// A file beside an image.
struct Beside {
    file: PathBuf,
    reader: Box<dyn Reader>,
}

impl Beside {
    /// Damage of this file is none of the image.
    fn named<T>(&self, read: Result<T, Fault>) -> Result<T, Fault> {
        read.map_err(|fault| match fault {
            Fault::Damaged(reason) => Fault::Unsupported {
                what: format!("{} is damaged ({reason})", self.file.display()),
                advice: "take it away or make it anew".to_owned(),
            },
            fault => fault,
        })
    }
}

#[derive(Clone, Copy)]
enum Place {
    Image(usize),
    Overviews(usize),
}

/// The image with its sidecars; the image itself when there are none.
pub(in crate::raster) fn attach(path: &Path, image: Box<dyn Reader>, opening: &Opening) -> Box<dyn Reader> {
    let notices = &opening.notices;
    let mut header = image.header().clone();
    let mut places: Vec<Place> = (0..header.levels.len()).map(Place::Image).collect();
    let known = facts(path, &mut header, notices);
    let names = [beside(path, ".ovr"), path.with_extension("ovr")];
    let overviews = open_tiff(if opening.skip_ovr { &[] } else { &names }, notices)
        .filter(|overviews| fits(overviews, &header, notices));
    let mask = open_tiff(&[beside(path, ".msk")], notices).filter(|mask| {
        let theirs = mask.reader.header();
        let same = |level: &crate::raster::reader::Level| (level.width, level.height);
        let fits = theirs.levels.first().map(same) == header.levels.first().map(same)
            && theirs.sample_type.bytes() == 1;
        if !fits {
            notices.tell(format!("{} is no mask for its image and is left out", mask.file.display()));
        }
        fits
    });
    if !known && overviews.is_none() && mask.is_none() {
        return image;
    }
    if let Some(overviews) = &overviews {
        let mut all: Vec<_> = header.levels.iter().copied().zip(places).collect();
        let theirs = overviews.reader.header().levels.iter().copied();
        all.extend(theirs.enumerate().map(|(index, level)| (level, Place::Overviews(index))));
        all.sort_by_key(|(level, _)| std::cmp::Reverse(u64::from(level.width) * u64::from(level.height)));
        all.dedup_by_key(|(level, _)| (level.width, level.height));
        (header.levels, places) = all.into_iter().unzip();
    }
    header.has_mask |= mask.is_some();
    let mask = mask.map(|mask| match open_tiff(&[beside(&mask.file, ".ovr")], notices) {
        Some(overviews) => combine(mask, overviews),
        None => mask,
    });
    Box::new(WithSidecars { image, overviews, mask, header, places })
}

/// A mask and its overviews.
fn combine(mask: Beside, overviews: Beside) -> Beside {
    let Beside { file, reader: image } = mask;
    let mut header = image.header().clone();
    let mut places: Vec<Place> = (0..header.levels.len()).map(Place::Image).collect();
    let theirs = &overviews.reader.header().levels;
    header.levels.extend(theirs);
    places.extend((0..theirs.len()).map(Place::Overviews));
    let reader = Box::new(WithSidecars { image, overviews: Some(overviews), mask: None, header, places });
    Beside { file, reader }
}

impl WithSidecars {
    /// Reads from the file that a level is in.
    fn at<T>(
        &self,
        level: usize,
        read: impl FnOnce(&dyn Reader, usize) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        match (self.places.get(level), &self.overviews) {
            (Some(&Place::Image(level)), _) => read(&*self.image, level),
            (Some(&Place::Overviews(level)), Some(overviews)) => {
                overviews.named(read(&*overviews.reader, level))
            }
            _ => Err(Fault::Damaged(format!("it has no level {level}"))),
        }
    }

    /// The mask of the level's size, or the nearest pixels of a finer one that is small enough.
    fn beside(&self, mask: &dyn Reader, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, Fault> {
        let levels = &mask.header().levels;
        let Some(size) = self.header.levels.get(level) else { return Ok(None) };
        let finer =
            |mask: &crate::raster::reader::Level| mask.width >= size.width && mask.height >= size.height;
        let Some(index) = levels.iter().rposition(finer) else { return Ok(None) };
        let Some(finer) = levels.get(index) else { return Ok(None) };
        if (finer.width, finer.height) == (size.width, size.height) {
            return mask.read(index, rect, &[0]).map(Some);
        }
        let nearest = |at: u32, size: u32, finer: u32| {
            let at = (2 * u64::from(at) + 1) * u64::from(finer) / (2 * u64::from(size));
            u32::try_from(at).unwrap_or(0).min(finer - 1)
        };
        let columns: Vec<u32> = (rect.x..rect.right()).map(|x| nearest(x, size.width, finer.width)).collect();
        let rows: Vec<u32> = (rect.y..rect.bottom()).map(|y| nearest(y, size.height, finer.height)).collect();
        let (Some(&left), Some(&right), Some(&top), Some(&bottom)) =
            (columns.first(), columns.last(), rows.first(), rows.last())
        else {
            return Ok(Some(Vec::new()));
        };
        let part = Rect::new(left, top, right - left + 1, bottom - top + 1);
        if u64::from(part.width) * u64::from(part.height) > MOST_MASK_PIXELS {
            return Ok(None);
        }
        let data = mask.read(index, part, &[0])?;
        let at = |x: u32, y: u32| {
            data.get((y - top) as usize * part.width as usize + (x - left) as usize).copied().unwrap_or(0)
        };
        Ok(Some(
            rows.iter().flat_map(|&y| columns.iter().map(move |&x| (x, y))).map(|(x, y)| at(x, y)).collect(),
        ))
    }
}

impl Reader for WithSidecars {
    fn header(&self) -> &Header {
        &self.header
    }

    fn read(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Vec<u8>, Fault> {
        self.at(level, |reader, level| reader.read(level, rect, bands))
    }

    fn read_mask(&self, level: usize, rect: Rect) -> Result<Option<Vec<u8>>, Fault> {
        if let Some(mask) = &self.mask {
            return mask.named(self.beside(&*mask.reader, level, rect));
        }
        self.at(level, |reader, level| reader.read_mask(level, rect))
    }

    fn gaps(&self, level: usize, rect: Rect, bands: &[usize]) -> Result<Option<Vec<u8>>, Fault> {
        match self.places.get(level) {
            Some(&Place::Image(level)) => self.image.gaps(level, rect, bands),
            // What was missing when they were made isn't known.
            _ => Ok(None),
        }
    }

    fn contents(&self) -> Vec<PathBuf> {
        self.image.contents()
    }
}

/// The name with something behind it: `scene.tif.ovr`.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

/// All files that may lie beside an image and say something of it, whether they are there or not, each with
/// what it is.
pub(in crate::raster) fn names(image: &Path) -> Vec<(String, PathBuf)> {
    let behind = ["ovr", "msk", "msk.ovr", "aux.xml"];
    let mut names: Vec<(String, PathBuf)> =
        behind.iter().map(|end| ((*end).to_owned(), beside(image, &format!(".{end}")))).collect();
    let instead = ["ovr".to_owned(), "prj".to_owned(), "rpb".to_owned()];
    for end in georeference::world_extensions(image).into_iter().chain(instead) {
        names.push((end.clone(), image.with_extension(&end)));
        names.push((end.clone(), image.with_extension(end.to_ascii_uppercase())));
    }
    if let Some(stem) = image.file_stem() {
        for end in ["_rpc.txt", "_RPC.TXT", "_RPC.txt"] {
            let mut name = stem.to_owned();
            name.push(end);
            names.push(("rpc.txt".to_owned(), image.with_file_name(name)));
        }
    }
    names
}

/// The first of these files that is there and can be opened.
fn open_tiff(paths: &[PathBuf], notices: &Notices) -> Option<Beside> {
    let path = paths.iter().find(|path| path.is_file())?;
    match tiff::open_within(path, CACHE_BYTES) {
        Ok(reader) => Some(Beside { file: path.clone(), reader }),
        Err(error) => {
            notices.tell(format!("{error}; the scene is shown without it"));
            None
        }
    }
}

/// Whether overviews hold the same kind of pixels as their image, and fewer of them.
fn fits(Beside { file, reader }: &Beside, image: &Header, notices: &Notices) -> bool {
    let overviews = reader.header();
    let (Some(theirs), Some(ours)) = (overviews.levels.first(), image.levels.first()) else { return false };
    let fits = overviews.sample_type == image.sample_type
        && overviews.bands.len() == image.bands.len()
        && theirs.width <= ours.width
        && theirs.height <= ours.height;
    if !fits {
        notices.tell(format!("{} holds no overviews of its image and is left out", file.display()));
    }
    fits
}

/// Adds what `.aux.xml`, world file and `.prj` say; whether they said anything.
fn facts(path: &Path, header: &mut Header, notices: &Notices) -> bool {
    let mut known = false;
    let mut rpc = None;
    let aux = beside(path, ".aux.xml");
    if aux.is_file() {
        let read = || {
            let text = xml::read(&aux, MOST_AUX_BYTES)?;
            let document = xml::parse(&text)?;
            let root = document.root_element();
            for node in xml::children(root, "PAMRasterBand") {
                let number = node.attribute("band").and_then(|number| number.parse::<usize>().ok());
                let Some(index) = number.and_then(|number| number.checked_sub(1)) else { continue };
                let mut facts = BandFacts::of(node);
                let palette = facts.palette.take().filter(|_| index == 0 && header.bands.len() <= 2);
                if index == 0 {
                    header.nodata = facts.nodata.or(header.nodata);
                }
                let Some(band) = header.bands.get_mut(index) else { continue };
                facts.apply(band);
                if palette.is_some() {
                    band.role = Role::Palette;
                    header.palette = palette;
                }
            }
            Ok((pam::georeference(root), pam::rpc(root)))
        };
        match guard(read) {
            Ok((place, coefficients)) => {
                known = true;
                rpc = coefficients.map(|rpc| Rpc { file: name(&aux), ..rpc });
                if let Some(mut place) = place {
                    let before = header.georeference.take();
                    if place.is_placed() {
                        place.beside = name(&aux);
                        place.crs = place.crs.or(before.and_then(|before| before.crs));
                        header.georeference = Some(place);
                    } else {
                        header.georeference = with_crs(before, place.crs);
                    }
                }
            }
            Err(fault) => notices.tell(format!("{}; the scene is shown without it", fault.of(&aux))),
        }
    }
    // Those in the image itself place it only when nothing beside it does.
    let placed = |place: &Georeference| place.is_placed() && !(place.asks_for_rpc() && place.crs.is_some());
    if !header.georeference.as_ref().is_some_and(placed)
        && let Some((file, affine)) = georeference::world_file(path, notices)
    {
        let crs = header.georeference.take().and_then(|place| place.crs);
        header.georeference = Georeference::new(Some(affine), crs);
        if let Some(place) = &mut header.georeference {
            place.beside = name(&file);
        }
        known = true;
    }
    if let Some(place) = header.georeference.as_mut().filter(|place| place.is_placed() && place.crs.is_none())
    {
        place.crs = georeference::prj(path, notices);
        known |= place.crs.is_some();
    }
    if header.georeference.as_ref().is_none_or(Georeference::asks_for_rpc)
        && let Some(rpc) = rpc.or_else(|| georeference::rpc_beside(path, notices))
    {
        header.georeference = Some(Georeference::from_rpc(rpc));
        known = true;
    }
    known
}

/// A place, in another reference system.
fn with_crs(place: Option<Georeference>, crs: Option<georeference::Crs>) -> Option<Georeference> {
    match place {
        Some(mut place) => {
            place.crs = crs.or(place.crs);
            Some(place)
        }
        None => Georeference::new(None, crs),
    }
}

fn name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}
