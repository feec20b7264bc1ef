//! The threads that decode.
//!
//! Decoders split their work with rayon, whose global threads may be busy for a tenth of a second at a time with
//! encoding windows on the CPU. Someone who pans the picture meanwhile must not wait for that, so decoding has
//! threads of its own.

use std::sync::LazyLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

static THREADS: LazyLock<Option<ThreadPool>> =
    LazyLock::new(|| ThreadPoolBuilder::new().thread_name(|index| format!("decode {index}")).build().ok());

/// Runs work whose parallel parts belong on the decoding threads, and waits for it.
pub(super) fn decode<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match &*THREADS {
        Some(threads) => threads.install(work),
        None => work(),
    }
}
