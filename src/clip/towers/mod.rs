//! The image and text towers as their papers describe them, in burn.

pub mod block;
pub mod model;
pub mod pool;
pub mod resnet;
pub mod text;
pub mod vision;
