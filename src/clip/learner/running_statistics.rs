//! What batch norms remember of the passes that they saw in training.

use burn::module::RunningState;
use burn::tensor::{Tensor, TensorData};

use super::step::{ChannelStatistics, PassGradients};
use super::{Learner, VisionTower};

impl Learner {
    /// Moves the running statistics of batch norms towards the mean of the batch statistics of a step's
    /// passes.
    pub fn update_running_statistics(&self, passes: &[PassGradients]) {
        /// PyTorch's.
        const MOMENTUM: f64 = 0.1;
        let VisionTower::ResNet(resnet) = &self.model.vision else { return };
        let seen: Vec<&Vec<ChannelStatistics>> = passes
            .iter()
            .map(|pass| &pass.batch_statistics)
            .filter(|statistics| !statistics.is_empty())
            .collect();
        if seen.is_empty() {
            return;
        }
        let move_towards = |state: &RunningState<Tensor<1>>, values: &mut dyn Iterator<Item = &Vec<f32>>| {
            let tensors = values.map(|values| {
                Tensor::<1>::from_data(TensorData::new(values.clone(), [values.len()]), self.device())
            });
            let mean = tensors.reduce(|sum, more| sum + more).map(|sum| sum / seen.len() as f64);
            if let Some(mean) = mean {
                state.update(state.value() * (1.0 - MOMENTUM) + mean * MOMENTUM);
                state.value_sync();
            }
        };
        for (index, layer) in resnet.layers().enumerate() {
            let of_layer = || seen.iter().filter_map(move |statistics| statistics.get(index));
            move_towards(&layer.bn.running_mean, &mut of_layer().map(|(mean, _)| mean));
            move_towards(&layer.bn.running_var, &mut of_layer().map(|(_, variance)| variance));
        }
    }
}
