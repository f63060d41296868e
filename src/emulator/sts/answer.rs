//! Answers of STS in JSON or XML.

use std::fmt::Write as _;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::super::error::StsError;
use super::super::wire::encode;

/// What every answer carries.
pub(super) struct Frame {
    pub(super) request_id: String,
    pub(super) now: DateTime<Utc>,
    pub(super) xml: bool,
}

impl Frame {
    /// A successful answer; `body` is an object, to which the request id is added.
    pub(super) fn success(&self, action: &str, mut body: Value) -> Response {
        body["RequestId"] = self.request_id.clone().into();
        self.render(StatusCode::OK, &format!("{action}Response"), &body)
    }

    pub(super) fn refusal(&self, error: &StsError) -> Response {
        let recommend = format!("https://api.aliyun.com/troubleshoot?q={}&product=Sts", encode(&error.code));
        let body = json!({
            "RequestId": self.request_id,
            "HostId": "sts.aliyuncs.com",
            "Code": error.code,
            "Message": error.message,
            "Recommend": recommend,
        });
        self.render(error.status, "Error", &body)
    }

    fn render(&self, status: StatusCode, root: &str, body: &Value) -> Response {
        let (kind, text) = if self.xml {
            ("text/xml;charset=utf-8", xml(root, body))
        } else {
            ("application/json;charset=utf-8", body.to_string())
        };
        let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CACHE_CONTROL, "no-store".to_owned())];
        (status, headers, [("x-acs-request-id", self.request_id.clone())], text).into_response()
    }
}

fn xml(root: &str, body: &Value) -> String {
    let mut text = String::from("<?xml version='1.0' encoding='UTF-8'?>");
    element(&mut text, root, body);
    text
}

fn element(text: &mut String, name: &str, value: &Value) {
    write!(text, "<{name}>").expect("a String takes every write");
    match value {
        Value::Object(members) => children(text, members),
        Value::String(plain) => text.push_str(&quick_xml::escape::escape(plain)),
        other => text.push_str(&other.to_string()),
    }
    write!(text, "</{name}>").expect("a String takes every write");
}

fn children(text: &mut String, members: &Map<String, Value>) {
    for (name, value) in members {
        element(text, name, value);
    }
}
