//! Queries: from keywords to the windows that fit them best.
//!
//! A [`Query`] becomes vectors (`vocabulary`), these are compared with the embeddings of windows
//! (`similarity`), the best are kept (`ranking`) and become boxes (`answer`) or a [`HeatMap`]. A scan ranks
//! its windows while it runs; [`LibrarySearch`] goes through everything that is stored.
//!
//! `query` is what is asked: keywords (`keyword`, `expression`), examples, `feedback`, `threshold`.
//! `vocabulary` encodes it, with `scene_context` for what depends on the scene and `synonyms` for background
//! words that say the same, into `words`. `encoded_windows` are what it is asked of; `ranking` compares them
//! (`similarity`, and `refinement` among the windows) and keeps the best of each keyword.
//! `answer` makes each `detection`, with `nms` and its `spatial_index`; `heat_map` draws all scores, and
//! `regions` are what stands out in it.
//! `library` searches what is stored.

mod answer;
mod detection;
mod encoded_windows;
mod error;
mod expression;
mod feedback;
mod heat_map;
mod keyword;
mod library;
mod nms;
mod query;
mod ranking;
mod refinement;
mod regions;
mod scene_context;
mod similarity;
mod spatial_index;
mod synonyms;
mod threshold;
mod vocabulary;
mod words;

pub(crate) use answer::{detections, windows_to_keep};
pub use detection::{Answer, Detection, Ranking};
pub(crate) use encoded_windows::EncodedWindows;
pub use error::QueryError;
pub use expression::{Expression, ExpressionError, own_phrases};
pub use heat_map::legend as heat_legend;
pub use heat_map::{Blend, ColorScale, HeatMap};
pub use keyword::{folded_keyword, tidy_keyword, unique_keywords};
pub use library::{LibraryMatch, LibrarySearch, StoredScene, open_scenes, scenes_by_model};
pub use query::{
    BoxSettings, Example, ExampleOf, HeatMapOf, KeywordFeedback, PromptTemplate, Query, RankBy,
    default_background, example_name, parse_background,
};
pub(crate) use ranking::{NO_WINDOW, Ranker};
pub(crate) use refinement::{Neighbours, refine};
pub use regions::Outline;
pub(crate) use scene_context::SceneContext;
pub(crate) use similarity::WordMatrix;
pub use threshold::{Threshold, ThresholdError};
pub(crate) use vocabulary::Vocabulary;
pub(crate) use words::Words;
