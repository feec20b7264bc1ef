//! How `open_clip` and SigLIP clean a text before it is tokenised.

use tokenizers::normalizers::{NFC, NFKC};
use tokenizers::{NormalizedString, Normalizer};

/// `open_clip`'s `basic_clean` and `whitespace_clean`, in lower case: HTML character references (the common
/// ones), curly quotes, ligatures and full-width characters, control characters, white space. `ftfy`'s repair
/// of wrongly decoded text is left out, since Skysift's windows and commands receive Unicode.
pub(in crate::clip) fn clean(text: &str) -> String {
    spaced(&repaired(text)).to_lowercase()
}

/// `open_clip`'s `basic_clean`.
pub(in crate::clip) fn repaired(text: &str) -> String {
    let once = unescape(text);
    let simple: String = once.chars().filter(|c| !is_control(*c)).map(simplified).collect();
    let composed = normalized(&simple, &NFC);
    unescape(&unescape(&composed))
}

/// One space between words, none around them.
pub(in crate::clip) fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as SigLIP was trained on it: lower case, without ASCII punctuation, with single spaces
/// (`big_vision/evaluators/proj/image_text/prompt_engineering.py`).
pub(in crate::clip) fn canonical(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_ascii_punctuation()).collect();
    spaced(&plain.to_lowercase())
}

/// What `ftfy` removes: control characters other than white space, and marks for the direction and start of a
/// text.
fn is_control(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c, '\u{206A}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFC}')
}

fn simplified(c: char) -> String {
    match c {
        '\u{2BC}' | '\u{2018}'..='\u{201B}' => "'".to_owned(),
        '\u{201C}'..='\u{201F}' => "\"".to_owned(),
        '\u{132}'
        | '\u{133}'
        | '\u{149}'
        | '\u{1C4}'..='\u{1CC}'
        | '\u{1F1}'..='\u{1F3}'
        | '\u{FB00}'..='\u{FB06}'
        | '\u{3000}'
        | '\u{FF01}'..='\u{FFEF}' => normalized(c.encode_utf8(&mut [0; 4]), &NFKC),
        other => other.to_string(),
    }
}

fn normalized(text: &str, form: &dyn Form) -> String {
    form.apply(text)
}

/// A Unicode normalisation form of the tokenizers crate.
trait Form {
    fn apply(&self, text: &str) -> String;
}

impl<N: Normalizer> Form for N {
    fn apply(&self, text: &str) -> String {
        let mut normalized = NormalizedString::from(text);
        match self.normalize(&mut normalized) {
            Ok(()) => normalized.get().to_owned(),
            Err(_) => text.to_owned(),
        }
    }
}

/// Replaces HTML character references: numeric ones, and names that occur outside HTML.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        if let Some((c, remaining)) = reference(after) {
            out.push(c);
            rest = remaining;
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The character that a reference stands for, given without its `&`, and the text after it.
fn reference(text: &str) -> Option<(char, &str)> {
    let (name, rest) = text.split_once(';')?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{A0}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((c, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_other_ampersands_kept() {
        assert_eq!(clean("Cars &amp; Boats"), "cars & boats");
        assert_eq!(clean("AT&T &#60;b&#x3E; & so;"), "at&t <b> & so;");
    }

    #[test]
    fn punctuation_goes_and_letters_of_any_script_stay() {
        assert_eq!(
            canonical("  A Photo, of the_HARBOR's 3.5 km²!\n港口。"),
            "a photo of theharbors 35 km² 港口。"
        );
    }

    #[test]
    fn quotes_ligatures_and_wide_letters_become_plain() {
        assert_eq!(clean("\u{201C}ﬁeld’s\u{201D}  ＡＢ\n c"), "\"field's\" ab c");
    }
}
