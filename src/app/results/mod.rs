//! What was found: the list and the gallery, what is shown there and in which order, feedback, and export.

pub mod arrangement;
pub mod cells;
pub mod export;
pub mod feedback;
pub mod filter;
pub mod gallery;
pub mod list;
