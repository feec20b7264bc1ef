//! The scan: windows, their order, ranking; plain data in, events out.
//!
//! The method is that of the thesis Skysift grew from: a square window of `window` x `window` tiles slides
//! over the scene by `step` tiles, CLIP scores every window against each prompt, the best `top_k` are kept.
//! This module knows neither GPU nor window: it is given a [`SceneSource`] and an [`Encoder`].

mod blocks;
mod encoder;
mod events;
mod gaps;
mod grid;
mod pass;
mod query;
mod ranking;
mod reader;
mod scanner;
mod scratch;
mod sources;

pub use encoder::{Encoder, EncoderCard, Preprocessor, SceneSource};
pub use events::{Command, Detection, EncoderLoader, Event, Ranking, ScanRequest};
pub use grid::{Edges, Grid, GridSettings};
pub use query::{PromptTemplate, Query, RankBy, default_background, parse_background};
pub use scanner::Scanner;
pub use sources::clip_loader;

/// What can go wrong before or during a scan, in words for the person in front of it.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("{0}")]
    Settings(String),
    #[error(transparent)]
    Raster(#[from] crate::raster::RasterError),
    #[error(transparent)]
    Model(#[from] crate::clip::ClipError),
    #[error(
        "cannot keep the embeddings of this scan in {path}: {source}; free some space or set TMPDIR to another folder"
    )]
    Scratch { path: String, source: std::io::Error },
}
