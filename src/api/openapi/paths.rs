//! Every route on one screen, as OpenAPI tells them.

use serde_json::{Map, Value, json};

use super::problems;

/// What may go wrong with every request: it came by http or for another host, there was no room for it, or no time.
const EVERY: [u16; 4] = [403, 421, 503, 504];
/// With one that is asked who sends it, and what it wants.
const ADMITTED: [u16; 3] = [400, 401, 429];
/// With one that vends.
const VENDED: [u16; 3] = [404, 500, 502];
/// With one that has a body.
const POSTED: [u16; 3] = [408, 413, 415];

/// A route that asks who sends a request.
struct Route {
    path: &'static str,
    tag: &'static str,
    /// What the route gives, as the end of the operation's id.
    gives: &'static str,
    summary: &'static str,
    description: &'static str,
    /// The schema of the query of a GET.
    query: Option<&'static str>,
    /// The schemas of the body of a POST; none if nothing of it is read, `None` if there is no POST.
    body: Option<&'static [&'static str]>,
    answers: Answers,
    vends: bool,
}

/// What a good answer is.
enum Answers {
    /// JSON of this schema.
    Json(&'static str),
    /// The same, and of the second one for a batch; or the URL alone.
    JsonOrText(&'static str, &'static str),
    /// The URL alone.
    Text,
}

const ROUTES: [Route; 8] = [
    Route {
        path: "/sts",
        tag: "vending",
        gives: "Credentials",
        summary: "Temporary credentials",
        description: "For the OSS SDKs. Credentials have at least 60 seconds left, unless STS fails: then those that are \
                      alive are served to their end.",
        query: Some("CredentialsParameters"),
        body: Some(&["CredentialsParameters"]),
        answers: Answers::Json("Credentials"),
        vends: true,
    },
    Route {
        path: "/credentials-uri",
        tag: "vending",
        gives: "CredentialsUri",
        summary: "Temporary credentials, as ALIBABA_CLOUD_CREDENTIALS_URI has them",
        description: "For the `alibabacloud-credentials` SDKs. If `minRemaining` is absent it is 960.",
        query: Some("CredentialsParameters"),
        body: None,
        answers: Answers::Json("UriCredentials"),
        vends: true,
    },
    Route {
        path: "/post-signature",
        tag: "vending",
        gives: "SignedForm",
        summary: "A signed form",
        description: "Append each pair of `fields`, then `file` as the last. Without `filename` and `key` the form takes \
                      any key that begins with the directory, and `${filename}` stands in `fields.key`.",
        query: Some("FormParameters"),
        body: Some(&["FormParameters"]),
        answers: Answers::Json("SignedForm"),
        vends: true,
    },
    Route {
        path: "/presigned-url",
        tag: "vending",
        gives: "SignedUrl",
        summary: "A signed URL, or up to 100 of them",
        description: "With `size`, the URL signs `content-length`: OSS takes exactly that many bytes. With `Accept: \
                      text/plain` the answer is the URL alone. A body with `items` signs several at once, each with its \
                      own result or problem.",
        query: Some("UrlParameters"),
        body: Some(&["UrlParameters", "UrlBatch"]),
        answers: Answers::JsonOrText("SignedUrl", "SignedUrls"),
        vends: true,
    },
    Route {
        path: "/grants",
        tag: "vending",
        gives: "Grants",
        summary: "What this caller may ask for, with its limits",
        description: "It takes no parameter.",
        query: None,
        body: None,
        answers: Answers::Json("Grants"),
        vends: false,
    },
    Route {
        path: "/get_sts_token_for_oss_upload",
        tag: "classic",
        gives: "ClassicCredentials",
        summary: "Temporary credentials, for the published sample pages",
        description: CLASSIC,
        query: None,
        body: Some(&[]),
        answers: Answers::Json("Credentials"),
        vends: true,
    },
    Route {
        path: "/get_post_signature_for_oss_upload",
        tag: "classic",
        gives: "ClassicForm",
        summary: "The five fields of a form, for the published sample pages",
        description: CLASSIC,
        query: None,
        body: Some(&[]),
        answers: Answers::Json("ClassicForm"),
        vends: true,
    },
    Route {
        path: "/get_presigned_url_for_oss_upload",
        tag: "classic",
        gives: "ClassicUrl",
        summary: "A signed URL as text, for the published sample pages",
        description: CLASSIC,
        query: None,
        body: Some(&[]),
        answers: Answers::Text,
        vends: true,
    },
];

const CLASSIC: &str =
    "Only where the operator has `[classic] enabled = true`, else `not_found`. Query and body are left alone.";

/// The paths; the names of parameters come from `schemas`.
pub(super) fn paths(schemas: &Map<String, Value>) -> Map<String, Value> {
    let mut paths: Map<_, _> = ROUTES.iter().map(|route| (route.path.to_owned(), route.item(schemas))).collect();
    paths.insert(
        "/healthz".into(),
        told("getHealth", "The process answers", &json!({ "200": json_of("Alive") }), &[504]),
    );
    let ready = json!({ "200": json_of("Readiness"), "503": json_of("Readiness") });
    paths.insert("/readyz".into(), told("getReadiness", "Whether it can vend", &ready, &[504]));
    let document = json!({ "description": "This document.", "content": { "application/json": { "schema": { "type": "object" } } } });
    let unchanged = json!({ "description": "It has the entity tag of `If-None-Match`." });
    let document = json!({ "200": document, "304": unchanged });
    paths.insert("/openapi.json".into(), told("getOpenApi", "This document", &document, &EVERY));
    paths
}

impl Route {
    fn item(&self, schemas: &Map<String, Value>) -> Value {
        let mut item = json!({ "get": self.operation("get", &[]) });
        if let Some(query) = self.query {
            item["get"]["parameters"] = query_parameters(&schemas[query]);
        }
        if let Some(body) = self.body {
            item["post"] = self.operation("post", if body.is_empty() { &[] } else { &POSTED });
            if !body.is_empty() {
                let schema = one_of(body);
                item["post"]["requestBody"] = json!({ "content": { "application/json": { "schema": schema } } });
            }
        }
        item
    }

    fn operation(&self, method: &str, more: &[u16]) -> Value {
        let mut responses = Map::from_iter([("200".to_owned(), self.answer(method))]);
        let vended: &[u16] = if self.vends { &VENDED } else { &[] };
        let statuses = [&EVERY[..], &ADMITTED, vended, more].concat();
        responses.extend(problems::of(&statuses));
        json!({
            "operationId": format!("{method}{}", self.gives),
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.description,
            "security": [{}, { "jwt": [] }, { "apiKey": [] }, { "session": [] }],
            "responses": responses,
        })
    }

    fn answer(&self, method: &str) -> Value {
        match self.answers {
            Answers::Json(schema) => json_of(schema),
            Answers::Text => text(json!({})),
            Answers::JsonOrText(one, _) if method == "get" => text(json_content(&[one])),
            Answers::JsonOrText(one, many) => text(json_content(&[one, many])),
        }
    }
}

/// A route that asks nobody who they are.
fn told(id: &str, summary: &str, good: &Value, statuses: &[u16]) -> Value {
    let mut responses = good.as_object().cloned().unwrap_or_default();
    responses.extend(problems::of(statuses));
    json!({ "get": {
        "operationId": id, "tags": ["about"], "summary": summary, "security": [], "responses": responses,
    } })
}

/// Each member of an object as a parameter of a query, where nothing is null.
fn query_parameters(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let parameters = properties.map(|(name, schema)| {
        let mut schema = schema.clone();
        super::forbid_null(&mut schema);
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        json!({ "name": name, "in": "query", "description": description, "schema": schema })
    });
    parameters.collect()
}

fn json_of(schema: &str) -> Value {
    json!({ "description": "The answer.", "headers": super::headers(&["Cache-Control"]), "content": json_content(&[schema]) })
}

/// The same content, or a URL as text whose end is in a header.
fn text(mut content: Value) -> Value {
    content["text/plain"] = json!({ "schema": { "type": "string", "format": "uri" } });
    let headers = super::headers(&["Cache-Control", "x-oss-vend-expiration"]);
    json!({ "description": "The answer.", "headers": headers, "content": content })
}

fn json_content(schemas: &[&str]) -> Value {
    json!({ "application/json": { "schema": one_of(schemas) } })
}

fn one_of(schemas: &[&str]) -> Value {
    let mut refs = schemas.iter().map(|name| json!({ "$ref": format!("#/components/schemas/{name}") }));
    match schemas.len() {
        1 => refs.next().unwrap_or_default(),
        _ => json!({ "oneOf": refs.collect::<Vec<_>>() }),
    }
}
