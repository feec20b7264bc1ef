//! The graphics cards of this computer, and burn's devices on them.

use std::sync::{Mutex, OnceLock, PoisonError};

use burn::tensor::wgpu::{WgpuBackend, WgpuInitError, wgpu};
use burn::tensor::{Device, DeviceKind};

/// A graphics card or a software renderer, through one graphics interface.
#[derive(Clone, Debug)]
pub(in crate::clip) struct Adapter {
    pub name: String,
    pub is_software: bool,
    api: WgpuBackend,
    kind: DeviceKind,
}

impl Adapter {
    /// Its name and graphics interface, e.g. "NVIDIA H100 (Vulkan)".
    pub fn label(&self) -> String {
        format!("{} ({:?})", self.name, self.api)
    }

    /// burn's device on this adapter. Each is made once and kept, because burn refuses to make it again.
    pub fn open(&self) -> Result<Device, WgpuInitError> {
        static OPENED: Mutex<Vec<(DeviceKind, WgpuBackend, Device)>> = Mutex::new(Vec::new());
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        let is_this =
            |(kind, api, _): &&(DeviceKind, WgpuBackend, Device)| *kind == self.kind && *api == self.api;
        if let Some((_, _, device)) = opened.iter().find(is_this) {
            return Ok(device.clone());
        }
        let options = Device::wgpu_options().device_kind(self.kind.clone()).graphics_api(self.api);
        let device = options.init()?;
        opened.push((self.kind.clone(), self.api, device.clone()));
        Ok(device)
    }
}

/// All adapters that burn can run on, the best first: discrete cards, then integrated ones, then virtual
/// ones, software renderers last.
pub(in crate::clip) fn adapters() -> Vec<Adapter> {
    // Never dropped: the Vulkan loader crashes when instances come and go on several threads.
    static INSTANCE: OnceLock<wgpu::Instance> = OnceLock::new();
    let backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let instance = INSTANCE.get_or_init(|| {
        wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        })
    });
    let infos: Vec<wgpu::AdapterInfo> = cubecl::future::block_on(instance.enumerate_adapters(backends))
        .iter()
        .map(wgpu::Adapter::get_info)
        .collect();
    let mut ranked: Vec<(usize, Adapter)> = infos
        .iter()
        .enumerate()
        .filter_map(|(place, info)| {
            let api = match info.backend {
                wgpu::Backend::Vulkan => WgpuBackend::Vulkan,
                wgpu::Backend::Metal => WgpuBackend::Metal,
                wgpu::Backend::Dx12 => WgpuBackend::Dx12,
                _ => return None,
            };
            // burn counts the adapters of each type and interface from zero.
            let before = infos.iter().take(place);
            let index = before
                .filter(|other| other.backend == info.backend && other.device_type == info.device_type)
                .count();
            let (rank, kind) = match info.device_type {
                wgpu::DeviceType::DiscreteGpu => (0, DeviceKind::DiscreteGpu(index)),
                wgpu::DeviceType::IntegratedGpu => (1, DeviceKind::IntegratedGpu(index)),
                wgpu::DeviceType::VirtualGpu => (2, DeviceKind::VirtualGpu(index)),
                wgpu::DeviceType::Other => (3, DeviceKind::DefaultDevice),
                wgpu::DeviceType::Cpu => (4, DeviceKind::Cpu),
            };
            let is_software = info.device_type == wgpu::DeviceType::Cpu;
            Some((rank, Adapter { name: info.name.clone(), is_software, api, kind }))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, adapter)| adapter).collect()
}
