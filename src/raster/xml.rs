//! XML beside and around scenes: bounded, and never more than a sentence when it is damaged.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use roxmltree::{Document, Node, ParsingOptions};

use super::error::Fault;

/// Elements, texts and comments of a document, at most.
const MOST_NODES: u32 = 20_000_000;

/// A text of at most `most` bytes.
pub(super) fn read(path: &Path, most: u64) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(Fault::Io)?;
    if bytes.len() as u64 > most {
        return Err(Fault::Damaged(format!("it is longer than {} MiB", most >> 20)));
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_start_matches('\u{feff}').trim_start().to_owned())
}

pub(super) fn parse(text: &str) -> Result<Document<'_>, Fault> {
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| Fault::Damaged(error.to_string()))
}

/// The child elements of one name.
pub(super) fn children<'a, 'i: 'a>(
    node: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name(name))
}

/// The text of the first child of this name, when there is any.
pub(super) fn text<'a>(node: Node<'a, '_>, name: &'static str) -> Option<&'a str> {
    let found = node.children().find(|child| child.has_tag_name(name))?;
    found.text().map(str::trim).filter(|text| !text.is_empty())
}

/// A number of an attribute.
pub(super) fn number(node: Node, attribute: &str) -> Option<f64> {
    let value: f64 = node.attribute(attribute)?.trim().parse().ok()?;
    value.is_finite().then_some(value)
}
