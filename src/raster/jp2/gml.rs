//! The georeference that GMLJP2 (OGC 05-047r3) writes: the centre of the first pixel, two steps, the code.

use roxmltree::Node;

use crate::raster::xml;

/// An affine transform and an EPSG code.
#[derive(Debug, PartialEq)]
pub(super) struct GmlGrid {
    /// From pixels to the map, as GDAL orders it: x of the top left corner, x a column, x a row; then y.
    pub transform: [f64; 6],
    pub epsg: Option<u32>,
}

/// Reads the rectified grid of a GML document. `None` for what is no such grid.
pub(super) fn parse(text: &str) -> Option<GmlGrid> {
    let document = xml::parse(text).ok()?;
    let grid = document.descendants().find(|node| node.tag_name().name() == "RectifiedGrid")?;
    let child = |name: &'static str| grid.descendants().filter(move |node| node.tag_name().name() == name);
    let origin = numbers(child("pos").next().or_else(|| child("coordinates").next())?)?;
    let steps: Vec<[f64; 2]> = child("offsetVector").filter_map(numbers).collect();
    let &[mut column, mut row] = steps.as_slice() else { return None };
    let mut origin = origin;
    let name =
        child("Point").chain(child("offsetVector")).chain([grid]).find_map(|node| node.attribute("srsName"));
    let epsg = name.and_then(|name| name.rsplit([':', '/', '#']).next()?.parse().ok());
    // With a URN, geographic coordinates come latitude first (OGC 06-135).
    let is_urn = name.is_some_and(|name| name.starts_with("urn:"));
    if is_urn && epsg.is_some_and(is_geographic) {
        origin.swap(0, 1);
        column.swap(0, 1);
        row.swap(0, 1);
    }
    let corner = |axis: usize| origin[axis] - f64::midpoint(column[axis], row[axis]);
    let transform = [corner(0), column[0], row[0], corner(1), column[1], row[1]];
    transform.iter().all(|number| number.is_finite()).then_some(GmlGrid { transform, epsg })
}

/// EPSG keeps geographic systems of two dimensions in these numbers.
fn is_geographic(epsg: u32) -> bool {
    (4000..5000).contains(&epsg)
}

fn numbers(node: Node) -> Option<[f64; 2]> {
    let text = node.text()?;
    let mut numbers = text.split([' ', ',', '\n', '\t', '\r']).filter_map(|word| word.parse().ok());
    Some([numbers.next()?, numbers.next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_of_a_sentinel_scene() {
        let text = r#"<gml:RectifiedGrid xmlns:gml="http://www.opengis.net/gml" dimension="2"><gml:origin>
            <gml:Point gml:id="P0001" srsName="urn:ogc:def:crs:EPSG::32631"><gml:pos>399990 5090010</gml:pos></gml:Point>
            </gml:origin><gml:offsetVector gml:id="a">20 0</gml:offsetVector><gml:offsetVector gml:id="b">0 -20</gml:offsetVector>
            </gml:RectifiedGrid>"#;
        let expected =
            GmlGrid { transform: [399_980.0, 20.0, 0.0, 5_090_020.0, 0.0, -20.0], epsg: Some(32_631) };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("<a/>"), None);
        assert_eq!(parse("not xml"), None);
    }
}
