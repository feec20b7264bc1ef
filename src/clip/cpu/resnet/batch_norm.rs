//! Batch norms as scale and shift.

use burn::module::Param;
use burn::nn::BatchNorm;
use burn::tensor::Tensor;

use crate::clip::ComputeError;

/// A [`BatchNorm`] whose parameters lie in memory.
pub(super) struct CpuBatchNorm {
    pub gamma: Vec<f32>,
    beta: Vec<f32>,
    /// Accumulated in training.
    pub running_mean: Vec<f32>,
    pub running_var: Vec<f32>,
    epsilon: f32,
}

/// A batch norm with the statistics that it uses, as `x * scale + shift`.
pub(super) struct NormScale {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    /// 1 / sqrt(variance + epsilon).
    pub inverse_std: Vec<f32>,
}

impl CpuBatchNorm {
    pub fn new(norm: &BatchNorm) -> Result<Self, ComputeError> {
        Ok(Self {
            gamma: values(&norm.gamma)?,
            beta: values(&norm.beta)?,
            running_mean: read(norm.running_mean.value())?,
            running_var: read(norm.running_var.value())?,
            epsilon: norm.epsilon as f32,
        })
    }

    /// With statistics, the variance biased.
    pub fn with(&self, mean: &[f32], variance: &[f32]) -> NormScale {
        let inverse_std: Vec<f32> =
            variance.iter().map(|variance| (variance + self.epsilon).sqrt().recip()).collect();
        let scale: Vec<f32> =
            inverse_std.iter().zip(&self.gamma).map(|(inverse_std, gamma)| inverse_std * gamma).collect();
        let shift = self.beta.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale);
        NormScale { shift: shift.collect(), scale, inverse_std }
    }

    /// With the statistics of training.
    pub fn running(&self) -> NormScale {
        self.with(&self.running_mean, &self.running_var)
    }
}

fn values(param: &Param<Tensor<1>>) -> Result<Vec<f32>, ComputeError> {
    read(param.val())
}

fn read(tensor: Tensor<1>) -> Result<Vec<f32>, ComputeError> {
    Ok(tensor.inner().try_into_vec_as::<f32>()?)
}
