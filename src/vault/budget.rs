//! The calls that STS may be asked for in a second. The account's limit, 100, is shared by all its users and roles, so
//! ours stays beneath it, and every attempt counts.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::line::{Line, Whose};
use crate::clock::Clock;
use crate::policy::Session;

/// How long a first load may wait for its turn: a second less than its caller waits, for STS to answer in. Beyond it a
/// caller is better told to come again than kept.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);

/// An eighth of a second's worth of calls may go out at once. With the rate of 80 that makes 90 in the worst second, and
/// leaves room for those that are late on the way and arrive together with the next.
const BURST: f64 = 0.125;

/// Hands out calls at an even pace (GCRA): in no second more than the rate and an eighth.
///
/// First loads take turns, since someone waits for each: the callers in rounds, so that nobody is kept out by one who
/// opens a thousand sessions. There are as many places in the line as patience has turns; when all are taken, one who
/// has fewer displaces the last of whoever has the most. A refresh only takes what nobody waits for: its key is still
/// good, and the next request tries again.
#[derive(Debug)]
pub(super) struct Budget {
    /// The time between two calls.
    interval: Duration,
    /// How far calls may run ahead of the pace.
    burst: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the pace has caught up with the calls that were handed out.
    caught_up: Duration,
    line: Line<Waiter>,
    /// Whether a task calls up those who wait.
    is_served: bool,
}

/// Hears that its turn has come, or that another took its place.
type Waiter = oneshot::Sender<Result<(), Spent>>;

/// There are too many calls before this one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Spent {
    /// After this it is worth trying again.
    pub(super) retry_after: Duration,
}

impl Budget {
    /// So many calls a second, at least one.
    pub(super) fn new(calls_per_second: u32) -> Self {
        let interval = Duration::from_secs(1) / calls_per_second.max(1);
        let burst = Duration::from_secs_f64(BURST).max(interval);
        Self { interval, burst, state: Mutex::default() }
    }

    /// Waits for the turn of a first load of `session`; how long it was, at most [`PATIENCE`].
    pub(super) async fn turn(self: &Arc<Self>, session: &Session, clock: Arc<dyn Clock>) -> Result<Duration, Spent> {
        let came = clock.elapsed();
        let Some(called) = self.line_up(session, &clock)? else { return Ok(Duration::ZERO) };
        tokio::select! {
            biased;
            called = called => called.unwrap_or(Err(self.spent()))?,
            () = clock.sleep(PATIENCE) => return Err(self.spent()),
        }
        Ok(clock.elapsed().saturating_sub(came))
    }

    /// A call for a refresh, if nobody waits for one.
    pub(super) fn spare(&self, now: Duration) -> bool {
        let mut state = self.lock();
        let next = self.next(&state, now);
        // Half of the burst is kept for first loads that come a moment later.
        let is_spare = state.line.len() == 0 && next <= now + (self.burst / 2).max(self.interval);
        if is_spare {
            state.caught_up = next;
        }
        is_spare
    }

    /// A place in the line, unless there is a call at once.
    fn line_up(
        self: &Arc<Self>,
        session: &Session,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<oneshot::Receiver<Result<(), Spent>>>, Spent> {
        let mut state = self.lock();
        let now = clock.elapsed();
        let next = self.next(&state, now);
        if state.line.len() == 0 && next <= now + self.burst {
            state.caught_up = next;
            return Ok(None);
        }
        let whose = Whose::of(session);
        self.make_room(&mut state, &whose)?;
        let (waiter, called) = oneshot::channel();
        state.line.join(whose, waiter);
        if !std::mem::replace(&mut state.is_served, true) {
            tokio::spawn(Arc::clone(self).serve(Arc::clone(clock)));
        }
        Ok(Some(called))
    }

    fn make_room(&self, state: &mut State, whose: &Whose) -> Result<(), Spent> {
        if state.line.len() < self.places() {
            return Ok(());
        }
        state.line.retain(|waiter| !waiter.is_closed());
        if state.line.len() < self.places() {
            return Ok(());
        }
        let displaced = state.line.displace_for(whose).ok_or(self.spent())?;
        // Whoever has left by now need not hear it.
        let _ = displaced.send(Err(self.spent()));
        Ok(())
    }

    /// Calls up those who wait, until nobody does.
    async fn serve(self: Arc<Self>, clock: Arc<dyn Clock>) {
        while let Some(pause) = self.call_up(clock.elapsed()) {
            clock.sleep(pause).await;
        }
    }

    /// Calls up all for whom there is a call now; how long until there is another, if anyone is left.
    fn call_up(&self, now: Duration) -> Option<Duration> {
        let mut state = self.lock();
        loop {
            let next = self.next(&state, now);
            let pause = next.saturating_sub(now + self.burst);
            if state.line.len() > 0 && !pause.is_zero() {
                return Some(pause);
            }
            let Some(waiter) = state.line.next() else {
                state.is_served = false;
                return None;
            };
            if waiter.send(Ok(())).is_ok() {
                state.caught_up = next;
            }
        }
    }

    fn next(&self, state: &State, now: Duration) -> Duration {
        state.caught_up.max(now) + self.interval
    }

    /// As many as have their turn within [`PATIENCE`].
    fn places(&self) -> usize {
        usize::try_from(PATIENCE.as_nanos() / self.interval.as_nanos()).unwrap_or(usize::MAX)
    }

    fn spent(&self) -> Spent {
        Spent { retry_after: PATIENCE + self.interval }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use futures_util::future::join_all;
    use proptest::prelude::*;

    use super::*;
    use crate::clock::ManualClock;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn session(name: &str, duration: u32) -> Session {
        Session::new("acs:ram::1:role/r".into(), name, duration)
    }

    /// A budget and its clock, and those who have asked for a turn, in order.
    struct Desk {
        budget: Arc<Budget>,
        clock: Arc<ManualClock>,
        asked: Vec<tokio::task::JoinHandle<Result<Duration, Spent>>>,
    }

    impl Desk {
        fn of(calls_per_second: u32) -> Self {
            let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
            Self { budget: Arc::new(Budget::new(calls_per_second)), clock, asked: Vec::new() }
        }

        /// A load of `name` asks for its turn.
        async fn ask(&mut self, name: &str) {
            let (budget, session) = (Arc::clone(&self.budget), session(name, 900));
            let clock: Arc<dyn Clock> = self.clock.clone();
            self.asked.push(tokio::spawn(async move { budget.turn(&session, clock).await }));
            self.pass(0).await;
        }

        /// Lets time pass, and all who wait do what they then do.
        async fn pass(&self, milliseconds: u64) {
            for step in 0..=milliseconds / 5 {
                self.clock.advance(TimeDelta::milliseconds(if step > 0 { 5 } else { 0 }));
                for _ in 0..4 {
                    tokio::task::yield_now().await;
                }
            }
        }

        async fn outcomes(self) -> Vec<Result<Duration, Spent>> {
            self.pass(6_000).await;
            join_all(self.asked).await.into_iter().map(Result::unwrap).collect()
        }
    }

    #[tokio::test]
    async fn a_burst_goes_at_once_and_the_rest_at_an_even_pace() {
        let mut desk = Desk::of(80);
        for number in 0..40 {
            desk.ask(&format!("caller-{number}")).await;
        }
        let waits: Vec<_> = desk.outcomes().await.into_iter().map(Result::unwrap).collect();
        assert!(waits[..10].iter().all(Duration::is_zero));
        assert_eq!((waits[10], waits[39]), (ms(15), ms(375)));
    }

    #[tokio::test]
    async fn beyond_patience_a_load_is_told_to_come_again_and_takes_no_turn() {
        let mut desk = Desk::of(10);
        for number in 0..60 {
            desk.ask(&format!("caller-{number}")).await;
        }
        let outcomes = desk.outcomes().await;
        assert!(outcomes[..41].iter().all(Result::is_ok));
        let spent = outcomes[41].unwrap_err();
        assert!(spent.retry_after > PATIENCE && spent.retry_after < PATIENCE + ms(200));
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 19);
    }

    #[tokio::test]
    async fn one_who_opens_thousands_of_sessions_keeps_nobody_else_waiting() {
        let mut desk = Desk::of(80);
        for _ in 0..1_000 {
            desk.ask("greedy").await;
        }
        desk.ask("modest").await;
        desk.ask("other").await;
        let mut outcomes = desk.outcomes().await;
        let others: Vec<_> = outcomes.split_off(1_000).into_iter().map(Result::unwrap).collect();
        assert!(others.iter().all(|wait| *wait <= ms(50)), "{others:?}");
        let served = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert!((320..=330).contains(&served), "{served}: the rest of the line is still the first one's");
    }

    #[tokio::test]
    async fn a_line_of_many_modest_callers_is_served_in_the_order_they_came() {
        let mut desk = Desk::of(80);
        for number in 0..300 {
            desk.ask(&format!("caller-{number}")).await;
        }
        let waits: Vec<_> = desk.outcomes().await.into_iter().map(Result::unwrap).collect();
        assert!(waits.is_sorted());
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_patience_however_many_come_later() {
        let mut desk = Desk::of(10);
        for _ in 0..40 {
            desk.ask("greedy").await;
        }
        for number in 0..90 {
            desk.ask(&format!("caller-{number}")).await;
            desk.pass(100).await;
        }
        let outcomes = desk.outcomes().await;
        assert!(outcomes.iter().flatten().all(|wait| *wait <= PATIENCE));
        assert!(outcomes[..40].iter().any(Result::is_err), "the greedy one's last are told to come again");
        assert!(outcomes[40..].iter().all(|outcome| outcome.is_ok_and(|wait| wait < ms(1_000))), "{outcomes:?}");
    }

    #[tokio::test]
    async fn a_refresh_takes_only_what_nobody_waits_for() {
        let mut desk = Desk::of(80);
        assert!(desk.budget.spare(Duration::ZERO));
        for number in 0..30 {
            desk.ask(&format!("caller-{number}")).await;
        }
        desk.pass(100).await;
        assert!(!desk.budget.spare(ms(100)));
        desk.pass(400).await;
        assert!(desk.budget.spare(ms(500)));
    }

    proptest! {
        #[test]
        fn no_second_has_more_calls_than_the_account_allows(gaps in proptest::collection::vec(0_u64..60, 1..2000), refreshes in any::<u64>()) {
            let budget = Budget::new(80);
            let (mut now, mut calls, mut waiting) = (Duration::ZERO, Vec::new(), Vec::new());
            for (index, gap) in gaps.into_iter().enumerate() {
                now += ms(gap / 5);
                if refreshes >> (index % 64) & 1 == 1 {
                    if budget.spare(now) { calls.push(now); }
                } else {
                    let (waiter, called) = oneshot::channel();
                    budget.lock().line.join(Whose::of(&session(&index.to_string(), 900)), waiter);
                    waiting.push(called);
                }
                budget.call_up(now);
                waiting.retain_mut(|called| {
                    let is_called = called.try_recv().is_ok();
                    if is_called { calls.push(now); }
                    !is_called
                });
            }
            for (index, call) in calls.iter().enumerate() {
                let within = calls[index..].iter().take_while(|other| **other < *call + Duration::from_secs(1)).count();
                prop_assert!(within <= 90, "{within} calls in one second");
            }
        }
    }
}
