//! An STS that grants whatever is asked for at once, and callers with tokens for it.
//!
//! The emulator would do, but it checks every signature and remembers every session: here neither is to be measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Json;
use axum::Router;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{SecondsFormat, TimeDelta};
use oss_vend::clock::{Clock, SystemClock};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The secret that signs the callers' tokens.
pub(crate) const JWT_SECRET: &str = "a secret of the benches, which is no secret";
/// The page that asks.
pub(crate) const ORIGIN: &str = "https://app.example.com";

/// A running STS.
#[derive(Clone)]
pub(crate) struct Sts {
    pub(crate) address: SocketAddr,
    calls: Arc<AtomicU64>,
    /// In milliseconds.
    delay: Arc<AtomicU64>,
}

impl Sts {
    /// Starts one on a thread of its own, for as long as the process runs.
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let sts = Self { address: listener.local_addr().unwrap(), calls: Arc::default(), delay: Arc::default() };
        let Self { calls, delay, .. } = sts.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let granted = async move || {
                    tokio::time::sleep(Duration::from_millis(delay.load(Ordering::Relaxed))).await;
                    Json(granted(calls.fetch_add(1, Ordering::Relaxed)))
                };
                axum::serve(TcpListener::from_std(listener).unwrap(), Router::new().fallback(granted)).await.unwrap();
            });
        });
        sts
    }

    /// Has it take its time from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.delay.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// How many calls it has answered.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// Credentials as STS grants them, with a token of the usual length.
fn granted(serial: u64) -> Value {
    let expiration = SystemClock::new().now() + TimeDelta::hours(1);
    json!({
        "RequestId": "6894B13B-6D71-4EF5-88FA-F32781734A7F",
        "Credentials": {
            "AccessKeyId": format!("STS.N{serial:024}"),
            "AccessKeySecret": "3dZn1JmK5QxMGHvX2tqT8JtEYBhxpBvgEAx7JkTCz9wW",
            "SecurityToken": token(serial),
            "Expiration": expiration.to_rfc3339_opts(SecondsFormat::Secs, true),
        },
    })
}

/// 700 bytes of Base64.
fn token(serial: u64) -> String {
    let letters = "CAISAbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/".chars().cycle();
    let token: String = letters.take(678).collect();
    format!("{token}{serial:020}==")
}

/// What a caller sends to prove that it is `id`, as the value of `Authorization`: with the claims of common identity
/// providers it is some 700 bytes long.
pub(crate) fn bearer(id: &str) -> String {
    let now = SystemClock::new().now().timestamp();
    let claims = json!({
        "iss": "https://login.example.com/realms/app",
        "sub": id,
        "aud": "uploads",
        "iat": now,
        "exp": now + 6 * 3600,
        "jti": "2f1c8c1e-0a3e-4a55-9b3e-5d9b8a8a8c11",
        "azp": "web",
        "name": "Example Person",
        "email": "person@example.com",
        "email_verified": true,
        "scope": "openid profile email uploads",
        "sid": "c0b5fd0e-7b49-4d8e-a3d6-1d8f0c8a94d7",
        "realm_access": { "roles": ["offline_access", "uploader", "default-roles-app"] },
    });
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(&claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, JWT_SECRET.as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    format!("Bearer {signed}.{signature}")
}

/// How much a server is asked to do beside vending.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arms {
    /// Anonymous callers, no limits, no trail.
    Bare,
    /// A JWT, limits for each caller, address and grant, CORS, an audit trail in a file.
    Full,
}

impl Arms {
    /// The configuration of a server that asks `sts`; `audit` is where the trail goes.
    pub(crate) fn configuration(self, sts: SocketAddr, audit: &str) -> String {
        let head = format!(
            "[sts]\nendpoint = \"http://{sts}\"\nrole_arn = \"acs:ram::1234567890123456:role/oss-upload\"\n\
             calls_per_second = 1000000\n[vault]\nmax_sessions = 200000\n[access_key]\nid = \"LTAI5tExampleExampleEx\"\n\
             secret = \"ExampleExampleExampleExample\"\n[grants.default]\nbucket = \"examplebucket\"\n\
             region = \"cn-hangzhou\"\nmethods = [\"sts\", \"post\", \"put\", \"get\"]\nmax_size = \"100 MiB\"\n\
             content_types = [\"image/jpeg\", \"image/png\"]\n"
        );
        let off =
            "[limits]\nper_caller = \"off\"\nper_address = \"off\"\n[audit]\nto = \"off\"\n[auth]\nanonymous = true\n";
        match self {
            Self::Bare => format!("{head}dir = \"uploads/\"\n{off}"),
            Self::Full => format!(
                "{head}dir = \"uploads/${{caller.id}}/\"\nlimit = \"100000000/s\"\n\
                 [limits]\nper_caller = \"100000000/s\"\nper_address = \"100000000/s\"\n[audit]\nto = {audit:?}\n\
                 [cors]\norigins = [\"{ORIGIN}\"]\n[[auth.jwt]]\nissuer = \"https://login.example.com/realms/app\"\n\
                 audiences = [\"uploads\"]\nsecret = \"{JWT_SECRET}\"\nalgorithms = [\"HS256\"]\n"
            ),
        }
    }

    /// The headers that a page sends beside those of every request.
    pub(crate) fn headers(self, bearer: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Bare => Vec::new(),
            Self::Full => vec![("authorization", bearer.to_owned()), ("origin", ORIGIN.to_owned())],
        }
    }
}

/// The three routes, asked as a page asks them.
pub(crate) const ROUTES: [&str; 3] = [
    "/sts",
    "/post-signature?filename=photo.png&contentType=image%2Fpng",
    "/presigned-url?filename=photo.png&contentType=image%2Fpng&size=100000",
];
