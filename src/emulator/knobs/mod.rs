//! What a test can turn while the emulator runs, and what it can read of the calls received.

mod faults;
mod readings;
mod throttle;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream;

use self::faults::{ANY, Faults};
use self::throttle::Throttle;
use super::account::Accounts;

pub use self::faults::Failure;
pub use self::readings::{AbsentField, Readings};
pub use self::throttle::Service;

/// The calls kept; older ones are forgotten, but still counted.
const CALLS_KEPT: usize = 10_000;

/// Control over a running emulator: faults, delays, the clock, and a record of the calls.
///
/// Operations are named as the services name them, such as `AssumeRole` or `PutObject`; `*` stands for all of them.
pub struct Knobs {
    accounts: Arc<Accounts>,
    turned: Mutex<Turned>,
}

/// One call that the emulator answered. It never holds a secret, a token or a signature.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it came, by the emulator's clock.
    pub at: DateTime<Utc>,
    /// What it asked for, such as `PutObject`.
    pub operation: String,
    /// The key that signed it, once the signature was found right.
    pub access_key_id: Option<String>,
    /// Bucket addressed.
    pub bucket: Option<String>,
    /// Object key addressed, decoded.
    pub key: Option<String>,
    /// HTTP status of the answer; 0 when there was none.
    pub status: u16,
    /// Error code of the answer.
    pub code: Option<String>,
    /// The id that the answer carried.
    pub request_id: String,
}

#[derive(Default)]
struct Turned {
    calls: VecDeque<Call>,
    counts: BTreeMap<String, u64>,
    faults: Faults,
    throttles: HashMap<Service, Throttle>,
    delays: HashMap<String, Duration>,
    offset: TimeDelta,
    readings: Readings,
}

impl Knobs {
    pub(super) fn new(accounts: Arc<Accounts>) -> Self {
        Self { accounts, turned: Mutex::default() }
    }

    /// The last calls, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.turned().calls.iter().cloned().collect()
    }

    /// How often an operation was called since the start or the last [`Self::clear_calls`], failed calls included.
    #[must_use]
    pub fn count(&self, operation: &str) -> u64 {
        self.turned().counts.get(operation).copied().unwrap_or(0)
    }

    /// Forgets the calls and their counts.
    pub fn clear_calls(&self) {
        let mut turned = self.turned();
        turned.calls.clear();
        turned.counts.clear();
    }

    /// How often each operation was called.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.turned().counts.clone()
    }

    /// Makes the next `times` calls of an operation fail; failures ordered one after another queue up.
    pub fn fail_next(&self, operation: &str, times: u32, failure: Failure) {
        self.turned().faults.next(operation, times, failure);
    }

    /// Makes a share of the calls of an operation fail, evenly spread: with 0.25 each fourth, with 0 none any more.
    pub fn fail_share(&self, operation: &str, share: f64, failure: Failure) {
        self.turned().faults.share(operation, share, failure);
    }

    /// Forgets all failures that are on order.
    pub fn clear_failures(&self) {
        self.turned().faults = Faults::default();
    }

    /// Refuses what comes above so many calls in a second of the emulator's clock, until set to `None`.
    pub fn throttle(&self, service: Service, per_second: Option<u32>) {
        let mut turned = self.turned();
        match per_second {
            Some(per_second) => _ = turned.throttles.insert(service, Throttle::new(per_second)),
            None => _ = turned.throttles.remove(&service),
        }
    }

    /// Holds back each answer of an operation, until set to zero.
    pub fn delay(&self, operation: &str, by: Duration) {
        self.turned().delays.insert(operation.to_owned(), by);
    }

    /// Sets the emulator's clock off from the one it was given; zero sets it right again.
    pub fn clock_offset(&self, offset: TimeDelta) {
        self.turned().offset = offset;
    }

    /// The readings that are followed.
    #[must_use]
    pub fn readings(&self) -> Readings {
        self.turned().readings
    }

    /// Chooses the readings to follow from now on.
    pub fn set_readings(&self, readings: Readings) {
        self.turned().readings = readings;
    }

    /// Ends the token of a temporary key now; there is no way back. Whether there is such a key.
    pub fn expire_token(&self, access_key_id: &str) -> bool {
        self.accounts.expire_token(access_key_id)
    }

    /// Forgets calls, failures, throttles, delays, the clock's offset and the chosen readings. Expired tokens stay expired.
    pub fn reset(&self) {
        *self.turned() = Turned::default();
    }

    /// The failure that is due for this call, if any; taking it uses it up.
    pub(super) fn take_failure(&self, service: Service, operation: &str, now: DateTime<Utc>) -> Option<Failure> {
        let mut turned = self.turned();
        let throttled = turned.throttles.get_mut(&service).is_some_and(|throttle| !throttle.admits(now));
        if throttled { Some(service.refusal()) } else { turned.faults.take(operation) }
    }

    /// How long an answer is to be held back.
    pub(super) fn delay_of(&self, operation: &str) -> Option<Duration> {
        let turned = self.turned();
        let delay = turned.delays.get(operation).or_else(|| turned.delays.get(ANY));
        delay.copied().filter(|delay| !delay.is_zero())
    }

    pub(super) fn offset(&self) -> TimeDelta {
        self.turned().offset
    }

    pub(super) fn record(&self, call: Call) {
        let mut turned = self.turned();
        *turned.counts.entry(call.operation.clone()).or_default() += 1;
        if turned.calls.len() == CALLS_KEPT {
            turned.calls.pop_front();
        }
        turned.calls.push_back(call);
    }

    fn turned(&self) -> MutexGuard<'_, Turned> {
        self.turned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer of [`Failure::Close`]: its body fails before the head is flushed, upon which hyper drops the connection.
pub(super) fn dropped() -> Response {
    let broken = stream::once(async { Err::<Vec<u8>, _>(std::io::Error::other("dropped by the knobs")) });
    Response::new(Body::from_stream(broken))
}

/// The answer of [`Failure::Cut`]: the head and the first bytes go out while the stream pauses, then it fails.
pub(super) fn cut() -> Response {
    let pieces = stream::unfold(0_u8, async |piece| {
        tokio::task::yield_now().await;
        match piece {
            0 => Some((Ok(b"{\"RequestId\":\"".to_vec()), 1)),
            _ => Some((Err(std::io::Error::other("cut by the knobs")), 2)),
        }
    });
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_LENGTH, "1024")];
    (headers, Body::from_stream(pieces)).into_response()
}

/// Adds the header of [`Failure::Throttled`].
pub(super) fn come_again(mut answer: Response, after: Duration) -> Response {
    let milliseconds = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    answer.headers_mut().insert("x-acs-retry-after", milliseconds.into());
    answer
}

/// The answer of [`Failure::Body`].
pub(super) fn raw(status: u16, content_type: &str, body: Vec<u8>) -> Response {
    (status_code(status), [(header::CONTENT_TYPE, content_type.to_owned())], body).into_response()
}

/// `status` as a type; what is none becomes 500.
pub(super) fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::Instant;

    use super::super::sts::sample::{ASSUME, Caller};
    use super::*;

    #[tokio::test]
    async fn failures_are_served_in_turn_and_calls_are_kept() {
        let caller = Caller::new(|_| {});
        let knobs = caller.emulator.knobs();
        let throttled =
            Failure::Status { status: 400, code: "Throttling.User".into(), message: "Request was denied.".into() };
        knobs.fail_next("AssumeRole", 2, throttled);
        let html = Failure::Body { status: 502, content_type: "text/html".into(), body: b"<html>".to_vec() };
        knobs.fail_next("AssumeRole", 1, html);
        for _ in 0..2 {
            assert_eq!(caller.call(&ASSUME).await.code(), "Throttling.User");
        }
        assert_eq!(caller.call(&ASSUME).await.text, "<html>");
        assert_eq!(caller.call(&ASSUME).await.code(), "ok");
        let seen: Vec<_> = knobs.calls().into_iter().map(|call| (call.status, call.code, call.access_key_id)).collect();
        assert_eq!(seen[0], (400, Some("Throttling.User".into()), None));
        assert_eq!(seen[3], (200, None, Some(caller.id.clone())));
        assert_eq!((knobs.count("AssumeRole"), knobs.count("GetCallerIdentity")), (4, 0));
        knobs.reset();
        assert!(knobs.calls().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_can_be_held_back() {
        let caller = Caller::new(|_| {});
        caller.emulator.knobs().delay("AssumeRole", Duration::from_secs(5));
        let start = Instant::now();
        assert_eq!(caller.call(&ASSUME).await.code(), "ok");
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_dropped_connection_carries_not_one_byte() {
        let caller = Caller::new(|_| {});
        caller.emulator.knobs().fail_next("AssumeRole", 1, Failure::Close);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(axum::serve(listener, caller.emulator.sts()).into_future());
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = "POST /?Action=AssumeRole HTTP/1.1\r\nhost: sts\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        server.abort();
        assert_eq!(String::from_utf8_lossy(&answer), "");
        assert_eq!(caller.emulator.knobs().calls()[0].status, 0);
    }
}
