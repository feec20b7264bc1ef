//! SigLIP's tokenizers: `tokenizer.json`, or SentencePiece's own file, which is all that some models come
//! with (Kudo and Richardson, 2018, <https://arxiv.org/abs/1808.06226>).

use std::fs;
use std::path::Path;

use serde_json::Value;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{NormalizerWrapper, Precompiled, Replace, Sequence, Strip};
use tokenizers::pre_tokenizers::metaspace::{Metaspace, PrependScheme};
use tokenizers::{AddedToken, Tokenizer};

use super::{FoundTokenizer, parsed};
use crate::clip::ClipError;
use crate::text_file;

/// The tokenizer of a directory.
pub(in crate::clip) fn load(directory: &Path) -> Result<FoundTokenizer, ClipError> {
    let whole = directory.join("tokenizer.json");
    if whole.is_file() {
        let text = text_file::read(&whole).map_err(|source| ClipError::read(&whole, source))?;
        let tokenizer = parsed(&whole, text.as_bytes())?;
        let json: Option<Value> = serde_json::from_str(&text).ok();
        let kind = json.as_ref().and_then(|json| json.pointer("/model/type")).and_then(Value::as_str);
        let is_unigram = kind == Some("Unigram");
        if !is_unigram && kind != Some("BPE") {
            let kind = kind.unwrap_or("of unknown type");
            let reason =
                format!("this is a tokenizer of another kind of model ({kind}); take this model's own");
            return Err(ClipError::file(&whole, reason));
        }
        let origin = "tokenizer.json".to_owned();
        return Ok(FoundTokenizer { path: whole, tokenizer, origin, notice: None, is_unigram });
    }
    let pieces = directory.join("spiece.model");
    if pieces.is_file() {
        let bytes = fs::read(&pieces).map_err(|source| ClipError::read(&pieces, source))?;
        let tokenizer = from_pieces(&pieces, &bytes)?;
        let origin = "spiece.model".to_owned();
        return Ok(FoundTokenizer { path: pieces, tokenizer, origin, notice: None, is_unigram: true });
    }
    Err(ClipError::file(
        directory,
        "there is no tokenizer; put the model's tokenizer.json, or for the first SigLIP its spiece.model, here",
    ))
}

/// What Skysift needs of a SentencePiece model.
#[derive(Default)]
#[expect(clippy::struct_field_names, reason = "as the format calls them")]
struct Pieces {
    /// Each with its log probability and its kind.
    pieces: Vec<(String, f64, u64)>,
    /// 1 for a unigram model.
    model_type: u64,
    unknown: usize,
    has_bytes: bool,
    /// The table by which characters are normalised.
    character_map: Vec<u8>,
}

/// Kinds of pieces that aren't made from text (`sentencepiece_model.proto`).
const UNKNOWN: u64 = 2;
const CONTROL: u64 = 3;

/// A tokenizer of SentencePiece's model, as transformers' `SpmConverter` makes it.
fn from_pieces(path: &Path, bytes: &[u8]) -> Result<Tokenizer, ClipError> {
    let wrong = |reason: &str| {
        let reason = format!(
            "this isn't a SentencePiece model that Skysift reads: {reason}; take tokenizer.json instead"
        );
        ClipError::file(path, reason)
    };
    let model = Pieces::read(bytes).ok_or_else(|| wrong("it is damaged"))?;
    if model.model_type != 1 || model.pieces.is_empty() {
        return Err(wrong("it is no unigram model"));
    }
    let said = |error: &dyn std::fmt::Display| wrong(&error.to_string());
    let vocabulary = model.pieces.iter().map(|(piece, score, _)| (piece.clone(), *score)).collect();
    let unigram =
        Unigram::from(vocabulary, Some(model.unknown), model.has_bytes).map_err(|error| said(&error))?;
    let mut tokenizer = Tokenizer::new(unigram);
    let spaces = ReplacePattern::Regex(" {2,}".to_owned());
    let mut steps: Vec<NormalizerWrapper> = vec![
        Strip::new(false, true).into(),
        Replace::new(spaces, "\u{2581}").map_err(|error| said(&error))?.into(),
    ];
    if !model.character_map.is_empty() {
        let map = Precompiled::from(&model.character_map).map_err(|error| said(&error))?;
        steps.insert(0, map.into());
    }
    tokenizer.with_normalizer(Some(Sequence::new(steps)));
    tokenizer.with_pre_tokenizer(Some(Metaspace::new('\u{2581}', PrependScheme::Always, true)));
    let special: Vec<AddedToken> = model
        .pieces
        .iter()
        .filter(|(_, _, kind)| matches!(*kind, UNKNOWN | CONTROL))
        .map(|(piece, _, _)| AddedToken::from(piece.clone(), true))
        .collect();
    tokenizer.add_special_tokens(&special);
    Ok(tokenizer)
}

impl Pieces {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut model = Self { model_type: 1, ..Self::default() };
        let mut fields = Fields(bytes);
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Field::Bytes(piece)) => model.pieces.push(piece_of(piece)?),
                (2, Field::Bytes(trainer)) => {
                    let mut fields = Fields(trainer);
                    while let Some((number, value)) = fields.next()? {
                        match (number, value) {
                            (3, Field::Number(kind)) => model.model_type = kind,
                            (35, Field::Number(is)) => model.has_bytes = is != 0,
                            (40, Field::Number(id)) => model.unknown = usize::try_from(id).ok()?,
                            _ => {}
                        }
                    }
                }
                (3, Field::Bytes(normalizer)) => {
                    let mut fields = Fields(normalizer);
                    while let Some((number, value)) = fields.next()? {
                        if let (2, Field::Bytes(map)) = (number, value) {
                            model.character_map = map.to_vec();
                        }
                    }
                }
                _ => {}
            }
        }
        Some(model)
    }
}

fn piece_of(bytes: &[u8]) -> Option<(String, f64, u64)> {
    let (mut text, mut score, mut kind) = (String::new(), 0.0, 1);
    let mut fields = Fields(bytes);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Field::Bytes(piece)) => text = String::from_utf8(piece.to_vec()).ok()?,
            (2, Field::Float(value)) => score = f64::from(value),
            (3, Field::Number(value)) => kind = value,
            _ => {}
        }
    }
    Some((text, score, kind))
}

/// The fields of a protocol buffers message (<https://protobuf.dev/programming-guides/encoding/>).
struct Fields<'a>(&'a [u8]);

enum Field<'a> {
    Number(u64),
    Float(f32),
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    /// The next field with its number; an outer `None` if the bytes are damaged, an inner one at the end.
    #[expect(clippy::option_option, reason = "damage and the end are different")]
    fn next(&mut self) -> Option<Option<(u64, Field<'a>)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let key = self.number()?;
        let field = match key & 7 {
            0 => Field::Number(self.number()?),
            1 => {
                self.take(8)?;
                return Some(Some((0, Field::Number(0))));
            }
            2 => {
                let len = usize::try_from(self.number()?).ok()?;
                Field::Bytes(self.take(len)?)
            }
            5 => Field::Float(f32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        };
        Some(Some((key >> 3, field)))
    }

    /// A varint: seven bits per byte, the lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_files_end_in_a_sentence() {
        let path = Path::new("spiece.model");
        for bytes in [&[][..], &[0x0A], &[0x0A, 0xFF, 0xFF], &[0xFF; 40], b"not a model at all"] {
            let refused = from_pieces(path, bytes).err().unwrap().to_string();
            assert!(refused.contains("spiece.model") && refused.contains("tokenizer.json"), "{refused}");
        }
    }
}
