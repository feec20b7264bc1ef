//! The forms of an English word that are one: singular and plural, apart or together, British and American.
//! And how far two spellings are from each other.

/// Words whose American spelling follows no rule below.
const AMERICAN: [(&str, &str); 7] = [
    ("aeroplane", "airplane"),
    ("defence", "defense"),
    ("grey", "gray"),
    ("licence", "license"),
    ("plough", "plow"),
    ("storey", "story"),
    ("tyre", "tire"),
];

/// Forms of which two spellings of a word share one: harbor and Harbours, beach and beaches, storage-tank and
/// storage tanks, tennis court and tenniscourts. The forms themselves aren't English. None for no letters.
pub fn forms(word: &str) -> Vec<String> {
    let parts: Vec<String> = word
        .split(|letter: char| letter.is_whitespace() || matches!(letter, '-' | '_' | '\u{2010}' | '\u{2011}'))
        .filter(|part| !part.is_empty())
        .map(str::to_lowercase)
        .collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let stems: String = parts.iter().map(|part| stem(part)).collect();
    let mut forms = vec![parts.join(" "), stems];
    let together = stem(&parts.concat());
    if !forms.contains(&together) {
        forms.push(together);
    }
    forms
}

/// A lower-case word without what makes it a plural, in American spelling.
fn stem(part: &str) -> String {
    let part = part.strip_suffix('s').unwrap_or(part);
    let american =
        AMERICAN.iter().find(|(british, _)| *british == part).map_or(part, |(_, american)| *american);
    if let Some(start) = american.strip_suffix("our").filter(|start| start.chars().count() > 2) {
        return format!("{start}or");
    }
    if let Some(start) = american.strip_suffix("tre") {
        return format!("{start}ter");
    }
    let part = american.strip_suffix('e').unwrap_or(american);
    for (end, instead) in [("y", "i"), ("v", "f")] {
        if let Some(start) = part.strip_suffix(end) {
            return format!("{start}{instead}");
        }
    }
    part.to_owned()
}

/// How many letters are missing, too many, others, or have changed places with the next; over `most` it is
/// only known to be more.
pub fn distance(a: &str, b: &str, most: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > most {
        return most + 1;
    }
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (row, letter) in a.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in b.iter().enumerate() {
            let changed = last[column] + usize::from(letter != other);
            let mut least = changed.min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && a[row - 1] == *other && b[column - 1] == *letter {
                least = least.min(before_last.get(column - 1).map_or(usize::MAX, |known: &usize| known + 1));
            }
            next.push(least);
        }
        before_last = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_meet() {
        let meet = |a: &str, b: &str| forms(a).iter().any(|form| forms(b).contains(form));
        for (a, b) in [
            ("harbor", "Harbours"),
            ("beach", "beaches"),
            ("factory", "factories"),
            ("wharf", "wharves"),
            ("city centre", "City-Center"),
            ("storage tank", "storagetanks"),
            ("tennis court", "tenniscourts"),
            ("air port", "airport"),
        ] {
            assert!(meet(a, b), "{a}, {b}");
        }
        for (a, b) in [("tank", "storage tank"), ("port", "sport"), ("", "x"), ("for", "four")] {
            assert!(!meet(a, b), "{a}, {b}");
        }
    }

    #[test]
    fn letters_that_changed_places_are_one_slip() {
        assert_eq!(distance("runwya", "runway", 2), 1);
        assert_eq!(distance("harbr", "harbor", 2), 1);
        assert_eq!(distance("kitten", "sitting", 3), 3);
        assert_eq!(distance("", "abc", 2), 3);
    }
}
