//! A caller for the tests of this room, with a signer of its own.

use std::fmt::Write as _;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::super::{DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, DEV_ROLE_ARN, Emulator, Options};

pub(crate) const ASSUME: [(&str, &str); 3] =
    [("Action", "AssumeRole"), ("RoleArn", DEV_ROLE_ARN), ("RoleSessionName", "alice")];

/// An emulator and a key to call it with.
pub(crate) struct Caller {
    pub(crate) emulator: Emulator,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The error code, or `ok`.
    pub(crate) fn code(&self) -> String {
        self.json()["Code"].as_str().unwrap_or("ok").to_owned()
    }
}

/// 2025-02-14T08:09:10.5Z.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_739_520_550_500).unwrap()
}

impl Caller {
    /// The user of `Options::dev`, once `change` has been made to them.
    pub(crate) fn new(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::dev();
        change(&mut options);
        let emulator = Emulator::new(options, now).unwrap();
        Self { emulator, id: DEV_ACCESS_KEY_ID.into(), secret: DEV_ACCESS_KEY_SECRET.into(), token: None }
    }

    /// Whoever holds the credentials of an `AssumeRole` answer.
    pub(crate) fn assumed(&self, answer: &Value) -> Self {
        let text = |name: &str| answer["Credentials"][name].as_str().unwrap().to_owned();
        let token = Some(text("SecurityToken"));
        Self { emulator: self.emulator.clone(), id: text("AccessKeyId"), secret: text("AccessKeySecret"), token }
    }

    /// Signs and sends; a parameter given here wins over the usual one of its name.
    pub(crate) async fn call(&self, parameters: &[(&str, &str)]) -> Answered {
        self.send(&self.signed("POST", parameters), "").await
    }

    pub(crate) fn signed(&self, method: &str, parameters: &[(&str, &str)]) -> String {
        let (stamp, nonce) = (now().format("%Y-%m-%dT%H:%M:%SZ").to_string(), Uuid::new_v4().to_string());
        let mut all = vec![("AccessKeyId", self.id.as_str()), ("Format", "JSON"), ("SignatureMethod", "HMAC-SHA1")];
        all.extend([("SignatureNonce", nonce.as_str()), ("SignatureVersion", "1.0"), ("Timestamp", &stamp)]);
        all.extend([("Version", "2015-04-01")]);
        all.extend(self.token.as_deref().map(|token| ("SecurityToken", token)));
        all.retain(|(name, _)| parameters.iter().all(|(given, _)| given != name));
        all.extend_from_slice(parameters);
        all.sort_unstable();
        let query: Vec<_> = all.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        let query = query.join("&");
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(format!("{}&", self.secret).as_bytes()).unwrap();
        mac.update(format!("{method}&%2F&{}", percent(&query)).as_bytes());
        format!("{query}&Signature={}", percent(&STANDARD.encode(mac.finalize().into_bytes())))
    }

    /// The same by ACS3, parameters in the query and no body.
    pub(crate) fn acs3(&self, action: &str, query: &str) -> Request<Body> {
        let hash = const_hex::encode(Sha256::digest(b""));
        let headers = [
            ("host", "sts.example"),
            ("x-acs-action", action),
            ("x-acs-content-sha256", &hash),
            ("x-acs-date", "2025-02-14T08:09:10Z"),
            ("x-acs-signature-nonce", "n"),
            ("x-acs-version", "2015-04-01"),
        ];
        let names = headers.map(|(name, _)| name).join(";");
        let lines = headers.map(|(name, value)| format!("{name}:{value}\n")).concat();
        let canonical = format!("POST\n/\n{query}\n{lines}\n{names}\n{hash}");
        let text = format!("ACS3-HMAC-SHA256\n{}", const_hex::encode(Sha256::digest(canonical)));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        let signature = const_hex::encode(mac.finalize().into_bytes());
        let claim = format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}", self.id);
        let request = Request::post(format!("/?{query}")).header(header::AUTHORIZATION, claim);
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .body(Body::empty())
            .unwrap()
    }

    pub(crate) async fn send(&self, query: &str, body: &str) -> Answered {
        let request = Request::post(format!("/?{query}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.request(request).await
    }

    pub(crate) async fn request(&self, request: Request<Body>) -> Answered {
        let (parts, body) = self.emulator.sts().oneshot(request).await.unwrap().into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answered { status: parts.status, headers: parts.headers, text }
    }
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            _ => write!(encoded, "%{byte:02X}").unwrap(),
        }
        encoded
    })
}
