//! The threads that decode.
//!
//! Decoders split their work with rayon, whose global threads may be busy for a tenth of a second at a time
//! with encoding windows on the CPU. Someone who pans the picture meanwhile must not wait for that, so
//! decoding has threads of its own.

use std::sync::LazyLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

static THREADS: LazyLock<Option<ThreadPool>> = LazyLock::new(|| pool("decode"));
static BACKGROUND: LazyLock<Option<ThreadPool>> = LazyLock::new(|| pool("overviews"));

fn pool(name: &'static str) -> Option<ThreadPool> {
    ThreadPoolBuilder::new().thread_name(move |index| format!("{name} {index}")).build().ok()
}

/// Runs work whose parallel parts belong on the decoding threads, and waits for it.
pub(super) fn decode<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    run(THREADS.as_ref(), work)
}

/// As [`decode`], for work that takes long and that nobody waits for: on threads of its own, since those of a
/// pool are given out in turn, and a patch would wait for the end of it.
pub(super) fn background<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    run(BACKGROUND.as_ref(), work)
}

fn run<T: Send>(threads: Option<&ThreadPool>, work: impl FnOnce() -> T + Send) -> T {
    match threads {
        Some(threads) => threads.install(work),
        None => work(),
    }
}
