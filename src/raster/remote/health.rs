//! Whether a server still responds, judged by all readers of a file together.
//!
//! A failed request is no reason to give up on a file, but if each of thousands of reads waited for a server
//! on its own, a scan would take forever. So the waiting is shared: no request is sent before the pause after
//! a failure is over, and when there have been only failures for three timeouts, the server is given up: for
//! a while every read fails at once, then a single one tries again. A file that has changed is given up for
//! good, since what was read before would not match. All who wait can be told to stop, when what they read is
//! no longer wanted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::RemoteOptions;
use crate::notices::Notices;
use crate::raster::error::RemoteError;

/// The outcome of all requests for one file so far.
pub(super) struct Health {
    state: Mutex<State>,
    changed: Condvar,
    /// How often [`Self::stop_waiting`] was called.
    stops: AtomicU64,
    /// The pause after the first failure; it doubles with each round of failed requests.
    pause: Duration,
    /// The longest pause, unless the server names one.
    max_pause: Duration,
    /// For how long there may be only failures.
    total_timeout: Duration,
    /// How long no requests are sent after the server was given up.
    recovery: Duration,
    notices: Notices,
}

/// Identifies the calls of [`Health::stop_waiting`] before a wait began, which don't end it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct WaitToken(u64);

#[derive(Default)]
struct State {
    /// Why no request will ever succeed.
    ended: Option<RemoteError>,
    /// Why the server was given up, and until when.
    given_up: Option<(RemoteError, Instant)>,
    /// A thread is checking whether a server that was given up is back.
    probing: bool,
    /// When the first request of an unbroken series of failures was sent.
    failing_since: Option<Instant>,
    /// Rounds of failed requests: those that were made at the same time count once.
    failed_rounds: u32,
    /// No request is sent before this time.
    not_before: Option<Instant>,
    /// Successful responses so far.
    responses: u64,
}

impl Health {
    pub fn new(options: &RemoteOptions, notices: Notices) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            stops: AtomicU64::new(0),
            pause: options.pause,
            max_pause: options.patience * 2 / 5,
            total_timeout: options.total_timeout(),
            recovery: options.patience,
            notices,
        }
    }

    /// Begins a wait, or several in a row.
    pub fn wait_token(&self) -> WaitToken {
        WaitToken(self.stops.load(Ordering::SeqCst))
    }

    /// Ends all waits that have begun before.
    pub fn stop_waiting(&self) {
        self.stops.fetch_add(1, Ordering::SeqCst);
        self.wake();
    }

    fn check_token(&self, token: WaitToken) -> Result<(), RemoteError> {
        if self.wait_token() == token { Ok(()) } else { Err(RemoteError::stopped()) }
    }

    /// Waits until `poll` returns something; it is called after each [`Self::wake`].
    ///
    /// # Errors
    /// When told to stop.
    pub fn wait_for<T>(
        &self,
        token: WaitToken,
        mut poll: impl FnMut() -> Option<T>,
    ) -> Result<T, RemoteError> {
        let mut state = self.lock();
        loop {
            if let Some(found) = poll() {
                return Ok(found);
            }
            self.check_token(token)?;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has all who wait call `poll` again.
    pub fn wake(&self) {
        // With the lock, no thread is between polling and waiting.
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// At once if the file was given up, and when told to stop.
    pub fn wait(&self, token: WaitToken) -> Result<(), RemoteError> {
        let mut state = self.lock();
        loop {
            self.check_token(token)?;
            self.check(&mut state)?;
            let left = state.not_before.and_then(|time| time.checked_duration_since(Instant::now()));
            let Some(left) = left.filter(|left| !left.is_zero()) else { return Ok(()) };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn check(&self, state: &mut State) -> Result<(), RemoteError> {
        if let Some(error) = &state.ended {
            return Err(error.clone());
        }
        let now = Instant::now();
        let Some((error, until)) = &mut state.given_up else { return Ok(()) };
        if now < *until {
            return Err(error.clone());
        }
        // For other threads, the server remains given up until this one knows more.
        *until = now + self.total_timeout.max(self.recovery);
        state.probing = true;
        Ok(())
    }

    /// Fails if the file was given up for good.
    pub fn ended(&self) -> Result<(), RemoteError> {
        self.lock().ended.clone().map_or(Ok(()), Err)
    }

    /// How long a range that an available server can't send isn't requested again.
    pub fn range_pause(&self) -> Duration {
        self.total_timeout
    }

    /// Whether something that began then has taken too long.
    pub fn is_too_long(&self, began: Instant) -> bool {
        began.elapsed() > self.total_timeout
    }

    /// Answers so far.
    pub fn responses(&self) -> u64 {
        self.lock().responses
    }

    /// Records a successful request.
    pub fn succeeded(&self) {
        let mut state = self.lock();
        // A pause that the server asked for still applies to other threads.
        *state = State {
            ended: state.ended.take(),
            not_before: state.not_before,
            responses: state.responses + 1,
            ..State::default()
        };
        drop(state);
        self.changed.notify_all();
    }

    /// Records a temporary failure of a request that was sent at `sent`, the `tries`-th one for its range.
    /// `named` is the pause that the server asked for. The request may be repeated after the pause. Returns
    /// for how long there will have been only failures by then.
    ///
    /// # Errors
    /// When that is too long, and the server is given up.
    pub fn failed(
        &self,
        sent: Instant,
        tries: u32,
        error: &RemoteError,
        named: Option<Duration>,
    ) -> Result<Duration, RemoteError> {
        let mut state = self.lock();
        if let Some((why, _)) = state.given_up.as_ref().filter(|_| !state.probing) {
            return Err(why.clone());
        }
        let since = *state.failing_since.get_or_insert(sent);
        let is_round = state.failed_rounds == 0 || state.not_before.is_none_or(|time| time <= sent);
        state.failed_rounds += u32::from(is_round);
        let pause =
            self.pause.saturating_mul(1 << (state.failed_rounds.max(tries) - 1).min(16)).min(self.max_pause);
        let pause = named.unwrap_or(pause);
        let now = Instant::now();
        let spent = now.duration_since(since).saturating_add(pause);
        if state.probing || spent > self.total_timeout {
            let mut error = error.clone();
            if pause > self.total_timeout {
                error.advice =
                    format!("it asks to be left alone for {} seconds, so try again then", pause.as_secs());
            }
            return Err(self.give_up(state, error));
        }
        if is_round || named.is_some() {
            state.not_before = state.not_before.max(Some(now + pause));
        }
        drop(state);
        Ok(spent)
    }

    /// Adds a notice about the waiting, unless it is as short as most hiccups.
    pub fn advise_waiting(&self, spent: Duration, error: &RemoteError) {
        if spent > self.pause * 4 {
            let most = self.total_timeout.as_secs_f64().ceil();
            self.notices.advise(format!("{}, so reading waits for it, up to {most} seconds", error.what));
        }
    }

    /// Gives up on the server for a while.
    pub fn give_up_for_now(&self, error: RemoteError) -> RemoteError {
        self.give_up(self.lock(), error)
    }

    fn give_up(&self, mut state: MutexGuard<State>, error: RemoteError) -> RemoteError {
        let error = error.lasting();
        let responses = state.responses;
        let given_up = Some((error.clone(), Instant::now() + self.recovery));
        *state = State { ended: state.ended.take(), given_up, responses, ..State::default() };
        drop(state);
        self.changed.notify_all();
        error
    }

    /// Gives up on the file for good.
    pub fn end(&self, error: RemoteError) -> RemoteError {
        let mut state = self.lock();
        let error = state.ended.get_or_insert_with(|| error.lasting()).clone();
        drop(state);
        self.changed.notify_all();
        error
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(pause: Duration, patience: Duration) -> Health {
        let options = RemoteOptions { patience, pause, ..RemoteOptions::default() };
        Health::new(&options, Notices::default())
    }

    fn wait(health: &Health) -> Result<(), RemoteError> {
        health.wait(health.wait_token())
    }

    fn trouble() -> RemoteError {
        RemoteError::new("the server does not answer in time", "check it")
    }

    #[test]
    fn requests_that_fail_together_lengthen_the_pause_once() {
        let health = health(Duration::from_secs(5), Duration::from_hours(1));
        let sent = Instant::now();
        for _ in 0..8 {
            health.failed(sent, 1, &trouble(), None).unwrap();
        }
        assert_eq!(health.lock().failed_rounds, 1);
        let later = health.lock().not_before.unwrap();
        health.failed(later, 2, &trouble(), None).unwrap();
        assert_eq!(health.lock().failed_rounds, 2);
        health.succeeded();
        assert_eq!(health.lock().failed_rounds, 0);
        assert_eq!(health.responses(), 1);
    }

    #[test]
    fn a_server_that_was_given_up_is_tried_again_by_one() {
        let health = health(Duration::ZERO, Duration::from_hours(1));
        let error = health.give_up_for_now(trouble());
        assert!(error.lasting && wait(&health).is_err(), "it is left alone");
        let rest_is_over = || health.lock().given_up.as_mut().unwrap().1 = Instant::now();
        rest_is_over();
        assert!(wait(&health).is_ok());
        assert!(wait(&health).is_err(), "one at a time");
        let error = health.failed(Instant::now(), 1, &trouble(), None).unwrap_err();
        assert!(error.lasting && wait(&health).is_err());
        rest_is_over();
        assert!(wait(&health).is_ok());
        health.succeeded();
        assert!(wait(&health).is_ok() && wait(&health).is_ok());
    }

    #[test]
    fn longer_than_anybody_waits_is_told_at_once() {
        let health = health(Duration::from_millis(1), Duration::from_secs(20));
        let named = Some(Duration::from_hours(1));
        let error = health.failed(Instant::now(), 1, &trouble(), named).unwrap_err();
        assert!(error.advice.contains("3600 seconds"), "{error}");
    }

    #[test]
    fn who_waits_can_be_told_to_stop() {
        let health = health(Duration::from_hours(1), Duration::from_hours(9));
        let before = health.wait_token();
        health.failed(Instant::now(), 1, &trouble(), None).unwrap();
        std::thread::scope(|scope| {
            let waiting =
                [scope.spawn(|| health.wait(before)), scope.spawn(|| health.wait_for(before, || None))];
            health.stop_waiting();
            for waiting in waiting {
                let error = waiting.join().unwrap().unwrap_err();
                assert!(error.stopped && !error.lasting, "{error}");
            }
        });
        // What is there is taken all the same, and who begins later is not meant.
        assert!(health.wait_for(before, || Some(())).is_ok());
        health.succeeded();
        health.lock().not_before = None;
        assert!(health.wait(before).is_err() && health.wait(health.wait_token()).is_ok());
    }

    #[test]
    fn what_has_ended_stays_so() {
        let health = health(Duration::ZERO, Duration::ZERO);
        health.end(RemoteError::changed());
        health.end(trouble());
        health.succeeded();
        assert!(wait(&health).unwrap_err().what.contains("changed"));
        assert!(health.ended().is_err());
    }
}
