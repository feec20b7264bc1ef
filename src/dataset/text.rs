//! Captions in lines of text, as in Flickr8k, RSICD, UCM-Captions and Sydney-Captions.

use super::captions::CaptionRecord;

/// Every line is the name of an image, perhaps with the number of the caption (`a.jpg#0`), then one or
/// several captions: separated by tabs, or one after the other as sentences that end in " ."
pub(super) fn read(content: &str) -> Vec<CaptionRecord> {
    content.lines().map(str::trim).filter(|line| !line.is_empty()).map(record).collect()
}

fn record(line: &str) -> CaptionRecord {
    let (name, captions) = line.split_once('\t').or_else(|| line.split_once(' ')).unwrap_or((line, ""));
    let captions: Vec<&str> =
        if captions.contains('\t') { captions.split('\t').collect() } else { sentences(captions) };
    CaptionRecord {
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
