//! GDAL's persistent auxiliary metadata (PAM): the `.aux.xml` beside an image, and the same elements in a
//! VRT.

use roxmltree::Node;

use crate::raster::band::{Band, Role, StoredStatistics};
use crate::raster::formats::xml;
use crate::raster::georeference::{Affine, Crs, Gcp, Georeference, Rpc, rpc_of_items};

/// The metadata of one band.
#[derive(Debug, Default)]
pub(in crate::raster) struct PamBand {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub nodata: Option<f64>,
    pub palette: Option<Vec<[u8; 3]>>,
    pub statistics: Option<StoredStatistics>,
}

impl PamBand {
    pub fn of(node: Node) -> Self {
        let name = xml::text(node, "Description").map(str::to_owned);
        let role = xml::text(node, "ColorInterp").map(Role::from_gdal);
        let nodata = xml::text(node, "NoDataValue").and_then(|text| text.to_ascii_lowercase().parse().ok());
        let palette = xml::children(node, "ColorTable").next().map(palette);
        let metadata = xml::children(node, "Metadata").flat_map(|metadata| xml::children(metadata, "MDI"));
        let mut statistics = StoredStatistics::default();
        for item in metadata {
            let value = item.text().and_then(|text| text.trim().parse().ok());
            statistics.set(item.attribute("key").unwrap_or_default(), value);
        }
        let statistics = (statistics != StoredStatistics::default()).then_some(statistics);
        Self { name, role, nodata, palette: palette.filter(|palette| !palette.is_empty()), statistics }
    }

    /// Overrides what the band says itself.
    pub fn apply(self, band: &mut Band) {
        band.name = self.name.or(band.name.take());
        band.role = self.role.filter(|role| *role != Role::Undefined).unwrap_or(band.role);
        band.statistics = self.statistics.or(band.statistics);
    }
}

/// The colours of a `ColorTable`.
fn palette(table: Node) -> Vec<[u8; 3]> {
    let byte = |entry: Node, name: &str| xml::number(entry, name).unwrap_or(0.0) as u8;
    let entries = xml::children(table, "Entry").take(1 << 16);
    entries.map(|entry| [byte(entry, "c1"), byte(entry, "c2"), byte(entry, "c3")]).collect()
}

/// The most control points that are used.
const MAX_POINTS: usize = 1 << 20;

/// The georeference from `SRS`, `GeoTransform` and `GCPList`, or from the control points of an ESRI
/// `GeodataXform`.
pub(in crate::raster) fn georeference(node: Node) -> Option<Georeference> {
    let crs = xml::text(node, "SRS").and_then(Crs::from_text);
    if let Some(affine) = xml::text(node, "GeoTransform").and_then(six).and_then(Affine::new) {
        return Georeference::new(Some(affine), crs);
    }
    if let Some(list) = xml::children(node, "GCPList").next() {
        let number = xml::number;
        let point = |node| {
            let (column, row) = (number(node, "Pixel")?, number(node, "Line")?);
            Some(Gcp { column, row, x: number(node, "X")?, y: number(node, "Y")? })
        };
        let points: Vec<Gcp> = xml::children(list, "GCP").filter_map(point).collect();
        let theirs = list.attribute("Projection").and_then(Crs::from_text).or_else(|| crs.clone());
        if let Some(place) = Georeference::from_gcps(&points, theirs, None) {
            return Some(place);
        }
    }
    esri(node, crs.as_ref()).or_else(|| Georeference::new(None, crs))
}

/// What `ArcGIS` writes when an image is georeferenced: control points in the image and on the map, one
/// number after the other, and the order of the polynomial through them.
fn esri(node: Node, crs: Option<&Crs>) -> Option<Georeference> {
    let form = node.descendants().find(|node| node.tag_name().name() == "GeodataXform")?;
    let own = xml::children(form, "SpatialReference").next();
    let own =
        own.and_then(|system| xml::text(system, "WKT")).and_then(Crs::from_text).or_else(|| crs.cloned());
    let numbers = |name: &'static str| -> Vec<f64> {
        let list = xml::children(form, name).flat_map(|list| xml::children(list, "Double"));
        let numbers = list.map(|number| number.text().and_then(|text| text.trim().parse().ok()));
        // An unreadable number must not shift those that follow.
        numbers.map(|number| number.unwrap_or(f64::NAN)).take(2 * MAX_POINTS).collect()
    };
    let (source, target) = (numbers("SourceGCPs"), numbers("TargetGCPs"));
    // Usually y points up, and the image lies below zero.
    let down = if source.iter().skip(1).step_by(2).any(|y| *y < 0.0) { -1.0 } else { 1.0 };
    let pairs = source.as_chunks::<2>().0.iter().zip(target.as_chunks::<2>().0);
    let points: Vec<Gcp> =
        pairs.map(|(&[column, row], &[x, y])| Gcp { column, row: down * row, x, y }).collect();
    let order = xml::text(form, "PolynomialOrder").and_then(|order| order.parse().ok());
    match Georeference::from_gcps(&points, own.clone(), order) {
        Some(place) if source.len() == target.len() => Some(place),
        _ => Georeference::new(None, own),
    }
}

/// The rational polynomial coefficients in the metadata domain "RPC".
pub(in crate::raster) fn rpc(node: Node) -> Option<Rpc> {
    let metadata =
        xml::children(node, "Metadata").find(|metadata| metadata.attribute("domain") == Some("RPC"))?;
    rpc_of_items(
        xml::children(metadata, "MDI").filter_map(|item| Some((item.attribute("key")?, item.text()?))),
    )
}

/// The six numbers of a geotransform.
fn six(text: &str) -> Option<[f64; 6]> {
    let numbers: Vec<f64> = text.split(',').map(|word| word.trim().parse()).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok()
}
