//! Scenes: open one, read any region at any level, stretch it to eight bits, place it on the globe.

mod pixels;
mod rect;

pub use pixels::Pixels;
pub use rect::Rect;

/// Why a scene could not be opened or read: one sentence that names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum RasterError {
    #[error("{0}")]
    Todo(String),
}
