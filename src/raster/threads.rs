//! The threads that decode.
//!
//! Decoders split their work with rayon, whose global threads may be busy for a tenth of a second at a time
//! encoding windows on the CPU. A person who is panning must not wait for that, so decoding has threads of
//! its own.

use std::sync::LazyLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

static THREADS: LazyLock<Option<ThreadPool>> = LazyLock::new(|| pool("decode"));
static BACKGROUND: LazyLock<Option<ThreadPool>> = LazyLock::new(|| pool("overviews"));

fn pool(name: &'static str) -> Option<ThreadPool> {
    ThreadPoolBuilder::new().thread_name(move |index| format!("{name} {index}")).build().ok()
}

/// Runs work on the decoding threads, and waits for it.
pub(in crate::raster) fn decode<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    run(THREADS.as_ref(), work)
}

/// As [`decode`], for long work that nobody waits for. It has threads of its own, since a pool serves jobs in
/// turn, and a patch of the view would have to wait for the end of it.
pub(in crate::raster) fn background<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    run(BACKGROUND.as_ref(), work)
}

fn run<T: Send>(threads: Option<&ThreadPool>, work: impl FnOnce() -> T + Send) -> T {
    match threads {
        Some(threads) => threads.install(work),
        None => work(),
    }
}
