//! Tensors on disk, read one at a time: safetensors (one file or shards) and PyTorch's pickles, which are
//! parsed and never executed.

pub mod files;
pub mod foreign;
pub mod layout;
pub mod loader;
pub mod problems;
pub mod saver;
pub mod timm;
pub mod wrapping;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ClipError;
use files::StoredTensor;
use wrapping::{ANCHORS, Wrapping, unwrapped};

/// The tensors of a checkpoint by name.
pub(crate) struct Weights {
    /// What messages name: the file, or the directory of several.
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
    /// Where the model lay inside the file, and what else lay there that could be one.
    wrapping: Wrapping,
    is_long_clip: bool,
}

#[derive(Clone)]
struct Entry {
    tensor: StoredTensor,
    /// Rows from [`LONG_CLIP_KEEPS`] on are those of another tensor.
    rest: Option<StoredTensor>,
}

/// Positions that Long-CLIP takes from its first table (Zhang et al., 2024, section 3.1,
/// <https://arxiv.org/abs/2403.15378>): they are well trained and stay as they were.
const LONG_CLIP_KEEPS: usize = 20;

impl Weights {
    /// Opens the files that together make one checkpoint. Reads names and shapes only.
    pub fn open(files: &[PathBuf]) -> Result<Self, ClipError> {
        let mut entries = BTreeMap::new();
        for file in files {
            let tensors = files::open(file)?;
            entries.extend(tensors.into_iter().map(|(name, tensor)| (name, Entry { tensor, rest: None })));
        }
        let path = match files {
            [file] => file.clone(),
            _ => files.first().and_then(|file| file.parent()).unwrap_or(Path::new("")).to_owned(),
        };
        let wrapping = Wrapping::of(entries.keys().map(String::as_str));
        let mut entries = unwrapped(entries, &wrapping.taken);
        let is_long_clip = fold_long_positions(&mut entries);
        Ok(Self { path, entries, wrapping, is_long_clip })
    }

    /// What a person should know of where the model lay in its file.
    pub fn notice(&self) -> Option<String> {
        if self.wrapping.others.is_empty() {
            return None;
        }
        let called = |prefix: &str| match prefix.strip_suffix('.') {
            None | Some("") => "the outermost one".to_owned(),
            Some(prefix) => format!("{prefix:?}"),
        };
        let others: Vec<String> = self.wrapping.others.iter().map(|prefix| called(prefix)).collect();
        let taken = called(&self.wrapping.taken);
        Some(format!(
            "{} holds several models: {taken} was loaded, not {}",
            self.path.display(),
            others.join(", ")
        ))
    }

    /// Whether the image tower of a kind that Skysift runs is there.
    pub fn holds_a_model(&self) -> bool {
        ANCHORS.iter().any(|anchor| self.entries.contains_key(*anchor))
    }

    /// Whether the sentences' positions are Long-CLIP's two tables, folded into one.
    pub fn is_long_clip(&self) -> bool {
        self.is_long_clip
    }

    /// The number of values in all tensors that are numbers of a model.
    pub fn parameters(&self) -> u64 {
        let floats =
            self.entries.values().map(|entry| &entry.tensor).filter(|tensor| tensor.kind().is_some());
        floats.map(|tensor| tensor.shape.iter().map(|side| *side as u64).product::<u64>()).sum()
    }

    /// The types of the tensors that are numbers of a model, the most frequent first.
    pub fn types(&self) -> Vec<&'static str> {
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        for kind in self.entries.values().filter_map(|entry| entry.tensor.kind()) {
            *counts.entry(kind.name()).or_default() += 1;
        }
        let mut types: Vec<_> = counts.into_iter().collect();
        types.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        types.into_iter().map(|(name, _)| name).collect()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| {
            let shaped = entry.rest.as_ref().unwrap_or(&entry.tensor);
            shaped.shape.as_slice()
        })
    }

    /// The values of a tensor row by row, whatever type the file has them in.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, ClipError> {
        let Some(entry) = self.entries.get(name) else {
            return Err(ClipError::file(&self.path, format!("the tensor {name} is missing")));
        };
        let mut values = entry.tensor.values(name)?;
        if let Some(rest) = &entry.rest {
            let kept = LONG_CLIP_KEEPS * rest.shape.last().copied().unwrap_or(0);
            values.truncate(kept);
            values.extend(rest.values(name)?.into_iter().skip(kept));
        }
        Ok(values)
    }
}

/// Makes one table of Long-CLIP's two. Returns whether they were there.
fn fold_long_positions(entries: &mut BTreeMap<String, Entry>) -> bool {
    const TABLE: &str = "positional_embedding";
    const REST: &str = "positional_embedding_res";
    let (Some(table), Some(rest)) = (entries.get(TABLE), entries.get(REST)) else { return false };
    let fits = matches!(
        (&table.tensor.shape[..], &rest.tensor.shape[..]),
        ([kept, width], [all, other]) if width == other && *kept >= LONG_CLIP_KEEPS && *all >= LONG_CLIP_KEEPS
    );
    if !fits {
        return false;
    }
    let folded = Entry { tensor: table.tensor.clone(), rest: Some(rest.tensor.clone()) };
    entries.remove(REST);
    entries.insert(TABLE.to_owned(), folded);
    true
}
