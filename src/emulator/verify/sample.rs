//! A small world for the tests of this room. Its signatures were made by a script that shares nothing with this crate.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, TimeDelta, Utc};

use super::super::account::{Accounts, Identity, RamRole, TokenSession};
use super::super::error::OssError;
use super::super::options::{Role, User};
use super::{Target, WireRequest, authenticate};

pub(super) const TOKEN: &str = "CAIS+/8/token==";
pub(super) const OTHER_TOKEN: &str = "CAIS+/8/other==";
pub(super) const KEY: &str = "dir/a b+é.txt";

/// 2025-02-14T08:09:10Z.
pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_739_520_550, 0).unwrap()
}

/// `LTAIuser`, `LTAIdisabled`, and the sessions `STS.sample` and `STS.other`, which live for an hour.
pub(super) fn accounts() -> Accounts {
    let accounts = Accounts::new(vec![user("LTAIuser", true), user("LTAIdisabled", false)], vec![]).unwrap();
    accounts.open(session("STS.sample", TOKEN), now());
    accounts.open(session("STS.other", OTHER_TOKEN), now());
    accounts
}

pub(super) fn user(id: &str, active: bool) -> User {
    User {
        account_id: "1".into(),
        name: id.into(),
        access_key_id: id.into(),
        access_key_secret: "userSecret".into(),
        policies: vec![],
        active,
        root: false,
    }
}

pub(super) fn session(id: &str, token: &str) -> TokenSession {
    let role = Role {
        account_id: "1".into(),
        name: "r".into(),
        policies: vec![],
        trusted: vec![],
        external_id: None,
        max_session_seconds: 3600,
    };
    TokenSession {
        access_key_id: id.into(),
        secret: "sessionSecret".into(),
        token: token.into(),
        role: Arc::new(RamRole { role, policies: vec![], id: "3".into() }),
        policy: None,
        name: "n".into(),
        source_identity: None,
        expiration: now() + TimeDelta::hours(1),
        expired: AtomicBool::new(false),
    }
}

/// A request to OSS that tests bend before they send it.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) method: &'static str,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) key: String,
    pub(super) region: &'static str,
    pub(super) at: DateTime<Utc>,
}

impl Sample {
    pub(super) fn new(method: &'static str, query: &str, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let headers = headers.collect();
        Self { method, query: query.into(), headers, key: KEY.into(), region: "cn-hangzhou", at: now() }
    }

    pub(super) fn bent(&self, bend: impl FnOnce(&mut Self)) -> Self {
        let mut sample = self.clone();
        bend(&mut sample);
        sample
    }

    pub(super) fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }

    pub(super) fn sent(&self) -> Result<Identity, OssError> {
        let wire = WireRequest { method: self.method, raw_path: "/", raw_query: &self.query, headers: &self.headers };
        let target = Target { bucket: Some("photos"), key: Some(&self.key) };
        authenticate(&accounts(), &wire, &target, self.region, self.at)
    }

    pub(super) fn code(&self) -> &'static str {
        self.sent().map_or_else(|error| error.code, |_| "accepted")
    }

    pub(super) fn ec(&self) -> Option<&'static str> {
        self.sent().err().and_then(|error| error.ec)
    }
}
