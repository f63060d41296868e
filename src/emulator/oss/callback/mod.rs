//! Upload callbacks: after an upload, the application's server is asked, and its answer is the uploader's.

mod order;
mod origin;
mod send;
mod template;

use std::net::SocketAddr;
use std::sync::OnceLock;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::super::Options;
use super::super::error::OssError;
use super::super::store::Object;
use super::super::wire::FormFields;
use super::super::xml::Refusal;
use super::answer;
use super::call::Call;
use super::head::Head;

use self::order::Order;
use self::origin::Pages;

/// Where the public key for callbacks lies.
pub(in crate::emulator) const KEY_PATH: &str = "/-/emulator/callback_pub_key.pem";

/// What callbacks are made with.
pub(crate) struct Callbacks {
    /// Whether servers on other machines may be called.
    anywhere: bool,
    /// The pages that may order them.
    pages: Pages,
    /// Where this emulator listens, if it knows.
    address: Option<SocketAddr>,
    client: OnceLock<reqwest::Client>,
}

impl Callbacks {
    /// Callbacks as the options have them.
    pub(in crate::emulator) fn new(options: &Options) -> Self {
        let pages = Pages { address: options.page_address, origins: options.page_origins.clone() };
        Self { anywhere: options.callbacks_anywhere, pages, address: options.oss_address, client: OnceLock::new() }
    }
}

/// What the head of a request orders, in its headers or in its query, if the sender may order callbacks.
pub(super) fn of_head(call: &Call<'_>) -> Result<Option<Order>, OssError> {
    permitted(call, in_head(call.head)?)
}

/// What the fields of a form order, if the sender may order callbacks.
pub(super) fn of_fields(call: &Call<'_>, fields: &FormFields) -> Result<Option<Order>, OssError> {
    permitted(call, Order::of_fields(fields)?)
}

fn permitted(call: &Call<'_>, order: Option<Order>) -> Result<Option<Order>, OssError> {
    if order.is_some() {
        call.state.callbacks.pages.check(call.head)?;
    }
    Ok(order)
}

fn in_head(head: &Head) -> Result<Option<Order>, OssError> {
    let in_header = (head.header("x-oss-callback")?, head.header("x-oss-callback-var")?);
    let in_query = (head.parameter("callback")?.map(str::to_owned), head.parameter("callback-var")?.map(str::to_owned));
    match (in_header, in_query) {
        ((None, _), (None, _)) => Ok(None),
        ((Some(_), _), (Some(_), _)) => {
            Err(OssError::invalid_argument("callback", "", "The callback is given in the header and in the query."))
        }
        ((Some(callback), variables), _) | (_, (Some(callback), variables)) => {
            Order::parse(&callback, variables.as_deref()).map(Some)
        }
    }
}

/// The answer to an upload: `usual`, unless a callback is ordered. What fails then is told with 203: the object stays.
pub(super) async fn answer(call: &Call<'_>, order: Option<Order>, object: &Object, usual: Response) -> Response {
    let Some(order) = order else {
        return usual;
    };
    let (status, content_type, body) = match send::send(call, &order, object).await {
        Ok(body) => (StatusCode::OK, "application/json", Body::from(body)),
        Err(message) => {
            (StatusCode::NON_AUTHORITATIVE_INFORMATION, "application/xml", Body::from(failed(call, &message)))
        }
    };
    let mut response = answer::empty(status);
    *response.headers_mut() = usual.headers().clone();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    *response.body_mut() = body;
    response
}

fn failed(call: &Call<'_>, message: &str) -> String {
    let refusal = Refusal {
        code: "CallbackFailed",
        message,
        details: &[],
        ec: None,
        request_id: &call.request_id,
        host: &call.head.host,
    };
    refusal.document()
}
