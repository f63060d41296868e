//! Which request a thing belongs to: its id, and the trace of those who called.
//!
//! A request is answered [`within`] its [`Context`], so that whoever writes a line of the log can ask for the
//! [`current`] one. That costs a request next to nothing; a span of `tracing` for each would cost more than the answer.

mod parent;
mod request_id;
mod spans;
mod state;

use std::future::poll_fn;
use std::pin::Pin;

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

pub use self::parent::TraceParent;
pub use self::request_id::{REQUEST_ID, RequestId};
pub use self::spans::{NoExporter, Span, Spans};

/// The headers of W3C Trace Context (<https://www.w3.org/TR/trace-context/>).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// What a line of the log is told to belong to.
#[derive(Clone, Debug)]
pub struct Context {
    /// The id of the request.
    pub request_id: RequestId,
    /// The trace that the request is part of.
    pub trace: Option<TraceParent>,
    /// The load of a session key: it is shared, so besides the id of the request that began it it has one of its own.
    pub load: Option<Uuid>,
    /// Where its spans go.
    pub spans: Spans,
}

tokio::task_local! {
    static CURRENT: Context;
}

/// Does `work`, whose lines of the log belong to `context`. The work stays where it is: to move it into a future around
/// it would cost more than all else here.
pub async fn within<F: Future>(context: &Context, mut work: Pin<&mut F>) -> F::Output {
    poll_fn(|cx| CURRENT.sync_scope(context.clone(), || work.as_mut().poll(cx))).await
}

/// What the present work belongs to, if it belongs to a request.
#[must_use]
pub fn current() -> Option<Context> {
    CURRENT.try_with(Context::clone).ok()
}

/// Does `load`, which the present request begins, under an id of the load's own.
pub async fn within_load<F: Future>(began_by: Option<Context>, load: F) -> F::Output {
    match began_by {
        Some(context) => CURRENT.scope(Context { load: Some(Uuid::new_v4()), ..context }, load).await,
        None => load.await,
    }
}

/// The trace that `headers` tell of; what is not valid counts as absent.
#[must_use]
pub fn parent(headers: &HeaderMap) -> Option<TraceParent> {
    only(headers, &TRACEPARENT)?.to_str().ok()?.parse().ok()
}

/// The headers by which another server learns of the same trace. They are passed on as they came, since this server
/// makes no span of its own that would stand between; `tracestate` goes only where `traceparent` goes.
#[must_use]
pub fn passed_on(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let Some(parent) = parent(headers).and(only(headers, &TRACEPARENT)) else { return Vec::new() };
    let state = state::joined(&headers.get_all(&TRACESTATE));
    [(TRACEPARENT, parent.clone())].into_iter().chain(state.map(|state| (TRACESTATE, state))).collect()
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn passed(pairs: &[(HeaderName, &'static str)]) -> Vec<String> {
        let passed = passed_on(&headers(pairs));
        passed.into_iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn a_trace_is_passed_on_as_it_came() {
        assert_eq!(
            passed(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1"), (TRACESTATE, "b@c=x y")]),
            [format!("traceparent: {PARENT}"), "tracestate: a=1,b@c=x y".to_owned()]
        );
        assert_eq!(passed(&[(TRACEPARENT, PARENT), (TRACESTATE, "A=1")]), [format!("traceparent: {PARENT}")]);
    }

    #[test]
    fn what_is_not_valid_goes_no_further() {
        assert!(passed(&[(TRACEPARENT, PARENT), (TRACEPARENT, PARENT)]).is_empty());
        assert!(passed(&[(TRACEPARENT, "00-x"), (TRACESTATE, "a=1")]).is_empty());
        assert!(passed(&[(TRACESTATE, "a=1")]).is_empty());
    }

    #[tokio::test]
    async fn work_knows_its_request_and_a_load_has_an_id_of_its_own() {
        assert!(current().is_none());
        let request_id = RequestId::of(&headers(&[(REQUEST_ID, "a")]));
        let context = Context { request_id, trace: None, load: None, spans: Spans::default() };
        let work = pin!(async {
            let request = current().unwrap();
            let load = tokio::spawn(within_load(current(), async { current().unwrap() })).await.unwrap();
            (request, load)
        });
        let (request, load) = within(&context, work).await;
        assert!(current().is_none());
        assert_eq!((&*request.request_id, request.load), ("a", None));
        assert!(&*load.request_id == "a" && load.load.is_some());
    }
}
