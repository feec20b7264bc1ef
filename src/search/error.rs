//! Why a query can't be answered.

use super::expression::ExpressionError;
use super::query::PromptTemplate;
use crate::encoder::EncoderError;
use crate::raster::RasterError;

/// Why a query can't be answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error(
        "the prompt {part:?} has no {{}} for the keyword; write for example {:?}",
        PromptTemplate::DEFAULT
    )]
    NoPlaceholder { part: String },
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    #[error("{keyword:?} refers to the example @{name}, which isn't there")]
    NoSuchExample { keyword: String, name: String },
    #[error("the query @{name} was saved with another model")]
    OtherModel { name: String },
    #[error("a place in a scene can only be looked for while that scene is open")]
    PlaceInStore,
    #[error(
        "--refine compares {words} words in all windows at once, which is for up to {most} windows, not {windows}; scan \
         an area, take a larger --step or fewer background words"
    )]
    TooManyToRefine { windows: usize, words: usize, most: usize },
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    #[error(transparent)]
    Raster(#[from] RasterError),
}
