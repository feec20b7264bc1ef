//! Whether a server still answers, as all who read a file from it have found together.
//!
//! A request that fails is no reason to give a file up, but each of thousands of reads that waits for a
//! server on its own would take for ever. So the waiting is shared: nobody asks before the pause after a
//! failure is over, and when nothing but failures came for the total patience, the server is given up: for a
//! while every read fails at once, then a single one tries again. A file that has changed is given up for
//! good, since what was read of it would fit to nothing that could be read now. All who wait can be told to
//! stop, when what they read is not wanted any more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{RemoteError, RemoteOptions};
use crate::notices::Notices;

/// What the requests of one file have come to.
pub(super) struct Health {
    state: Mutex<State>,
    changed: Condvar,
    /// How often those who waited were told to stop.
    stops: AtomicU64,
    /// The pause after the first failure; it doubles with each round of requests that fail.
    pause: Duration,
    /// As far as it grows, unless the server names one.
    longest_pause: Duration,
    /// How long nothing but failures may come.
    total: Duration,
    /// How long a server that was given up is left alone.
    rest: Duration,
    notices: Notices,
}

/// How often those who waited had been told to stop when somebody began to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Began(u64);

#[derive(Default)]
struct State {
    /// Why no request will ever help.
    ended: Option<RemoteError>,
    /// Why the server was given up, and until when.
    given_up: Option<(RemoteError, Instant)>,
    /// Somebody tries whether a server that was given up is back.
    trying: bool,
    /// When the first of the requests was sent that failed one after the other.
    failing_since: Option<Instant>,
    /// Rounds of requests that failed: those that were under way together count once.
    rounds: u32,
    /// Nobody asks before.
    not_before: Option<Instant>,
    /// Answers so far.
    answers: u64,
}

impl Health {
    pub fn new(options: &RemoteOptions, notices: Notices) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            stops: AtomicU64::new(0),
            pause: options.pause,
            longest_pause: options.patience * 2 / 5,
            total: options.total_patience(),
            rest: options.patience,
            notices,
        }
    }

    /// Begins to wait, for this and that.
    pub fn begin(&self) -> Began {
        Began(self.stops.load(Ordering::SeqCst))
    }

    /// Tells all who began to wait until now to stop.
    pub fn stop_waiting(&self) {
        self.stops.fetch_add(1, Ordering::SeqCst);
        self.wake();
    }

    fn go_on(&self, began: Began) -> Result<(), RemoteError> {
        if self.begin() == began { Ok(()) } else { Err(RemoteError::stopped()) }
    }

    /// Waits until something is there, of whose coming [`Self::wake`] tells.
    ///
    /// # Errors
    /// When told to stop.
    pub fn wait_for<T>(&self, began: Began, mut there: impl FnMut() -> Option<T>) -> Result<T, RemoteError> {
        let mut state = self.lock();
        loop {
            if let Some(found) = there() {
                return Ok(found);
            }
            self.go_on(began)?;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has all who wait look whether what they wait for is there.
    pub fn wake(&self) {
        // Nobody is then between looking and waiting.
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// At once while the file is given up, and when told to stop.
    pub fn wait(&self, began: Began) -> Result<(), RemoteError> {
        let mut state = self.lock();
        loop {
            self.go_on(began)?;
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
        // For the others, it goes on being given up until this one knows more.
        *until = now + self.total.max(self.rest);
        state.trying = true;
        Ok(())
    }

    /// Why the file is given up for good, if it is.
    pub fn ended(&self) -> Result<(), RemoteError> {
        self.lock().ended.clone().map_or(Ok(()), Err)
    }

    /// How long what a server that is there can't send is left alone.
    pub fn rest_of_part(&self) -> Duration {
        self.total
    }

    /// Whether what began then should have come to an end.
    pub fn is_too_long(&self, began: Instant) -> bool {
        began.elapsed() > self.total
    }

    /// Answers so far.
    pub fn answers(&self) -> u64 {
        self.lock().answers
    }

    /// A request went well.
    pub fn answered(&self) {
        let mut state = self.lock();
        // When the server asked to be left alone for a time, that still counts for the others.
        *state = State {
            ended: state.ended.take(),
            not_before: state.not_before,
            answers: state.answers + 1,
            ..State::default()
        };
        drop(state);
        self.changed.notify_all();
    }

    /// A request that was sent at `sent`, the `tries`-th for its range, failed in a way that may pass,
    /// perhaps after the time that the server named. It may be sent again, after the pause. Returns how long
    /// nothing but failures will have come by then.
    ///
    /// # Errors
    /// When that is of no use any more, and the server is given up.
    pub fn failed(
        &self,
        sent: Instant,
        tries: u32,
        error: &RemoteError,
        named: Option<Duration>,
    ) -> Result<Duration, RemoteError> {
        let mut state = self.lock();
        if let Some((why, _)) = state.given_up.as_ref().filter(|_| !state.trying) {
            return Err(why.clone());
        }
        let since = *state.failing_since.get_or_insert(sent);
        let is_round = state.rounds == 0 || state.not_before.is_none_or(|time| time <= sent);
        state.rounds += u32::from(is_round);
        let pause =
            self.pause.saturating_mul(1 << (state.rounds.max(tries) - 1).min(16)).min(self.longest_pause);
        let pause = named.unwrap_or(pause);
        let now = Instant::now();
        let spent = now.duration_since(since).saturating_add(pause);
        if state.trying || spent > self.total {
            let mut error = error.clone();
            if pause > self.total {
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

    /// Tells of the waiting for a server, unless it is as short as most hiccups are.
    pub fn tell_of_waiting(&self, spent: Duration, error: &RemoteError) {
        if spent > self.pause * 4 {
            let most = self.total.as_secs_f64().ceil();
            self.notices.advise(format!("{}, so reading waits for it, up to {most} seconds", error.what));
        }
    }

    /// Nothing that was tried helps: leaves the server alone for a while.
    pub fn give_up_for_now(&self, error: RemoteError) -> RemoteError {
        self.give_up(self.lock(), error)
    }

    fn give_up(&self, mut state: MutexGuard<State>, error: RemoteError) -> RemoteError {
        let error = error.lasting();
        let answers = state.answers;
        let given_up = Some((error.clone(), Instant::now() + self.rest));
        *state = State { ended: state.ended.take(), given_up, answers, ..State::default() };
        drop(state);
        self.changed.notify_all();
        error
    }

    /// No request will ever help.
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
        health.wait(health.begin())
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
        assert_eq!(health.lock().rounds, 1);
        let later = health.lock().not_before.unwrap();
        health.failed(later, 2, &trouble(), None).unwrap();
        assert_eq!(health.lock().rounds, 2);
        health.answered();
        assert_eq!(health.lock().rounds, 0);
        assert_eq!(health.answers(), 1);
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
        health.answered();
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
        let before = health.begin();
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
        health.answered();
        health.lock().not_before = None;
        assert!(health.wait(before).is_err() && health.wait(health.begin()).is_ok());
    }

    #[test]
    fn what_has_ended_stays_so() {
        let health = health(Duration::ZERO, Duration::ZERO);
        health.end(RemoteError::changed());
        health.end(trouble());
        health.answered();
        assert!(wait(&health).unwrap_err().what.contains("changed"));
        assert!(health.ended().is_err());
    }
}
