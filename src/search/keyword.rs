//! When two keywords are one: they may differ in letter case, in spaces, and in how letters with marks are
//! put together.

use std::collections::HashSet;
use std::fmt::Write as _;

use icu_normalizer::ComposingNormalizerBorrowed;

use super::expression::Expression;

/// Characters without a width that come with copied text.
const INVISIBLE: [char; 3] = ['\u{200b}', '\u{2060}', '\u{feff}'];

/// A keyword as it was typed, but for spaces around it and runs of them within.
#[must_use]
pub fn tidy_keyword(text: &str) -> String {
    let visible = text.replace(INVISIBLE, "");
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A form that keywords share if and only if they are one. It is for comparing, not for reading.
#[must_use]
pub fn folded_keyword(keyword: &str) -> String {
    let Ok(expression) = Expression::parse(keyword) else { return folded(keyword) };
    let mut form = String::new();
    for alternative in &expression.alternatives {
        form.push('|');
        for term in alternative {
            // Writing to a string does not fail.
            let _ = write!(form, "{}*{};", term.weight, folded(&term.phrase));
        }
    }
    form
}

/// Keywords, each once, as it was spelt first.
#[must_use]
pub fn unique_keywords(keywords: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    keywords.iter().filter(|keyword| seen.insert(folded_keyword(keyword))).cloned().collect()
}

/// A phrase in composed letters (NFC) without case: to capitals first, so that ß and ss, or σ and ς, are one,
/// too.
pub(crate) fn folded(phrase: &str) -> String {
    let composed = |text: &str| ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned();
    composed(&composed(&tidy_keyword(phrase)).to_uppercase().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_makes_no_second_keyword() {
        for (one, other) in [
            ("harbor", " Harbor\u{a0} "),
            ("railway station", "Railway \t STATION"),
            ("depôt", "depo\u{302}t"),
            ("Straße", "STRASSE"),
            ("ΛΙΜΗΝ ΟΔΟΣ", "λιμην οδος"),
            ("港口", "\u{feff}港口"),
            ("harbor + ships", "Harbor  +  Ships"),
            ("0.5*beach", "0.50 * Beach"),
            ("ship|boat", "Ship | BOAT"),
        ] {
            assert_eq!(folded_keyword(one), folded_keyword(other), "{one:?} {other:?}");
        }
        for (one, other) in [
            ("harbor", "harbors"),
            ("depot", "depôt"),
            ("a + b", "a - b"),
            ("a + b", "a | b"),
            ("a", "2*a"),
            ("railwaystation", "railway station"),
        ] {
            assert_ne!(folded_keyword(one), folded_keyword(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn the_first_spelling_stays() {
        let typed = ["Harbor", "beach", "harbor", "HARBOR ", "a +"].map(str::to_owned);
        assert_eq!(unique_keywords(&typed), ["Harbor", "beach", "a +"]);
        assert_eq!(tidy_keyword("  Railway \u{3000} station\u{200b}\n"), "Railway station");
    }
}
