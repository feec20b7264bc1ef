//! Sentences to token ids, as the checkpoint's own tokenizer does it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use tokenizers::Tokenizer;

use super::ClipError;
use super::clean::clean;
use crate::text_file;

const START: [&str; 2] = ["<|startoftext|>", "<start_of_text>"];
const END: [&str; 2] = ["<|endoftext|>", "<end_of_text>"];

/// Turns sentences into token ids of one length. Lower-cases; cuts what is too long and keeps the end token.
pub(super) struct SentenceTokenizer {
    inner: Tokenizer,
    start: u32,
    end: u32,
    pad: u32,
    context_length: usize,
    /// Whether to repair the text first as `open_clip` does; transformers doesn't.
    cleans: bool,
}

/// What the model expects of its tokenizer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub context_length: usize,
    pub vocab_size: usize,
    /// `open_clip` cleans the text and pads with zeros, transformers pads with the end token.
    pub like_open_clip: bool,
}

impl SentenceTokenizer {
    /// Loads `tokenizer.json`, or `vocab.json` and `merges.txt`, or `merges.txt` alone (the vocabulary of
    /// OpenAI's tokenizer follows from it) from a directory.
    ///
    /// # Errors
    /// When there is none of them, or it isn't a tokenizer, or its ids go beyond the model's vocabulary.
    pub fn load(directory: &Path, expected: Expected) -> Result<Self, ClipError> {
        let whole = directory.join("tokenizer.json");
        let (vocab, merges) = (directory.join("vocab.json"), directory.join("merges.txt"));
        let (path, json) = if whole.is_file() {
            let json = text_file::read(&whole).map_err(|source| ClipError::read(&whole, source))?;
            (whole, json)
        } else if merges.is_file() {
            let merges_text = text_file::read(&merges).map_err(|source| ClipError::read(&merges, source))?;
            let merges_list = parse_merges(&merges_text);
            let vocabulary = if vocab.is_file() {
                let text = text_file::read(&vocab).map_err(|source| ClipError::read(&vocab, source))?;
                serde_json::from_str(&text)
                    .map_err(|error| ClipError::file(&vocab, format!("this isn't a vocabulary: {error}")))?
            } else {
                vocabulary_of(&merges_list)
            };
            (merges, tokenizer_json(&vocabulary, &merges_list).to_string())
        } else {
            return Err(ClipError::file(
                directory,
                "there is no tokenizer; put the model's tokenizer.json, or its vocab.json and merges.txt, here \
                 (for CLIP models with OpenAI's vocabulary those of openai/clip-vit-base-patch32)",
            ));
        };
        let mut inner = Tokenizer::from_bytes(json)
            .map_err(|error| ClipError::file(&path, format!("this isn't a tokenizer: {error}")))?;
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| ClipError::file(&path, format!("this tokenizer cannot be used: {error}")))?;
        let highest = inner.get_vocab(true).values().copied().max().unwrap_or(0);
        if highest as usize >= expected.vocab_size {
            return Err(ClipError::file(
                &path,
                format!(
                    "the tokenizer has ids up to {highest}, the model a vocabulary of {}; take the two from the \
                     same model",
                    expected.vocab_size
                ),
            ));
        }
        let special = |names: [&str; 2]| {
            names.into_iter().find_map(|name| inner.token_to_id(name)).ok_or_else(|| {
                ClipError::file(
                    &path,
                    format!("the tokenizer has no {} token; take the model's own", names[0]),
                )
            })
        };
        let (start, end) = (special(START)?, special(END)?);
        let pad = if expected.like_open_clip { 0 } else { pad_token(directory, &inner).unwrap_or(end) };
        Ok(Self {
            inner,
            start,
            end,
            pad,
            context_length: expected.context_length,
            cleans: expected.like_open_clip,
        })
    }

    /// The ids of a sentence: start, text, end, padding; as many as the context is long.
    pub fn ids(&self, sentence: &str) -> Result<Vec<u32>, ClipError> {
        let cleaned = self.cleans.then(|| clean(sentence));
        let text = cleaned.as_deref().unwrap_or(sentence);
        let encoding = self
            .inner
            .encode_fast(text, false)
            .map_err(|error| ClipError::Encode(format!("{sentence:?} cannot be tokenised: {error}")))?;
        let room = self.context_length.saturating_sub(2);
        let mut ids = Vec::with_capacity(self.context_length);
        ids.push(self.start);
        ids.extend(encoding.get_ids().iter().take(room));
        ids.push(self.end);
        ids.resize(self.context_length, self.pad);
        Ok(ids)
    }
}

/// The id that transformers would pad with, where the directory says it.
fn pad_token(directory: &Path, tokenizer: &Tokenizer) -> Option<u32> {
    ["tokenizer_config.json", "special_tokens_map.json"].into_iter().find_map(|name| {
        let config: Value = serde_json::from_str(&text_file::read(&directory.join(name)).ok()?).ok()?;
        let token = config.get("pad_token")?;
        let token = token.as_str().or_else(|| token.get("content")?.as_str())?;
        tokenizer.token_to_id(token)
    })
}

/// The merges of a `merges.txt`: two symbols a line, best first, after a version line.
fn parse_merges(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter(|line| !line.starts_with("#version"))
        .filter_map(|line| line.split_once(' '))
        .map(|(left, right)| (left.to_owned(), right.trim_end().to_owned()))
        .collect()
}

/// OpenAI's vocabulary: the bytes, the bytes at a word's end, the merges in their order, start and end.
pub(super) fn vocabulary_of(merges: &[(String, String)]) -> BTreeMap<String, u32> {
    let bytes = byte_symbols();
    let alone = bytes.iter().map(char::to_string);
    let at_end = bytes.iter().map(|symbol| format!("{symbol}</w>"));
    let merged = merges.iter().map(|(left, right)| format!("{left}{right}"));
    let special = [START[0].to_owned(), END[0].to_owned()];
    alone.chain(at_end).chain(merged).chain(special).zip(0..).collect()
}

/// The printable character that stands for each byte, in the order of OpenAI's `bytes_to_unicode`: the bytes
/// that are printable in Latin-1 stand for themselves, the others for what follows U+00FF.
fn byte_symbols() -> Vec<char> {
    let is_printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let printable = (0..=u8::MAX).filter(is_printable).map(char::from);
    let others = (0..=u8::MAX).filter(|byte| !is_printable(byte));
    let substitutes = others.zip('\u{100}'..).map(|(_, symbol)| symbol);
    printable.chain(substitutes).collect()
}

/// A `tokenizer.json` with the steps of transformers' `CLIPTokenizer`.
pub(super) fn tokenizer_json(vocabulary: &BTreeMap<String, u32>, merges: &[(String, String)]) -> Value {
    let added: Vec<Value> = [START[0], END[0]]
        .iter()
        .filter_map(|token| {
            let id = vocabulary.get(*token)?;
            Some(json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                        "normalized": false, "special": true}))
        })
        .collect();
    let split =
        r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": split}, "behavior": "Removed", "invert": true},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        ]},
        "post_processor": {"type": "RobertaProcessing",
            "sep": [END[0], vocabulary.get(END[0])], "cls": [START[0], vocabulary.get(START[0])],
            "trim_offsets": false, "add_prefix_space": false},
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": END[0], "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocabulary,
            "merges": merges.iter().map(|(left, right)| json!([left, right])).collect::<Vec<_>>()},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_come_in_openai_order() {
        let symbols = byte_symbols();
        assert_eq!(symbols.len(), 256);
        assert_eq!((symbols[0], symbols[93], symbols[94], symbols[188]), ('!', '~', '¡', 'Ā'));
    }

    #[test]
    fn merges_skip_the_version_line() {
        let merges = parse_merges("#version: 0.2\ni n\nt h\n# #</w>\n\n");
        assert_eq!(merges.len(), 3);
        assert_eq!(merges[2], ("#".to_owned(), "#</w>".to_owned()));
    }

    /// OpenAI's whole vocabulary, from its merges alone, against the ids of both libraries.
    #[test]
    fn parity_with_both_libraries_on_the_whole_vocabulary() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/clip/openai_vocabulary");
        let bytes = std::fs::read(directory.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&bytes).unwrap();
        for (library, like_open_clip) in [("transformers", false), ("open_clip", true)] {
            let wanted = Expected { context_length: 77, vocab_size: 49_408, like_open_clip };
            let tokenizer = SentenceTokenizer::load(&directory, wanted).unwrap();
            let expected = &expected[library];
            let texts = expected["texts"].as_array().unwrap();
            assert!(texts.len() > 10);
            for (text, ids) in texts.iter().zip(expected["ids"].as_array().unwrap()) {
                let ids: Vec<u32> = serde_json::from_value(ids.clone()).unwrap();
                assert_eq!(tokenizer.ids(text.as_str().unwrap()).unwrap(), ids, "{library}: {text}");
            }
        }
    }
}
