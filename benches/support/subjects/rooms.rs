//! The other steps: who asks, how often, what may they have, the session key, the trail.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, HeaderValue, header};
use chrono::TimeDelta;
use futures_util::FutureExt;
use oss_vend::audit::{Destination, Event, Trail, Who};
use oss_vend::caller::{ApiKey, Authenticator, Caller, Proof};
use oss_vend::clock::{Clock, CorrectedClock, SystemClock};
use oss_vend::config::{Configured, Environment, Settings};
use oss_vend::policy::document::written_for;
use oss_vend::policy::{FormAsk, Naming, UrlAsk};
use oss_vend::sts::Client;
use oss_vend::vault::{self, RequestTime, Vault};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use crate::support::cloud::{Arms, Sts, bearer};
use crate::support::harness::{Group, Subject};

/// More tokens than are remembered, so that each is new when its turn comes again.
const TOKENS: usize = 40_000;

const FILENAME: Naming<'_> = Naming { key: None, filename: Some("photo.png") };
const UUID: &str = "9b2d1b6e-4f3f-4f0e-9d43-0d7c1f0a6f5e";

pub(super) fn each(wanted: &dyn Fn(&str) -> bool, visit: &mut dyn FnMut(Group<'_>)) {
    if wanted("caller") {
        callers(visit);
    }
    if wanted("limits") {
        limits(visit);
    }
    if wanted("policy") {
        policy(visit);
    }
    if wanted("vault") {
        vault(visit);
    }
    if wanted("audit") {
        audit(visit);
    }
}

fn configured(sts: std::net::SocketAddr) -> Configured {
    let text = Arms::Full.configuration(sts, "off");
    Settings::of_text("bench.toml", &text, &Environment::default()).unwrap().build().unwrap()
}

/// Where nobody listens.
fn nowhere() -> std::net::SocketAddr {
    "127.0.0.1:9".parse().unwrap()
}

fn headers(authorization: &str) -> HeaderMap {
    HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(authorization).unwrap())])
}

fn authenticated(authenticator: &Authenticator, proof: &Proof<'_>, now: chrono::DateTime<chrono::Utc>) -> Caller {
    authenticator.authenticate(proof, now).now_or_never().expect("no keys have to be fetched").unwrap()
}

fn proof(headers: &HeaderMap) -> Proof<'_> {
    Proof { unverified_headers: headers, authority: None, peer: None }
}

fn callers(visit: &mut dyn FnMut(Group<'_>)) {
    let now = SystemClock::new().now();
    let authenticator = configured(nowhere()).authenticator;
    let tokens: Vec<_> = (0..TOKENS).map(|number| headers(&bearer(&format!("u{number}")))).collect();
    let (key, known) = ApiKey::new_for("u42");
    let keys = Authenticator { api_keys: vec![known; 10], ..Authenticator::default() };
    let key = headers(&format!("Bearer {}", key.expose()));
    let mut next = (0..TOKENS).cycle();
    visit(Group {
        name: "caller",
        floor: Subject::new("the SHA-256 of a token", || Sha256::digest(tokens[0]["authorization"].as_bytes())),
        subjects: vec![
            Subject::new("a token seen before", || authenticated(&authenticator, &proof(&tokens[0]), now))
                .allocating_at_most(0),
            Subject::new("a new token, HS256", || {
                authenticated(&authenticator, &proof(&tokens[next.next().unwrap()]), now)
            }),
            Subject::new("an API key, one of ten", || authenticated(&keys, &proof(&key), now)),
        ],
    });
}

fn limits(visit: &mut dyn FnMut(Group<'_>)) {
    let (clock, rates) = (SystemClock::new(), configured(nowhere()).rates);
    let now = clock.now();
    let (address, count) = (IpAddr::V4(Ipv4Addr::LOCALHOST), Mutex::new(0_u64));
    visit(Group {
        name: "limits",
        floor: Subject::new("three locks and numbers", || (0..3).for_each(|_| *count.lock().unwrap() += black_box(1))),
        subjects: vec![
            Subject::new("of address, caller and grant", || {
                (rates.address(address, 1, now), rates.caller("u42", 1, now), rates.grant("default", 1, now))
            })
            .allocating_at_most(0),
        ],
    });
}

fn policy(visit: &mut dyn FnMut(Group<'_>)) {
    let now = SystemClock::new().now();
    let grants = configured(nowhere()).grants;
    let (grant, caller) = (&grants["default"], Caller::known("u42", serde_json::Map::new()));
    let ready = written_for(grant.methods, &grant.bucket, "uploads/u42/", None);
    visit(Group {
        name: "policy",
        floor: Subject::new("a copy of the document", || ready.clone()),
        subjects: vec![
            Subject::new("the document written", || written_for(grant.methods, &grant.bucket, "uploads/u42/", None)),
            Subject::new("credentials", || grant.credentials(&caller, None, now).unwrap()).allocating_at_most(1),
            Subject::new("a form", || {
                let ask = FormAsk { naming: FILENAME, content_type: Some("image/png"), ..FormAsk::default() };
                grant.form(&caller, &ask, UUID, now).unwrap().dir().len()
            })
            .allocating_at_most(1),
            Subject::new("a URL", || {
                let ask = UrlAsk {
                    naming: FILENAME,
                    content_type: Some("image/png"),
                    size: Some(100_000),
                    ..UrlAsk::default()
                };
                grant.url(&caller, &ask, UUID, now).unwrap().key.as_str().len()
            })
            .allocating_at_most(1),
        ],
    });
}

fn vault(visit: &mut dyn FnMut(Group<'_>)) {
    let runtime = Runtime::new().unwrap();
    let _entered = runtime.enter();
    let configured = configured(Sts::start().address);
    let clock = Arc::new(CorrectedClock::new(Arc::new(SystemClock::new())));
    let options = vault::Options {
        sts: Client::new(configured.sts).unwrap(),
        second_sts: None,
        access_keys: Arc::new(configured.access_keys.unwrap()),
        calls_per_second: 1_000,
        max_sessions: 1_000,
        replicas: None,
    };
    let (vault, now) = (Vault::new(options, clock.clone()), clock.cloud_time());
    let caller = Caller::known("u42", serde_json::Map::new());
    let session = configured.grants["default"].credentials(&caller, None, now).unwrap().session;
    let request = RequestTime::of(clock.reading());
    let key = runtime.block_on(vault.session_key(&session, TimeDelta::zero(), &request)).unwrap().key;
    let life = TimeDelta::minutes(5);
    visit(Group {
        name: "vault",
        floor: Subject::new("one more share of a key", || Arc::clone(&key)),
        subjects: vec![
            Subject::new("a session that is open", || vault.session_key(&session, life, &request).now_or_never())
                .allocating_at_most(0),
        ],
    });
}

fn audit(visit: &mut dyn FnMut(Group<'_>)) {
    let trail = Trail::open(&Destination::File("/dev/null".into())).unwrap();
    let event = Event {
        time: "2026-01-01T00:00:00.000Z",
        request_id: UUID,
        caller: Who::Known("u42"),
        peer: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        route: "/sts",
        method: "GET",
        grant: Some("default"),
        outcome: "vended",
        status: Some(200),
        allows: Some("sts"),
        dir: Some("uploads/u42/"),
        access_key_id: Some("STS.NUxExampleExampleExample1"),
        token_sha256: Some("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"),
        expiration: Some("2026-01-01T01:00:00Z"),
        micros: 42,
        ..Event::default()
    };
    let line = serde_json::to_vec(&event).unwrap();
    let lines = Mutex::new(Vec::with_capacity(4 << 20));
    visit(Group {
        name: "audit",
        floor: Subject::new("a copy of the line", || lines.lock().unwrap().extend_from_slice(&line))
            .settled(5_000, || lines.lock().unwrap().clear()),
        subjects: vec![Subject::new("an event recorded", || trail.record(&event)).settled(5_000, || trail.flush())],
    });
}
