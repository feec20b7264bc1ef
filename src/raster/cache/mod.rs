//! Caches: decoded blocks in memory, and files on disk that can be made again.
//!
//! - [`block_cache`]: the decoded blocks of one file in memory.
//! - [`folder`]: overviews and decoded pictures in the user's cache folder.
//! - [`eviction`]: which files of a folder are removed when it is over its budget.
//! - [`file_stamp`]: whether a file has changed, without reading it.

pub mod block_cache;
pub mod eviction;
pub mod file_stamp;
pub mod folder;
