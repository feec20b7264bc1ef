//! Captions in tables, comma or tab separated, with a line of column names.

use std::path::Path;

use super::DatasetError;
use super::captions::Entry;

/// What the image's name may be called, the usual first.
pub(super) const NAME_KEYS: [&str; 5] = ["filename", "image", "filepath", "file_name", "path"];
/// What its captions may be called.
pub(super) const CAPTION_KEYS: [&str; 4] = ["captions", "caption", "title", "text"];

pub(super) fn read(path: &Path, content: &str) -> Result<Vec<Entry>, DatasetError> {
    let heading = content.lines().next().unwrap_or_default();
    let delimiter = if heading.contains('\t') { b'\t' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(content.as_bytes());
    let wrong = |error: &csv::Error| {
        let line = error.position().map_or(1, |position| position.line() as usize);
        DatasetError::line(path, line, reason(error))
    };
    let columns = Columns::of(reader.headers().map_err(|error| wrong(&error))?)
        .map_err(|missing| DatasetError::line(path, 1, missing))?;
    let mut entries = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| wrong(&error))?;
        let name = row.get(columns.name).unwrap_or_default().to_owned();
        if name.trim().is_empty() {
            let line = row.position().map_or(1, |position| position.line() as usize);
            return Err(DatasetError::line(path, line, "the image has no name"));
        }
        let cells = columns.captions.iter().filter_map(|&column| row.get(column));
        entries.push(Entry { name, captions: cells.flat_map(cell).collect() });
    }
    Ok(entries)
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} columns where the first line has {expected_len}")
        }
        _ => error.to_string(),
    }
}

/// Which columns hold what.
struct Columns {
    name: usize,
    captions: Vec<usize>,
}

impl Columns {
    fn of(headings: &csv::StringRecord) -> Result<Self, String> {
        let headings: Vec<String> =
            headings.iter().map(|heading| heading.trim().to_ascii_lowercase()).collect();
        let name = NAME_KEYS.iter().find_map(|key| headings.iter().position(|heading| heading == key));
        let name = name.ok_or("no column is called filename, image or filepath")?;
        let numbered = |heading: &str| {
            let word = heading.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['_', ' ']);
            CAPTION_KEYS.contains(&word)
        };
        let captions: Vec<usize> =
            (0..headings.len()).filter(|&column| column != name && numbered(&headings[column])).collect();
        if captions.is_empty() {
            return Err("no column is called caption, captions, title or text".to_owned());
        }
        Ok(Self { name, captions })
    }
}

/// The captions of a cell: itself, or the parts of a list as Python writes one, `['a', 'b']`, with or without
/// the commas.
fn cell(cell: &str) -> Vec<String> {
    let cell = cell.trim();
    let Some(list) = cell.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return vec![cell.to_owned()];
    };
    let mut captions = Vec::new();
    let mut characters = list.chars();
    while let Some(quote) = characters.find(|&character| character == '\'' || character == '"') {
        let mut caption = String::new();
        while let Some(character) = characters.next().filter(|&character| character != quote) {
            let escaped = if character == '\\' { characters.next() } else { None };
            caption.push(escaped.unwrap_or(character));
        }
        captions.push(caption);
    }
    captions
}
