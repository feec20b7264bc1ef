//! The image and text towers in burn, named as OpenAI's `model.py`, `open_clip` and transformers name them.
//!
//! - [`model`]: both towers on one device, with the logit scale and bias
//! - [`vision`]: the image tower, of whichever kind
//! - [`vit`]: a vision transformer
//! - [`resnet`]: CLIP's `ModifiedResNet`
//! - [`text`]: the text transformer
//! - [`transformer`]: the residual attention block that both transformers stack
//! - [`attention_pool`]: SigLIP's attention pooling

pub mod attention_pool;
pub mod model;
pub mod resnet;
pub mod text;
pub mod transformer;
pub mod vision;
pub mod vit;
