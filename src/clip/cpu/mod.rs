//! The image towers once more, made for the processor.
//!
//! [`towers`](super::towers) runs on every device of burn's. On a processor its time goes into matrix
//! products, where burn is as fast as any, and into everything between them, where each operation is a pass
//! over memory of its own. The towers here multiply the same tensors with burn and do the rest themselves, in
//! fused passes, with pictures of its own for each core. Tests hold them to burn's.
//!
//! - [`encoder`]: a model on the processor
//! - [`vit`] with [`attention_pool`] and [`dense_attention`], and [`resnet`]: the towers, forward, and for
//!   training the ResNet backward
//! - [`layers`]: what the former two share
//! - [`srvgg`]: the network that enlarges windows
//! - [`ops`], [`attention`], [`feature_map`]: what lies between the products
//! - [`matrix`], [`convolution`]: the products
//! - [`cores`]: one thread pool per core

mod attention;
mod attention_pool;
mod convolution;
mod cores;
mod dense_attention;
mod encoder;
mod feature_map;
mod layers;
mod matrix;
mod ops;
mod resnet;
mod srvgg;
mod vit;

pub(super) use cores::Cores;
pub(super) use encoder::CpuEncoder;
pub(super) use resnet::{BatchNormMode, Tape, Trunk};
pub(super) use srvgg::CpuSrvgg;
