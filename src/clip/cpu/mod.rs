//! The image towers once more, made for the processor.
//!
//! [`towers`](super::towers) runs on every device of burn's. On a processor its time goes into matrix
//! products, for which it lays weights out anew each time, and into everything between them, where each
//! operation is a pass over memory of its own. The towers here lay out weights once, where that is faster,
//! and do the rest in fused passes, with pictures of its own for each core. Tests hold them to burn's.
//!
//! - [`encoder`]: a model on the processor
//! - [`vit`] with [`attention_pool`] and [`dense_attention`], and [`resnet`]: the towers, forward, and for
//!   training the ResNet backward
//! - [`layers`]: what the former two share
//! - [`srvgg`]: the network that enlarges windows
//! - [`ops`], [`attention`], [`feature_map`]: what lies between the products
//! - [`matrix`], [`convolution`]: the products
//! - [`linear`] with [`packed`] and [`bf16`]: those with weights that are laid out once
//! - [`cores`]: one thread pool per core

mod attention;
mod attention_pool;
mod bf16;
mod convolution;
mod cores;
mod dense_attention;
mod encoder;
mod feature_map;
mod layers;
mod linear;
mod matrix;
mod ops;
mod packed;
mod resnet;
mod srvgg;
mod vit;

pub(super) use cores::Cores;
pub(super) use encoder::CpuEncoder;
pub(super) use resnet::{BatchNormMode, Tape, Trunk};
pub(super) use srvgg::CpuSrvgg;
