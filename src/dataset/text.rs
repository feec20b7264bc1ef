//! Captions in lines of text: those of Flickr8k, RSICD, UCM-Captions and Sydney-Captions.

use super::captions::Entry;

/// Every line is the image's name, perhaps with the caption's number (`a.jpg#0`), then one or several
/// captions: separated by tabs, or written one after the other as sentences that end in " ."
pub(super) fn read(content: &str) -> Vec<Entry> {
    content.lines().map(str::trim).filter(|line| !line.is_empty()).map(entry).collect()
}

fn entry(line: &str) -> Entry {
    let (name, captions) = line.split_once('\t').or_else(|| line.split_once(' ')).unwrap_or((line, ""));
    let captions: Vec<&str> =
        if captions.contains('\t') { captions.split('\t').collect() } else { sentences(captions) };
    Entry {
        name: without_number(name).to_owned(),
        captions: captions.into_iter().map(str::to_owned).collect(),
    }
}

fn sentences(captions: &str) -> Vec<&str> {
    captions.split_inclusive(" . ").map(str::trim).collect()
}

fn without_number(name: &str) -> &str {
    match name.rsplit_once('#') {
        Some((image, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => image,
        _ => name,
    }
}
