//! Holds every stage of the signer to what the official SDKs made of the same requests.

#![expect(clippy::unwrap_used, reason = "a vector that cannot be read fails its test")]

#[path = "vectors/generated.rs"]
mod generated;
#[path = "vectors/generated_forms.rs"]
mod generated_forms;
#[path = "vectors/mod.rs"]
mod vectors;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use oss_vend::keys::{AccessKey, Secret};
use oss_vend::signing::post::{self, Conditions};
use oss_vend::signing::presign::{self, Presign};
use oss_vend::signing::{Request, acs3, rpc, v1, v4};
use serde_json::Value;

use self::vectors::{Credentials, Vector, borrowed, decoded, read};

/// What the signer adds to a request by itself, so what has to be taken out of one before it is signed anew.
const ADDED: [&str; 12] = [
    "Expires",
    "OSSAccessKeyId",
    "Signature",
    "security-token",
    "x-oss-additional-headers",
    "x-oss-content-sha256",
    "x-oss-credential",
    "x-oss-date",
    "x-oss-expires",
    "x-oss-security-token",
    "x-oss-signature",
    "x-oss-signature-version",
];

fn access_key(credentials: &Credentials) -> AccessKey {
    AccessKey {
        id: credentials.access_key_id.clone(),
        secret: Secret::new(&credentials.access_key_secret),
        token: credentials.security_token.as_deref().map(Secret::new),
    }
}

fn now(vector: &Vector) -> DateTime<Utc> {
    DateTime::from_timestamp(vector.context.now, 0).unwrap()
}

fn signer(vector: &Vector) -> v4::Signer {
    let (region, product) = (vector.context.region.as_deref().unwrap(), vector.context.product.as_deref().unwrap());
    v4::Signer::new(&access_key(&vector.credentials), region, product, now(vector).date_naive())
}

fn request<'a>(vector: &'a Vector, query: &'a [(&str, &str)], headers: &'a [(&str, &str)]) -> Request<'a> {
    Request {
        method: &vector.request.method,
        bucket: vector.context.bucket.as_deref(),
        key: vector.context.key.as_deref(),
        query,
        headers,
        additional_headers: &[],
    }
}

fn without_added<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let added = |name: &str| ADDED.iter().any(|added| added.eq_ignore_ascii_case(name));
    pairs.iter().copied().filter(|(name, _)| !added(name)).collect()
}

/// Scheme, host and, in path style, bucket: what stands before the key.
fn base(vector: &Vector) -> String {
    let url = url::Url::parse(&vector.request.url).unwrap();
    let origin = url.origin().ascii_serialization();
    match vector.context.bucket.as_deref() {
        Some(bucket) if url.path().starts_with(&format!("/{bucket}/")) => format!("{origin}/{bucket}"),
        _ => origin,
    }
}

/// Address, decoded path and parameters of a URL: the SDKs differ in the order and in what they need not escape.
fn parts(url: &str) -> (String, String, BTreeMap<String, String>) {
    let url = url::Url::parse(url).unwrap();
    let path = decoded(&format!("={}", url.path().replace('+', "%2B"))).remove(0).1;
    (url.origin().ascii_serialization(), path, url.query_pairs().into_owned().collect())
}

#[test]
fn v1_headers_are_those_of_the_sdks() {
    for vector in read("oss_v1_header") {
        let (id, expected, access_key) = (&vector.id, &vector.expected, access_key(&vector.credentials));
        let query = vector.request.query();
        let (query, headers) = (borrowed(&query), borrowed(&vector.request.headers));
        let date = vector.request.header("x-oss-date").or(vector.request.header("date")).unwrap();
        let text = v1::string_to_sign(&request(&vector, &query, &headers), date);
        assert_eq!(text, expected.string_to_sign, "{id}");
        assert_eq!(v1::signature(&text, &access_key.secret), expected.signature, "{id}");

        if vector.request.header("x-oss-date").is_some() {
            let headers = without_added(&headers);
            let added = v1::sign_headers(&request(&vector, &query, &headers), &access_key, now(&vector));
            assert_eq!(added.last().unwrap().1, *expected.authorization.as_ref().unwrap(), "{id}");
        }
    }
}

#[test]
fn v4_headers_are_those_of_the_sdks() {
    for vector in read("oss_v4_header") {
        let (id, expected, signer) = (&vector.id, &vector.expected, signer(&vector));
        let authorization = expected.authorization.as_deref().unwrap();
        let additional = authorization.split_once("AdditionalHeaders=").map_or("", |(_, rest)| rest);
        let additional: Vec<_> = additional.split(',').next().unwrap().split(';').collect();
        let query = vector.request.query();
        let (query, headers) = (borrowed(&query), borrowed(&vector.request.headers));
        let whole = Request { additional_headers: &additional, ..request(&vector, &query, &headers) };
        let canonical = v4::canonical_request(&whole);
        assert_eq!(canonical, *expected.canonical_request.as_ref().unwrap(), "{id}");
        let text = v4::string_to_sign(&v4::date(now(&vector)), signer.scope(), &canonical);
        assert_eq!(text, expected.string_to_sign, "{id}");
        assert_eq!(signer.key().sign(&text), expected.signature, "{id}");

        let headers = without_added(&headers);
        let added = v4::sign_headers(&Request { headers: &headers, ..whole }, &signer, now(&vector));
        let mine = &added.last().unwrap().1;
        // oss2 puts a space after each comma and the fields in another order.
        let fields = |text: &str| text.split([',', ' ']).map(str::to_owned).filter(|field| !field.is_empty()).collect();
        let (mine, theirs): (BTreeMap<_, _>, BTreeMap<_, _>) = (by_name(fields(mine)), by_name(fields(authorization)));
        assert_eq!(mine, theirs, "{id}");
    }
}

fn by_name(fields: Vec<String>) -> BTreeMap<String, String> {
    let split = |field: String| match field.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (field, String::new()),
    };
    fields.into_iter().map(split).collect()
}

#[test]
fn v1_urls_are_those_of_the_sdks() {
    for vector in read("oss_v1_query") {
        let (id, expected, access_key) = (&vector.id, &vector.expected, access_key(&vector.credentials));
        let query = vector.request.query();
        let (query, headers) = (borrowed(&query), borrowed(&vector.request.headers));
        let expires = query.iter().find(|(name, _)| *name == "Expires").unwrap().1;
        let text = v1::string_to_sign(&request(&vector, &query, &headers), expires);
        assert_eq!(text, expected.string_to_sign, "{id}");
        assert_eq!(v1::signature(&text, &access_key.secret), expected.signature, "{id}");

        let query = without_added(&query);
        let presign = Presign {
            request: request(&vector, &query, &headers),
            base: &base(&vector),
            expires_in: vector.context.expires_in.unwrap(),
        };
        let url = presign::v1(&presign, &access_key, now(&vector));
        assert_eq!(parts(&url), parts(expected.signed_url.as_ref().unwrap()), "{id}");
    }
}

#[test]
fn v4_urls_are_those_of_the_sdks() {
    for vector in read("oss_v4_query") {
        let (id, expected, signer) = (&vector.id, &vector.expected, signer(&vector));
        let query = vector.request.query();
        let (query, headers) = (borrowed(&query), borrowed(&vector.request.headers));
        let additional = query.iter().find(|(name, _)| *name == "x-oss-additional-headers").map_or("", |pair| pair.1);
        let additional: Vec<_> = additional.split(';').collect();
        let whole = Request { additional_headers: &additional, ..request(&vector, &query, &headers) };
        let canonical = v4::canonical_request(&whole);
        assert_eq!(canonical, *expected.canonical_request.as_ref().unwrap(), "{id}");
        let text = v4::string_to_sign(&v4::date(now(&vector)), signer.scope(), &canonical);
        assert_eq!(text, expected.string_to_sign, "{id}");
        assert_eq!(signer.key().sign(&text), expected.signature, "{id}");

        let query = without_added(&query);
        let presign = Presign {
            request: Request { query: &query, ..whole },
            base: &base(&vector),
            expires_in: vector.context.expires_in.unwrap(),
        };
        let url = presign::v4(&presign, &signer, now(&vector));
        assert_eq!(parts(&url), parts(expected.signed_url.as_ref().unwrap()), "{id}");
    }
}

#[test]
fn v1_forms_are_those_of_the_sdks() {
    for vector in read("post_v1") {
        let access_key = access_key(&vector.credentials);
        let policy = STANDARD.encode(vector.expected.policy.as_ref().unwrap());
        assert_eq!(policy, vector.expected.string_to_sign, "{}", vector.id);
        assert_eq!(v1::signature(&policy, &access_key.secret), vector.expected.signature, "{}", vector.id);
        if let Some((conditions, expiration)) = conditions(&vector) {
            holds_as_a_whole(&post::sign_v1(&conditions, expiration, &access_key), &vector);
        }
    }
}

#[test]
fn v4_forms_are_those_of_the_sdks() {
    for vector in read("post_v4") {
        let policy = STANDARD.encode(vector.expected.policy.as_ref().unwrap());
        assert_eq!(policy, vector.expected.string_to_sign, "{}", vector.id);
        assert_eq!(signer(&vector).key().sign(&policy), vector.expected.signature, "{}", vector.id);
        if let Some((conditions, expiration)) = conditions(&vector) {
            let (signer, expected) = (signer(&vector), &vector.expected);
            let form = post::sign_v4(conditions, expiration, &signer, now(&vector));
            holds_but_for_order(&form, &signer, expected.policy.as_ref().unwrap(), &expected.fields);
        }
    }
}

fn holds_as_a_whole(form: &post::Form<'_>, vector: &Vector) {
    let policy = String::from_utf8(STANDARD.decode(form.policy()).unwrap()).unwrap();
    assert_eq!(policy, *vector.expected.policy.as_ref().unwrap(), "{}", vector.id);
    let fields = form.fields().map(|(name, value)| (name.to_owned(), value.into_owned())).collect::<BTreeMap<_, _>>();
    assert_eq!(fields, vector.expected.fields, "{}", vector.id);
}

/// Our V4 policies begin with the conditions that stay the same, those of the SDKs end with them. All else has to be
/// alike, and the signature has to be that of our order by the key that makes the SDKs' signatures of theirs.
fn holds_but_for_order(form: &post::Form<'_>, signer: &v4::Signer, policy: &str, fields: &BTreeMap<String, String>) {
    let sorted = |policy: &str| {
        let mut document: Value = serde_json::from_str(policy).unwrap();
        document["conditions"].as_array_mut().unwrap().sort_by_key(Value::to_string);
        document
    };
    let ours = String::from_utf8(STANDARD.decode(form.policy()).unwrap()).unwrap();
    assert_eq!(sorted(&ours), sorted(policy));
    assert_eq!(signer.key().sign(&fields["policy"]), fields["x-oss-signature"]);
    let mut expected = fields.clone();
    expected.insert("policy".into(), STANDARD.encode(&ours));
    expected.insert("x-oss-signature".into(), signer.key().sign(&form.policy()));
    let fields: BTreeMap<_, _> = form.fields().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
    assert_eq!(fields, expected);
}

/// The conditions of a vector's policy, but for those that the signer adds; none where it writes `eq`, as we do not.
fn conditions(vector: &Vector) -> Option<(Conditions, DateTime<Utc>)> {
    let policy: Value = serde_json::from_str(vector.expected.policy.as_ref().unwrap()).unwrap();
    let conditions = conditions_of(policy["conditions"].as_array().unwrap())?;
    Some((conditions, policy["expiration"].as_str().unwrap().parse().unwrap()))
}

fn conditions_of(all: &[Value]) -> Option<Conditions> {
    let text = |value: &Value| value.as_str().unwrap().trim_start_matches('$').replace("\\$", "$");
    let texts = |value: &Value| value.as_array().unwrap().iter().map(text).collect::<Vec<_>>();
    let mut conditions = Conditions::new();
    for condition in all {
        if let Some((name, value)) = condition.as_object().and_then(|object| object.iter().next()) {
            if !ADDED.contains(&name.as_str()) {
                conditions = conditions.exact(name, &text(value));
            }
            continue;
        }
        let (one, other) = (&condition[1], &condition[2]);
        conditions = match condition[0].as_str().unwrap() {
            "starts-with" => conditions.starts_with(&text(one), &text(other)),
            "in" => conditions.one_of(&text(one), texts(other).iter().map(String::as_str)),
            "not-in" => conditions.none_of(&text(one), texts(other).iter().map(String::as_str)),
            "content-length-range" => conditions.content_length(one.as_u64().unwrap()..=other.as_u64().unwrap()),
            _ => return None,
        };
    }
    Some(conditions)
}

#[test]
fn rpc_calls_are_those_of_the_sdks() {
    for vector in read("rpc_v1") {
        let mut all = vector.request.query();
        all.extend(decoded(&vector.request.body));
        let parameters: rpc::Parameters<'_> =
            borrowed(&all).into_iter().filter(|(name, _)| *name != "Signature").collect();
        let text = rpc::string_to_sign(&vector.request.method, &rpc::canonical_query(&parameters));
        assert_eq!(text, vector.expected.string_to_sign, "{}", vector.id);
        let signature = rpc::signature(&text, &access_key(&vector.credentials).secret);
        assert_eq!(signature, vector.expected.signature, "{}", vector.id);
    }
}

#[test]
fn acs3_calls_are_those_of_the_sdks() {
    for vector in read("acs3_v3") {
        let (id, expected, access_key) = (&vector.id, &vector.expected, access_key(&vector.credentials));
        let query = vector.request.query();
        let authorization = expected.authorization.as_ref().unwrap();
        let signed = authorization.split_once("SignedHeaders=").unwrap().1.split_once(',').unwrap().0;
        let signed: Vec<_> = signed.split(';').collect();
        let mut headers = borrowed(&vector.request.headers);
        headers.retain(|(name, _)| signed.contains(&name.to_lowercase().as_str()));
        let request = acs3::Request {
            method: &vector.request.method,
            path: "/",
            query: &borrowed(&query).into_iter().collect(),
            headers: &headers,
            body_sha256: &acs3::body_sha256(vector.request.body.as_bytes()),
        };
        let canonical = acs3::canonical_request(&request);
        assert_eq!(canonical, *expected.canonical_request.as_ref().unwrap(), "{id}");
        let text = acs3::string_to_sign(&canonical);
        assert_eq!(text, expected.string_to_sign, "{id}");
        assert_eq!(acs3::signature(&text, &access_key.secret), expected.signature, "{id}");
        assert_eq!(acs3::authorization(&request, &access_key), *authorization, "{id}");
    }
}
