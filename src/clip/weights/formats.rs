//! The file formats of tensors: safetensors, and PyTorch's pickles, which are parsed and never executed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn_store::pytorch_reader;
use bytes::Bytes;
use safetensors::tensor::Dtype;
use sha2::{Digest, Sha256};

use super::floats::{FloatKind, StoredFloats};
use super::unsupported;
use crate::clip::ClipError;
use crate::mapped_file;

/// A file of weights, open, so that it stays the same one even if another takes its name.
pub(in crate::clip) struct WeightFile {
    path: PathBuf,
    file: File,
}

impl WeightFile {
    pub fn open(path: &Path) -> Result<Self, ClipError> {
        let file = File::open(path).map_err(|error| ClipError::read(path, error))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Adds all its bytes to a hash.
    pub fn hash_into(&self, hash: &mut Sha256) -> Result<(), ClipError> {
        /// Bytes that are in memory at a time.
        const PIECE: u64 = 16 << 20;
        let failed = |error| ClipError::read(&self.path, error);
        let len = self.file.metadata().map_err(failed)?.len();
        for start in (0..len).step_by(PIECE as usize) {
            let piece = start..len.min(start + PIECE);
            hash.update(&mapped_file::map_ahead(&self.file, piece).map_err(failed)?);
        }
        Ok(())
    }
}

/// A tensor in a file.
#[derive(Clone)]
pub(in crate::clip) struct StoredTensor {
    file: Arc<WeightFile>,
    pub shape: Vec<usize>,
    place: Place,
}

/// Where a tensor's bytes are.
#[derive(Clone)]
enum Place {
    /// In a safetensors file.
    Safetensors { dtype: Dtype, part: Range<u64> },
    /// In an archive of PyTorch's, whose checksums its reader looks at.
    Pytorch(pytorch_reader::Tensor),
}

impl StoredTensor {
    /// The type of its numbers; `None` unless they are floats.
    pub fn kind(&self) -> Option<FloatKind> {
        match &self.place {
            Place::Safetensors { dtype, .. } => match dtype {
                Dtype::F16 => Some(FloatKind::F16),
                Dtype::BF16 => Some(FloatKind::Bf16),
                Dtype::F32 => Some(FloatKind::F32),
                Dtype::F64 => Some(FloatKind::F64),
                _ => None,
            },
            Place::Pytorch(tensor) => match tensor.dtype() {
                pytorch_reader::DType::F16 => Some(FloatKind::F16),
                pytorch_reader::DType::BF16 => Some(FloatKind::Bf16),
                pytorch_reader::DType::F32 => Some(FloatKind::F32),
                pytorch_reader::DType::F64 => Some(FloatKind::F64),
                _ => None,
            },
        }
    }

    /// Its numbers row by row, as they are in the file.
    pub fn floats(&self, name: &str) -> Result<StoredFloats, ClipError> {
        let Some(kind) = self.kind() else {
            let dtype = match &self.place {
                Place::Safetensors { dtype, .. } => format!("{dtype:?}"),
                Place::Pytorch(tensor) => format!("{:?}", tensor.dtype()),
            };
            return Err(ClipError::file(
                &self.file.path,
                format!("the tensor {name} has the type {dtype}, which isn't a float's"),
            ));
        };
        let bytes = match &self.place {
            Place::Safetensors { part, .. } => {
                mapped_file::map_ahead(&self.file.file, part.clone()).map(Bytes::from_owner)
            }
            Place::Pytorch(tensor) => tensor.read().map(Bytes::from),
        };
        Ok(StoredFloats::new(bytes.map_err(|error| ClipError::read(&self.file.path, error))?, kind))
    }
}

/// The tensors of a file by name. Their numbers aren't read yet.
pub(in crate::clip) fn tensors_of(
    file: &Arc<WeightFile>,
) -> Result<BTreeMap<String, StoredTensor>, ClipError> {
    unsupported::refuse_file(&file.path)?;
    let is_safetensors = file.path.extension().is_some_and(|extension| extension == "safetensors");
    if is_safetensors { safetensors_entries(file) } else { pytorch_entries(file) }
}

fn safetensors_entries(shared: &Arc<WeightFile>) -> Result<BTreeMap<String, StoredTensor>, ClipError> {
    /// The safetensors crate's limit.
    const MOST_HEADER_BYTES: u64 = 100_000_000;
    let path = &shared.path;
    let failed = |source| ClipError::read(path, source);
    let broken = |reason: &str| {
        ClipError::file(path, format!("this isn't a whole safetensors file: {reason}; download it again"))
    };
    let mut file = &shared.file;
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
    let mut entries = BTreeMap::new();
    for (name, info) in metadata.tensors() {
        let (start, end) = info.data_offsets;
        let bits = info.shape.iter().try_fold(info.dtype.bitsize(), |bits, &side| bits.checked_mul(side));
        let len =
            end.checked_sub(start).filter(|&len| end <= metadata.data_len() && len.checked_mul(8) == bits);
        if len.is_none() {
            return Err(broken(&format!("the place of the tensor {name} is impossible")));
        }
        let part = data_start + start as u64..data_start + end as u64;
        let place = Place::Safetensors { dtype: info.dtype, part };
        entries.insert(name, StoredTensor { file: Arc::clone(shared), shape: info.shape.clone(), place });
    }
    Ok(entries)
}

fn pytorch_entries(file: &Arc<WeightFile>) -> Result<BTreeMap<String, StoredTensor>, ClipError> {
    let path = &file.path;
    if is_torchscript(path).map_err(|source| ClipError::read(path, source))? {
        return Err(ClipError::file(
            path,
            "this is a TorchScript archive, a program rather than plain weights; convert it once in Python with \
             torch.save(torch.jit.load(\"model.pt\", map_location=\"cpu\").state_dict(), \"weights.pt\") and open \
             weights.pt with --arch and its architecture's name; those that OpenAI published end in -quickgelu, for \
             example --arch ViT-B-32-quickgelu",
        ));
    }
    let reader = pytorch_reader::PytorchReader::new(path).map_err(|error| match error {
        pytorch_reader::PytorchError::Io(source) if source.kind() == io::ErrorKind::NotFound => {
            ClipError::read(path, source)
        }
        error => ClipError::file(
            path,
            format!("this isn't a PyTorch checkpoint that Skysift can read: {error}; download it again or save it as safetensors"),
        ),
    })?;
    let entry = |(name, tensor): (String, pytorch_reader::Tensor)| {
        let shape = tensor.shape().to_vec();
        (name, StoredTensor { file: Arc::clone(file), shape, place: Place::Pytorch(tensor) })
    };
    Ok(reader.into_tensors().into_iter().map(entry).collect())
}

/// Whether a file is an archive of `torch.jit.save`: a zip whose directory, at its end, lists
/// `constants.pkl`, which `torch.save` never writes.
fn is_torchscript(path: &Path) -> io::Result<bool> {
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
