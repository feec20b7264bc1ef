//! XML beside and around scenes: bounded, and never more than a sentence when it is damaged.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use roxmltree::{Document, Node, ParsingOptions};

use crate::raster::error::Fault;
use crate::text_file;

/// Elements, texts and comments of a document, and attributes of all its elements, at most: 64 MiB of what
/// GDAL writes have three million.
const MOST_NODES: usize = 4_000_000;
/// Attributes of one element. The parser compares each with all others.
const MOST_ATTRIBUTES: usize = 250;
/// Declarations of namespaces. The parser copies all that hold to each element that adds one.
const MOST_NAMESPACES: usize = 1000;

/// A text of at most `most` bytes.
pub(in crate::raster) fn read(path: &Path, most: u64) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(Fault::Io)?;
    if bytes.len() as u64 > most {
        return Err(Fault::Damaged(format!("it is longer than {} MiB", most >> 20)));
    }
    Ok(text_file::decode_lossy(&bytes).trim_start().to_owned())
}

pub(in crate::raster) fn parse(text: &str) -> Result<Document<'_>, Fault> {
    if let Some(what) = excess(text) {
        return Err(Fault::Damaged(format!("it has more {what} than can be true")));
    }
    let options = ParsingOptions { nodes_limit: MOST_NODES as u32, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| Fault::Damaged(error.to_string()))
}

/// What a document has too much of. The parser makes room for as many nodes and attributes as there are `<`
/// and `=` before it looks any closer.
fn excess(text: &str) -> Option<&'static str> {
    let (mut nodes, mut attributes) = (0, 0);
    for tag in text.split('<') {
        nodes += 1;
        let own = tag.bytes().filter(|&byte| byte == b'=').count();
        attributes += own;
        // A long text may well have many `=`, but not before quotation marks.
        if own > MOST_ATTRIBUTES && values(tag) > MOST_ATTRIBUTES {
            return Some("attributes of one element");
        }
    }
    if nodes.max(attributes) > MOST_NODES {
        return Some("elements and attributes");
    }
    (text.matches("xmlns").count() > MOST_NAMESPACES).then_some("namespaces")
}

/// The `=` that a quotation mark follows.
fn values(tag: &str) -> usize {
    tag.split('=').skip(1).filter(|after| after.trim_start().starts_with(['"', '\''])).count()
}

/// The child elements of one name.
pub(in crate::raster) fn children<'a, 'i: 'a>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

/// The text of the first child of this name, when there is any.
pub(in crate::raster) fn text<'a>(node: Node<'a, '_>, name: &'static str) -> Option<&'a str> {
    let found = node.children().find(|child| child.has_tag_name(name))?;
    found.text().map(str::trim).filter(|text| !text.is_empty())
}

/// A number of an attribute.
pub(in crate::raster) fn number(node: Node, attribute: &str) -> Option<f64> {
    let value: f64 = node.attribute(attribute)?.trim().parse().ok()?;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    /// Why a text is refused that the parser would make much room for, or compare with itself: before it sees
    /// any of it, after a few looks at each byte.
    fn refusal(text: &str) -> String {
        let Err(Fault::Damaged(why)) = parse(text) else { panic!("it was taken") };
        assert!(excess(text).is_some_and(|what| why.contains(what)), "{why}");
        why
    }

    #[test]
    fn documents_have_bounds() {
        assert!(refusal(&"<".repeat(16 << 20)).contains("elements"));
        assert!(refusal(&format!("<a>{}</a>", "=".repeat(16 << 20))).contains("attributes"));
        let attributes = |count| {
            (0..count).fold(String::new(), |mut text, number| {
                let _ = write!(text, " a{number} = '>'");
                text
            })
        };
        assert!(refusal(&format!("<a {}/>", attributes(200_000))).contains("attributes of one"));
        assert!(parse(&format!("<a {}/>", attributes(MOST_ATTRIBUTES))).is_ok());
        let nested = (0..60_000).fold(String::new(), |mut text, number| {
            let _ = write!(text, "<a xmlns:n{number}='{number}'>");
            text
        });
        assert!(refusal(&nested).contains("namespaces"));
        assert!(parse(&format!("<a>{}</a>", "k=v;".repeat(100_000))).is_ok());
    }
}
