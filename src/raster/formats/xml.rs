//! XML in and beside scenes, read within bounds.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use roxmltree::{Document, Node, ParsingOptions};

use crate::raster::error::ReaderError;
use crate::text_file;

/// The most elements, texts and comments of a document, and the most attributes of all its elements: 64 MiB
/// of what GDAL writes have three million.
const MAX_NODES: usize = 4_000_000;
/// The most attributes of one element. The parser compares each with all others.
const MAX_ATTRIBUTES: usize = 250;
/// The most namespace declarations. The parser copies all that are in scope to each element that adds one.
const MAX_NAMESPACES: usize = 1000;

/// Reads a text of at most `max_bytes`.
pub(in crate::raster) fn read(path: &Path, max_bytes: u64) -> Result<String, ReaderError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(max_bytes + 1).read_to_end(&mut bytes))
        .map_err(ReaderError::Io)?;
    if bytes.len() as u64 > max_bytes {
        return Err(ReaderError::Damaged(format!("it is longer than {} MiB", max_bytes >> 20)));
    }
    Ok(text_file::decode_lossy(&bytes).trim_start().to_owned())
}

/// Parses a document, unless it would take too much time or memory.
pub(in crate::raster) fn parse(text: &str) -> Result<Document<'_>, ReaderError> {
    if let Some(what) = excess(text) {
        return Err(ReaderError::Damaged(format!("it has more {what} than can be true")));
    }
    let options = ParsingOptions { nodes_limit: MAX_NODES as u32, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| ReaderError::Damaged(error.to_string()))
}

/// What a document has too much of. The parser allocates as many nodes and attributes as there are `<` and
/// `=` before it looks any closer.
fn excess(text: &str) -> Option<&'static str> {
    let (mut nodes, mut attributes) = (0, 0);
    for tag in text.split('<') {
        nodes += 1;
        let own = tag.bytes().filter(|&byte| byte == b'=').count();
        attributes += own;
        // A long text may have many `=`, but not before quotation marks.
        if own > MAX_ATTRIBUTES && quoted_values(tag) > MAX_ATTRIBUTES {
            return Some("attributes of one element");
        }
    }
    if nodes.max(attributes) > MAX_NODES {
        return Some("elements and attributes");
    }
    (text.matches("xmlns").count() > MAX_NAMESPACES).then_some("namespaces")
}

/// The number of `=` that are followed by a quotation mark.
fn quoted_values(tag: &str) -> usize {
    tag.split('=').skip(1).filter(|after| after.trim_start().starts_with(['"', '\''])).count()
}

/// The child elements with a name.
pub(in crate::raster) fn children<'a, 'i: 'a>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

/// The text of the first child with a name; `None` if it is empty.
pub(in crate::raster) fn text<'a>(node: Node<'a, '_>, name: &'static str) -> Option<&'a str> {
    let found = node.children().find(|child| child.has_tag_name(name))?;
    found.text().map(str::trim).filter(|text| !text.is_empty())
}

/// An attribute as a number.
pub(in crate::raster) fn number(node: Node, attribute: &str) -> Option<f64> {
    let value: f64 = node.attribute(attribute)?.trim().parse().ok()?;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    /// Why a text is refused for which the parser would allocate too much or take too long: before the parser
    /// sees it, after a few passes over its bytes.
    fn refusal(text: &str) -> String {
        let Err(ReaderError::Damaged(why)) = parse(text) else { panic!("it was taken") };
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
        assert!(parse(&format!("<a {}/>", attributes(MAX_ATTRIBUTES))).is_ok());
        let nested = (0..60_000).fold(String::new(), |mut text, number| {
            let _ = write!(text, "<a xmlns:n{number}='{number}'>");
            text
        });
        assert!(refusal(&nested).contains("namespaces"));
        assert!(parse(&format!("<a>{}</a>", "k=v;".repeat(100_000))).is_ok());
    }
}
