//! Keys that STS gives: by an identity token (RRSA), and with another key.

use std::fs;
use std::sync::Arc;

use chrono::TimeDelta;
use oss_vend::access_key::AccessKeys;
use oss_vend::access_key::{Metadata, OidcRole, Options, Source};
use oss_vend::clock::{Clock, CorrectedClock, ManualClock};
use oss_vend::emulator::{
    self, DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, DEV_OIDC_PROVIDER_ARN, DEV_ROLE_ARN, Emulator, Failure,
    IdentityClaims,
};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{Bench, start, sts};

/// A pod in a cluster that the emulated RAM trusts.
struct Pod {
    emulator: Emulator,
    folder: TempDir,
    bench: Bench,
}

impl Pod {
    async fn new(source: impl Fn(&TempDir) -> Source) -> Self {
        let manual = Arc::new(ManualClock::new(start()));
        let time = manual.clone();
        let emulator = Emulator::new(emulator::Options::dev(), move || time.now()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, emulator.sts()).into_future());
        let folder = TempDir::new().unwrap();
        let metadata = Metadata::of_instance(false);
        let keys =
            AccessKeys::new(Options { first: source(&folder), second: None, sts: sts(&address), metadata }).unwrap();
        let clock = Arc::new(CorrectedClock::new(manual.clone()));
        Self { emulator, folder, bench: Bench { keys, manual, clock } }
    }

    async fn with_token(claims: IdentityClaims) -> Self {
        let pod = Self::new(oidc).await;
        pod.mount(&claims);
        pod
    }

    fn mount(&self, claims: &IdentityClaims) {
        fs::write(self.folder.path().join("token"), self.emulator.identity_token(claims)).unwrap();
    }

    fn calls(&self) -> u64 {
        self.emulator.knobs().count("AssumeRoleWithOIDC")
    }
}

fn oidc(folder: &TempDir) -> Source {
    Source::Oidc(OidcRole {
        provider_arn: DEV_OIDC_PROVIDER_ARN.into(),
        role_arn: DEV_ROLE_ARN.into(),
        token_file: folder.path().join("token"),
        session_name: "pod".into(),
    })
}

fn living(seconds: i32) -> IdentityClaims {
    IdentityClaims { expires_in_seconds: seconds, ..IdentityClaims::default() }
}

#[tokio::test]
async fn a_pod_needs_no_access_key_at_all() {
    let pod = Pod::with_token(living(3600)).await;
    assert!(pod.bench.id().await.unwrap().starts_with("STS."));
    assert_eq!((pod.bench.keys.source(), pod.calls()), ("oidc", 1));
    assert_eq!(pod.bench.keys.status(&pod.bench.clock).expires_in, Some(TimeDelta::hours(1)));
}

#[tokio::test]
async fn a_token_that_is_not_believed_says_why() {
    let wrong = IdentityClaims { audience: Some("other".into()), ..living(3600) };
    for (claims, code, hint) in [
        (living(0), "AuthenticationFail.OIDCToken.Expired", "subPath"),
        (wrong, "AuthenticationFail.OIDCToken.AudienceNotMatch", "sts.aliyuncs.com"),
    ] {
        let pod = Pod::with_token(claims).await;
        let error = pod.bench.keys.current(&pod.bench.clock).await.unwrap_err();
        assert!(error.to_string().contains(code), "{error}");
        assert!(error.hint().contains(hint), "{}", error.hint());
    }
}

#[tokio::test]
async fn the_token_is_read_at_every_renewal() {
    let pod = Pod::with_token(living(3600)).await;
    let first = pod.bench.id().await.unwrap();
    pod.bench.advance(TimeDelta::minutes(50));
    pod.mount(&living(3600));
    assert_eq!(pod.bench.id().await.unwrap(), first, "nobody waits");
    pod.bench.until(async || pod.bench.id().await.unwrap() != first).await;
    assert_eq!(pod.calls(), 2);
}

#[tokio::test]
async fn a_token_that_is_absent_or_empty_is_told_and_may_come_later() {
    let pod = Pod::new(oidc).await;
    assert!(pod.bench.error().await.contains("cannot be read"));
    fs::write(pod.folder.path().join("token"), "\n").unwrap();
    pod.bench.advance(TimeDelta::minutes(2));
    assert_eq!(pod.bench.error().await, "oidc: there is no token in the file");
    pod.mount(&living(3600));
    pod.bench.advance(TimeDelta::minutes(2));
    pod.bench.id().await.unwrap();
}

#[tokio::test]
async fn an_sts_that_fails_is_asked_again_after_a_pause() {
    let pod = Pod::with_token(living(36_000)).await;
    let failure = Failure::Status { status: 503, code: "ServiceUnavailable".into(), message: "later".into() };
    pod.emulator.knobs().fail_next("AssumeRoleWithOIDC", 1, failure);
    assert!(pod.bench.error().await.contains("ServiceUnavailable"));
    assert!(pod.bench.error().await.contains("ServiceUnavailable"));
    assert_eq!(pod.calls(), 1);
    pod.bench.advance(TimeDelta::minutes(2));
    pod.bench.id().await.unwrap();
}

#[tokio::test]
async fn a_profile_may_take_a_role_with_its_key_even_where_the_clock_is_wrong() {
    let profile = |folder: &TempDir| {
        let file = folder.path().join("credentials");
        let text = format!(
            "[default]\ntype = ram_role_arn\naccess_key_id = {DEV_ACCESS_KEY_ID}\naccess_key_secret = {DEV_ACCESS_KEY_SECRET}\nrole_arn = {DEV_ROLE_ARN}\n"
        );
        fs::write(&file, text).unwrap();
        Source::Profile { file, name: "default".into() }
    };
    let pod = Pod::new(profile).await;
    pod.emulator.knobs().clock_offset(TimeDelta::minutes(40));
    assert!(pod.bench.id().await.unwrap().starts_with("STS."));
    assert_eq!(pod.emulator.knobs().count("AssumeRole"), 2, "refused once for its time");
    for _second in 0..60 {
        pod.bench.advance(TimeDelta::seconds(1));
        pod.bench.id().await.unwrap();
    }
    assert_eq!(pod.emulator.knobs().count("AssumeRole"), 2, "to look at the file costs no call");
}
