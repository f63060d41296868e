//! A clock for tests and simulations.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::{Clock, Timestamp};

/// A clock that stands still until it is moved; those who sleep wake as it passes them.
#[derive(Debug)]
pub struct ManualClock(watch::Sender<Moment>);

#[derive(Clone, Copy, Debug)]
struct Moment {
    now: Timestamp,
    elapsed: Duration,
}

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(watch::Sender::new(Moment { now: start, elapsed: Duration::ZERO }))
    }

    /// Lets `step` pass.
    ///
    /// # Panics
    /// If `step` is negative: time does not go back. See [`Self::jump`].
    pub fn advance(&self, step: TimeDelta) {
        let length = step.to_std().expect("time goes forward");
        self.0.send_modify(|moment| {
            moment.now += step;
            moment.elapsed += length;
        });
    }

    /// Lets time pass until `moment`; does nothing if that is past.
    pub fn set(&self, moment: Timestamp) {
        self.advance((moment - self.now()).max(TimeDelta::zero()));
    }

    /// Puts the hands forward or back by `step`, as a person or NTP does, while no time passes.
    pub fn jump(&self, step: TimeDelta) {
        self.0.send_modify(|moment| moment.now += step);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.borrow().now
    }

    fn elapsed(&self) -> Duration {
        self.0.borrow().elapsed
    }

    fn sleep(&self, length: Duration) -> BoxFuture<'static, ()> {
        let mut moments = self.0.subscribe();
        let end = self.elapsed() + length;
        async move { drop(moments.wait_for(|moment| moment.elapsed >= end).await) }.boxed()
    }
}
