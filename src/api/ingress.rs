//! What every request passes: it gets an id and a time limit, and its failure becomes a problem document.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::App;
use super::exit::Watch;
use super::gate::Https;
use super::problem::Problem;
use crate::metrics::Metrics;
use crate::trace::{self, Context};

/// The header that carries a request's id, in both directions.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The paths that tell of our health.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// The longest id of a client's or proxy's that is taken over, in bytes.
const MAX_REQUEST_ID: usize = 64;

/// The id of a request, in its extensions.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) Arc<str>);

/// The outermost layer.
pub(super) async fn enter(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    let context =
        Context { request_id: id, trace: trace::parent(request.headers()), load: None, spans: app.spans.clone() };
    trace::within(context.clone(), answer(&app, request, next, context)).await
}

async fn answer(app: &App, mut request: Request, next: Next, context: Context) -> Response {
    let id = Arc::clone(&context.request_id);
    let watch = Watch::set(app, &mut request, context);
    let page = app.cors.allowed(request.headers());
    let hsts = app.hsts.clone().filter(|_| request.extensions().get::<Https>().is_some());
    let mut response = explained(respond(app, request, next).await, &id);
    let code = response.extensions().get::<Code>().map(|code| code.0);
    watch.answered(response.status().as_u16(), code);
    let value = HeaderValue::from_str(&id).expect("an id is checked or made of header characters");
    response.headers_mut().insert(REQUEST_ID, value);
    if let Some(hsts) = hsts {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts);
    }
    app.cors.mark(page, response.headers_mut());
    response
}

/// Answers from the routes, if there is room and time. Whoever asks for our health learns it also when there is no room.
async fn respond(app: &App, request: Request, next: Next) -> Response {
    if let Some(response) = app.cors.preflight(request.method(), request.headers()) {
        return response;
    }
    if !HEALTH.contains(&request.uri().path())
        && let Err(problem) = app.gate.demand_https(&request)
    {
        return problem.into_response();
    }
    let _room = match app.gate.enter() {
        Ok(room) => Some(room),
        Err(_) if HEALTH.contains(&request.uri().path()) => None,
        Err(problem) => {
            app.metrics.limited(Metrics::IN_FLIGHT);
            return problem.into_response();
        }
    };
    let answered = tokio::time::timeout(app.request_timeout, next.run(request)).await;
    answered.unwrap_or_else(|_elapsed| too_slow().into_response())
}

pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not take this method")
        .hint("vending routes take GET with a query and POST with a JSON body")
}

/// What answers a path that nothing else answers.
pub async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
        .hint("there are /sts, /post-signature and /presigned-url")
}

/// The code of the problem that a response is, for the log.
#[derive(Clone, Copy)]
struct Code(&'static str);

/// `response`, with the document in place of the bare status where it is a problem.
fn explained(response: Response<Body>, id: &str) -> Response {
    let Some(problem) = response.extensions().get::<Arc<Problem>>().map(Arc::clone) else {
        return response;
    };
    let mut rendered = rendered(&problem, id);
    for (name, value) in response.headers() {
        if name != header::CONTENT_LENGTH && !rendered.headers().contains_key(name) {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    rendered
}

fn rendered(problem: &Problem, id: &str) -> Response {
    let mut rendered = problem.render(id);
    rendered.extensions_mut().insert(Code(problem.code()));
    rendered
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "too_slow", "the request was not answered in time")
        .hint("the time limit is limits.request_timeout")
}

/// The id that came with the request if it is plain, so that a log line of ours can be found from one of theirs.
fn request_id(request: &Request) -> Arc<str> {
    let mut given = request.headers().get_all(REQUEST_ID).iter();
    match (given.next().and_then(|value| value.to_str().ok()), given.next()) {
        (Some(id), None) if is_plain(id) => id.into(),
        _ => Uuid::new_v4().to_string().into(),
    }
}

fn is_plain(id: &str) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}
