//! What sidecar files say about the header of their image.

use std::path::Path;

use super::names::append;
use super::pam::{self, PamBand};
use crate::notices::Notices;
use crate::raster::band::Role;
use crate::raster::error::catch_panics;
use crate::raster::formats::xml;
use crate::raster::georeference::{self, Crs, Georeference, Rpc};
use crate::raster::reader::Header;

const MAX_AUX_BYTES: u64 = 16 << 20;

/// Applies `.aux.xml`, world file, `.prj` and RPC file to the header, in GDAL's order of precedence. Returns
/// whether there were any.
pub(super) fn apply(path: &Path, header: &mut Header, notices: &Notices) -> bool {
    let mut found = false;
    let mut rpc = None;
    let aux = append(path, ".aux.xml");
    if aux.is_file() {
        let read = || {
            let text = xml::read(&aux, MAX_AUX_BYTES)?;
            let document = xml::parse(&text)?;
            let root = document.root_element();
            for node in xml::children(root, "PAMRasterBand") {
                let number = node.attribute("band").and_then(|number| number.parse::<usize>().ok());
                let Some(index) = number.and_then(|number| number.checked_sub(1)) else { continue };
                let mut pam_band = PamBand::of(node);
                let palette = pam_band.palette.take().filter(|_| index == 0 && header.bands.len() <= 2);
                if index == 0 {
                    header.nodata = pam_band.nodata.or(header.nodata);
                }
                let Some(band) = header.bands.get_mut(index) else { continue };
                pam_band.apply(band);
                if palette.is_some() {
                    band.role = Role::Palette;
                    header.palette = palette;
                }
            }
            Ok((pam::georeference(root), pam::rpc(root)))
        };
        match catch_panics(read) {
            Ok((place, coefficients)) => {
                found = true;
                rpc = coefficients.map(|rpc| Rpc { file: file_name(&aux), ..rpc });
                if let Some(mut place) = place {
                    let before = header.georeference.take();
                    if place.is_placed() {
                        place.sidecar = file_name(&aux);
                        place.crs = place.crs.or(before.and_then(|before| before.crs));
                        header.georeference = Some(place);
                    } else {
                        header.georeference = with_crs(before, place.crs);
                    }
                }
            }
            Err(error) => notices.tell(format!("{}; the scene is shown without it", error.for_file(&aux))),
        }
    }
    // RPC in the image itself count only if no sidecar has a georeference.
    let placed = |place: &Georeference| place.is_placed() && !(place.needs_rpc() && place.crs.is_some());
    if !header.georeference.as_ref().is_some_and(placed)
        && let Some((file, affine)) = georeference::world_file(path, notices)
    {
        let crs = header.georeference.take().and_then(|place| place.crs);
        header.georeference = Georeference::new(Some(affine), crs);
        if let Some(place) = &mut header.georeference {
            place.sidecar = file_name(&file);
        }
        found = true;
    }
    if let Some(place) = header.georeference.as_mut().filter(|place| place.is_placed() && place.crs.is_none())
    {
        place.crs = georeference::prj(path, notices);
        found |= place.crs.is_some();
    }
    if header.georeference.as_ref().is_none_or(Georeference::needs_rpc)
        && let Some(rpc) = rpc.or_else(|| georeference::rpc_beside(path, notices))
    {
        header.georeference = Some(Georeference::from_rpc(rpc));
        found = true;
    }
    found
}

/// A georeference with another reference system, if there is one.
fn with_crs(place: Option<Georeference>, crs: Option<Crs>) -> Option<Georeference> {
    match place {
        Some(mut place) => {
            place.crs = crs.or(place.crs);
            Some(place)
        }
        None => Georeference::new(None, crs),
    }
}

fn file_name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}
