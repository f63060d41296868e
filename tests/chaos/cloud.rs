//! The emulated STS, with the weather before it.

use std::collections::VecDeque;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use oss_vend::clock::Clock as _;
use oss_vend::emulator::{Emulator, Options};
use tokio::net::TcpListener;

use crate::time::{Counted, Hands};
use crate::weather::{Fate, Weather};

/// STS, as bad as the weather.
pub(crate) struct Cloud {
    pub(crate) address: String,
    pub(crate) emulator: Emulator,
    pub(crate) weather: Weather,
    pub(crate) calls: Mutex<Calls>,
    /// The calls that wait here for their answer.
    pub(crate) inside: Arc<AtomicUsize>,
    hands: Arc<Hands>,
}

/// The calls that came.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) total: u64,
    pub(crate) failed: u64,
    /// The most in any second of them all.
    pub(crate) most: usize,
    last_second: VecDeque<Duration>,
}

impl Cloud {
    pub(crate) async fn open(seed: u64, hands: &Arc<Hands>) -> Arc<Self> {
        let time = Arc::clone(hands);
        let emulator = Emulator::new(Options::dev(), move || time.truth()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cloud = Arc::new(Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            emulator,
            weather: Weather::new(seed),
            calls: Mutex::default(),
            inside: Arc::default(),
            hands: Arc::clone(hands),
        });
        let router = cloud.emulator.sts().layer(middleware::from_fn_with_state(Arc::clone(&cloud), pass));
        tokio::spawn(axum::serve(listener, router).into_future());
        cloud
    }
}

async fn pass(State(cloud): State<Arc<Cloud>>, request: Request, next: Next) -> Response {
    let inside = Counted::new(&cloud.inside);
    let now = cloud.hands.elapsed();
    let Fate { there, back, failure } = cloud.weather.fate(now);
    // The vault's own server calls for its one session; the budget is that of the thousand.
    if !request.uri().query().is_some_and(|query| query.contains("RoleSessionName=oss-vend")) {
        cloud.calls.lock().unwrap().note(now, failure.is_some());
    }
    tokio::time::sleep(there).await;
    if let Some(failure) = failure {
        cloud.emulator.knobs().fail_next("AssumeRole", 1, failure);
    }
    let answer = next.run(request).await;
    tokio::time::sleep(back).await;
    drop(inside);
    answer
}

impl Calls {
    fn note(&mut self, now: Duration, fails: bool) {
        self.total += 1;
        self.failed += u64::from(fails);
        self.last_second.push_back(now);
        while self.last_second.front().is_some_and(|first| *first + Duration::from_secs(1) <= now) {
            self.last_second.pop_front();
        }
        self.most = self.most.max(self.last_second.len());
    }
}
