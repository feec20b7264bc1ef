//! What a person may type as one keyword: a phrase, a sum of phrases, or several ways to say the same.
//!
//! `harbor + ships - beach` is a sum, `0.5*beach` or `2:night` a phrase with a weight, `ship | boat | vessel`
//! are synonyms. Sums and the form `2:night` are those of rclip
//! (<https://github.com/yurijmikhalevich/rclip>). Adding embeddings is what CLIP itself does to average
//! several prompts (Radford et al. 2021, section 3.1.4).

use super::query::example_name;

/// A part of a sum whose norm is below this share of its terms' is what rounding left of nothing.
const NOTHING: f64 = 1e-6;

/// Why a keyword can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("a keyword needs at least one word")]
    Empty,
    #[error("a phrase is missing beside | in \"{keyword}\"")]
    NoAlternative { keyword: String },
    #[error("a phrase is missing beside an operator or a weight in \"{keyword}\"")]
    NoPhrase { keyword: String },
    #[error("at least one weight in \"{keyword}\" must differ from 0")]
    OnlyZeros { keyword: String },
    #[error("the weight \"{weight}\" isn't a finite number; write for example 0.5*beach")]
    Weight { weight: String },
}

/// A keyword, taken apart. There is always at least one alternative, and each has at least one term.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// What stands between `|`; a window is as good as its best alternative.
    pub alternatives: Vec<Vec<Term>>,
}

/// A phrase and how much it counts; the weight is finite, below zero for what isn't wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub phrase: String,
    pub weight: f32,
}

impl Expression {
    /// Reads alternatives joined by `|`, each a sum of phrases joined by `+` and `-`. Both need a space on
    /// either side, so that "semi-arid" and "C++ building" stay phrases; only before the first phrase `-` may
    /// stand alone. A number before `*` or `:` is a weight. A phrase keeps its spelling and inner spaces.
    ///
    /// # Errors
    /// When a phrase is missing, a weight isn't a finite number, or nothing in a sum counts.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.trim().is_empty() {
            return Err(ExpressionError::Empty);
        }
        let alternatives: Result<Vec<_>, ExpressionError> =
            text.split('|').map(|part| sum(part, text)).collect();
        Ok(Self { alternatives: alternatives? })
    }

    /// All phrases in the order in which they were typed; one that occurs twice comes twice.
    pub fn phrases(&self) -> impl Iterator<Item = &str> {
        self.alternatives.iter().flatten().map(|term| term.phrase.as_str())
    }

    /// The phrase, when it is the only one and has the weight 1: such a keyword needs no arithmetic.
    #[must_use]
    pub fn is_plain(&self) -> Option<&str> {
        match self.alternatives.as_slice() {
            [terms] => match terms.as_slice() {
                [term] if term.weight == 1.0 => Some(&term.phrase),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The phrases that a keyword is put together from, without names of examples; none where it can't be
/// understood.
#[must_use]
pub fn own_phrases(keyword: &str) -> Vec<String> {
    let Ok(expression) = Expression::parse(keyword) else { return Vec::new() };
    expression.phrases().filter(|phrase| example_name(phrase).is_none()).map(str::to_owned).collect()
}

/// Reads one alternative; `whole` is the keyword that it belongs to, for messages.
fn sum(text: &str, whole: &str) -> Result<Vec<Term>, ExpressionError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ExpressionError::NoAlternative { keyword: whole.trim().to_owned() });
    }
    let (mut sign, text) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let mut terms = Vec::new();
    let mut start = 0;
    for (at, operator) in operators(text) {
        terms.push(term(&text[start..at], sign, whole)?);
        sign = if operator == '-' { -1.0 } else { 1.0 };
        start = at + operator.len_utf8();
    }
    terms.push(term(&text[start..], sign, whole)?);
    if terms.iter().all(|term| term.weight == 0.0) {
        return Err(ExpressionError::OnlyZeros { keyword: whole.trim().to_owned() });
    }
    Ok(terms)
}

/// Where `+` and `-` stand alone: byte offset and sign.
fn operators(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut previous = ' ';
    text.char_indices().filter(move |&(at, sign)| {
        let alone = |neighbour: Option<char>| neighbour.is_none_or(char::is_whitespace);
        let before = std::mem::replace(&mut previous, sign);
        matches!(sign, '+' | '-') && alone(Some(before)) && alone(text[at + 1..].chars().next())
    })
}

/// Reads a phrase with the weight before it, if any.
fn term(text: &str, sign: f32, whole: &str) -> Result<Term, ExpressionError> {
    let (weight, phrase) = match text.split_once(['*', ':']) {
        Some((number, phrase)) => match weight(number.trim())? {
            Some(weight) => (weight, phrase),
            None => (1.0, text),
        },
        None => (1.0, text),
    };
    let phrase = phrase.trim();
    if phrase.is_empty() {
        return Err(ExpressionError::NoPhrase { keyword: whole.trim().to_owned() });
    }
    Ok(Term { phrase: phrase.to_owned(), weight: sign * weight })
}

/// The weight that `text` spells; `None` when it is a word and so belongs to the phrase.
fn weight(text: &str) -> Result<Option<f32>, ExpressionError> {
    let numeric = text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '.' | '+' | '-'))
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | 'e' | 'E'));
    match text.parse::<f32>() {
        Ok(weight) if weight.is_finite() => Ok(Some(weight)),
        Err(_) if !numeric => Ok(None),
        _ => Err(ExpressionError::Weight { weight: text.to_owned() }),
    }
}

/// The sum of embeddings times their weights, L2-normalised, `len` values; all zeros when the terms cancel
/// out. Each embedding has `len` values; the sum is taken in f64, so that no finite weight overflows.
pub fn combine<'a>(terms: impl Iterator<Item = (f32, &'a [f32])>, len: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f64; len];
    let mut most = 0.0;
    for (weight, embedding) in terms {
        let weight = f64::from(weight);
        let mut squares = 0.0;
        for (sum, &value) in sum.iter_mut().zip(embedding) {
            let part = weight * f64::from(value);
            *sum += part;
            squares += part * part;
        }
        most += squares.sqrt();
    }
    let norm = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
    // Written so that a sum which isn't a number becomes zeros, too.
    if norm.is_finite() && norm > NOTHING * most {
        sum.iter().map(|value| (value / norm) as f32).collect()
    } else {
        vec![0.0; len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The terms of a keyword: alternatives by "|", terms as weight and phrase.
    fn read(text: &str) -> String {
        let terms = |terms: &Vec<Term>| {
            terms.iter().map(|t| format!("{}*{}", t.weight, t.phrase)).collect::<Vec<_>>().join(";")
        };
        Expression::parse(text).unwrap().alternatives.iter().map(terms).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn sums_weights_and_synonyms() {
        assert_eq!(read("harbor + ships - beach"), "1*harbor;1*ships;-1*beach");
        assert_eq!(read("city - 0.5*beach + 2:night"), "1*city;-0.5*beach;2*night");
        assert_eq!(read(" ship|boat | sea vessel "), "1*ship|1*boat|1*sea vessel");
        assert_eq!(read("2 * oil tank | port - 3 : fog"), "2*oil tank|1*port;-3*fog");
        assert_eq!(read("- beach + sea"), "-1*beach;1*sea");
        assert_eq!(read("-beach"), "-1*beach");
        assert_eq!(read("a + -.5*b"), "1*a;-0.5*b");
        assert_eq!(read("1e-1*x"), "0.1*x");
    }

    #[test]
    fn signs_inside_words_are_letters() {
        for phrase in ["semi-arid", "C++ building", "a+b", "river -delta", "road+ rail", "two  spaces"] {
            assert_eq!(Expression::parse(phrase).unwrap().is_plain(), Some(phrase), "{phrase}");
        }
        assert_eq!(read("ville: port"), "1*ville: port");
        assert_eq!(read("star*gate"), "1*star*gate");
        assert_eq!(read("été\u{a0}+\u{a0}plage - forêt"), "1*été;1*plage;-1*forêt");
    }

    #[test]
    fn only_a_single_phrase_of_weight_one_is_plain() {
        assert_eq!(Expression::parse("  railway station ").unwrap().is_plain(), Some("railway station"));
        assert_eq!(Expression::parse("1*pier").unwrap().is_plain(), Some("pier"));
        for other in ["a + b", "a | b", "2*a", "- a"] {
            assert_eq!(Expression::parse(other).unwrap().is_plain(), None, "{other}");
        }
    }

    #[test]
    fn phrases_come_in_the_order_typed() {
        let expression = Expression::parse("a + b | c - a").unwrap();
        assert_eq!(expression.phrases().collect::<Vec<_>>(), ["a", "b", "c", "a"]);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (text, part) in [
            ("", "at least one word"),
            ("  ", "at least one word"),
            ("-", "missing"),
            ("|", "missing beside |"),
            ("a | | b", "missing beside |"),
            ("a + + b", "missing"),
            ("+ a", "missing"),
            ("a -", "missing"),
            ("0.5*", "missing"),
            ("inf*beach", "finite"),
            ("NaN:beach", "finite"),
            ("1e99*beach", "finite"),
            ("1.2.3*beach", "finite"),
            ("0*beach", "differ from 0"),
        ] {
            let error = Expression::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_combination_is_the_normalised_sum() {
        let (a, b): (&[f32], &[f32]) = (&[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0]);
        assert_eq!(combine([(3.0, a), (-4.0, b)].into_iter(), 3), [0.6, -0.8, 0.0]);
        assert_eq!(combine([(f32::MAX, a), (f32::MAX, a)].into_iter(), 3), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn terms_that_cancel_out_leave_zeros() {
        let a: &[f32] = &[0.6, 0.8];
        assert_eq!(combine([(1.0, a), (-1.0, a)].into_iter(), 2), [0.0, 0.0]);
        // In binary these weights add up to nearly, not exactly, zero.
        assert_eq!(combine([(1.0, a), (0.1, a), (-1.1, a)].into_iter(), 2), [0.0, 0.0]);
        assert_eq!(combine(std::iter::empty(), 2), [0.0, 0.0]);
    }
}
