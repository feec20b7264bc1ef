//! From sentences to token ids, as the checkpoint's own tokenizer makes them.
//!
//! - this file: a model's tokenizer, and the tokens around a sentence
//! - [`clip_vocabulary`]: CLIP's byte-pair vocabulary
//! - [`sentencepiece`]: SigLIP's tokenizers
//! - [`clean`]: how `open_clip` and SigLIP clean a text

pub mod clean;
pub mod clip_vocabulary;
pub mod sentencepiece;

use std::path::Path;

use serde_json::Value;
use tokenizers::Tokenizer;

use super::ClipError;
use clean::{canonical, clean, repaired, spaced};
use clip_vocabulary::{END, START};

use crate::text_file;

/// Turns sentences into token ids of one length. Text that is too long is truncated before the end token.
pub(super) struct SentenceTokenizer {
    inner: Tokenizer,
    /// The token that begins a sentence; CLIP only.
    start: Option<u32>,
    end: u32,
    pad: u32,
    pads_left: bool,
    context_length: usize,
    cleaning: Cleaning,
    /// Whether it is a unigram model (SentencePiece's).
    pub is_unigram: bool,
    /// Where it was read.
    pub origin: String,
    /// What a person should know about how it was read.
    pub notice: Option<String>,
}

/// What the model expects of its tokenizer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub context_length: usize,
    pub vocab_size: usize,
    pub rules: Rules,
    pub end: EndToken,
}

/// How sentences are prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// As transformers does for CLIP: the text as it is, padded with the tokenizer's own token.
    Transformers,
    /// As `open_clip` does for CLIP: the text cleaned, padded with zeros.
    OpenClip,
    /// As for SigLIP: an end token after the text, and padding that the model attends to.
    Siglip(Cleaning),
}

/// How a text is cleaned before the tokenizer's own steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cleaning {
    /// Nothing.
    None,
    /// As transformers does for SigLIP: lower case, and for the first SigLIP, whose tokenizer is a unigram
    /// model, without punctuation.
    Siglip,
    /// As transformers does for SigLIP 2: lower case.
    LowerCase,
    /// `open_clip`'s `lower`, its default.
    Lower,
    /// `open_clip`'s `canonicalize`.
    Canonical,
    /// `open_clip`'s `whitespace`.
    Whitespace,
}

/// The token by which the model finds the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndToken {
    /// The one with this id.
    Is(u32),
    /// The one with the highest id.
    IsHighest,
    /// None.
    Any,
}

impl SentenceTokenizer {
    /// Loads the tokenizer of a directory: `tokenizer.json`, for CLIP also `vocab.json` and `merges.txt` or
    /// `merges.txt` alone, for SigLIP also `spiece.model`. A CLIP with OpenAI's vocabulary needs no file.
    ///
    /// # Errors
    /// If there is none of them, it isn't a tokenizer, or it doesn't fit the model's vocabulary.
    pub fn load(directory: &Path, expected: Expected) -> Result<Self, ClipError> {
        match expected.rules {
            Rules::Transformers => Self::clip(directory, expected, Cleaning::None),
            Rules::OpenClip => Self::clip(directory, expected, Cleaning::Lower),
            Rules::Siglip(cleaning) => Self::siglip(directory, expected, cleaning),
        }
    }

    fn clip(directory: &Path, expected: Expected, cleaning: Cleaning) -> Result<Self, ClipError> {
        let found = clip_vocabulary::load(directory, expected.vocab_size)?;
        let (path, inner) = (&found.path, found.tokenizer);
        check_size(path, &inner, expected.vocab_size)?;
        let special = |names: [&str; 2]| {
            names.into_iter().find_map(|name| inner.token_to_id(name)).ok_or_else(|| {
                ClipError::file(
                    path,
                    format!("the tokenizer has no {} token; take the model's own", names[0]),
                )
            })
        };
        let (start, end) = (special(START)?, special(END)?);
        let place = match expected.end {
            EndToken::Is(id) => (id != end).then(|| format!("at the id {id}")),
            EndToken::IsHighest => {
                let highest = inner.get_vocab(false).values().copied().max().unwrap_or(0);
                (highest > end).then(|| format!("at the highest id, {highest}"))
            }
            EndToken::Any => None,
        };
        if let Some(place) = place {
            let reason = format!(
                "the tokenizer's end token has the id {end}, but the model looks for the end {place}; take the two from \
                 the same model"
            );
            return Err(ClipError::file(path, reason));
        }
        let pad = match cleaning {
            Cleaning::None => pad_token(directory, &inner).unwrap_or(end),
            _ => 0,
        };
        Ok(Self {
            inner,
            start: Some(start),
            end,
            pad,
            pads_left: false,
            context_length: expected.context_length,
            cleaning,
            is_unigram: false,
            origin: found.origin,
            notice: found.notice,
        })
    }

    fn siglip(directory: &Path, expected: Expected, cleaning: Cleaning) -> Result<Self, ClipError> {
        let found = sentencepiece::load(directory)?;
        let (path, inner) = (&found.path, found.tokenizer);
        check_size(path, &inner, expected.vocab_size)?;
        let id = |name: &str| inner.token_to_id(name);
        let Some(end) = id("</s>").or_else(|| id("<eos>")) else {
            let reason = "the tokenizer has no </s> or <eos> token; take the model's own";
            return Err(ClipError::file(path, reason));
        };
        let pad = pad_token(directory, &inner);
        // The first SigLIP pads with the end token, the second with Gemma's.
        let pad = pad.or_else(|| id("<pad>").filter(|_| !found.is_unigram)).unwrap_or(end);
        Ok(Self {
            start: None,
            end,
            pad,
            pads_left: pads_left(directory),
            context_length: expected.context_length,
            cleaning: match cleaning {
                Cleaning::Siglip if !found.is_unigram => Cleaning::LowerCase,
                cleaning => cleaning,
            },
            is_unigram: found.is_unigram,
            origin: found.origin,
            notice: None,
            inner,
        })
    }

    /// The number of tokens of a text, without those around it.
    pub fn token_count(&self, text: &str) -> Result<usize, ClipError> {
        let encoding = self.inner.encode_fast(text, false);
        encoding.map(|encoding| encoding.get_ids().len()).map_err(|error| ClipError::tokenize(text, error))
    }

    /// The ids of a sentence, as many as the context is long: start, text, end, padding.
    pub fn ids(&self, sentence: &str) -> Result<Vec<u32>, ClipError> {
        let text = match self.cleaning {
            Cleaning::None => sentence.to_owned(),
            Cleaning::Lower => clean(sentence),
            Cleaning::LowerCase => sentence.to_lowercase(),
            Cleaning::Siglip => canonical(sentence),
            Cleaning::Canonical => canonical(&repaired(sentence).replace('_', " ")),
            Cleaning::Whitespace => spaced(&repaired(sentence)),
        };
        let encoding =
            self.inner.encode_fast(text, false).map_err(|error| ClipError::tokenize(sentence, error))?;
        let room = self.context_length.saturating_sub(1 + self.start.iter().len());
        let mut ids = Vec::with_capacity(self.context_length);
        ids.extend(self.start);
        ids.extend(encoding.get_ids().iter().take(room));
        ids.push(self.end);
        let missing = self.context_length.saturating_sub(ids.len());
        let padding = std::iter::repeat_n(self.pad, missing);
        if self.pads_left {
            return Ok(padding.chain(ids).collect());
        }
        ids.extend(padding);
        Ok(ids)
    }
}

/// A tokenizer as it was found in a directory.
pub(super) struct FoundTokenizer {
    /// The path for messages.
    pub path: std::path::PathBuf,
    pub tokenizer: Tokenizer,
    pub origin: String,
    pub notice: Option<String>,
    /// Whether it is a unigram model (Kudo, 2018) instead of byte-pair merges.
    pub is_unigram: bool,
}

/// Reads a `tokenizer.json`, without its padding and truncation.
pub(super) fn parsed(path: &Path, json: &[u8]) -> Result<Tokenizer, ClipError> {
    let mut tokenizer = Tokenizer::from_bytes(json)
        .map_err(|error| ClipError::file(path, format!("this isn't a tokenizer: {error}")))?;
    tokenizer.with_padding(None);
    tokenizer
        .with_truncation(None)
        .map_err(|error| ClipError::file(path, format!("this tokenizer cannot be used: {error}")))?;
    Ok(tokenizer)
}

/// Refuses a tokenizer whose ids don't correspond to the rows of the model's token embedding. A few unused
/// rows are harmless: some models are padded to a multiple of eight.
fn check_size(path: &Path, tokenizer: &Tokenizer, vocab_size: usize) -> Result<(), ClipError> {
    const PADDING: usize = 64;
    let ids = tokenizer.get_vocab(true).values().copied().max().map_or(0, |highest| highest as usize + 1);
    let is_padded = vocab_size.is_multiple_of(8) && ids < vocab_size && vocab_size - ids < PADDING;
    if ids == vocab_size || is_padded {
        return Ok(());
    }
    Err(ClipError::file(
        path,
        format!(
            "the tokenizer has ids up to {}, the model a vocabulary of {vocab_size}, so words would be taken for others; \
             take the two from the same model",
            ids.saturating_sub(1)
        ),
    ))
}

/// The id that transformers would pad with, if the directory says it.
fn pad_token(directory: &Path, tokenizer: &Tokenizer) -> Option<u32> {
    ["tokenizer_config.json", "special_tokens_map.json"].into_iter().find_map(|name| {
        let config = json_file(directory, name)?;
        let token = config.get("pad_token")?;
        let token = token.as_str().or_else(|| token.get("content")?.as_str())?;
        tokenizer.token_to_id(token)
    })
}

/// Whether transformers would pad on the left.
fn pads_left(directory: &Path) -> bool {
    let Some(config) = json_file(directory, "tokenizer_config.json") else { return false };
    match config.get("padding_side").and_then(Value::as_str) {
        Some(side) => side == "left",
        // The default of the class.
        None => config.get("tokenizer_class").and_then(Value::as_str) == Some("Siglip2Tokenizer"),
    }
}

fn json_file(directory: &Path, name: &str) -> Option<Value> {
    serde_json::from_str(&text_file::read(&directory.join(name)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenAI's whole vocabulary, which comes with Skysift, against the ids of both libraries.
    #[test]
    fn parity_with_both_libraries_on_the_whole_vocabulary() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/clip/openai_vocabulary");
        let bytes = std::fs::read(directory.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&bytes).unwrap();
        for (library, rules) in [("transformers", Rules::Transformers), ("open_clip", Rules::OpenClip)] {
            let wanted = Expected { context_length: 77, vocab_size: 49_408, rules, end: EndToken::IsHighest };
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
