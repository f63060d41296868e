//! What was found, step by step.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// How a step ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is as it has to be.
    Ok,
    /// It works, but something should be changed.
    Warning,
    /// It does not work, or it is not safe.
    Failed,
    /// It could not be looked at; the detail says why.
    Skipped,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What was looked at, such as `assume-role`.
    pub id: &'static str,
    /// The grant it was for, if it was for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, in a sentence.
    pub detail: String,
    /// What to change: the configuration key or the cloud's setting. Several lines where a rule is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The error code of STS or OSS, if one was behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How long it took, in milliseconds.
    pub took: u64,
}

/// How many calls a check made.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Calls {
    /// Calls of STS.
    pub sts: u32,
    /// Requests to OSS.
    pub oss: u32,
}

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether no step failed.
    pub ok: bool,
    /// The steps, in the order in which they were made.
    pub steps: Vec<Step>,
    /// What it cost.
    pub calls: Calls,
}

/// What a check tells while it goes on.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A step begins: its id, and its grant if it has one.
    Begins(&'static str, Option<&'a str>),
    /// A step has ended.
    Ended(&'a Step),
}

/// How one step ended, before it is known how long it took.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
    pub(super) code: Option<String>,
}

impl Outcome {
    pub(super) fn new(verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { verdict, detail: detail.into(), hint: None, code: None }
    }

    pub(super) fn ok(detail: impl Into<String>) -> Self {
        Self::new(Verdict::Ok, detail)
    }

    pub(super) fn warning(detail: impl Into<String>) -> Self {
        Self::new(Verdict::Warning, detail)
    }

    pub(super) fn failed(detail: impl Into<String>) -> Self {
        Self::new(Verdict::Failed, detail)
    }

    pub(super) fn skipped(detail: impl Into<String>) -> Self {
        Self::new(Verdict::Skipped, detail)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn code(mut self, code: Option<&str>) -> Self {
        self.code = code.map(str::to_owned);
        self
    }

    /// With the name of the grant in place of the star that stands for it.
    pub(super) fn of_grant(mut self, grant: &str) -> Self {
        self.hint = self.hint.map(|hint| hint.replace("grants.*", &format!("grants.{grant}")));
        self
    }
}

/// Makes the steps, each within its time, and keeps what they found.
pub(super) struct Steps<'t> {
    made: Vec<Step>,
    patience: Duration,
    tell: &'t mut (dyn FnMut(Event<'_>) + Send),
}

impl<'t> Steps<'t> {
    pub(super) fn new(patience: Duration, tell: &'t mut (dyn FnMut(Event<'_>) + Send)) -> Self {
        Self { made: Vec::new(), patience, tell }
    }

    /// Makes one step; its value, where it ended in time.
    pub(super) async fn with<T>(
        &mut self,
        id: &'static str,
        grant: Option<&str>,
        work: impl Future<Output = (Outcome, T)>,
    ) -> Option<T> {
        (self.tell)(Event::Begins(id, grant));
        let started = Instant::now();
        let (outcome, value) = match tokio::time::timeout(self.patience, work).await {
            Ok((outcome, value)) => (outcome, Some(value)),
            Err(_) => (self.too_slow(), None),
        };
        self.keep(id, grant, outcome, started.elapsed());
        value
    }

    /// Makes one step that has no value; whether it did not fail.
    pub(super) async fn make(
        &mut self,
        id: &'static str,
        grant: Option<&str>,
        work: impl Future<Output = Outcome>,
    ) -> bool {
        let passed = self.with(id, grant, async {
            let outcome = work.await;
            let passed = outcome.verdict != Verdict::Failed;
            (outcome, passed)
        });
        passed.await.unwrap_or(false)
    }

    /// Keeps a step that took no time.
    pub(super) fn add(&mut self, id: &'static str, grant: Option<&str>, outcome: Outcome) {
        (self.tell)(Event::Begins(id, grant));
        self.keep(id, grant, outcome, Duration::ZERO);
    }

    pub(super) fn into_report(self, calls: Calls) -> Report {
        Report { ok: self.made.iter().all(|step| step.verdict != Verdict::Failed), steps: self.made, calls }
    }

    fn too_slow(&self) -> Outcome {
        Outcome::failed(format!("no answer within {} s", self.patience.as_secs_f32()))
            .hint("look at the network on the way, or give more time with `--timeout`")
    }

    fn keep(&mut self, id: &'static str, grant: Option<&str>, outcome: Outcome, took: Duration) {
        let Outcome { verdict, detail, hint, code } = outcome;
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let step = Step { id, grant: grant.map(str::to_owned), verdict, detail, hint, code, took };
        (self.tell)(Event::Ended(&step));
        self.made.push(step);
    }
}
