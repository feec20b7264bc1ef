//! Threads that read windows ahead of the encoder.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::blocks::BlockQueue;
use super::reader::{ReadWindow, WindowReader};
use super::{ScanError, SceneSource};
use crate::windows::WindowLayout;

/// A window, or why it could not be read.
pub type ReadResult = Result<ReadWindow, ScanError>;

/// How long the encoder waits for what is read before it looks whether it should stop.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// Has several threads `read` ahead of `encode`, at most `room` things, until that returns; then they are to
/// stop.
pub fn read_ahead<T: Send, R>(
    scene: &dyn SceneSource,
    room: usize,
    read: impl Fn(&AtomicBool, &Sender<T>) + Sync,
    encode: impl FnOnce(&Receiver<T>) -> R,
) -> R {
    let stop = AtomicBool::new(false);
    let (sender, prepared) = crossbeam_channel::bounded(room);
    // Nothing is ever sent: the other end closes with the last reader.
    let (reading, readers_left) = crossbeam_channel::bounded::<()>(0);
    std::thread::scope(|scope| {
        for _ in 0..reader_threads() {
            let (sender, reading) = (sender.clone(), reading.clone());
            let (read, stop) = (&read, &stop);
            scope.spawn(move || {
                let _reading = reading;
                read(stop, &sender);
            });
        }
        drop((sender, reading));
        let end = encode(&prepared);
        stop.store(true, Ordering::Relaxed);
        // A reader may wait for room in the channel: close it before the scope waits for the reader.
        drop(prepared);
        // It may also wait for a server, for longer than anybody wants to wait for a scan to stop.
        while readers_left.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            scene.stop_waiting();
        }
        end
    })
}

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
fn reader_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4)
}

pub fn lock(queue: &Mutex<BlockQueue>) -> MutexGuard<'_, BlockQueue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
