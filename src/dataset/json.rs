//! Captions in JSON: an object per line, a list of objects, or the format of Karpathy's splits.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::DatasetError;
use super::captions::CaptionRecord;
use super::table::{CAPTION_KEYS, NAME_KEYS};

/// Whether the first line is by itself an object about one image, whatever the file's extension.
pub(super) fn is_one_record_a_line(content: &str) -> bool {
    let first = content.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    serde_json::from_str(first).is_ok_and(|value: Value| name(&value).is_some())
}

/// Reads one object per line; empty lines are skipped.
pub(super) fn read_lines(path: &Path, content: &str) -> Result<Vec<CaptionRecord>, DatasetError> {
    let lines = content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line)
                .map_err(|error| format!("it is not JSON ({error})"))
                .and_then(|value| record(&value))
                .map_err(|reason| DatasetError::line(path, index + 1, reason))
        })
        .collect()
}

/// Reads a file that is one JSON value; only one split, if `split` names it.
pub(super) fn read_document(
    path: &Path,
    content: &str,
    split: Option<&str>,
) -> Result<Vec<CaptionRecord>, DatasetError> {
    let document: Value = serde_json::from_str(content)
        .map_err(|error| DatasetError::line(path, error.line(), format!("it is not JSON ({error})")))?;
    let wrong = |reason| DatasetError::Content { path: path.to_owned(), reason };
    let list = document.get("images").unwrap_or(&document);
    let Some(list) = list.as_array() else {
        return Err(wrong("expected a list of images, or an object with a list \"images\"".to_owned()));
    };
    let chosen: Vec<&Value> =
        list.iter().filter(|image| split.is_none() || split == split_name(image)).collect();
    if let (Some(split), true) = (split, chosen.is_empty()) {
        let known: BTreeSet<&str> = list.iter().filter_map(split_name).collect();
        let known = if known.is_empty() { "none".to_owned() } else { Vec::from_iter(known).join(", ") };
        return Err(DatasetError::NoSplit { path: path.to_owned(), split: split.to_owned(), known });
    }
    chosen
        .into_iter()
        .enumerate()
        // serde_json doesn't keep line numbers, so the error has the number of the image.
        .map(|(index, image)| {
            record(image).map_err(|reason| wrong(format!("in image {}, {reason}; correct it", index + 1)))
        })
        .collect()
}

fn split_name(image: &Value) -> Option<&str> {
    image.get("split").and_then(Value::as_str)
}

fn name(record: &Value) -> Option<&str> {
    NAME_KEYS.iter().find_map(|key| record.get(key)).and_then(Value::as_str)
}

fn record(record: &Value) -> Result<CaptionRecord, String> {
    let name = name(record).ok_or("there is no \"filename\" with the image's name")?.to_owned();
    if let Some(sentences) = record.get("sentences").and_then(Value::as_array) {
        let raw = sentences.iter().filter_map(|sentence| sentence.get("raw").and_then(Value::as_str));
        return Ok(CaptionRecord { name, captions: raw.map(str::to_owned).collect() });
    }
    let captions = match CAPTION_KEYS.iter().find_map(|key| record.get(key)) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(caption)) => Some(vec![caption.clone()]),
        Some(Value::Array(list)) => list.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    let captions = captions.ok_or("the captions are neither a text nor a list of texts")?;
    Ok(CaptionRecord { name, captions })
}
