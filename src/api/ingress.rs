//! What every request passes: it gets an id and a time limit, and its failure becomes a problem document.
//!
//! The routes that vend are found by their name alone and answered right here, without a router and without a box around
//! each step: for them all that costs as much as the answer. Pages and whatever else there is stand behind a router.

use std::convert::Infallible;
use std::future::poll_fn;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use axum::{BoxError, Router};
use http_body_util::{Either, Full};
use tower::Service;

use super::answer::{Answer, Heads, NOSNIFF};
use super::exit::{Record, Watch};
use super::peer::Client;
use super::problem::Problem;
use super::visit::Visit;
use super::{App, classic, credentials_uri, grants, health, post_signature, presigned_url, sts};
use crate::metrics::{Metrics, Route};
use crate::trace::{self, Context, REQUEST_ID};
use crate::vault::RequestTime;

/// What goes out: bytes that are ready, or what a page's service sends.
pub type Outgoing = Response<Either<Full<Bytes>, Body>>;

/// What answers every request.
#[derive(Debug)]
pub struct Entrance {
    app: Arc<App>,
    heads: Heads,
    pages: Router,
}

/// What a request comes to, before it has what every response has.
enum Reply {
    Ours(Answer),
    Page(Response<Body>),
}

impl Entrance {
    /// The routes of `app`, with `pages` for every path that is none of ours.
    #[must_use]
    pub fn new(app: Arc<App>, pages: Router) -> Self {
        let (heads, pages) = (Heads::new(&app.cors), pages.method_not_allowed_fallback(method_not_allowed));
        Self { app, heads, pages }
    }

    /// The answer of `entrance` to `request`, which came from `client`; both are dropped when it is there. In a box it is
    /// not moved with all that is around it; and the place that one answer leaves is the next one's, while a place in each
    /// connection would be cold when its turn comes. The box is there first: what is made before its box is copied into it
    /// whole, with all that it may come to hold.
    pub fn answer<B, E, C>(
        entrance: E,
        request: Request<B>,
        client: C,
    ) -> Pin<Box<impl Future<Output = Result<Outgoing, Infallible>> + Send + use<B, E, C>>>
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
        E: Deref<Target = Self> + Send + 'static,
        C: Deref<Target = Client> + Send + 'static,
    {
        let (head, body) = request.into_parts();
        let answer = Box::write(Box::new_uninit(), async move {
            let (entrance, client) = (&*entrance, &*client);
            let app = &*entrance.app;
            let (request_id, trace) = trace::told(&head.headers);
            let context = Context { request_id, trace, load: None, spans: app.spans.clone() };
            let (time, route) = (RequestTime::of(app.clock.reading()), Route::of(head.uri.path()));
            let visit = Visit { app, head: &head, client, time, route, context: &context, record: Record::default() };
            let mut watch = Watch::set(visit);
            let work = pin!(async {
                let outcome = entrance.respond(&mut watch.visit, body).await;
                entrance.sign_off(&mut watch, outcome)
            });
            Ok(trace::within(&context, work).await)
        });
        Box::into_pin(answer)
    }

    /// Answers if there is room and time. Whoever asks for our health learns it also when there is no room.
    async fn respond<B>(&self, visit: &mut Visit<'_>, body: B) -> Result<Reply, Problem>
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let &mut Visit { app, head, client, route, .. } = visit;
        if let Some(permission) = app.cors.preflight(&head.method, &head.headers) {
            return permission.map(|permission| Reply::Ours(Answer::Whole(permission)));
        }
        let is_health = matches!(route, Route::Healthz | Route::Readyz);
        if !is_health {
            app.hosts.check(head)?;
            app.gate.demand_https(&head.headers, client.peer)?;
        }
        let _room = match app.gate.enter() {
            Ok(room) => Some(room),
            Err(_) if is_health => None,
            Err(problem) => {
                app.metrics.limited(Metrics::IN_FLIGHT);
                return Err(problem);
            }
        };
        if !self.is_ours(route) {
            return Box::pin(self.page(Request::from_parts(head.clone(), Body::new(body)))).await.map(Reply::Page);
        }
        let mut work = pin!(ours(visit, body));
        // What is answered at once, as nearly everything is, needs no timer.
        let answered = match poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
            Poll::Ready(answered) => answered,
            Poll::Pending => {
                tokio::time::timeout(app.request_timeout, work).await.unwrap_or_else(|_elapsed| Err(too_slow()))
            }
        };
        answered.map(Reply::Ours)
    }

    fn is_ours(&self, route: Route) -> bool {
        match route {
            Route::Other | Route::OpenApi | Route::Module => false,
            route => self.app.classic.is_some() || !route.is_classic(),
        }
    }

    async fn page(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        let answer = self.pages.clone().call(request);
        let answered: Result<Response<Body>, Infallible> =
            tokio::time::timeout(self.app.request_timeout, answer).await.map_err(|_elapsed| too_slow())?;
        let Ok(answer) = answered;
        Ok(answer)
    }

    /// The outcome as it goes out, with what every response has.
    fn sign_off(&self, watch: &mut Watch<'_>, outcome: Result<Reply, Problem>) -> Outgoing {
        let Visit { app, head, client, context, .. } = watch.visit;
        let (id, allowed) = (&context.request_id, app.cors.allowed(&head.headers));
        let mark = |headers: &mut HeaderMap, allowed| {
            headers.insert(REQUEST_ID, id.to_header());
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
            app.cors.mark(allowed, headers);
        };
        let mut code = None;
        let mut outgoing = match outcome {
            Ok(Reply::Ours(Answer::Json(json))) => self.heads.put_on(whole(json.into()), id, allowed),
            Ok(Reply::Ours(Answer::Whole(mut answer))) => {
                mark(answer.headers_mut(), allowed);
                answer.map(whole)
            }
            Ok(Reply::Page(page)) => {
                let mut page = explained(page, id, &mut code);
                mark(page.headers_mut(), allowed);
                page
            }
            Err(problem) => {
                code = Some(problem.code());
                let mut refusal = problem.render(id);
                mark(refusal.headers_mut(), allowed);
                refusal.map(whole)
            }
        };
        if head.method == Method::HEAD {
            leave_body_out(&mut outgoing);
        }
        watch.answered(outgoing.status().as_u16(), code);
        if let Some(hsts) = app.hsts.as_ref().filter(|_| client.peer.is_https()) {
            outgoing.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        // Over HTTP/2 the connection itself says that it ends.
        if app.stopping.load(Ordering::Relaxed) && head.version < Version::HTTP_2 {
            outgoing.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        outgoing
    }
}

/// The answer of one of our own routes.
async fn ours<B>(visit: &mut Visit<'_>, body: B) -> Result<Answer, Problem>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let posts = takes_post(visit.route);
    let body = match visit.head.method {
        // What comes with a GET means nothing (RFC 9110 §9.3.1).
        Method::GET | Method::HEAD => Body::empty(),
        Method::POST if posts => Body::new(body),
        _ => return Err(method_not_allowed().await.header("allow", allowed(posts))),
    };
    match visit.route {
        Route::Sts => sts::answer(visit, body).await,
        Route::PostSignature => post_signature::answer(visit, body).await,
        Route::PresignedUrl => presigned_url::answer(visit, body).await,
        // The others are asked seldom, and would make each connection's place for an answer as large as theirs.
        _ => Box::pin(seldom(visit, body)).await,
    }
}

async fn seldom(visit: &mut Visit<'_>, body: Body) -> Result<Answer, Problem> {
    match visit.route {
        Route::CredentialsUri => credentials_uri::answer(visit, body).await,
        Route::ClassicSts => classic::credentials(visit).await,
        Route::ClassicPostSignature => classic::form(visit).await,
        Route::ClassicPresignedUrl => classic::url(visit).await,
        Route::Grants => grants::answer(visit).await,
        Route::Healthz => Ok(health::alive()),
        Route::Readyz => Ok(health::ready(visit.app).await),
        _ => Err(not_found().await),
    }
}

fn takes_post(route: Route) -> bool {
    matches!(
        route,
        Route::Sts
            | Route::PostSignature
            | Route::PresignedUrl
            | Route::ClassicSts
            | Route::ClassicPostSignature
            | Route::ClassicPresignedUrl
    )
}

fn allowed(posts: bool) -> HeaderValue {
    HeaderValue::from_static(if posts { "GET,HEAD,POST" } else { "GET,HEAD" })
}

fn whole(body: Bytes) -> Either<Full<Bytes>, Body> {
    Either::Left(Full::new(body))
}

/// Leaves the body out where it is ready, as a HEAD wants it, but says how long it is.
fn leave_body_out(answer: &mut Outgoing) {
    if let Either::Left(body) = answer.body()
        && let Some(length) = body.size_hint().exact()
    {
        *answer.body_mut() = whole(Bytes::new());
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
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

/// `page`, with the document in place of the bare status where it is a problem, which then has a `code`.
fn explained(page: Response<Body>, id: &str, code: &mut Option<&'static str>) -> Outgoing {
    let Some(problem) = page.extensions().get::<Arc<Problem>>().map(Arc::clone) else {
        return page.map(Either::Right);
    };
    *code = Some(problem.code());
    let mut rendered = problem.render(id).map(whole);
    for (name, value) in page.headers() {
        if name != header::CONTENT_LENGTH && !rendered.headers().contains_key(name) {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    rendered
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "too_slow", "the request was not answered in time")
        .hint("the time limit is limits.request_timeout")
}
