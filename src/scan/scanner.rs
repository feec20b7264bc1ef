//! The background thread that owns the model.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError};

use super::pass::Pass;
use super::{Command, Event};
use crate::encoder::{Encoder, EncoderError};
use crate::guard;
use crate::store::Room;

/// Commands and events that may wait before the other side takes them.
const WAITING: usize = 64;
/// How often it is looked whether a scene is known by now.
const IDLE: Duration = Duration::from_millis(100);

/// A background thread that owns the encoder, takes [`Command`]s and tells [`Event`]s. Dropping it cancels
/// what runs and lets the thread end.
pub struct Scanner {
    commands: Sender<Command>,
    events: Receiver<Event>,
    cancel: Arc<Cancel>,
}

/// Scans are numbered as they are asked for; those up to a number are cancelled. So a cancellation can
/// neither be lost before its scan begins nor hit the next one.
#[derive(Default)]
pub(super) struct Cancel {
    asked: AtomicU64,
    cancelled: AtomicU64,
}

impl Cancel {
    fn up_to_now(&self) {
        self.cancelled.store(self.asked.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

impl Scanner {
    /// Starts the thread. `wake` is called after every event, from that thread.
    #[must_use]
    pub fn spawn(wake: impl Fn() + Send + 'static) -> Self {
        let (commands, inbox) = crossbeam_channel::bounded(WAITING);
        let (outbox, events) = crossbeam_channel::bounded(WAITING);
        let cancel = Arc::new(Cancel::default());
        let mut thread = Thread {
            link: Link { inbox, outbox, wake: Box::new(wake), cancel: Arc::clone(&cancel), number: 0 },
            encoder: None,
            pass: None,
            room: Room::default(),
        };
        std::thread::spawn(move || {
            // A panic here is a defect, but the person must still hear of it rather than wait for ever.
            if let Err(defect) = guard::catch(|| thread.run()) {
                thread.link.tell(Event::Failed(format!("the scan stopped for an internal error ({defect})")));
            }
        });
        Self { commands, events, cancel }
    }

    /// Hands over a command; never blocks. Returns false when the thread is gone or too many commands wait.
    #[expect(clippy::must_use_candidate, reason = "the event channel closes when the thread is gone")]
    pub fn send(&self, command: Command) -> bool {
        if matches!(command, Command::Scan(_)) {
            self.cancel.asked.fetch_add(1, Ordering::SeqCst);
        }
        self.commands.try_send(command).is_ok()
    }

    /// Stops the scan that runs, within one batch.
    pub fn cancel(&self) {
        self.cancel.up_to_now();
    }

    /// What has happened; drain it once a frame with `try_iter`.
    #[must_use]
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// The scanner's thread and its two channels.
pub(super) struct Link {
    inbox: Receiver<Command>,
    outbox: Sender<Event>,
    wake: Box<dyn Fn() + Send>,
    cancel: Arc<Cancel>,
    /// The number of the scan at hand.
    number: u64,
}

impl Link {
    /// Tells an event. Progress that nobody takes is dropped, since more follows; all else waits.
    pub fn tell(&self, event: Event) {
        let progress = matches!(event, Event::Batch { .. });
        if let Err(TrySendError::Full(event)) = self.outbox.try_send(event)
            && !progress
        {
            (self.wake)();
            // An error means that nobody listens any more; the command channel will say so too.
            let _ = self.outbox.send(event);
        }
        (self.wake)();
    }

    pub fn next_command(&self) -> Result<Command, TryRecvError> {
        self.inbox.try_recv()
    }

    /// Whether a command waits or the scan was cancelled.
    pub fn has_news(&self) -> bool {
        !self.inbox.is_empty() || self.cancelled()
    }

    pub fn cancelled(&self) -> bool {
        self.cancel.cancelled.load(Ordering::SeqCst) >= self.number
    }
}

struct Thread {
    link: Link,
    encoder: Option<Box<dyn Encoder>>,
    /// The last scan, kept to answer new queries.
    pass: Option<Pass>,
    room: Room,
}

impl Thread {
    fn run(&mut self) {
        let mut next = None;
        while let Some(command) = next.take().or_else(|| self.wait()) {
            match command {
                Command::Load { load, measure } => self.load(load, measure),
                Command::Scan(request) => {
                    self.link.number += 1;
                    next = self.scan(request);
                }
                Command::SetQuery(query) => next = self.set_query(&query),
                Command::SetView(_) => {}
            }
        }
    }

    /// The next command; `None` when there will be none. Meanwhile the last scan goes into the store, as soon
    /// as it is known which scene it is of.
    fn wait(&mut self) -> Option<Command> {
        while let (Some(pass), Some(encoder)) = (self.pass.as_mut(), self.encoder.as_deref())
            && pass.is_unsettled()
        {
            match self.link.inbox.recv_timeout(IDLE) {
                Ok(command) => return Some(command),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Err(error) = pass.settle(Duration::ZERO, encoder, &self.link) {
                self.link.tell(Event::Notice(error.to_string()));
                break;
            }
        }
        self.link.inbox.recv().ok()
    }

    fn load(&mut self, load: crate::encoder::EncoderLoader, measure: bool) {
        self.pass = None;
        self.encoder = None;
        let loaded = load().and_then(|mut encoder| {
            let windows_per_second = if measure { Some(warm_up(encoder.as_mut())?) } else { None };
            Ok((encoder, windows_per_second))
        });
        match loaded {
            Ok((mut encoder, windows_per_second)) => {
                while let Some(notice) = encoder.take_notice() {
                    self.link.tell(Event::Notice(notice));
                }
                self.link.tell(Event::Loaded { card: encoder.card(), windows_per_second });
                self.encoder = Some(encoder);
            }
            Err(error) => self.link.tell(Event::LoadFailed(error.to_string())),
        }
    }

    /// Runs a scan to its end. Returns the command that ended it early, if one did.
    fn scan(&mut self, request: super::ScanRequest) -> Option<Command> {
        self.pass = None;
        let Some(encoder) = self.encoder.as_mut() else {
            self.link.tell(Event::Failed("no model is loaded; choose one first".to_owned()));
            return None;
        };
        let pass = Pass::new(request, encoder.as_mut(), &mut self.room);
        match pass {
            Ok((pass, notices)) => {
                for notice in notices {
                    self.link.tell(Event::Notice(notice));
                }
                let pass = self.pass.insert(pass);
                pass.run(encoder.as_mut(), &self.link)
            }
            Err(error) => {
                self.link.tell(Event::Failed(error.to_string()));
                None
            }
        }
    }

    /// Answers a query; a newer command takes its place even while it is answered. Returns that command.
    fn set_query(&mut self, query: &crate::search::Query) -> Option<Command> {
        let (Some(pass), Some(encoder)) = (self.pass.as_mut(), self.encoder.as_mut()) else { return None };
        let inbox = self.link.inbox.clone();
        loop {
            match pass.set_query(query.clone(), encoder.as_mut(), &|| !inbox.is_empty()) {
                Ok(true) => self.link.tell(Event::Ranked { ranking: pass.ranking() }),
                Ok(false) => match self.link.inbox.try_recv() {
                    // Where one looks makes no difference any more.
                    Ok(Command::SetView(_)) | Err(_) => continue,
                    Ok(newer) => return Some(newer),
                },
                Err(error) => self.link.tell(Event::Refused(error.to_string())),
            }
            return None;
        }
    }
}

/// Encodes two empty batches, the second to the clock: the first one compiles kernels and allocates.
fn warm_up(encoder: &mut dyn Encoder) -> Result<f64, EncoderError> {
    let batch_size = encoder.card().batch_size;
    let input = vec![0.0; encoder.preprocessor().input_len() * batch_size];
    encoder.encode_images(&input)?;
    let started = Instant::now();
    encoder.encode_images(&input)?;
    Ok(batch_size as f64 / started.elapsed().max(Duration::from_micros(1)).as_secs_f64())
}
