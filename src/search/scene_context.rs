//! What a query may ask of the scene that it is about.

use super::error::QueryError;
use crate::encoder::Encoder;
use crate::raster::Rect;

/// The scene behind a query, as far as its windows were encoded.
pub trait SceneContext {
    /// The embedding of a place in the scene, in level-0 pixels.
    ///
    /// # Errors
    /// When it can't be read or encoded.
    fn embed_place(&self, place: Rect, encoder: &mut dyn Encoder) -> Result<Vec<f32>, QueryError>;

    /// The mean of the embeddings of all windows so far, not normalised; zeros before the first.
    fn mean(&self) -> Vec<f32>;
}
