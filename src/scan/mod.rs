//! The scan: windows, their order, ranking; plain data in, events out.
//!
//! The method is that of the thesis Skysift grew from: a square window of `window` x `window` tiles slides
//! over the scene by `step` tiles, CLIP scores every window against each prompt, the best `top_k` are kept.
//! This module knows neither GPU nor window: it is given a [`SceneSource`] and an [`Encoder`].

mod answer;
mod area;
mod area_edges;
mod area_geojson;
mod blocks;
mod bounds;
mod boxes;
mod buckets;
mod encoder;
mod events;
mod expression;
mod feedback;
mod gaps;
mod grid;
mod heat_colors;
mod heat_map;
mod heat_peaks;
mod here;
mod keyword;
mod layout;
mod layouts;
mod library;
mod pass;
mod products;
mod query;
mod ranking;
mod read_ahead;
mod reader;
mod region;
mod scanner;
mod seen;
mod sources;
mod speed;
mod store;
mod synonyms;
mod threshold;
mod uniform;
mod vocabulary;
mod words;

pub use area::Area;
pub use bounds::Bounds;
pub use encoder::{Encoder, EncoderCard, Identity, Preprocessor, SceneSource};
pub use events::{
    Answer, Coarse, Command, Detection, Early, EncoderLoader, Event, Failures, Ranking, ScanRequest,
};
pub use expression::Expression;
pub use grid::{Edges, Grid, GridSettings};
pub use heat_colors::legend as heat_legend;
pub use heat_map::{Blend, HeatMap};
pub use keyword::{folded_keyword, tidy_keyword, unique_keywords};
pub use layout::Layout;
pub use layouts::Layouts;
pub use library::{Found, LibrarySearch, StoredScene, open_scenes, scenes_by_model};
pub use query::{
    BoxSettings, Example, ExampleOf, HeatMapOf, PromptTemplate, Query, RankBy, Thumbs, default_background,
    example_name, parse_background,
};
pub use region::Region;
pub use scanner::Scanner;
pub use sources::{clip_loader, named_loader, place_of};
pub use store::{Collection, Entry, Inventory, Provenance, Record, Store, WindowKey};
pub use threshold::Threshold;

/// What can go wrong before or during a scan, in words for the person in front of it.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("{0}")]
    Settings(String),
    #[error(transparent)]
    Raster(#[from] crate::raster::RasterError),
    #[error(transparent)]
    Model(#[from] crate::clip::ClipError),
    #[error(transparent)]
    Published(#[from] crate::models::ModelError),
    #[error(
        "cannot keep the embeddings of this scan in {}: {source}; free some space or set TMPDIR to another folder",
        std::env::temp_dir().display()
    )]
    Embeddings {
        #[from]
        source: std::io::Error,
    },
}

impl ScanError {
    /// Whether no other part of the scene can be read either; then a scan goes no further.
    fn is_lasting(&self) -> bool {
        matches!(self, Self::Raster(error) if error.is_lasting())
    }
}
