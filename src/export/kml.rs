//! KML 2.2: polygons in longitude and latitude, in the keywords' colours.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::record::{Record, Records};
use super::{keyword_color, text_color};
use crate::raster::Footprint;

/// Opacity of the inside of a polygon.
const FILL: u8 = 0x30;

/// Writes a document with a folder for each keyword. `pictures` are the names of the records' crops beside
/// the document, in their order; none without crops.
///
/// # Errors
/// Those of the writer.
pub(super) fn write_kml(records: &Records, pictures: &[String], out: &mut dyn Write) -> io::Result<()> {
    let scenes = records.scenes();
    let name = match &scenes[..] {
        [only] => only.scene.clone(),
        several => format!("{} scenes", several.len()),
    };
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<kml xmlns=\"http://www.opengis.net/kml/2.2\">")?;
    writeln!(out, "<Document>\n<name>{}</name>", escaped(&name))?;
    for index in 0..=records.keywords.len() {
        writeln!(out, "{}", style(index))?;
    }
    let mut keywords: Vec<&str> = records.keywords.iter().map(String::as_str).collect();
    for record in &records.list {
        if !keywords.contains(&record.keyword.as_str()) {
            keywords.push(&record.keyword);
        }
    }
    for keyword in keywords {
        writeln!(out, "<Folder>\n<name>{}</name>", escaped(keyword))?;
        for (index, record) in records.list.iter().enumerate().filter(|(_, one)| one.keyword == keyword) {
            let picture = pictures.get(index).map(String::as_str);
            out.write_all(placemark(record, records.class(keyword), picture).as_bytes())?;
        }
        writeln!(out, "</Folder>")?;
    }
    writeln!(out, "</Document>\n</kml>")
}

/// Line, inside and label of a keyword's polygons.
fn style(index: usize) -> String {
    let color = keyword_color(index);
    // Light letters lie on a dark picture; a dark colour would not be read there.
    let label = if text_color(color) == [0, 0, 0] { color } else { [255; 3] };
    format!(
        "<Style id=\"k{index}\"><LabelStyle><color>{}</color></LabelStyle><LineStyle><color>{}</color>\
         <width>2</width></LineStyle><PolyStyle><color>{}</color></PolyStyle></Style>",
        abgr(label, 0xff),
        abgr(color, 0xff),
        abgr(color, FILL)
    )
}

/// KML has colours the other way round.
fn abgr([red, green, blue]: [u8; 3], opacity: u8) -> String {
    format!("{opacity:02x}{blue:02x}{green:02x}{red:02x}")
}

fn placemark(record: &Record, style: usize, picture: Option<&str>) -> String {
    let mut text = format!("<Placemark>\n<name>{}</name>\n", escaped(&record.name()));
    let fields = fields(record);
    let mut balloon = String::new();
    if let Some(picture) = picture {
        let _ = writeln!(balloon, "<img src=\"{}\"/><br/>", escaped(picture));
    }
    for (name, value) in &fields {
        let _ = writeln!(balloon, "{name}: {}<br/>", escaped(value));
    }
    let _ = writeln!(text, "<description>{}</description>", escaped(&balloon));
    let _ = writeln!(text, "<styleUrl>#k{style}</styleUrl>\n<ExtendedData>");
    for (name, value) in &fields {
        let _ = writeln!(text, "<Data name=\"{name}\"><value>{}</value></Data>", escaped(value));
    }
    text.push_str("</ExtendedData>\n");
    let rings = record.footprint.as_ref().map(Footprint::rings).unwrap_or_default();
    if rings.len() > 1 {
        text.push_str("<MultiGeometry>\n");
    }
    for ring in rings {
        text.push_str("<Polygon><outerBoundaryIs><LinearRing><coordinates>");
        let places: Vec<String> = ring.iter().map(|[lon, lat]| format!("{lon},{lat}")).collect();
        text.push_str(&places.join(" "));
        text.push_str("</coordinates></LinearRing></outerBoundaryIs></Polygon>\n");
    }
    if rings.len() > 1 {
        text.push_str("</MultiGeometry>\n");
    }
    text.push_str("</Placemark>\n");
    text
}

/// What is known, as far as it is.
fn fields(record: &Record) -> Vec<(&'static str, String)> {
    fn told(value: Option<impl ToString>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }
    let origin = &record.origin;
    let place = record.place;
    let all = [
        ("keyword", record.keyword.clone()),
        ("rank", told(record.rank)),
        ("score", told(record.score)),
        ("probability", told(record.probability)),
        ("cosine", told(record.cosine)),
        ("verdict", record.verdict.text().to_owned()),
        ("note", record.note.clone()),
        ("x", place.x.to_string()),
        ("y", place.y.to_string()),
        ("width", place.width.to_string()),
        ("height", place.height.to_string()),
        ("nodata", record.nodata.to_string()),
        ("area_m2", told(record.area_m2)),
        ("scene", origin.scene.clone()),
        ("model", origin.model.clone()),
        ("prompt", origin.prompt.clone()),
        ("tile", told(origin.tile)),
        ("window", told(origin.window)),
        ("time", origin.time.clone()),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// A text in XML, where it is content or an attribute. Characters that XML can't hold at all become spaces.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' | '\r' => escaped.push(letter),
            '\0'..=' ' | '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_xml_is_escaped() {
        assert_eq!(escaped("a <b> & \"c\"\u{1}港"), "a &lt;b&gt; &amp; &quot;c&quot; 港");
        let text = escaped("</name><x a='1'>");
        let document = format!("<name other=\"{text}\">{text}</name>");
        let parsed = roxmltree::Document::parse(&document).unwrap();
        assert_eq!(parsed.root_element().text(), Some("</name><x a='1'>"));
        assert_eq!(parsed.root_element().attribute("other"), Some("</name><x a='1'>"));
    }

    #[test]
    fn colours_are_those_of_the_screen() {
        assert_eq!(abgr([0xe6, 0x9f, 0], 0x30), "30009fe6");
    }
}
