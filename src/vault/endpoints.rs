//! One attempt at `AssumeRole`: at one endpoint of STS, or at both when the first stays silent.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{Either, pending, select};

use super::load::milliseconds;
use super::tally::Tally;
use crate::clock::CorrectedClock;
use crate::keys::AccessKey;
use crate::sts::{AssumeRole, Assumed, Client, Stage, StsError};

/// How long one endpoint may be silent before the other is asked too. STS answers within a second when it is well; with 2
/// of the 5 seconds that a caller waits gone, the other has 3 left.
const HEDGE_AFTER: Duration = Duration::from_secs(2);
/// How long the other endpoint is asked first after one did not answer.
const DETOUR: Duration = Duration::from_mins(1);

/// STS at `sts.endpoint`, and at `sts.second_endpoint` if there is one.
#[derive(Debug)]
pub(super) struct Endpoints {
    first: Client,
    second: Option<Client>,
    /// Until this moment of the clock's run, in milliseconds, the second endpoint is asked first.
    detour: AtomicU64,
}

/// One attempt.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) request: &'a AssumeRole<'a>,
    pub(super) opener: &'a AccessKey,
    /// When it ends, in the clock's run.
    pub(super) end: Duration,
    pub(super) clock: &'a CorrectedClock,
    pub(super) tally: &'a Tally,
}

/// The answer of one endpoint.
type Answer = Result<Assumed, StsError>;

impl Endpoints {
    pub(super) fn new(first: Client, second: Option<Client>) -> Self {
        Self { first, second, detour: AtomicU64::new(0) }
    }

    /// Asks STS. An endpoint that does not answer within [`HEDGE_AFTER`] is not given up: the other one is asked beside
    /// it, once `pay` has paid for that call, and the first answer counts.
    pub(super) async fn ask(&self, attempt: Attempt<'_>, pay: impl Future<Output = bool>) -> Answer {
        let Attempt { end, clock, .. } = attempt;
        let (preferred, other) = self.in_order(clock);
        let is_hedged = AtomicBool::new(false);
        let hedge = async {
            let Some(other) = other else { return pending().await };
            clock.sleep(HEDGE_AFTER).await;
            if !pay.await {
                return pending().await;
            }
            is_hedged.store(true, Ordering::Relaxed);
            Box::pin(attempt.at(other)).await
        };
        let both = race(Box::pin(attempt.at(preferred)), hedge, || is_hedged.load(Ordering::Relaxed), attempt.tally);
        let (answer, is_silent) = tokio::select! {
            answer = both => answer,
            () = clock.sleep(end.saturating_sub(clock.elapsed())) => (Err(StsError::Timeout(Stage::Total)), true),
        };
        if is_silent {
            self.turn_to_the_other(clock);
        }
        answer
    }

    /// The endpoint to ask, and the one to ask if that is silent.
    fn in_order(&self, clock: &CorrectedClock) -> (&Client, Option<&Client>) {
        match &self.second {
            Some(second) if self.is_on_detour(clock) => (second, Some(&self.first)),
            second => (&self.first, second.as_ref()),
        }
    }

    fn is_on_detour(&self, clock: &CorrectedClock) -> bool {
        milliseconds(clock.elapsed()) < self.detour.load(Ordering::Relaxed)
    }

    /// The endpoint that was asked does not answer, so the other one is asked first, from now on and for a while.
    fn turn_to_the_other(&self, clock: &CorrectedClock) {
        let end = if self.is_on_detour(clock) { 0 } else { milliseconds(clock.elapsed() + DETOUR) };
        self.detour.store(end, Ordering::Relaxed);
    }
}

/// The answer of `preferred`, or that of `hedge` if it comes first; and whether `preferred` did not answer. A failure to
/// answer counts only if the other has not been asked, or does not answer either.
async fn race(
    preferred: impl Future<Output = Answer>,
    hedge: impl Future<Output = Answer>,
    is_hedged: impl Fn() -> bool,
    tally: &Tally,
) -> (Answer, bool) {
    match select(pin!(preferred), pin!(hedge)).await {
        Either::Left((answer, hedge)) => {
            let is_silent = is_no_answer(&answer);
            match answer {
                Err(error) if is_unanswered(&error) && is_hedged() => {
                    tally.failed(&error);
                    (hedge.await, is_silent)
                }
                answer => (answer, is_silent),
            }
        }
        Either::Right((Err(error), preferred)) if is_unanswered(&error) => {
            tally.failed(&error);
            let answer = preferred.await;
            let is_silent = is_no_answer(&answer);
            (answer, is_silent)
        }
        Either::Right((answer, _silent)) => (answer, true),
    }
}

/// Whether the endpoint did not answer, so that another one may.
fn is_no_answer(answer: &Answer) -> bool {
    matches!(answer, Err(StsError::Timeout(_) | StsError::Unreachable(_)))
}

/// Whether the other endpoint may still grant what was asked for: a refusal holds at both.
fn is_unanswered(error: &StsError) -> bool {
    !matches!(error, StsError::Refused(_) | StsError::UnsendableAccessKey)
}

impl Attempt<'_> {
    /// Asks the endpoint of `client`, and learns from the date of its answer.
    async fn at(self, client: &Client) -> Answer {
        let Self { request, opener, clock, tally, .. } = self;
        let _timed = Timed { asked: clock.elapsed(), clock, tally };
        let asked = clock.elapsed();
        let answer = client.assume_role(request, opener, clock.cloud_time()).await;
        let date = answer.as_ref().map_or_else(StsError::server_date, |assumed| assumed.server_date);
        if let Some(date) = date {
            clock.correct(date, asked);
        }
        answer
    }
}

/// Counts how long a call took, also one that is given up.
struct Timed<'a> {
    asked: Duration,
    clock: &'a CorrectedClock,
    tally: &'a Tally,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.tally.called(self.clock.elapsed().saturating_sub(self.asked));
    }
}
