//! Captions in tables, separated by commas or tabs, with a line of column names.

use std::path::Path;

use super::DatasetError;
use super::captions::CaptionRecord;

/// Names of the column with the image's name, the most common first.
pub(super) const NAME_KEYS: [&str; 5] = ["filename", "image", "filepath", "file_name", "path"];
/// Names of the columns with its captions.
pub(super) const CAPTION_KEYS: [&str; 4] = ["captions", "caption", "title", "text"];

pub(super) fn read(path: &Path, content: &str) -> Result<Vec<CaptionRecord>, DatasetError> {
    let heading = content.lines().next().unwrap_or_default();
    let delimiter = if heading.contains('\t') { b'\t' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(content.as_bytes());
    let wrong = |error: &csv::Error| {
        let line = error.position().map_or(1, |position| position.line() as usize);
        DatasetError::line(path, line, reason(error))
    };
    let columns = Columns::of(reader.headers().map_err(|error| wrong(&error))?)
        .map_err(|missing| DatasetError::line(path, 1, missing))?;
    let mut records = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| wrong(&error))?;
        let name = row.get(columns.name).unwrap_or_default().to_owned();
        if name.trim().is_empty() {
            let line = row.position().map_or(1, |position| position.line() as usize);
            return Err(DatasetError::line(path, line, "the image has no name"));
        }
        let cells = columns.captions.iter().filter_map(|&column| row.get(column));
        records.push(CaptionRecord { name, captions: cells.flat_map(cell).collect() });
    }
    Ok(records)
}

fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} columns where the first line has {expected_len}")
        }
        _ => error.to_string(),
    }
}

/// The columns of a table.
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

/// The captions in a cell: the cell itself, or the items of a list as Python writes it, `['a', 'b']`, with or
/// without commas.
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
