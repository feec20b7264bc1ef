//! Options that several commands share, and what they mean.

pub mod examples;
pub mod inputs;
pub mod like;
pub mod model;
pub mod region;
pub mod scan;
