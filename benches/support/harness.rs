//! Measures by turns: whatever disturbs the machine disturbs a subject and its floor alike, and their ratio stands.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long one batch of calls takes.
const BATCH: Duration = Duration::from_millis(2);
/// How many batches of each there are. The quickest counts: what disturbs a batch only ever makes it longer.
const ROUNDS: usize = 41;

/// Something that is measured.
pub(crate) struct Subject<'a> {
    pub(crate) name: &'static str,
    run: Box<dyn FnMut() + 'a>,
    /// What is done before a batch, untimed, and the most calls until it has to be done again.
    settle: Option<(u32, Box<dyn FnMut() + 'a>)>,
    /// The most allocations that one call may make.
    pub(crate) allocations: Option<u64>,
}

/// Subjects, and the floor that none of them can be faster than.
pub(crate) struct Group<'a> {
    pub(crate) name: &'static str,
    pub(crate) floor: Subject<'a>,
    pub(crate) subjects: Vec<Subject<'a>>,
}

/// The outcome for one subject.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) nanoseconds: f64,
    /// To the floor of its group.
    pub(crate) ratio: f64,
}

impl<'a> Subject<'a> {
    pub(crate) fn new<T>(name: &'static str, mut run: impl FnMut() -> T + 'a) -> Self {
        let run = move || drop(black_box(run()));
        Self { name, run: Box::new(run), settle: None, allocations: None }
    }

    /// The same with something that is done before each batch, which then has at most `calls`.
    pub(crate) fn settled(self, calls: u32, settle: impl FnMut() + 'a) -> Self {
        Self { settle: Some((calls, Box::new(settle))), ..self }
    }

    /// The same with a bound on allocations.
    pub(crate) fn allocating_at_most(self, allocations: u64) -> Self {
        Self { allocations: Some(allocations), ..self }
    }

    /// Calls it. The instructions of this function, callees included, are what callgrind counts.
    #[inline(never)]
    pub(crate) fn repeat(&mut self, calls: u32) {
        for _ in 0..calls {
            (self.run)();
        }
    }

    /// Does what has to be done before the next batch.
    pub(crate) fn settle(&mut self) {
        if let Some((_, settle)) = &mut self.settle {
            settle();
        }
    }

    /// Nanoseconds a call, of `calls` calls.
    fn time(&mut self, calls: u32) -> f64 {
        self.settle();
        let began = Instant::now();
        self.repeat(calls);
        began.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
    }

    /// How many calls a batch has.
    fn calibrate(&mut self) -> u32 {
        let most = self.settle.as_ref().map_or(u32::MAX, |(most, _)| *most);
        let mut calls = 1;
        loop {
            let taken = self.time(calls) * f64::from(calls) / 1e9;
            if taken >= BATCH.as_secs_f64() || calls >= most {
                return calls;
            }
            calls = calls.saturating_mul(2).min(most);
        }
    }
}

impl Group<'_> {
    /// The figures of the floor and of each subject.
    pub(crate) fn measure(self) -> Vec<Figure> {
        let mut all = vec![self.floor];
        all.extend(self.subjects);
        let calls: Vec<u32> = all.iter_mut().map(Subject::calibrate).collect();
        let mut times = vec![Vec::with_capacity(ROUNDS); all.len()];
        for round in 0..ROUNDS {
            for turn in 0..all.len() {
                let at = (round + turn) % all.len();
                times[at].push(all[at].time(calls[at]));
            }
        }
        let least = |times: Vec<f64>| times.into_iter().fold(f64::INFINITY, f64::min);
        let quickest: Vec<f64> = times.into_iter().map(least).collect();
        let figure = |(subject, nanoseconds): (&Subject<'_>, &f64)| Figure {
            group: self.name,
            name: subject.name,
            nanoseconds: *nanoseconds,
            ratio: nanoseconds / quickest[0],
        };
        all.iter().zip(&quickest).map(figure).collect()
    }
}

/// The middle one of `values`.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
