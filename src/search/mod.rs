//! Asking what was seen: from keywords to the windows that fit them best.
//!
//! A [`Query`] becomes vectors (`vocabulary`), these are compared with the embeddings of windows
//! (`similarity`), the best are kept (`ranking`) and become boxes (`answer`) or a [`HeatMap`]. A scan ranks
//! its windows while it runs; [`LibrarySearch`] goes through everything that is stored.

pub(crate) mod answer;
mod detection;
pub(crate) mod encoded_windows;
mod error;
pub(crate) mod expression;
pub(crate) mod feedback;
pub(crate) mod heat_map;
pub(crate) mod keyword;
pub(crate) mod library;
pub(crate) mod nms;
pub(crate) mod query;
pub(crate) mod ranking;
pub(crate) mod similarity;
pub(crate) mod spatial_index;
pub(crate) mod synonyms;
pub(crate) mod threshold;
pub(crate) mod vocabulary;
pub(crate) mod words;

pub use detection::{Answer, Detection, Ranking};
pub use error::QueryError;
pub use expression::Expression;
pub use heat_map::colors::legend as heat_legend;
pub use heat_map::{Blend, HeatMap};
pub use keyword::{folded_keyword, tidy_keyword, unique_keywords};
pub use library::{Found, LibrarySearch, StoredScene, open_scenes, scenes_by_model};
pub use query::{
    BoxSettings, Example, ExampleOf, HeatMapOf, PromptTemplate, Query, RankBy, Thumbs, default_background,
    example_name, parse_background,
};
pub use threshold::Threshold;
