//! The file formats of tensors: safetensors, and PyTorch's pickles, which are parsed and never executed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn_store::pytorch_reader;
use half::{bf16, f16};
use safetensors::tensor::Dtype;

use super::unsupported;
use crate::clip::ClipError;

/// A tensor in a file.
#[derive(Clone)]
pub(in crate::clip) struct StoredTensor {
    file: Arc<PathBuf>,
    pub shape: Vec<usize>,
    bytes: Bytes,
}

/// Where a tensor's bytes are.
#[derive(Clone)]
enum Bytes {
    /// In a safetensors file, counted from its beginning.
    Safetensors {
        dtype: Dtype,
        start: u64,
        len: usize,
    },
    Pytorch(pytorch_reader::Tensor),
}

impl StoredTensor {
    /// The type of its numbers; `None` unless they are floats.
    pub fn kind(&self) -> Option<FloatKind> {
        match &self.bytes {
            Bytes::Safetensors { dtype, .. } => match dtype {
                Dtype::F16 => Some(FloatKind::F16),
                Dtype::BF16 => Some(FloatKind::Bf16),
                Dtype::F32 => Some(FloatKind::F32),
                Dtype::F64 => Some(FloatKind::F64),
                _ => None,
            },
            Bytes::Pytorch(tensor) => match tensor.dtype() {
                pytorch_reader::DType::F16 => Some(FloatKind::F16),
                pytorch_reader::DType::BF16 => Some(FloatKind::Bf16),
                pytorch_reader::DType::F32 => Some(FloatKind::F32),
                pytorch_reader::DType::F64 => Some(FloatKind::F64),
                _ => None,
            },
        }
    }

    /// Its values row by row, in single precision.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, ClipError> {
        let Some(kind) = self.kind() else {
            let dtype = match &self.bytes {
                Bytes::Safetensors { dtype, .. } => format!("{dtype:?}"),
                Bytes::Pytorch(tensor) => format!("{:?}", tensor.dtype()),
            };
            return Err(ClipError::file(
                &self.file,
                format!("the tensor {name} has the type {dtype}, which isn't a float's"),
            ));
        };
        let bytes = match &self.bytes {
            Bytes::Safetensors { start, len, .. } => read_range(&self.file, *start, *len),
            Bytes::Pytorch(tensor) => tensor.read(),
        };
        Ok(floats(&bytes.map_err(|source| ClipError::read(&self.file, source))?, kind))
    }
}

/// The tensors of a file by name. Their values aren't read yet.
pub(in crate::clip) fn open(path: &Path) -> Result<BTreeMap<String, StoredTensor>, ClipError> {
    unsupported::refuse_file(path)?;
    let is_safetensors = path.extension().is_some_and(|extension| extension == "safetensors");
    if is_safetensors { safetensors_entries(path) } else { pytorch_entries(path) }
}

fn safetensors_entries(path: &Path) -> Result<BTreeMap<String, StoredTensor>, ClipError> {
    /// The safetensors crate's limit.
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
        let bytes = Bytes::Safetensors { dtype: info.dtype, start: data_start + start as u64, len };
        entries.insert(name, StoredTensor { file: Arc::clone(&shared), shape: info.shape.clone(), bytes });
    }
    Ok(entries)
}

fn pytorch_entries(path: &Path) -> Result<BTreeMap<String, StoredTensor>, ClipError> {
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
        (name, StoredTensor { file: Arc::clone(&shared), shape, bytes: Bytes::Pytorch(tensor) })
    };
    Ok(reader.into_tensors().into_iter().map(entry).collect())
}

/// Whether a file is an archive of `torch.jit.save`: a zip whose directory, at its end, lists
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

/// A type of float in a file.
#[derive(Clone, Copy)]
pub(in crate::clip) enum FloatKind {
    F16,
    Bf16,
    F32,
    F64,
}

impl FloatKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }
}

/// Little-endian bytes as numbers in single precision.
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
