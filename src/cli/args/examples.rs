//! What keywords mean by `@name`: crops by their numbers, and queries that were saved in the window.

use anyhow::bail;

use crate::cli::Like;
use crate::export::SavedQueries;
use crate::search::{Example, Expression, Query, example_name, unique_keywords};

/// Adds the crops that were given, the saved queries that keywords refer to, and a keyword for each crop that
/// none refers to.
///
/// # Errors
/// When a crop can't be read, or there is no query of a name.
pub fn add_examples(query: &mut Query, likes: &[Like]) -> anyhow::Result<()> {
    query.examples = Like::examples(likes)?;
    query.examples.extend(saved_examples(query)?);
    query.keywords.extend(unnamed_examples(query));
    query.keywords = unique_keywords(&query.keywords);
    Ok(())
}

/// The saved queries that keywords refer to; what is not among the examples must be one.
///
/// # Errors
/// When there is no query of a name.
pub fn saved_examples(query: &Query) -> anyhow::Result<Vec<Example>> {
    let mut names: Vec<String> = Vec::new();
    for keyword in &query.keywords {
        let Ok(expression) = Expression::parse(keyword) else { continue };
        for name in expression.phrases().filter_map(example_name) {
            let number = name.bytes().all(|letter| letter.is_ascii_digit());
            let known = names.iter().any(|known| known.eq_ignore_ascii_case(name));
            if !number && !known && query.example(name).is_none() {
                names.push(name.to_owned());
            }
        }
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (saved, errors) = SavedQueries::new(&SavedQueries::user_folder()).list();
    let find = |name: String| match saved.iter().find(|query| query.name.eq_ignore_ascii_case(&name)) {
        Some(found) => Ok(found.example()),
        None if saved.is_empty() => match errors.first() {
            Some(error) => bail!("there is no saved query @{name}; {error}"),
            None => bail!("there is no saved query @{name}; save one from a keyword's menu in the window"),
        },
        None => {
            let there: Vec<String> = saved.iter().map(|query| format!("@{}", query.name)).collect();
            bail!("there is no saved query @{name}; there are {}", there.join(", "))
        }
    };
    names.into_iter().map(find).collect()
}

/// Keywords for those examples that no keyword refers to.
fn unnamed_examples(query: &Query) -> Vec<String> {
    let expressions: Vec<Expression> =
        query.keywords.iter().filter_map(|keyword| Expression::parse(keyword).ok()).collect();
    let names = query.examples.iter().map(|example| format!("@{}", example.name));
    names
        .filter(|name| {
            !expressions.iter().any(|known| known.phrases().any(|phrase| phrase.eq_ignore_ascii_case(name)))
        })
        .collect()
}
