//! The verifier against requests that the official SDKs signed: each is accepted, and with one byte changed refused.

use std::fs;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::super::account::{Accounts, TokenSession};
use super::super::wire::{FormFields, Query};
use super::sample::{session, user};
use super::{Target, WireRequest, authenticate, authenticate_acs3, authenticate_form, authenticate_rpc};

/// One request, as it goes over the wire.
#[derive(Clone)]
struct Signed {
    scheme: &'static str,
    id: String,
    method: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    fields: Vec<(String, String)>,
    bucket: Option<String>,
    key: Option<String>,
    region: String,
    now: DateTime<Utc>,
}

impl Signed {
    fn new(scheme: &'static str, vector: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (request, expected, context) = (&vector["request"], &vector["expected"], &vector["context"]);
        let url = text(&expected["signed_url"]).or_else(|| text(&request["url"])).unwrap();
        let pairs = |value: &Value| {
            let pairs = value.as_array().into_iter().flatten();
            pairs.map(|pair| (text(&pair[0]).unwrap(), text(&pair[1]).unwrap())).collect::<Vec<_>>()
        };
        let mut headers = pairs(&request["headers"]);
        headers.extend(text(&expected["authorization"]).map(|claim| ("authorization".to_owned(), claim)));
        let fields = expected["fields"].as_object().into_iter().flatten();
        Self {
            scheme,
            id: text(&vector["id"]).unwrap(),
            method: text(&request["method"]).unwrap(),
            query: url.split_once('?').map_or("", |(_, query)| query).to_owned(),
            headers,
            body: text(&request["body"]).unwrap_or_default(),
            fields: fields.map(|(name, value)| (name.clone(), text(value).unwrap())).collect(),
            bucket: text(&context["bucket"]),
            key: text(&context["key"]),
            region: text(&context["region"]).unwrap_or_else(|| "cn-hangzhou".to_owned()),
            now: DateTime::from_timestamp(context["now"].as_i64().unwrap(), 0).unwrap(),
        }
    }

    /// The code of the refusal, or `accepted`.
    fn sent(&self) -> String {
        let accounts = accounts(self.now);
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let wire = WireRequest { method: &self.method, raw_path: "/", raw_query: &self.query, headers: &headers };
        match self.scheme {
            "rpc_v1" => {
                let parameters = Query::parse(&self.query).unwrap().merged(Query::parse(&self.body).unwrap());
                code(authenticate_rpc(&accounts, &self.method, &parameters, self.now).map_err(|error| error.code))
            }
            "acs3_v3" => {
                let claim = headers["authorization"].to_str().unwrap().split_once(' ').unwrap().1;
                let body = self.body.as_bytes();
                code(authenticate_acs3(&accounts, &wire, body, claim, self.now).map_err(|error| error.code))
            }
            "post_v1" | "post_v4" => {
                let fields = FormFields::new(self.fields.clone());
                let outcome = authenticate_form(&accounts, &fields, &self.region, self.now);
                code(outcome.map_err(|error| error.code.to_owned()))
            }
            _ => {
                let target = Target { bucket: self.bucket.as_deref(), key: self.key.as_deref() };
                let outcome = authenticate(&accounts, &wire, &target, &self.region, self.now);
                // One that were taken for unsigned would be let in as nobody.
                let signed = outcome
                    .map_err(|error| error.code.to_owned())
                    .and_then(|identity| identity.access_key_id().map(|_| ()).ok_or_else(|| "Anonymous".to_owned()));
                code(signed)
            }
        }
    }

    /// The same with one byte changed, for each part that a signature of its scheme covers.
    fn bent(&self) -> Vec<(String, Self)> {
        let mut bent = Vec::new();
        let mut add = |what: String, bend: &dyn Fn(&mut Self)| {
            let mut copy = self.clone();
            bend(&mut copy);
            bent.push((what, copy));
        };
        if let Some(at) = self.headers.iter().position(|(name, _)| name == "authorization") {
            add("the signature".to_owned(), &|copy| change_last(&mut copy.headers[at].1));
        }
        for (at, (name, _)) in self.fields.iter().enumerate() {
            let proves = ["policy", "Signature", "signature", "x-oss-signature"].contains(&name.as_str());
            if proves || name.eq_ignore_ascii_case("x-oss-security-token") {
                add(format!("the field {name}"), &|copy| change_last(&mut copy.fields[at].1));
            }
        }
        if !self.fields.is_empty() {
            return bent;
        }
        add("the method".to_owned(), &|copy| copy.method = if copy.method == "GET" { "PUT" } else { "GET" }.to_owned());
        if let Some(key) = &self.key {
            add("the key".to_owned(), &|copy| copy.key = Some(format!("{key}x")));
        }
        if self.bucket.is_some() {
            add("the bucket".to_owned(), &|copy| copy.bucket = Some("examplebuckeu".to_owned()));
        }
        for (at, pair) in self.query.split('&').enumerate().filter(|(_, pair)| self.covers(pair)) {
            add(format!("the parameter {pair}"), &|copy| {
                let mut pairs: Vec<_> = copy.query.split('&').map(str::to_owned).collect();
                pairs[at] = if pair.contains('=') { format!("{pair}x") } else { format!("{pair}=x") };
                copy.query = pairs.join("&");
            });
        }
        bent
    }

    /// V1 of OSS signs the parameters of its list alone; `max-keys` and `prefix` are not on it.
    fn covers(&self, pair: &str) -> bool {
        let name = pair.split('=').next().unwrap_or_default();
        match self.scheme {
            "oss_v1_query" | "oss_v1_header" => {
                ["uploads", "uploadId", "partNumber", "versionId", "Signature", "Expires", "security-token"]
                    .contains(&name)
            }
            _ => !name.is_empty(),
        }
    }
}

/// Another letter in the place of the last that means something.
fn change_last(text: &mut String) {
    let body = text.trim_end_matches('=').len();
    // The last digit of Base64 may hold bits that are thrown away.
    let at = body - 3;
    let other = if text[at..].starts_with('0') { "1" } else { "0" };
    text.replace_range(at..=at, other);
}

fn code<T>(outcome: Result<T, String>) -> String {
    outcome.map_or_else(|code| code, |_| "accepted".to_owned())
}

fn accounts(now: DateTime<Utc>) -> Accounts {
    let mut user = user("ExampleAccessKeyId", true);
    user.access_key_secret = "Example/Secret+With=Signs~-_.".to_owned();
    let accounts = Accounts::new(vec![user], vec![]).unwrap();
    let token = "CAISexample/Token+With=Signs&Percent%2B==/a+b/c==";
    accounts.open(
        TokenSession {
            secret: "ExampleTemporarySecret/+=".to_owned(),
            expiration: now + TimeDelta::hours(1),
            ..session("STS.ExampleTemporaryId", token)
        },
        now,
    );
    accounts
}

fn read(scheme: &'static str) -> Vec<Signed> {
    let path = format!("{}/tests/vectors/{scheme}.json", env!("CARGO_MANIFEST_DIR"));
    let document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let vectors = document["vectors"].as_array().unwrap();
    assert!(!vectors.is_empty());
    vectors.iter().map(|vector| Signed::new(scheme, vector)).collect()
}

const SCHEMES: [&str; 8] =
    ["oss_v1_header", "oss_v1_query", "oss_v4_header", "oss_v4_query", "post_v1", "post_v4", "rpc_v1", "acs3_v3"];

#[test]
fn what_an_official_sdk_signed_is_accepted() {
    for signed in SCHEMES.into_iter().flat_map(read) {
        assert_eq!(signed.sent(), "accepted", "{} {}", signed.scheme, signed.id);
    }
}

#[test]
fn one_byte_changed_is_refused_in_every_scheme() {
    let mut refused = 0;
    for signed in SCHEMES.into_iter().flat_map(read) {
        let bent = signed.bent();
        assert!(!bent.is_empty(), "{} {}", signed.scheme, signed.id);
        for (what, bent) in bent {
            assert_ne!(bent.sent(), "accepted", "{} {}: {what}", signed.scheme, signed.id);
            refused += 1;
        }
    }
    assert!(refused > 500, "{refused}");
}

#[test]
fn a_request_that_is_twenty_minutes_old_is_refused_in_every_scheme_that_dates_it() {
    for scheme in ["oss_v1_header", "oss_v4_header", "rpc_v1", "acs3_v3"] {
        for mut signed in read(scheme) {
            for minutes in [-20, 20] {
                let then = signed.now;
                signed.now += TimeDelta::minutes(minutes);
                let code = signed.sent();
                let skewed = ["RequestTimeTooSkewed", "InvalidTimeStamp.Expired"].contains(&code.as_str());
                assert!(skewed, "{scheme} {}: {code}", signed.id);
                signed.now = then;
            }
        }
    }
}
