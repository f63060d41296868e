//! Which request a thing belongs to: its id, and the trace of those who called.
//!
//! A request is answered [`within`] its [`Context`], so that whoever writes a line of the log can ask for the
//! [`current`] one. That costs a request next to nothing; a span of `tracing` for each would cost more than the answer.

mod parent;
mod request_id;
mod spans;
mod state;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

pub use self::parent::TraceParent;
pub use self::request_id::{REQUEST_ID, RequestId};
pub use self::spans::{NoExporter, Span, Spans};

/// The headers of W3C Trace Context (<https://www.w3.org/TR/trace-context/>).
const TRACEPARENT: HeaderName = HeaderName::from_static(PARENT);
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

const PARENT: &str = "traceparent";

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

thread_local! {
    /// What the work that is being polled belongs to.
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// Does `work`, whose lines of the log belong to `context`. The work stays where it is: to move it into a future around
/// it would cost more than all else here.
pub fn within<F: Future>(context: &Context, mut work: Pin<&mut F>) -> impl Future<Output = F::Output> {
    poll_fn(move |cx| {
        let _while_it_is_polled = Scope::enter(context);
        work.as_mut().poll(cx)
    })
}

/// What the present work belongs to, if it belongs to a request. What is logged by the change itself, or by the end of a
/// thread, belongs to none.
#[must_use]
pub fn current() -> Option<Context> {
    CURRENT.try_with(|current| current.try_borrow().ok()?.clone()).ok()?
}

/// Does `load`, which the present request begins, under an id of the load's own.
pub async fn within_load<F: Future>(began_by: Option<Context>, load: F) -> F::Output {
    match began_by {
        Some(context) => within(&Context { load: Some(Uuid::new_v4()), ..context }, pin!(load)).await,
        None => load.await,
    }
}

/// The present work belongs to a context until this is dropped. The library's own scopes move what they hold to and fro,
/// some hundred bytes six times.
struct Scope {
    /// What it belonged to before: nothing, but where one work polls another.
    around: Option<Box<Context>>,
}

impl Scope {
    fn enter(context: &Context) -> Self {
        CURRENT.with_borrow_mut(|current| {
            let around = if current.is_some() { current.take().map(Box::new) } else { None };
            *current = Some(context.clone());
            Self { around }
        })
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let around = self.around.take();
        CURRENT.with_borrow_mut(|current| match around {
            Some(around) => *current = Some(*around),
            None => *current = None,
        });
    }
}

/// The id of the request that has these `headers`, and the trace that they tell of. What is not valid counts as absent, and
/// what came twice is not valid.
///
/// All names are looked at, which are ten or so: to look up one that HTTP itself does not know costs more, since such names
/// are hashed byte by byte.
#[must_use]
pub fn told(headers: &HeaderMap) -> (RequestId, Option<TraceParent>) {
    let (mut id, mut parent) = (Given::default(), Given::default());
    for (name, value) in headers {
        match name.as_str() {
            request_id::NAME => id.meet(value),
            PARENT => parent.meet(value),
            _ => {}
        }
    }
    (RequestId::of(id.once()), parent.once().and_then(read))
}

/// What was met of a header.
#[derive(Default)]
enum Given<'h> {
    #[default]
    Never,
    Once(&'h HeaderValue),
    Again,
}

impl<'h> Given<'h> {
    fn meet(&mut self, value: &'h HeaderValue) {
        *self = if let Self::Never = self { Self::Once(value) } else { Self::Again };
    }

    fn once(self) -> Option<&'h HeaderValue> {
        if let Self::Once(value) = self { Some(value) } else { None }
    }
}

fn read(traceparent: &HeaderValue) -> Option<TraceParent> {
    traceparent.to_str().ok()?.parse().ok()
}

/// The headers by which another server learns of the same trace. They are passed on as they came, since this server
/// makes no span of its own that would stand between; `tracestate` goes only where `traceparent` goes.
#[must_use]
pub fn passed_on(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let mut parents = headers.get_all(&TRACEPARENT).iter();
    let only = parents.next().filter(|_| parents.next().is_none());
    let Some(parent) = only.filter(|only| read(only).is_some()) else { return Vec::new() };
    let state = state::joined(&headers.get_all(&TRACESTATE));
    [(TRACEPARENT, parent.clone())].into_iter().chain(state.map(|state| (TRACESTATE, state))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

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
            passed(&[(TRACEPARENT, CALL), (TRACESTATE, "a=1"), (TRACESTATE, "b@c=x y")]),
            [format!("traceparent: {CALL}"), "tracestate: a=1,b@c=x y".to_owned()]
        );
        assert_eq!(passed(&[(TRACEPARENT, CALL), (TRACESTATE, "A=1")]), [format!("traceparent: {CALL}")]);
    }

    #[test]
    fn what_is_not_valid_goes_no_further() {
        assert!(passed(&[(TRACEPARENT, CALL), (TRACEPARENT, CALL)]).is_empty());
        assert!(passed(&[(TRACEPARENT, "00-x"), (TRACESTATE, "a=1")]).is_empty());
        assert!(passed(&[(TRACESTATE, "a=1")]).is_empty());
    }

    #[tokio::test]
    async fn work_knows_its_request_and_a_load_has_an_id_of_its_own() {
        assert!(current().is_none());
        let (request_id, _) = told(&headers(&[(REQUEST_ID, "a")]));
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

    #[tokio::test]
    async fn work_that_polls_other_work_keeps_its_own_context() {
        let context = |id| Context {
            request_id: told(&headers(&[(REQUEST_ID, id)])).0,
            trace: None,
            load: None,
            spans: Spans::default(),
        };
        let now = || current().map(|context| context.request_id.to_string());
        let work = pin!(async {
            let inner = within(&context("inner"), pin!(async { now() })).await;
            (inner, now())
        });
        let seen = within(&context("outer"), work).await;
        assert_eq!(seen, (Some("inner".to_owned()), Some("outer".to_owned())));
        assert!(current().is_none());
    }
}
