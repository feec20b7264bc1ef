//! From layers on a device to tensors on disk: the inverse of [`super::loader`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::io;
use std::path::Path;

use burn::module::Param;
use burn::nn::{BatchNorm, LayerNorm, Linear};
use burn::tensor::{DType, Tensor};
use half::f16;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, View};

use super::layout::{CheckpointLayout, InProjNames};
use crate::atomic::NewFile;
use crate::clip::ClipError;

/// The type of the numbers in a file of weights.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
pub enum WeightType {
    /// Single precision: four bytes per number.
    #[default]
    F32,
    /// Half precision: two bytes per number.
    F16,
}

/// Collects tensors by name, to write them to one file.
pub(crate) struct Saver {
    layout: CheckpointLayout,
    dtype: WeightType,
    tensors: Vec<(String, SavedTensor)>,
    failure: Option<ClipError>,
}

struct SavedTensor {
    shape: Vec<usize>,
    dtype: WeightType,
    bytes: Vec<u8>,
}

impl Saver {
    pub fn new(layout: CheckpointLayout, dtype: WeightType) -> Self {
        Self { layout, dtype, tensors: Vec::new(), failure: None }
    }

    pub fn layout(&self) -> CheckpointLayout {
        self.layout
    }

    /// Writes all tensors to one safetensors file, which takes its name once it is complete.
    pub fn finish(self, path: &Path) -> Result<(), ClipError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        // transformers refuses files without this.
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        write_tensors(path, self.tensors, Some(metadata)).map_err(|error| ClipError::write(path, error))
    }

    pub fn tensor<const D: usize>(&mut self, name: &str, tensor: Tensor<D>) {
        let shape = tensor.dims().to_vec();
        let dtype = self.dtype;
        match tensor.inner().cast(DType::F32).try_into_vec_as::<f32>() {
            Ok(values) => {
                let bytes = match dtype {
                    WeightType::F32 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                    WeightType::F16 => {
                        values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
                    }
                };
                self.tensors.push((name.to_owned(), SavedTensor { shape, dtype, bytes }));
            }
            Err(error) => {
                self.failure = Some(ClipError::ReadBack { tensor: name.to_owned(), error: error.into() });
            }
        }
    }

    /// A 0-D tensor, always in single precision.
    pub fn number(&mut self, name: &str, number: Tensor<1>) {
        let dtype = std::mem::replace(&mut self.dtype, WeightType::F32);
        self.tensor(name, number);
        self.dtype = dtype;
        if let Some((_, tensor)) = self.tensors.last_mut() {
            tensor.shape.clear();
        }
    }

    pub fn layer_norm(&mut self, prefix: &str, norm: &LayerNorm) {
        self.tensor(&format!("{prefix}.weight"), norm.gamma.val());
        if let Some(beta) = &norm.beta {
            self.tensor(&format!("{prefix}.bias"), beta.val());
        }
    }

    pub fn batch_norm(&mut self, prefix: &str, norm: &BatchNorm) {
        self.tensor(&format!("{prefix}.weight"), norm.gamma.val());
        self.tensor(&format!("{prefix}.bias"), norm.beta.val());
        self.tensor(&format!("{prefix}.running_mean"), norm.running_mean.value());
        self.tensor(&format!("{prefix}.running_var"), norm.running_var.value());
    }

    /// A linear layer, as PyTorch stores it: [outputs, inputs].
    pub fn linear(&mut self, prefix: &str, linear: &Linear) {
        self.tensor(&format!("{prefix}.weight"), linear.weight.val().transpose());
        if let Some(bias) = &linear.bias {
            self.tensor(&format!("{prefix}.bias"), bias.val());
        }
    }

    pub fn attention_inputs(
        &mut self,
        prefix: &str,
        names: &[InProjNames],
        q_proj: &Linear,
        kv_proj: &Linear,
    ) {
        let weight = Tensor::cat(vec![q_proj.weight.val(), kv_proj.weight.val()], 1).transpose();
        let biases = q_proj.bias.iter().chain(&kv_proj.bias).map(Param::val).collect();
        let bias = Tensor::cat(biases, 0);
        let width = q_proj.weight.val().dims()[0];
        let mut first = 0;
        for (weight_name, bias_name, parts) in names {
            let len = parts * width;
            self.tensor(&format!("{prefix}{weight_name}"), weight.clone().narrow(0, first, len));
            self.tensor(&format!("{prefix}{bias_name}"), bias.clone().narrow(0, first, len));
            first += len;
        }
    }

    pub fn projection(&mut self, name: &str, projection: Tensor<2>) {
        let is_transposed = self.layout.projection_is_transposed();
        self.tensor(name, if is_transposed { projection.transpose() } else { projection });
    }

    /// The matrix of [`super::loader::Loader::patch_embedding`] as a convolution again.
    pub fn patch_embedding(&mut self, name: &str, matrix: Tensor<2>, side: usize) {
        let [_, width] = matrix.dims();
        self.tensor(name, matrix.transpose().reshape([width, 3, side, side]));
    }
}

/// Writes a safetensors file, which takes its name once all of it is on disk.
///
/// # Errors
/// Those of the system.
pub(crate) fn write_tensors<N: AsRef<str> + Ord + Display, V: View>(
    path: &Path,
    tensors: impl IntoIterator<Item = (N, V)>,
    metadata: Option<HashMap<String, String>>,
) -> io::Result<()> {
    NewFile::beside(path)?.finish_by_name(|name| {
        safetensors::serialize_to_file(tensors, metadata, name).map_err(|error| match error {
            SafeTensorError::IoError(error) => error,
            other => io::Error::other(other),
        })
    })
}

impl View for SavedTensor {
    fn dtype(&self) -> Dtype {
        match self.dtype {
            WeightType::F32 => Dtype::F32,
            WeightType::F16 => Dtype::F16,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}
