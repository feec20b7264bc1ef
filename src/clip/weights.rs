//! Tensors on disk, read one at a time: safetensors (one file or shards) and PyTorch's pickles, which are
//! parsed and never executed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn_store::pytorch_reader;
use half::{bf16, f16};
use safetensors::tensor::Dtype;

use super::ClipError;

/// The tensors of a checkpoint by name.
pub(crate) struct Weights {
    /// What messages name: the file, or the directory of several.
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    file: Arc<PathBuf>,
    shape: Vec<usize>,
    place: Place,
}

/// Where the bytes are.
enum Place {
    /// Bytes of a safetensors file, counted from its beginning.
    Safetensors {
        dtype: Dtype,
        start: u64,
        len: usize,
    },
    Pytorch(pytorch_reader::Tensor),
}

impl Weights {
    /// Opens the files that together make one checkpoint. Reads names and shapes only.
    pub fn open(files: &[PathBuf]) -> Result<Self, ClipError> {
        let mut entries = BTreeMap::new();
        for file in files {
            let is_safetensors = file.extension().is_some_and(|extension| extension == "safetensors");
            let found = if is_safetensors { safetensors_entries(file)? } else { pytorch_entries(file)? };
            entries.extend(found);
        }
        let path = match files {
            [file] => file.clone(),
            _ => files.first().and_then(|file| file.parent()).unwrap_or(Path::new("")).to_owned(),
        };
        Ok(Self { path, entries: without_wrapping(entries) })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// The values of a tensor row by row, whatever type the file has them in.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, ClipError> {
        let Some(entry) = self.entries.get(name) else {
            return Err(ClipError::file(&self.path, format!("the tensor {name} is missing")));
        };
        let unknown = |dtype: &dyn fmt::Debug| {
            ClipError::file(
                &entry.file,
                format!("the tensor {name} has the type {dtype:?}, which isn't a float's"),
            )
        };
        match &entry.place {
            Place::Safetensors { dtype, start, len } => {
                let kind = match dtype {
                    Dtype::F16 => FloatKind::F16,
                    Dtype::BF16 => FloatKind::Bf16,
                    Dtype::F32 => FloatKind::F32,
                    Dtype::F64 => FloatKind::F64,
                    other => return Err(unknown(other)),
                };
                let bytes = read_range(&entry.file, *start, *len)
                    .map_err(|source| ClipError::read(&entry.file, source))?;
                Ok(floats(&bytes, kind))
            }
            Place::Pytorch(tensor) => {
                let kind = match tensor.dtype() {
                    pytorch_reader::DType::F16 => FloatKind::F16,
                    pytorch_reader::DType::BF16 => FloatKind::Bf16,
                    pytorch_reader::DType::F32 => FloatKind::F32,
                    pytorch_reader::DType::F64 => FloatKind::F64,
                    other => return Err(unknown(&other)),
                };
                let bytes = tensor.read().map_err(|source| ClipError::read(&entry.file, source))?;
                Ok(floats(&bytes, kind))
            }
        }
    }
}

/// Removes what training scripts wrap around a model: `state_dict.` beside an optimiser's tensors, and
/// `module.` from data-parallel training.
fn without_wrapping(mut entries: BTreeMap<String, Entry>) -> BTreeMap<String, Entry> {
    for prefix in ["state_dict.", "module.", "model."] {
        let wrapped = entries.keys().any(|name| name.starts_with(prefix));
        if wrapped {
            entries = entries
                .into_iter()
                .filter_map(|(name, entry)| Some((name.strip_prefix(prefix)?.to_owned(), entry)))
                .collect();
        }
    }
    entries
}

fn safetensors_entries(path: &Path) -> Result<BTreeMap<String, Entry>, ClipError> {
    /// The limit of the safetensors crate.
    const MOST_HEADER_BYTES: u64 = 100_000_000;
    let failed = |source| ClipError::read(path, source);
    let broken = |reason: &str| {
        ClipError::file(path, format!("this isn't a whole safetensors file: {reason}; download it again"))
    };
    let mut file = File::open(path).map_err(failed)?;
    let file_len = file.metadata().map_err(failed)?.len();
    let mut prefix = [0_u8; 8];
    file.read_exact(&mut prefix).map_err(|_| broken("it is shorter than its header"))?;
    let header_len = u64::from_le_bytes(prefix);
    if header_len > MOST_HEADER_BYTES || header_len > file_len.saturating_sub(8) {
        return Err(broken("it is shorter than its header"));
    }
    let mut header = vec![0; usize::try_from(header_len).unwrap_or_default()];
    file.read_exact(&mut header).map_err(failed)?;
    let metadata: safetensors::tensor::Metadata =
        serde_json::from_slice(&header).map_err(|error| broken(&error.to_string()))?;
    let data_start = 8 + header_len;
    if data_start.checked_add(metadata.data_len() as u64) != Some(file_len) {
        return Err(broken("its length differs from what its header says"));
    }
    let shared = Arc::new(path.to_owned());
    let mut entries = BTreeMap::new();
    for (name, info) in metadata.tensors() {
        let (start, end) = info.data_offsets;
        let bits = info.shape.iter().try_fold(info.dtype.bitsize(), |bits, &side| bits.checked_mul(side));
        let len =
            end.checked_sub(start).filter(|&len| end <= metadata.data_len() && len.checked_mul(8) == bits);
        let Some(len) = len else {
            return Err(broken(&format!("the place of the tensor {name} is impossible")));
        };
        let place = Place::Safetensors { dtype: info.dtype, start: data_start + start as u64, len };
        entries.insert(name, Entry { file: Arc::clone(&shared), shape: info.shape.clone(), place });
    }
    Ok(entries)
}

fn pytorch_entries(path: &Path) -> Result<BTreeMap<String, Entry>, ClipError> {
    if is_torchscript(path).map_err(|source| ClipError::read(path, source))? {
        return Err(ClipError::file(
            path,
            "this is a TorchScript archive, a program rather than plain weights; convert it once in Python with \
             torch.save(torch.jit.load(\"model.pt\", map_location=\"cpu\").state_dict(), \"weights.pt\") and open \
             weights.pt with --arch",
        ));
    }
    let reader = pytorch_reader::PytorchReader::new(path).map_err(|error| match error {
        pytorch_reader::PytorchError::Io(source) if source.kind() == std::io::ErrorKind::NotFound => {
            ClipError::read(path, source)
        }
        error => ClipError::file(
            path,
            format!("this isn't a PyTorch checkpoint that Skysift can read: {error}; download it again or save it as safetensors"),
        ),
    })?;
    let shared = Arc::new(path.to_owned());
    let entry = |(name, tensor): (String, pytorch_reader::Tensor)| {
        let shape = tensor.shape().to_vec();
        (name, Entry { file: Arc::clone(&shared), shape, place: Place::Pytorch(tensor) })
    };
    Ok(reader.into_tensors().into_iter().map(entry).collect())
}

/// Whether a file is one of `torch.jit.save`'s archives: a zip whose directory, at its end, lists
/// `constants.pkl`, which `torch.save` never writes.
fn is_torchscript(path: &Path) -> std::io::Result<bool> {
    const DIRECTORY_BYTES: u64 = 1 << 20;
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    let mut magic = Vec::new();
    file.by_ref().take(4).read_to_end(&mut magic)?;
    if magic != b"PK\x03\x04" {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(len.saturating_sub(DIRECTORY_BYTES)))?;
    let mut tail = Vec::new();
    file.take(DIRECTORY_BYTES).read_to_end(&mut tail)?;
    Ok(tail.windows(14).any(|bytes| bytes == b"/constants.pkl"))
}

fn read_range(path: &Path, start: u64, len: usize) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = vec![0; len];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[derive(Clone, Copy)]
enum FloatKind {
    F16,
    Bf16,
    F32,
    F64,
}

/// Little-endian bytes as single-precision numbers.
fn floats(bytes: &[u8], kind: FloatKind) -> Vec<f32> {
    match kind {
        FloatKind::F16 => chunks(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
        FloatKind::Bf16 => chunks(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        FloatKind::F32 => chunks(bytes, f32::from_le_bytes),
        FloatKind::F64 => chunks(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
    }
}

fn chunks<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| convert(*chunk)).collect()
}

/// How weights differ from what the configuration asks for, all of it.
#[derive(Debug, Default)]
pub struct WeightProblems {
    /// The file, or the directory of several.
    pub path: PathBuf,
    /// Tensors that the model needs and the file lacks.
    pub missing: BTreeSet<String>,
    /// Tensors that the file has and the model doesn't know.
    pub surplus: BTreeSet<String>,
    /// Tensors of another shape, with the shape they have and the one they need.
    pub misshaped: BTreeMap<String, (Vec<usize>, Vec<usize>)>,
}

impl WeightProblems {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty() && self.misshaped.is_empty()
    }
}

impl fmt::Display for WeightProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let misshaped: Vec<String> = self
            .misshaped
            .iter()
            .map(|(name, (found, wanted))| format!("{name} ({found:?} instead of {wanted:?})"))
            .collect();
        let parts: Vec<String> = [
            ("missing", self.missing.iter().map(String::as_str).collect::<Vec<_>>()),
            ("surplus", self.surplus.iter().map(String::as_str).collect()),
            ("of the wrong shape", misshaped.iter().map(String::as_str).collect()),
        ]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what}: {}", listed(&names)))
        .collect();
        write!(
            f,
            "{}: the weights don't fit the configuration, take the two from the same model ({})",
            self.path.display(),
            parts.join("; ")
        )
    }
}

impl std::error::Error for WeightProblems {}

/// The first names; of a model that is wholly different, hundreds are no help.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 20;
    let shown = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
