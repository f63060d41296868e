//! The emulator's doors, for the fuzz targets under `fuzz/`: compiled for them alone.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, DATE};
use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, Utc};

use super::form_policy::{Posted, check_form_policy, content_length_range};
use super::knobs::AbsentField;
use super::oss::fuzz_form;
use super::verify::{Target, WireRequest, authenticate, authenticate_form, authenticate_rpc};
use super::wire::Query;
use super::{DEV_REGION, Emulator, Options, State};

/// An emulator whose clock stands.
pub struct Doors(Arc<State>);

impl Default for Doors {
    fn default() -> Self {
        let emulator = Emulator::new(Options::dev(), now).expect("the options of dev are right");
        Self(emulator.state)
    }
}

impl Doors {
    /// A request whose `Authorization` header is this text.
    pub fn authorization(&self, text: &str) {
        let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else {
            return;
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value);
        headers.insert(DATE, HeaderValue::from_static("Fri, 14 Feb 2025 08:09:10 GMT"));
        headers.insert("x-oss-date", HeaderValue::from_static("20250214T080910Z"));
        headers.insert("x-oss-content-sha256", HeaderValue::from_static("UNSIGNED-PAYLOAD"));
        self.request("", &headers);
    }

    /// A request with this query, at OSS and at STS.
    pub fn query(&self, text: &str) {
        self.request(text, &HeaderMap::new());
        if let Some(parameters) = Query::parse(text) {
            let _ = authenticate_rpc(&self.0.accounts, "POST", &parameters, now());
        }
    }

    /// A posted form with this body.
    pub fn form(&self, body: &[u8]) {
        let content_type = "multipart/form-data; boundary=edge";
        let Some(fields) = fuzz_form(content_type, Body::from(body.to_vec())) else {
            return;
        };
        let _ = authenticate_form(&self.0.accounts, &fields, DEV_REGION, now());
        let policy = fields.first("policy").unwrap_or_default();
        let form = Posted { bucket: "examplebucket", fields: &fields, file_size: 1 };
        let _ = content_length_range(policy);
        let _ = check_form_policy(policy, &form, AbsentField::Fails, now());
    }

    fn request(&self, raw_query: &str, headers: &HeaderMap) {
        let wire = WireRequest { method: "PUT", raw_path: "/examplebucket/a", raw_query, headers };
        let target = Target { bucket: Some("examplebucket"), key: Some("a") };
        let _ = authenticate(&self.0.accounts, &wire, &target, DEV_REGION, now());
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_739_520_550, 0).expect("it is in range")
}
