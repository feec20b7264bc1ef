//! How QGIS draws a layer: a colour for each keyword.

use std::fmt::Write as _;

use crate::export::keyword_color;
use crate::export::kml::escaped;
use crate::export::record::Records;

/// Opacity of the inside of a polygon, of 255.
const FILL: u8 = 40;
/// The width of an outline in millimetres.
const WIDTH: &str = "0.5";

/// A style in QGIS's own form.
pub(super) fn qml(records: &Records) -> String {
    let mut categories = String::new();
    let mut symbols = String::new();
    for (index, keyword) in records.keywords.iter().enumerate() {
        let keyword = escaped(keyword);
        let _ = write!(
            categories,
            "<category render=\"true\" symbol=\"{index}\" value=\"{keyword}\" label=\"{keyword}\" type=\"string\"/>"
        );
        symbols.push_str(&symbol(index));
    }
    format!(
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n\
         <qgis version=\"3.22.0\" styleCategories=\"Symbology\">\
         <renderer-v2 type=\"categorizedSymbol\" attr=\"keyword\" symbollevels=\"0\" enableorderby=\"0\" \
         forceraster=\"0\"><categories>{categories}</categories><symbols>{symbols}</symbols></renderer-v2></qgis>"
    )
}

/// A polygon in a keyword's colour.
fn symbol(index: usize) -> String {
    let [red, green, blue] = keyword_color(index);
    let line = format!("{red},{green},{blue},255");
    let options = [
        ("color", "QString", format!("{red},{green},{blue},{FILL}")),
        ("outline_color", "QString", line),
        ("outline_style", "QString", "solid".to_owned()),
        ("outline_width", "QString", WIDTH.to_owned()),
        ("outline_width_unit", "QString", "MM".to_owned()),
        ("style", "QString", "solid".to_owned()),
    ];
    let mut new = String::new();
    let mut old = String::new();
    for (name, kind, value) in options {
        let _ = write!(new, "<Option name=\"{name}\" type=\"{kind}\" value=\"{value}\"/>");
        // For versions before 3.20.
        let _ = write!(old, "<prop k=\"{name}\" v=\"{value}\"/>");
    }
    format!(
        "<symbol type=\"fill\" name=\"{index}\" alpha=\"1\" clip_to_extent=\"1\" force_rhr=\"0\">\
         <layer class=\"SimpleFill\" enabled=\"1\" locked=\"0\" pass=\"0\"><Option type=\"Map\">{new}</Option>{old}\
         </layer></symbol>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keyword_has_its_category_and_colour() {
        let keywords = vec!["harbor".to_owned(), "a <b> & \"c\"".to_owned()];
        let text = qml(&Records { keywords: keywords.clone(), ..Records::default() });
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
        let parsed = roxmltree::Document::parse_with_options(&text, options).unwrap();
        let categories = parsed.descendants().filter(|node| node.has_tag_name("category"));
        let values: Vec<&str> = categories.filter_map(|node| node.attribute("value")).collect();
        assert_eq!(values, keywords);
        let colors = parsed.descendants().filter(|node| node.attribute("name") == Some("outline_color"));
        let colors: Vec<&str> = colors.filter_map(|node| node.attribute("value")).collect();
        assert_eq!(colors, ["230,159,0,255", "86,180,233,255"]);
    }
}
