//! The georeference in GMLJP2 (OGC 05-047r3): the centre of the first pixel, two offset vectors, and the
//! reference system.

use roxmltree::Node;

use crate::raster::formats::xml;
use crate::raster::georeference::Crs;

/// An affine transform and a reference system.
pub(super) struct GmlGrid {
    /// From pixels to the map, as GDAL's geotransform.
    pub transform: [f64; 6],
    pub crs: Option<Crs>,
}

/// Reads the rectified grid of a GML document; `None` if there is none.
pub(super) fn parse(text: &str) -> Option<GmlGrid> {
    let document = xml::parse(text).ok()?;
    let grid = document.descendants().find(|node| node.tag_name().name() == "RectifiedGrid")?;
    let child = |name: &'static str| grid.descendants().filter(move |node| node.tag_name().name() == name);
    let mut origin = numbers(child("pos").next().or_else(|| child("coordinates").next())?)?;
    let steps: Vec<[f64; 2]> = child("offsetVector").filter_map(numbers).collect();
    let &[mut column, mut row] = steps.as_slice() else { return None };
    let own = child("Point").chain(child("offsetVector")).chain([grid]);
    // The envelope has a reference system, too.
    let around = document.descendants().filter(|node| node.tag_name().name() == "Envelope");
    let name = own.chain(around).find_map(|node| node.attribute("srsName"));
    let crs = name.and_then(system);
    let axes: Vec<String> =
        child("axisName").filter_map(|node| Some(node.text()?.trim().to_ascii_lowercase())).collect();
    // Some writers put easting first, whatever the authority's order is, and say so.
    let easting_first = axes.first().is_some_and(|axis| ["easting", "long", "longitude"].contains(&&**axis));
    if name.is_some_and(is_official) && !easting_first && crs.as_ref().is_some_and(Crs::is_northing_first) {
        origin.swap(0, 1);
        column.swap(0, 1);
        row.swap(0, 1);
    }
    // If both vectors run along the wrong axis, the one of the row comes first.
    if column[0] == 0.0 && row[1] == 0.0 && column[1] != 0.0 && row[0] != 0.0 {
        std::mem::swap(&mut column, &mut row);
    }
    let corner = |axis: usize| origin[axis] - f64::midpoint(column[axis], row[axis]);
    let transform = [corner(0), column[0], row[0], corner(1), column[1], row[1]];
    transform.iter().all(|number| number.is_finite()).then_some(GmlGrid { transform, crs })
}

/// The system of an `srsName`: a URN, a URL, or the older "…/epsg.xml#4326".
fn system(name: &str) -> Option<Crs> {
    if name.to_ascii_uppercase().contains("CRS84") {
        return Crs::from_text("OGC:CRS84");
    }
    match name.rsplit([':', '/', '#']).next()?.parse() {
        Ok(code) => Some(Crs::of_code("EPSG", code)),
        Err(_) => Crs::from_text(name),
    }
}

/// Whether coordinates are in the axis order of the authority that defines the system (OGC 06-135, 09-048).
fn is_official(name: &str) -> bool {
    name.starts_with("urn:") || name.contains("opengis.net/def/crs/")
}

fn numbers(node: Node) -> Option<[f64; 2]> {
    let text = node.text()?;
    let mut numbers = text.split([' ', ',', '\n', '\t', '\r']).filter_map(|word| word.parse().ok());
    Some([numbers.next()?, numbers.next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(system: &str, origin: &str, column: &str, row: &str) -> String {
        format!(
            r#"<gml:RectifiedGrid xmlns:gml="http://www.opengis.net/gml" dimension="2"><gml:origin>
            <gml:Point gml:id="P0001" srsName="{system}"><gml:pos>{origin}</gml:pos></gml:Point>
            </gml:origin><gml:offsetVector gml:id="a">{column}</gml:offsetVector>
            <gml:offsetVector gml:id="b">{row}</gml:offsetVector></gml:RectifiedGrid>"#
        )
    }

    #[test]
    fn the_grid_of_a_sentinel_scene() {
        let text = grid("urn:ogc:def:crs:EPSG::32631", "399990 5090010", "20 0", "0 -20");
        let found = parse(&text).unwrap();
        assert_eq!(found.transform, [399_980.0, 20.0, 0.0, 5_090_020.0, 0.0, -20.0]);
        assert_eq!(found.crs.unwrap().epsg(), Some(32_631));
        assert!(parse("<a/>").is_none() && parse("not xml").is_none());
    }

    #[test]
    fn axes_come_in_the_order_of_the_authority() {
        let projected = [399_980.0, 20.0, 0.0, 5_090_020.0, 0.0, -20.0];
        let degrees = [9.0, 0.5, 0.0, 51.0, 0.0, -0.5];
        for (system, origin, column, row, transform) in [
            ("urn:ogc:def:crs:EPSG::2193", "5090010 399990", "0 20", "-20 0", projected),
            ("urn:ogc:def:crs:EPSG::3035", "5090010 399990", "0 20", "-20 0", projected),
            ("urn:ogc:def:crs:EPSG::31467", "5090010 399990", "0 20", "-20 0", projected),
            ("http://www.opengis.net/def/crs/EPSG/0/2193", "5090010 399990", "0 20", "-20 0", projected),
            // GDAL's other way: the steps of the row and the column.
            ("urn:ogc:def:crs:EPSG::2193", "5090010 399990", "-20 0", "0 20", projected),
            // Older names, and systems that have easting first.
            ("http://www.opengis.net/gml/srs/epsg.xml#2193", "399990 5090010", "20 0", "0 -20", projected),
            ("urn:ogc:def:crs:EPSG::27700", "399990 5090010", "20 0", "0 -20", projected),
            ("urn:ogc:def:crs:EPSG::4326", "50.75 9.25", "0 0.5", "-0.5 0", degrees),
            ("urn:ogc:def:crs:EPSG::9057", "50.75 9.25", "0 0.5", "-0.5 0", degrees),
            ("urn:ogc:def:crs:OGC:1.3:CRS84", "9.25 50.75", "0.5 0", "0 -0.5", degrees),
            ("EPSG:4326", "9.25 50.75", "0.5 0", "0 -0.5", degrees),
        ] {
            let found = parse(&grid(system, origin, column, row)).unwrap();
            assert_eq!(found.transform, transform, "{system} {column}");
            assert!(found.crs.unwrap().is_understood(), "{system}");
        }
    }

    #[test]
    fn a_named_axis_counts() {
        let text = grid("urn:ogc:def:crs:EPSG::2193", "399990 5090010", "20 0", "0 -20");
        let named = "<gml:axisName>Easting</gml:axisName><gml:axisName>Northing</gml:axisName><gml:origin>";
        let found = parse(&text.replace("<gml:origin>", named)).unwrap();
        assert_eq!(found.transform, [399_980.0, 20.0, 0.0, 5_090_020.0, 0.0, -20.0]);
    }
}
