//! Hundreds of requests with chance input: what we make of the same input equals what the SDKs made.

use std::collections::BTreeMap;
use std::fs;

use chrono::{DateTime, Utc};
use oss_vend::keys::AccessKey;
use oss_vend::signing::presign::{self, Presign};
use oss_vend::signing::rpc::Parameters;
use oss_vend::signing::{Request, Stamp, acs3, rpc, v4};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::vectors::{Credentials, decoded};
use super::{access_key, parts};

type Map = BTreeMap<String, String>;

/// What every case has.
#[derive(Deserialize)]
struct Asked {
    sdk: String,
    now: i64,
    #[serde(flatten)]
    credentials: Credentials,
}

/// A signed URL.
#[derive(Deserialize)]
struct SignedUrl {
    #[serde(flatten)]
    asked: Asked,
    bucket: String,
    region: String,
    /// Scheme, host and, in path style, bucket.
    base: String,
    method: String,
    key: String,
    query: Map,
    headers: Map,
    additional: Vec<String>,
    expires_in: u32,
    url: String,
}

/// An `AssumeRole`: `role` is what was asked for, by the names on the wire.
#[derive(Deserialize)]
struct RpcCall {
    #[serde(flatten)]
    asked: Asked,
    nonce: String,
    role: Map,
    method: String,
    parameters: Map,
}

/// The same in the other scheme, with the headers that the SDK signed.
#[derive(Deserialize)]
struct Acs3Call {
    #[serde(flatten)]
    asked: Asked,
    nonce: String,
    role: Map,
    method: String,
    query: Map,
    headers: Map,
    authorization: String,
}

/// The cases of a scheme, from the Python SDKs and from the JavaScript ones.
fn read<T: DeserializeOwned>(scheme: &str) -> Vec<T> {
    ["python", "node"].into_iter().flat_map(|language| read_one(&format!("{language}_{scheme}"))).collect()
}

pub(crate) fn read_one<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = format!("{}/tests/vectors/generated_{name}.json", env!("CARGO_MANIFEST_DIR"));
    let cases: Vec<T> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() >= 90, "{name} has {} cases", cases.len());
    cases
}

fn borrowed(map: &Map) -> Vec<(&str, &str)> {
    map.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

impl Asked {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.now, 0).unwrap()
    }

    fn stamp<'a>(&self, nonce: &'a str) -> Stamp<'a> {
        Stamp { nonce, at: self.now() }
    }
}

impl SignedUrl {
    fn signed(&self, sign: impl Fn(&Presign<'_>) -> String) {
        let (query, headers) = (borrowed(&self.query), borrowed(&self.headers));
        let additional: Vec<_> = self.additional.iter().map(String::as_str).collect();
        let request = Request {
            method: &self.method,
            bucket: Some(&self.bucket),
            key: Some(&self.key),
            query: &query,
            headers: &headers,
            additional_headers: &additional,
        };
        let ours = sign(&Presign { request, base: &self.base, expires_in: self.expires_in });
        let sdk = &self.asked.sdk;
        assert_eq!(parts(&ours), parts(&self.url), "{sdk}: {} {} {:?}", self.method, self.key, self.headers);
    }
}

#[test]
fn generated_v1_urls_are_those_of_the_sdks() {
    for case in read::<SignedUrl>("v1") {
        case.signed(|presign| presign::v1(presign, &access_key(&case.asked.credentials), case.asked.now()));
    }
}

#[test]
fn generated_v4_urls_are_those_of_the_sdks() {
    for case in read::<SignedUrl>("v4") {
        let (access_key, now) = (access_key(&case.asked.credentials), case.asked.now());
        let signer = v4::Signer::new(&access_key, &case.region, "oss", now.date_naive());
        case.signed(|presign| presign::v4(presign, &signer, now));
    }
}

#[test]
fn generated_rpc_calls_are_those_of_the_sdks() {
    // What an SDK sends of its own choice, beside what the action and the scheme need.
    let chosen = ["Action", "Version", "Format", "RegionId", "SignatureType"];
    for case in read::<RpcCall>("rpc") {
        let mut asked: Parameters<'_> = borrowed(&case.role).into_iter().collect();
        asked.extend(borrowed(&case.parameters).into_iter().filter(|(name, _)| chosen.contains(name)));
        let key = access_key(&case.asked.credentials);
        let ours = rpc::sign(&case.method, &asked, &key, case.asked.stamp(&case.nonce));
        let mut ours: Map = decoded(&ours).into_iter().collect();
        if case.asked.sdk.starts_with("ali-oss@") {
            sign_to_the_millisecond(&mut ours, &key);
        }
        assert_eq!(ours, case.parameters, "{}", case.asked.sdk);
    }
}

/// `ali-oss` writes milliseconds into the time, where we and the other SDKs write none.
fn sign_to_the_millisecond(parameters: &mut Map, key: &AccessKey) {
    parameters.remove("Signature");
    parameters.get_mut("Timestamp").unwrap().insert_str("2026-01-02T03:04:05".len(), ".000");
    let text = rpc::string_to_sign("POST", &rpc::canonical_query(&borrowed(parameters).into_iter().collect()));
    parameters.insert("Signature".to_owned(), rpc::signature(&text, &key.secret));
}

#[test]
fn generated_acs3_calls_are_those_of_the_sdks() {
    for case in read::<Acs3Call>("acs3") {
        assert_eq!(case.query, case.role, "the action's parameters, and no others, are in the query");
        let added = ["x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-security-token"];
        let mut headers = borrowed(&case.headers);
        headers.retain(|(name, _)| !added.contains(name));
        let request = acs3::Request {
            method: &case.method,
            path: "/",
            query: &borrowed(&case.role).into_iter().collect(),
            headers: &headers,
            body_sha256: &acs3::body_sha256(b""),
        };
        let mut ours = acs3::sign(&request, &access_key(&case.asked.credentials), case.asked.stamp(&case.nonce));
        let (_, authorization) = ours.pop().unwrap();
        assert_eq!(authorization, case.authorization, "{}", case.asked.sdk);
        for (name, value) in ours {
            assert_eq!(value, case.headers[name], "{name}");
        }
    }
}
