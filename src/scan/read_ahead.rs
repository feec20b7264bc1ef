//! Threads that read windows ahead of the encoder.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_channel::Sender;

use super::ScanError;
use super::blocks::BlockQueue;
use super::reader::{ReadWindow, WindowReader};
use crate::windows::WindowLayout;

/// A window, or why it could not be read.
pub type ReadResult = Result<ReadWindow, ScanError>;

/// One of several threads that read blocks until there are none, or until the scene is gone.
pub fn read_blocks(
    readers: &[WindowReader],
    layout: &WindowLayout,
    queue: &Mutex<BlockQueue>,
    stop: &AtomicBool,
    sender: &Sender<ReadResult>,
) {
    let is_stopped = || stop.load(Ordering::Relaxed);
    let send = |window| !is_stopped() && sender.send(window).is_ok();
    // The scene is gone: no window after this one can be read.
    let send_last = |error| {
        send(Err(error));
        false
    };
    loop {
        let Some(block) = lock(queue).next() else { return };
        let reader = &readers[block.grid];
        let go_on = match reader.read(&block, send) {
            Ok(go_on) => go_on,
            Err(error) if error.is_lasting() => send_last(error),
            // Something in the block is damaged: save what can be saved, window by window.
            Err(_) => block.windows.iter().all(|window| {
                if is_stopped() {
                    return false;
                }
                let single = block.single(layout, *window);
                match reader.read(&single, send) {
                    Err(error) if error.is_lasting() => send_last(error),
                    outcome => outcome.unwrap_or_else(|error| send(Err(error))),
                }
            }),
        };
        if !go_on {
            return;
        }
    }
}

/// Decoding and resizing are a small part of the work; more threads than this only take memory.
pub fn reader_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4)
}

pub fn lock(queue: &Mutex<BlockQueue>) -> MutexGuard<'_, BlockQueue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
