//! Files of prompt templates.

use std::path::Path;

use super::DatasetError;
use super::error::read_text;
use crate::search::PromptTemplate;

/// Reads templates from a text file: one per line, with `{}` for the word; `#` begins a comment.
///
/// # Errors
/// If the file can't be read, a line has no `{}`, or there is no template in it.
pub fn read_templates(path: &Path) -> Result<Vec<PromptTemplate>, DatasetError> {
    let mut templates = Vec::new();
    for (index, line) in read_text(path)?.lines().enumerate() {
        let template = line.split('#').next().unwrap_or_default().trim();
        if !template.is_empty() {
            let template = PromptTemplate::new(template)
                .map_err(|error| DatasetError::line(path, index + 1, error.to_string()))?;
            templates.push(template);
        }
    }
    if templates.is_empty() {
        return Err(DatasetError::NoTemplates { path: path.to_owned() });
    }
    Ok(templates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_line_with_comments() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("templates.txt");
        let read = |content: &str| {
            std::fs::write(&path, content).unwrap();
            read_templates(&path)
        };
        let templates = read("# ours\na photo of a {}\n\n  a {} from above # the best\n").unwrap();
        let texts: Vec<&str> = templates.iter().map(PromptTemplate::as_str).collect();
        assert_eq!(texts, ["a photo of a {}", "a {} from above"]);
        assert!(matches!(read("a {}\na photo\n").unwrap_err(), DatasetError::Line { line: 2, .. }));
        assert!(matches!(read("# nothing\n").unwrap_err(), DatasetError::NoTemplates { .. }));
    }
}
