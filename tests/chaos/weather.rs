//! What happens to STS and to this machine's clock, by the seed.

use std::sync::Mutex;
use std::time::Duration;

use chrono::TimeDelta;
use oss_vend::emulator::Failure;

use crate::dice::Dice;

/// After the last failure the vault may keep away for a minute, and a load under way may take twelve seconds.
const AFTERMATH: Duration = Duration::from_secs(75);
/// The client's limit; an answer that takes longer is none.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// What happens to one call.
#[derive(Debug)]
pub(crate) struct Fate {
    /// How long the call is on its way.
    pub(crate) there: Duration,
    /// How long its answer is on its way.
    pub(crate) back: Duration,
    pub(crate) failure: Option<Failure>,
}

/// Spells of bad weather, with calm between them.
pub(crate) struct Weather {
    dice: Dice,
    state: Mutex<State>,
}

struct State {
    spell: Spell,
    /// Both in virtual time since the start.
    until: Duration,
    last_failure: Option<Duration>,
    spells: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Spell {
    Calm,
    /// Slow both ways, and whole.
    Slow,
    /// So many calls in a hundred fail.
    Failing(u64),
}

impl Weather {
    /// Calm for the first ten minutes.
    pub(crate) fn new(seed: u64) -> Self {
        let state = State { spell: Spell::Calm, until: Duration::from_mins(10), last_failure: None, spells: 0 };
        Self { dice: Dice::new(seed), state: Mutex::new(state) }
    }

    /// The fate of a call that is made at `now`.
    pub(crate) fn fate(&self, now: Duration) -> Fate {
        let mut state = self.state.lock().unwrap();
        while state.until <= now {
            self.turn(&mut state);
        }
        let (mut there, mut back, mut failure) = (self.millis(1..40), self.millis(1..40), None);
        match state.spell {
            Spell::Calm => {}
            Spell::Slow => (there, back) = (self.millis(1..900), self.millis(1..4_000)),
            Spell::Failing(share) if self.dice.percent(share) => failure = Some(self.failure()),
            Spell::Failing(_) => there = self.millis(1..6_000),
        }
        if failure.is_some() || there + back >= TIMEOUT {
            state.last_failure = state.last_failure.max(Some(now + TIMEOUT));
        }
        Fate { there, back, failure }
    }

    /// Whether no failure can have anything to do with what is answered at `now`.
    pub(crate) fn is_healthy(&self, now: Duration) -> bool {
        self.state.lock().unwrap().last_failure.is_none_or(|last| now > last + AFTERMATH)
    }

    /// The spells there have been.
    pub(crate) fn spells(&self) -> u64 {
        self.state.lock().unwrap().spells
    }

    /// Where the hands of this machine's clock are put, and how long they stay.
    pub(crate) fn hands(&self) -> (TimeDelta, Duration) {
        let off = i64::try_from(self.dice.within(0..1_200_001)).unwrap() - 600_000;
        let off = if self.dice.percent(30) { 0 } else { off };
        (TimeDelta::milliseconds(off), Duration::from_secs(self.dice.within(300..3_600)))
    }

    fn turn(&self, state: &mut State) {
        let (spell, minutes) = match (state.spell, self.dice.within(0..9)) {
            // Two or three times a day one that outlives every key of an hour.
            (Spell::Calm, _) if state.spells % 16 == 6 => (Spell::Failing(100), self.dice.within(70..75)),
            (Spell::Calm, 0..=3) => (Spell::Failing(30), self.dice.within(3..15)),
            (Spell::Calm, 4..=5) => (Spell::Failing(80), self.dice.within(2..10)),
            (Spell::Calm, 6..=7) => (Spell::Slow, self.dice.within(5..20)),
            (Spell::Calm, _) => (Spell::Failing(100), self.dice.within(5..50)),
            _ => (Spell::Calm, self.dice.within(5..40)),
        };
        state.spells += u64::from(spell != Spell::Calm);
        state.spell = spell;
        state.until += Duration::from_mins(minutes);
    }

    fn failure(&self) -> Failure {
        let status =
            |status: u16, code: &str| Failure::Status { status, code: code.into(), message: "by the seed".into() };
        let body = |status: u16, kind: &str, text: &str| Failure::Body {
            status,
            content_type: kind.into(),
            body: text.as_bytes().to_vec(),
        };
        match self.dice.within(0..12) {
            0 => status(500, "InternalError"),
            1 => status(503, "ServiceUnavailable"),
            2 => body(502, "text/html", "<html>bad gateway</html>"),
            3 => status(400, "Throttling.User"),
            4 => Failure::Throttled { retry_after: self.millis(100..2_000) },
            5 => Failure::Throttled { retry_after: self.millis(2_000..30_000) },
            6 => body(200, "application/json", "{\"RequestId\":\"r\",\"Credentials\":{\"AccessKeyId\":7}}"),
            7 => body(200, "application/json", "{\"RequestId\":\"r\",\"Credentials\":{\"AccessKeyId\":\"STS.x\"}}"),
            8 => body(200, "text/html", "<html>log in</html>"),
            9 => Failure::Cut,
            10 => Failure::Close,
            _ => Failure::Silence,
        }
    }

    fn millis(&self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.dice.within(range))
    }
}
