//! The device that a model is trained on.

use burn::tensor::Device;

use super::adapters::Adapter;
use super::{CardError, DeviceChoice, find_card};
use crate::clip::ClipError;
use crate::clip::error::catch_panic;

/// Where a model is trained.
pub(in crate::clip) struct TrainingDevice {
    /// With automatic differentiation.
    pub device: Device,
    /// `None`: the processor.
    pub card: Option<String>,
}

impl TrainingDevice {
    /// A graphics card where one works, else the processor.
    pub fn open(choice: DeviceChoice) -> Result<Self, ClipError> {
        let cpu = || Self { device: Device::flex().autodiff(), card: None };
        if choice == DeviceChoice::Cpu {
            return Ok(cpu());
        }
        match find_card(choice).and_then(|card| Self::on_card(&card)) {
            Ok(device) => Ok(device),
            Err(error) if choice == DeviceChoice::Gpu => Err(ClipError::TrainOnCard(error)),
            Err(_) => Ok(cpu()),
        }
    }

    fn on_card(card: &Adapter) -> Result<Self, CardError> {
        let device =
            catch_panic(|| card.open()).map_err(|error| CardError::Failed { card: card.label(), error })?;
        Ok(Self { device: device.autodiff(), card: Some(card.label()) })
    }

    pub fn is_cpu(&self) -> bool {
        self.card.is_none()
    }

    /// The name of the device.
    pub fn label(&self) -> &str {
        self.card.as_deref().unwrap_or("CPU")
    }
}
