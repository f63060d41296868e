//! The contract as an OpenAPI 3.1 document. Schemas come from types, paths from a table; what depends on the configuration
//! is told in words.

mod answers;
mod parameters;
mod paths;
mod problems;

use std::sync::LazyLock;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use utoipa::openapi::{Array, ArrayBuilder, OneOfBuilder, Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::problem::Document;
use super::{credentials_uri, form_answer, grants, health};

/// The schemas of what a client sends: there a name that is not known is refused, and null is as good as nothing.
const SENT: [&str; 4] = ["CredentialsParameters", "FormParameters", "UrlParameters", "UrlBatch"];

/// The document, and the tag by which a client knows that it has it already.
static READY: LazyLock<(Bytes, HeaderValue)> = LazyLock::new(|| {
    let text = document().to_string();
    let tag = format!("\"{}\"", const_hex::encode(&Sha256::digest(&text)[..8]));
    (text.into(), HeaderValue::from_str(&tag).expect("hexadecimal digits are header characters"))
});

/// The document.
#[must_use]
pub fn document() -> Value {
    let schemas = schemas();
    json!({
        "openapi": "3.1.0",
        "info": info(),
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "vending", "description": "What pages and programs ask for." },
            { "name": "classic", "description": "The paths of Alibaba Cloud's published sample pages; off unless switched on." },
            { "name": "about", "description": "What tells of the server itself." },
        ],
        "paths": paths::paths(&schemas),
        "components": {
            "schemas": schemas,
            "responses": problems::responses(),
            "headers": header_components(),
            "securitySchemes": security(),
        },
    })
}

/// `/openapi.json`.
pub fn route() -> Router {
    Router::new().route("/openapi.json", get(|headers: HeaderMap| async move { serve(&headers) }))
}

fn serve(headers: &HeaderMap) -> Response {
    let (body, tag) = &*READY;
    let about = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    let known = headers.get(header::IF_NONE_MATCH) == Some(tag);
    if known { (StatusCode::NOT_MODIFIED, about).into_response() } else { (about, body.clone()).into_response() }
}

fn info() -> Value {
    json!({
        "title": "oss-vend",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "Vends just enough permission to upload straight to Alibaba Cloud OSS.",
        "description": "Each vending route takes GET with a query, or POST with a JSON object of the same names. A name that \
                        a route does not know, or that comes twice, is refused. Times are UTC. Every answer has the header \
                        `x-request-id`. Every failure is `application/problem+json` with a stable `code`; a path that is \
                        none of these is `not_found`, and another method than these (and HEAD) `method_not_allowed`.\n\nA \
                        header that a trusted proxy sets can say who asks, too; a client never sends it.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    })
}

/// The schemas by their names.
fn schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    add::<parameters::CredentialsParameters>(&mut schemas);
    add::<parameters::FormParameters>(&mut schemas);
    add::<parameters::UrlParameters>(&mut schemas);
    add::<parameters::UrlBatch>(&mut schemas);
    add::<answers::Credentials>(&mut schemas);
    add::<credentials_uri::Credentials<'static>>(&mut schemas);
    add::<answers::SignedForm>(&mut schemas);
    add::<answers::SignedUrl>(&mut schemas);
    add::<answers::SignedUrls>(&mut schemas);
    add::<answers::RefusedItem>(&mut schemas);
    add::<grants::Answer<'static>>(&mut schemas);
    add::<form_answer::Classic<'static>>(&mut schemas);
    add::<health::Alive>(&mut schemas);
    add::<health::Readiness>(&mut schemas);
    add::<Document<'static>>(&mut schemas);
    for (name, schema) in &mut schemas {
        if SENT.contains(&name.as_str()) {
            schema["additionalProperties"] = false.into();
        } else {
            forbid_null(schema);
        }
    }
    schemas["Problem"]["properties"]["code"]["enum"] = problems::codes().into();
    schemas
}

/// Adds the schema of `T`, and those of what it is made of.
fn add<T: ToSchema + PartialSchema>(schemas: &mut Map<String, Value>) {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    parts.push((T::name().into_owned(), T::schema()));
    let written = |schema| serde_json::to_value(schema).expect("a schema is JSON");
    schemas.extend(parts.into_iter().map(|(name, schema)| (name, written(schema))));
}

/// The items of a batch.
fn items() -> Array {
    let signed = Ref::from_schema_name("SignedUrl");
    let item = OneOfBuilder::new().item(signed).item(Ref::from_schema_name("RefusedItem"));
    let told = "A signed URL or why there is none, in the order of the items that were asked for.";
    ArrayBuilder::new()
        .items(RefOr::T(Schema::from(item)))
        .min_items(Some(1))
        .max_items(Some(100))
        .description(Some(told))
        .build()
}

/// `null` is out of the question in `schema`, and below it: what may be absent is absent.
fn forbid_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(forbid_null),
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    members["type"] = only.clone();
                }
            }
            forbid_choosing_null(members);
            members.values_mut().for_each(forbid_null);
        }
        _ => (),
    }
}

/// The same for a choice; one that is left alone is none.
fn forbid_choosing_null(schema: &mut Map<String, Value>) {
    let Some(Value::Array(mut choices)) = schema.remove("oneOf") else { return };
    choices.retain(|choice| choice["type"] != "null");
    match choices.as_mut_slice() {
        [Value::Object(only)] => {
            for (name, value) in std::mem::take(only) {
                schema.entry(name).or_insert(value);
            }
        }
        _ => drop(schema.insert("oneOf".to_owned(), choices.into())),
    }
}

/// The headers of these names besides those that every answer has.
fn headers(names: &[&str]) -> Value {
    let all = ["x-request-id"].iter().chain(names);
    all.map(|name| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))).collect()
}

fn header_components() -> Value {
    let text = |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    let seconds = json!({ "type": "integer", "minimum": 1 });
    json!({
        "x-request-id": text("The id of the request, which is in our log; one that came with the request is kept."),
        "Cache-Control": text("What is vended is kept by no cache: `no-store`."),
        "x-oss-vend-expiration": text("Until when a URL that is answered as text is good."),
        "WWW-Authenticate": text("Which kind of proof is asked for."),
        "Allow": text("The methods that the path takes."),
        "Retry-After": { "description": "The seconds after which it is worth trying again.", "schema": seconds },
        "RateLimit": text("What is left of the limit that was passed."),
        "RateLimit-Policy": text("The limit that was passed."),
    })
}

fn security() -> Value {
    json!({
        "jwt": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "A token of an issuer in `auth.jwt`.",
        },
        "apiKey": {
            "type": "http", "scheme": "bearer",
            "description": "An API key of `auth.api_keys`, for callers that are programs.",
        },
        "session": {
            "type": "apiKey", "in": "cookie", "name": "session",
            "description": "A cookie that `auth.jwt` or `auth.forward` names, from a page whose origin is trusted; `session` \
                            stands for its name.",
        },
    })
}
