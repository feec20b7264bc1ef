//! What training scripts put around a model in its file, and how it is found inside.

use std::collections::BTreeMap;

/// Tensors that every model which Skysift runs has, one in each family of names.
pub(in crate::clip) const ANCHORS: [&str; 3] = [
    "visual.conv1.weight",
    "vision_model.embeddings.patch_embedding.weight",
    "visual.trunk.patch_embed.proj.weight",
];

/// What training scripts put around a model: `state_dict.` beside an optimiser's tensors, `module.` from
/// data-parallel training, `model.`, `student.` and more, one inside the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::clip) struct Wrapping {
    /// The beginning of the names of the model that is loaded.
    pub taken: String,
    /// Those of other models in the same file.
    pub others: Vec<String>,
}

impl Wrapping {
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut found: Vec<&str> = names
            .filter_map(|name| ANCHORS.iter().find_map(|anchor| name.strip_suffix(anchor)))
            .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
            .collect();
        // What was trained goes before its moving average, as `open_clip` loads it, and a teacher comes last.
        let rank = |prefix: &str| {
            let is = |part: &str| prefix.to_lowercase().contains(part);
            (is("teacher"), is("ema") || is("shadow") || is("average"), prefix.len())
        };
        found.sort_by_key(|prefix| rank(prefix));
        found.dedup();
        let mut found = found.into_iter().map(str::to_owned);
        let taken = found.next().unwrap_or_default();
        Self { taken, others: found.collect() }
    }
}

/// The tensors below a prefix, without it; and without the `text.` that `open_clip` puts before the names of
/// a text tower that is a model of its own.
pub(in crate::clip) fn unwrapped<T>(entries: BTreeMap<String, T>, prefix: &str) -> BTreeMap<String, T> {
    let text_is_apart = entries.contains_key(&format!("{prefix}text.token_embedding.weight"));
    entries
        .into_iter()
        .filter_map(|(name, entry)| {
            let name = name.strip_prefix(prefix)?;
            let bare = name.strip_prefix("text.").filter(|_| text_is_apart).unwrap_or(name);
            Some((bare.to_owned(), entry))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(names: &[&str]) -> (String, Vec<String>) {
        let wrapping = Wrapping::of(names.iter().copied());
        (wrapping.taken, wrapping.others)
    }

    #[test]
    fn the_model_is_found_however_deep_it_lies() {
        let clip = "visual.conv1.weight";
        for prefix in ["", "module.", "model.module.", "model_state_dict.", "a.b.c._orig_mod."] {
            let name = format!("{prefix}{clip}");
            let names = [name.as_str(), "optimizer.state.0.exp_avg", "epoch"];
            assert_eq!(taken(&names), (prefix.to_owned(), Vec::new()));
        }
        assert_eq!(taken(&["model.vision_model.embeddings.patch_embedding.weight"]).0, "model.");
        assert_eq!(taken(&["fc.weight"]), (String::new(), Vec::new()));
    }

    #[test]
    fn of_several_the_one_that_was_trained_is_taken() {
        let names = ["ema.visual.conv1.weight", "student.visual.conv1.weight", "teacher.visual.conv1.weight"];
        let others = vec!["ema.".to_owned(), "teacher.".to_owned()];
        assert_eq!(taken(&names), ("student.".to_owned(), others));
    }

    #[test]
    fn a_text_tower_of_its_own_loses_its_prefix() {
        let names =
            ["module.text.token_embedding.weight", "module.text.ln_final.bias", "module.logit_scale", "x"];
        let entries = names.map(|name| (name.to_owned(), ())).into_iter().collect();
        let found: Vec<String> = unwrapped(entries, "module.").into_keys().collect();
        assert_eq!(found, ["ln_final.bias", "logit_scale", "token_embedding.weight"]);
    }
}
