//! Embeddings that are kept, from the outside.
