//! The schemes. The floor of each is the bare hashing of the same bytes.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use oss_vend::keys::{AccessKey, Secret};
use oss_vend::signing::post::{self, Conditions};
use oss_vend::signing::presign::{self, Presign};
use oss_vend::signing::v4::{PRODUCT, Signer};
use oss_vend::signing::{Request, Stamp, acs3, rpc, v1, v4};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::support::harness::{Group, Subject};

/// In the order in which they are signed, as `/presigned-url` gives them.
const HEADERS: &[(&str, &str)] = &[("content-length", "100000"), ("content-type", "image/png")];
const NONCE: &str = "3156853299f313e23d1673dc12e1703d";

pub(super) fn each(wanted: &dyn Fn(&str) -> bool, visit: &mut dyn FnMut(Group<'_>)) {
    if wanted("V4 URL") {
        v4_url(visit);
    }
    if wanted("V1 URL") {
        v1_url(visit);
    }
    if wanted("V4 form") {
        v4_form(visit);
    }
    if wanted("V1 form") {
        v1_form(visit);
    }
    if wanted("ACS3 call") {
        acs3_call(visit);
    }
    if wanted("RPC call") {
        rpc_call(visit);
    }
}

/// 2026-01-01T08:09:10Z; to read it from a text would cost a tenth of a signature.
const AT: DateTime<Utc> = DateTime::from_timestamp(1_767_254_950, 0).unwrap();

fn access_key() -> AccessKey {
    let token: String =
        "CAISAbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/".chars().cycle().take(698).chain("==".chars()).collect();
    AccessKey {
        id: "STS.NUxExampleExampleExample1".into(),
        secret: Secret::new("3dZn1JmK5QxMGHvX2tqT8JtEYBhxpBvgEAx7JkTCz9wW"),
        token: Some(Secret::new(token)),
    }
}

fn presign() -> Presign<'static> {
    Presign {
        request: Request {
            method: "PUT",
            bucket: Some("examplebucket"),
            key: Some("uploads/u42/9b2d1b6e-4f3f-4f0e-9d43-0d7c1f0a6f5e.png"),
            query: &[],
            headers: HEADERS,
            additional_headers: &["content-length"],
        },
        base: "https://examplebucket.oss-cn-hangzhou.aliyuncs.com",
        expires_in: 900,
    }
}

fn conditions() -> Conditions {
    Conditions::with_capacity(512)
        .exact("bucket", "examplebucket")
        .exact("key", "uploads/u42/9b2d1b6e-4f3f-4f0e-9d43-0d7c1f0a6f5e.png")
        .content_length(0..=104_857_600)
        .exact("success_action_status", "200")
        .one_of("content-type", ["image/png"])
        .one_of("x-oss-content-type", ["image/png"])
}

/// What a V4 URL hashes: `canonical` with SHA-256, `to_sign` with the kept state of an HMAC.
fn v4_url(visit: &mut dyn FnMut(Group<'_>)) {
    let (access_key, presign) = (access_key(), presign());
    let signer = Signer::new(&access_key, "cn-hangzhou", PRODUCT, AT.date_naive());
    let url = presign::v4(&presign, &signer, AT);
    let query: Vec<(String, String)> = url::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
    let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let canonical = v4::canonical_request(&Request { query: &query, ..presign.request });
    let to_sign = v4::string_to_sign(&v4::date(AT), signer.scope(), &canonical);
    let kept = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
    visit(Group {
        name: "V4 URL",
        floor: Subject::new("its hashing", || {
            let mut mac = kept.clone();
            mac.update(to_sign.as_bytes());
            (Sha256::digest(canonical.as_bytes()), mac.finalize())
        }),
        subjects: vec![
            Subject::new("signed", || presign::v4(&presign, &signer, AT)).allocating_at_most(1),
            Subject::new("signed with a key not used before", || {
                presign::v4(&presign, &Signer::new(&access_key, "cn-hangzhou", PRODUCT, AT.date_naive()), AT)
            }),
        ],
    });
}

fn v1_url(visit: &mut dyn FnMut(Group<'_>)) {
    let (access_key, presign) = (access_key(), presign());
    let token = [("security-token", access_key.token.as_ref().unwrap().expose())];
    let text = v1::string_to_sign(&Request { query: &token, ..presign.request }, "1767255850");
    visit(Group {
        name: "V1 URL",
        floor: Subject::new("its hashing", || hmac_sha1(access_key.secret.expose(), &text)),
        subjects: vec![Subject::new("signed", || presign::v1(&presign, &access_key, AT))],
    });
}

fn v4_form(visit: &mut dyn FnMut(Group<'_>)) {
    let (access_key, end) = (access_key(), AT + TimeDelta::minutes(15));
    let signer = Signer::new(&access_key, "cn-hangzhou", PRODUCT, AT.date_naive());
    let policy = post::sign_v4(conditions(), end, &signer, AT).policy();
    let kept = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
    visit(Group {
        name: "V4 form",
        floor: Subject::new("hashing all of its policy", || {
            let mut mac = kept.clone();
            mac.update(policy.as_bytes());
            mac.finalize()
        }),
        subjects: vec![
            Subject::new("signed", || post::sign_v4(conditions(), end, &signer, AT).signature().len())
                .allocating_at_most(2),
            Subject::new("signed with a key not used before", || {
                let signer = Signer::new(&access_key, "cn-hangzhou", PRODUCT, AT.date_naive());
                post::sign_v4(conditions(), end, &signer, AT).signature().len()
            }),
        ],
    });
}

fn v1_form(visit: &mut dyn FnMut(Group<'_>)) {
    let (access_key, end) = (access_key(), AT + TimeDelta::minutes(15));
    let policy = post::sign_v1(&conditions(), end, &access_key).policy();
    visit(Group {
        name: "V1 form",
        floor: Subject::new("its hashing", || hmac_sha1(access_key.secret.expose(), &policy)),
        subjects: vec![Subject::new("signed", || post::sign_v1(&conditions(), end, &access_key).signature().len())],
    });
}

fn acs3_call(visit: &mut dyn FnMut(Group<'_>)) {
    let access_key = AccessKey { token: None, ..access_key() };
    let query = call();
    let body_sha256 = acs3::body_sha256(b"");
    let headers = [("host", "sts.aliyuncs.com"), ("x-acs-action", "AssumeRole"), ("x-acs-version", "2015-04-01")];
    let request =
        acs3::Request { method: "POST", path: "/", query: &query, headers: &headers, body_sha256: &body_sha256 };
    let stamp = Stamp { nonce: NONCE, at: AT };
    let signed = acs3::sign(&request, &access_key, stamp);
    let mut all = headers.to_vec();
    all.extend(signed.iter().filter(|(name, _)| *name != "authorization").map(|(name, value)| (*name, value.as_str())));
    let canonical = acs3::canonical_request(&acs3::Request { headers: &all, ..request });
    let to_sign = acs3::string_to_sign(&canonical);
    visit(Group {
        name: "ACS3 call",
        floor: Subject::new("its hashing", || {
            let mut mac = Hmac::<Sha256>::new_from_slice(access_key.secret.expose().as_bytes()).unwrap();
            mac.update(to_sign.as_bytes());
            (Sha256::digest(canonical.as_bytes()), mac.finalize())
        }),
        subjects: vec![Subject::new("signed", || acs3::sign(&request, &access_key, stamp))],
    });
}

fn rpc_call(visit: &mut dyn FnMut(Group<'_>)) {
    let access_key = AccessKey { token: None, ..access_key() };
    let parameters = call();
    let stamp = Stamp { nonce: NONCE, at: AT };
    let signed = rpc::sign("POST", &parameters, &access_key, stamp);
    let to_sign = rpc::string_to_sign("POST", signed.rsplit_once("&Signature=").unwrap().0);
    let secret = format!("{}&", access_key.secret.expose());
    visit(Group {
        name: "RPC call",
        floor: Subject::new("its hashing", || hmac_sha1(&secret, &to_sign)),
        subjects: vec![Subject::new("signed", || rpc::sign("POST", &parameters, &access_key, stamp))],
    });
}

/// An `AssumeRole`.
fn call() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("Action", "AssumeRole"),
        ("Format", "JSON"),
        ("Version", "2015-04-01"),
        ("RoleArn", "acs:ram::1234567890123456:role/oss-upload"),
        ("RoleSessionName", "oss-vend"),
        ("DurationSeconds", "3600"),
        (
            "Policy",
            r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:PutObject","oss:AbortMultipartUpload","oss:ListParts","oss:GetObject"],"Resource":["acs:oss:*:*:examplebucket/uploads/u42/*"]}]}"#,
        ),
    ])
}

fn hmac_sha1(secret: &str, text: &str) -> impl Sized + use<> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize()
}
