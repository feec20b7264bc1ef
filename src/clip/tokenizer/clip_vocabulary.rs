//! CLIP's byte-pair vocabulary and the steps around it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use tokenizers::Tokenizer;

use super::{FoundTokenizer, parsed};
use crate::clip::ClipError;
use crate::text_file;

pub(in crate::clip) const START: [&str; 2] = ["<|startoftext|>", "<start_of_text>"];
pub(in crate::clip) const END: [&str; 2] = ["<|endoftext|>", "<end_of_text>"];

/// The merges of OpenAI's vocabulary, which nearly all CLIPs have.
const OPENAI_MERGES: &str = include_str!("../../../assets/openai-clip/merges.txt");
const OPENAI_WORDS: usize = 49_408;

/// A vocabulary, with its merges in order and its added tokens.
struct Vocabulary {
    ids: BTreeMap<String, u32>,
    merges: Vec<(String, String)>,
    /// Tokens that are never split, as `tokenizer.json` lists them.
    added: Vec<Value>,
}

/// The tokenizer of a directory: its `tokenizer.json`, or its `vocab.json` and `merges.txt`, or its
/// `merges.txt` alone (the vocabulary of OpenAI's tokenizer follows from it), or OpenAI's if the model has as
/// many words.
///
/// The steps before the merges are always CLIP's own. Some files, above all those written by transformers
/// before version 4.17, list others, which would split most words into letters.
pub(in crate::clip) fn load(directory: &Path, vocab_size: usize) -> Result<FoundTokenizer, ClipError> {
    let found = |path: &Path, vocabulary: &Vocabulary, origin: &str| {
        let json = vocabulary.tokenizer_json().to_string().into_bytes();
        Ok(FoundTokenizer {
            path: path.to_owned(),
            tokenizer: parsed(path, &json)?,
            origin: origin.to_owned(),
            notice: None,
            is_unigram: false,
        })
    };
    let read = |path: &Path| text_file::read(path).map_err(|source| ClipError::read(path, source));
    let whole = directory.join("tokenizer.json");
    if whole.is_file() {
        let text = read(&whole)?;
        let vocabulary = Vocabulary::of_json(&whole, text.as_bytes())?;
        let mut found = found(&whole, &vocabulary, "tokenizer.json")?;
        let as_written = Tokenizer::from_bytes(text.as_bytes()).ok();
        if !as_written.is_some_and(|tokenizer| agree(&tokenizer, &found.tokenizer)) {
            found.notice = Some(format!(
                "{}: its steps aren't those of CLIP's tokenizer (an old version of transformers wrote such files), so \
                 CLIP's own are taken with its words",
                whole.display()
            ));
        }
        return Ok(found);
    }
    let (vocab, merges) = (directory.join("vocab.json"), directory.join("merges.txt"));
    if merges.is_file() {
        let list = parse_merges(&read(&merges)?);
        let (ids, origin) = if vocab.is_file() {
            let ids = serde_json::from_str(&read(&vocab)?)
                .map_err(|error| ClipError::file(&vocab, format!("this isn't a vocabulary: {error}")))?;
            (ids, "vocab.json and merges.txt")
        } else {
            (vocabulary_of(&list), "merges.txt")
        };
        return found(&merges, &Vocabulary { ids, merges: list, added: Vec::new() }, origin);
    }
    if vocab_size == OPENAI_WORDS {
        let merges = openai_merges();
        let vocabulary = Vocabulary { ids: vocabulary_of(&merges), merges, added: Vec::new() };
        return found(directory, &vocabulary, "OpenAI's, which comes with Skysift");
    }
    Err(ClipError::file(
        directory,
        "there is no tokenizer; put the model's tokenizer.json, or its vocab.json and merges.txt, here",
    ))
}

/// The merges of OpenAI's vocabulary.
pub(in crate::clip) fn openai_merges() -> Vec<(String, String)> {
    parse_merges(OPENAI_MERGES)
}

/// Whether two tokenizers agree on texts that show whether their steps are CLIP's: capitals, several words,
/// punctuation, white space, numbers, other scripts.
fn agree(a: &Tokenizer, b: &Tokenizer) -> bool {
    let probes = [
        "a photo of a harbor",
        "A Photo, of the HARBOR's 12 piers!",
        "  two   spaces\tand a line\n",
        "caf\u{e9} e\u{301}t\u{e9} \u{6e2f}\u{53e3} \u{1f6a2}",
    ];
    let ids = |tokenizer: &Tokenizer, text| {
        tokenizer.encode_fast(text, false).ok().map(|encoding| encoding.get_ids().to_vec())
    };
    probes.into_iter().all(|text| ids(a, text) == ids(b, text))
}

impl Vocabulary {
    /// The vocabulary of a `tokenizer.json`.
    fn of_json(path: &Path, bytes: &[u8]) -> Result<Self, ClipError> {
        let wrong = |reason: String| ClipError::file(path, format!("this isn't a tokenizer: {reason}"));
        let json: Value = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        let model = json.get("model").ok_or_else(|| wrong("it has no model".to_owned()))?;
        let another = |what: &str| {
            let reason =
                format!("this is a tokenizer of another kind of model ({what}); take this model's own");
            ClipError::file(path, reason)
        };
        let (Some(vocab), Some(merges)) = (model.get("vocab"), model.get("merges").and_then(Value::as_array))
        else {
            let kind = model.get("type").and_then(Value::as_str).unwrap_or("of unknown type");
            return Err(another(kind));
        };
        let mut ids: BTreeMap<String, u32> = serde_json::from_value(vocab.clone())
            .map_err(|error| wrong(format!("its vocabulary is none ({error})")))?;
        if !ids.keys().any(|word| word.ends_with("</w>")) {
            return Err(another("its words have no end mark </w>"));
        }
        let merges = merges.iter().map(merge).collect::<Option<_>>();
        let merges = merges.ok_or_else(|| wrong("its merges aren't pairs".to_owned()))?;
        let added: Vec<Value> =
            json.get("added_tokens").and_then(Value::as_array).cloned().unwrap_or_default();
        for token in &added {
            let (content, id) = (token.get("content"), token.get("id"));
            if let (Some(content), Some(id)) = (content.and_then(Value::as_str), id.and_then(Value::as_u64))
                && (START.contains(&content) || END.contains(&content))
            {
                ids.insert(content.to_owned(), u32::try_from(id).unwrap_or(u32::MAX));
            }
        }
        Ok(Self { ids, merges, added })
    }

    /// A `tokenizer.json` of this vocabulary with the steps of transformers' `CLIPTokenizer`.
    fn tokenizer_json(&self) -> Value {
        let mut json = tokenizer_json(&self.ids, &self.merges);
        let more = self.added.iter().filter(|token| {
            let content = token.get("content").and_then(Value::as_str).unwrap_or_default();
            content != START[0] && content != END[0]
        });
        if let Some(list) = json.get_mut("added_tokens").and_then(Value::as_array_mut) {
            list.extend(more.cloned());
        }
        json
    }
}

/// A merge, which is written as a pair or in older files as two symbols with a space between them.
fn merge(value: &Value) -> Option<(String, String)> {
    match value {
        Value::String(text) => text.split_once(' ').map(|(left, right)| (left.to_owned(), right.to_owned())),
        pair => serde_json::from_value(pair.clone()).ok(),
    }
}

/// The merges of a `merges.txt`: two symbols per line, the first merge first, after a line with the version.
fn parse_merges(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter(|line| !line.starts_with("#version"))
        .filter_map(|line| line.split_once(' '))
        .map(|(left, right)| (left.to_owned(), right.trim_end().to_owned()))
        .collect()
}

/// OpenAI's vocabulary: the bytes, the bytes at the end of a word, the merges in order, start and end.
pub(in crate::clip) fn vocabulary_of(merges: &[(String, String)]) -> BTreeMap<String, u32> {
    let bytes = byte_symbols();
    let alone = bytes.iter().map(char::to_string);
    let at_end = bytes.iter().map(|symbol| format!("{symbol}</w>"));
    let merged = merges.iter().map(|(left, right)| format!("{left}{right}"));
    let special = [START[0].to_owned(), END[0].to_owned()];
    alone.chain(at_end).chain(merged).chain(special).zip(0..).collect()
}

/// The printable character for each byte, in the order of OpenAI's `bytes_to_unicode`: bytes that are
/// printable in Latin-1 are themselves, the others are what follows U+00FF.
fn byte_symbols() -> Vec<char> {
    let is_printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let printable = (0..=u8::MAX).filter(is_printable).map(char::from);
    let others = (0..=u8::MAX).filter(|byte| !is_printable(byte));
    let substitutes = others.zip('\u{100}'..).map(|(_, symbol)| symbol);
    printable.chain(substitutes).collect()
}

/// A `tokenizer.json` with the steps of transformers' `CLIPTokenizer`.
pub(in crate::clip) fn tokenizer_json(
    vocabulary: &BTreeMap<String, u32>,
    merges: &[(String, String)],
) -> Value {
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

    /// A folder with a `tokenizer.json` of OpenAI's first words, after `edit`.
    fn folder(edit: impl Fn(&mut Value)) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let merges: Vec<_> = parse_merges(OPENAI_MERGES).into_iter().take(2000).collect();
        let mut json = tokenizer_json(&vocabulary_of(&merges), &merges);
        edit(&mut json);
        std::fs::write(folder.path().join("tokenizer.json"), json.to_string()).unwrap();
        folder
    }

    fn ids(found: &FoundTokenizer) -> Vec<u32> {
        found.tokenizer.encode_fast("A photo of the Harbor's edge", false).unwrap().get_ids().to_vec()
    }

    #[test]
    fn the_steps_of_old_files_are_mended_and_told() {
        let right = load(folder(|_| ()).path(), 0).unwrap();
        assert_eq!(right.notice, None);
        // As transformers 4.8 wrote it: no pattern splits words, and merges are strings.
        let old = folder(|json| {
            json["pre_tokenizer"] =
                json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true});
            json["post_processor"] =
                json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false});
            for merge in json["model"]["merges"].as_array_mut().unwrap() {
                *merge = json!(format!("{} {}", merge[0].as_str().unwrap(), merge[1].as_str().unwrap()));
            }
        });
        let mended = load(old.path(), 0).unwrap();
        assert_eq!(ids(&mended), ids(&right));
        assert!(mended.notice.unwrap().contains("CLIP's own are taken"));
        // Neither lower case nor an end mark.
        let bare = folder(|json| {
            json["normalizer"] = Value::Null;
            json["model"]["end_of_word_suffix"] = Value::Null;
        });
        let mended = load(bare.path(), 0).unwrap();
        assert_eq!(ids(&mended), ids(&right));
        assert!(mended.notice.is_some());
    }

    #[test]
    fn tokenizers_of_other_models_are_refused() {
        let another = folder(|json| json["model"]["vocab"] = json!({"a": 0, "b": 1, "<|endoftext|>": 2}));
        let refused = load(another.path(), 0).err().unwrap().to_string();
        assert!(refused.contains("another kind of model"), "{refused}");
        let words = folder(|json| json["model"] = json!({"type": "WordPiece", "vocab": {"a": 0}}));
        let refused = load(words.path(), 0).err().unwrap().to_string();
        assert!(refused.contains("WordPiece"), "{refused}");
    }
}
