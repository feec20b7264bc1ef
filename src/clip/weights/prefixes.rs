//! The model inside what training scripts wrap around it, found by the prefixes of its tensors.

use std::collections::BTreeMap;

/// Tensors of which every model that Skysift runs has one: one for each family of names.
pub(in crate::clip) const ANCHORS: [&str; 3] = [
    "visual.conv1.weight",
    "vision_model.embeddings.patch_embedding.weight",
    "visual.trunk.patch_embed.proj.weight",
];

/// The prefix of the model to load. Training scripts put `state_dict.` beside an optimiser's tensors,
/// `module.` for data-parallel training, `model.`, `student.` and more, one inside the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::clip) struct ModelPrefix {
    /// The prefix of the model that is loaded.
    pub chosen: String,
    /// The prefixes of other models in the same file.
    pub others: Vec<String>,
}

impl ModelPrefix {
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut found: Vec<&str> = names
            .filter_map(|name| ANCHORS.iter().find_map(|anchor| name.strip_suffix(anchor)))
            .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
            .collect();
        // As in `open_clip`, the trained model comes before its moving average; a teacher comes last.
        let rank = |prefix: &str| {
            let is = |part: &str| prefix.to_lowercase().contains(part);
            (is("teacher"), is("ema") || is("shadow") || is("average"), prefix.len())
        };
        found.sort_by_key(|prefix| rank(prefix));
        found.dedup();
        let mut found = found.into_iter().map(str::to_owned);
        let chosen = found.next().unwrap_or_default();
        Self { chosen, others: found.collect() }
    }
}

/// The tensors with a prefix, without it, and without the `text.` that `open_clip` puts before the names of a
/// text tower that is a module of its own.
pub(in crate::clip) fn without_prefix<T>(entries: BTreeMap<String, T>, prefix: &str) -> BTreeMap<String, T> {
    let has_text_module = entries.contains_key(&format!("{prefix}text.token_embedding.weight"));
    entries
        .into_iter()
        .filter_map(|(name, entry)| {
            let name = name.strip_prefix(prefix)?;
            let bare = name.strip_prefix("text.").filter(|_| has_text_module).unwrap_or(name);
            Some((bare.to_owned(), entry))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(names: &[&str]) -> (String, Vec<String>) {
        let prefix = ModelPrefix::of(names.iter().copied());
        (prefix.chosen, prefix.others)
    }

    #[test]
    fn the_model_is_found_however_deep_it_lies() {
        let clip = "visual.conv1.weight";
        for prefix in ["", "module.", "model.module.", "model_state_dict.", "a.b.c._orig_mod."] {
            let name = format!("{prefix}{clip}");
            let names = [name.as_str(), "optimizer.state.0.exp_avg", "epoch"];
            assert_eq!(chosen(&names), (prefix.to_owned(), Vec::new()));
        }
        assert_eq!(chosen(&["model.vision_model.embeddings.patch_embedding.weight"]).0, "model.");
        assert_eq!(chosen(&["fc.weight"]), (String::new(), Vec::new()));
    }

    #[test]
    fn of_several_the_one_that_was_trained_is_taken() {
        let names = ["ema.visual.conv1.weight", "student.visual.conv1.weight", "teacher.visual.conv1.weight"];
        let others = vec!["ema.".to_owned(), "teacher.".to_owned()];
        assert_eq!(chosen(&names), ("student.".to_owned(), others));
    }

    #[test]
    fn a_text_tower_of_its_own_loses_its_prefix() {
        let names =
            ["module.text.token_embedding.weight", "module.text.ln_final.bias", "module.logit_scale", "x"];
        let entries = names.map(|name| (name.to_owned(), ())).into_iter().collect();
        let found: Vec<String> = without_prefix(entries, "module.").into_keys().collect();
        assert_eq!(found, ["ln_final.bias", "logit_scale", "token_embedding.weight"]);
    }
}
