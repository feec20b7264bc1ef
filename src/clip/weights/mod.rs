//! Tensors on disk.
//!
//! - this file: the tensors of a checkpoint by name
//! - [`formats`]: the file formats they are read from
//! - [`floats`]: their numbers, copied to what layers take
//! - [`prefixes`]: the model inside what training scripts wrap around it
//! - [`layout`]: the names of tensors
//! - [`loader`]: from tensors to layers
//! - [`saver`]: from layers to tensors
//! - [`problems`]: how weights differ from a configuration
//! - [`timm`]: image towers that are known by timm's names
//! - [`unsupported`]: models that Skysift doesn't run, and what to take instead

pub mod floats;
pub mod formats;
pub mod layout;
pub mod loader;
pub mod prefixes;
pub mod problems;
pub mod saver;
pub mod timm;
pub mod unsupported;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::Sha256;

use super::ClipError;
use floats::StoredFloats;
use formats::{StoredTensor, WeightFile};
use prefixes::{ANCHORS, ModelPrefix, without_prefix};

/// The tensors of a checkpoint by name.
pub(crate) struct Weights {
    /// The path for messages: of the file, or of the directory of several.
    path: PathBuf,
    files: Vec<Arc<WeightFile>>,
    tensors: BTreeMap<String, CheckpointTensor>,
    /// Where the model lies in its file, and where other models do.
    prefix: ModelPrefix,
    is_long_clip: bool,
}

#[derive(Clone)]
struct CheckpointTensor {
    stored: StoredTensor,
    /// The tensor that rows from [`LONG_CLIP_KEEPS`] on are taken from, if it is another.
    rest: Option<StoredTensor>,
}

/// Positions that Long-CLIP keeps from CLIP's table, since they are well trained (Zhang et al., 2024, section
/// 3.1, <https://arxiv.org/abs/2403.15378>).
const LONG_CLIP_KEEPS: usize = 20;

impl Weights {
    /// Opens the files of a checkpoint. Reads names and shapes only.
    pub fn open(paths: &[PathBuf]) -> Result<Self, ClipError> {
        let mut files = Vec::new();
        let mut tensors = BTreeMap::new();
        for path in paths {
            let file = Arc::new(WeightFile::open(path)?);
            let of_file = formats::tensors_of(&file)?.into_iter();
            tensors.extend(of_file.map(|(name, stored)| (name, CheckpointTensor { stored, rest: None })));
            files.push(file);
        }
        let path = match paths {
            [file] => file.clone(),
            _ => paths.first().and_then(|path| path.parent()).unwrap_or(Path::new("")).to_owned(),
        };
        let prefix = ModelPrefix::of(tensors.keys().map(String::as_str));
        let mut tensors = without_prefix(tensors, &prefix.chosen);
        let is_long_clip = merge_long_clip_positions(&mut tensors);
        Ok(Self { path, files, tensors, prefix, is_long_clip })
    }

    /// What a person should know if the file holds several models.
    pub fn notice(&self) -> Option<String> {
        if self.prefix.others.is_empty() {
            return None;
        }
        let name = |prefix: &str| match prefix.strip_suffix('.') {
            None | Some("") => "the outermost one".to_owned(),
            Some(prefix) => format!("{prefix:?}"),
        };
        let others: Vec<String> = self.prefix.others.iter().map(|prefix| name(prefix)).collect();
        let chosen = name(&self.prefix.chosen);
        Some(format!(
            "{} holds several models: {chosen} was loaded, not {}",
            self.path.display(),
            others.join(", ")
        ))
    }

    /// Whether there is an image tower of a kind that Skysift runs.
    pub fn holds_a_model(&self) -> bool {
        ANCHORS.iter().any(|anchor| self.tensors.contains_key(*anchor))
    }

    /// Whether the positional embedding of the text tower was merged from Long-CLIP's two tables.
    pub fn is_long_clip(&self) -> bool {
        self.is_long_clip
    }

    /// The number of values in all float tensors.
    pub fn parameters(&self) -> u64 {
        let floats =
            self.tensors.values().map(|tensor| &tensor.stored).filter(|tensor| tensor.kind().is_some());
        floats.map(|tensor| tensor.shape.iter().map(|side| *side as u64).product::<u64>()).sum()
    }

    /// The types of all float tensors, the most frequent first.
    pub fn types(&self) -> Vec<&'static str> {
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        for kind in self.tensors.values().filter_map(|tensor| tensor.stored.kind()) {
            *counts.entry(kind.name()).or_default() += 1;
        }
        let mut types: Vec<_> = counts.into_iter().collect();
        types.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        types.into_iter().map(|(name, _)| name).collect()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| {
            let shaped = tensor.rest.as_ref().unwrap_or(&tensor.stored);
            shaped.shape.as_slice()
        })
    }

    /// Adds all bytes of the files to a hash.
    pub fn hash_into(&self, hash: &mut Sha256) -> Result<(), ClipError> {
        self.files.iter().try_for_each(|file| file.hash_into(hash))
    }

    /// The numbers of a tensor row by row, in as many parts as it has in the files.
    pub(in crate::clip) fn floats(&self, name: &str) -> Result<Vec<StoredFloats>, ClipError> {
        let Some(tensor) = self.tensors.get(name) else {
            return Err(ClipError::file(&self.path, format!("the tensor {name} is missing")));
        };
        let mut table = tensor.stored.floats(name)?;
        let Some(rest) = &tensor.rest else { return Ok(vec![table]) };
        let kept = LONG_CLIP_KEEPS * rest.shape.last().copied().unwrap_or(0);
        table.split_off(kept);
        Ok(vec![table, rest.floats(name)?.split_off(kept)])
    }
}

/// Merges Long-CLIP's two tables of positions into one. Returns whether there were two.
fn merge_long_clip_positions(tensors: &mut BTreeMap<String, CheckpointTensor>) -> bool {
    const TABLE: &str = "positional_embedding";
    const REST: &str = "positional_embedding_res";
    let (Some(table), Some(rest)) = (tensors.get(TABLE), tensors.get(REST)) else { return false };
    let fits = matches!(
        (&table.stored.shape[..], &rest.stored.shape[..]),
        ([kept, width], [all, other]) if width == other && *kept >= LONG_CLIP_KEEPS && *all >= LONG_CLIP_KEEPS
    );
    if !fits {
        return false;
    }
    let merged = CheckpointTensor { stored: table.stored.clone(), rest: Some(rest.stored.clone()) };
    tensors.remove(REST);
    tensors.insert(TABLE.to_owned(), merged);
    true
}
