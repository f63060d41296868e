//! Every source of the AccessKey, when it gives a key and when it gives what is none.

use std::fs;
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use oss_vend::access_key::{AccessKeys, Metadata, OidcRole, Options, Source};
use oss_vend::clock::{Clock, CorrectedClock, ManualClock};
use oss_vend::emulator::{self, DEV_OIDC_PROVIDER_ARN, DEV_ROLE_ARN, Emulator, IdentityClaims};
use oss_vend::sts::{ClientOptions, SignatureScheme};
use reqwest::Url;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// What a source hands on; the words are those that the hunt looks for.
fn key(code: &str) -> String {
    json!({"Code": code, "AccessKeyId": "STS.leaks", "AccessKeySecret": "hush-secret", "SecurityToken": "hush-token"})
        .to_string()
}

/// Asks them all, and gives what `Debug` and the errors say, and the tokens that nobody else may see.
pub(crate) async fn ask_all() -> (String, Vec<String>) {
    let manual = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
    let (time, clock) = (manual.clone(), Arc::new(CorrectedClock::new(manual)));
    let emulator = Emulator::new(emulator::Options::dev(), move || time.now()).unwrap();
    let folder = TempDir::new().unwrap();
    let token = emulator.identity_token(&IdentityClaims::default());
    let put = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file
    };
    let oidc = |token: &str| {
        Source::Oidc(OidcRole {
            provider_arn: DEV_OIDC_PROVIDER_ARN.into(),
            role_arn: DEV_ROLE_ARN.into(),
            token_file: put(&format!("token-{}", token.len()), token),
            session_name: "pod".into(),
        })
    };
    let print = |text: &str| {
        Source::Command(vec!["/bin/sh".into(), "-c".into(), format!("echo '{text}'; echo hush-token >&2")])
    };
    let profile = "[default]\ntype = access_key\naccess_key_id = LTAIleaks\naccess_key_secret = hush-secret\n";
    let broken = "[default]\ntype = hush-secret\naccess_key_secret = hush-secret\n";
    let sts = serve(emulator.sts()).await;
    let mut shown = Vec::new();
    for code in ["Success", "hush-secret failed"] {
        let service = serve(stand_in(code)).await;
        let sources = vec![
            Source::File(put("key", &key(code))),
            Source::Uri(Url::parse(&format!("{service}hush-token?key=hush-secret")).unwrap()),
            Source::Ecs { role: None },
            print(&key(code)),
            print("hush-secret"),
            Source::Profile { file: put("profile", profile), name: "default".into() },
            Source::Profile { file: put("broken", broken), name: "default".into() },
            Source::Cli { file: put("cli", "{\"profiles\": \"hush-secret\"}"), name: None, commands: false },
            oidc(&token),
            oidc("hush-token.hush-token.hush-token"),
        ];
        for first in sources {
            let sts = ClientOptions {
                endpoint: Url::parse(&sts).unwrap(),
                scheme: SignatureScheme::Acs3,
                connect_timeout: std::time::Duration::from_secs(20),
                timeout: std::time::Duration::from_secs(20),
            };
            let metadata = Metadata { base: Url::parse(&service).unwrap(), v1: true };
            let keys = AccessKeys::new(Options { first, second: None, sts, metadata }).unwrap();
            let outcome = keys.current(&clock).await;
            shown.push(format!(
                "{outcome:?} {keys:?} {}",
                outcome.as_ref().err().map(ToString::to_string).unwrap_or_default()
            ));
        }
    }
    let shown = shown.join("\n");
    assert!(shown.contains("STS.leaks") && shown.contains("LTAIleaks"), "the good ones were asked");
    (shown, vec![token, "imds-hush".to_owned()])
}

/// A URI, and a metadata service.
fn stand_in(code: &'static str) -> Router {
    Router::new().fallback(move |method: Method, path: Uri| async move {
        match (method, path.path()) {
            (Method::PUT, _) => "imds-hush".to_owned(),
            (_, path) if path.ends_with('/') => "web".to_owned(),
            _ => key(code),
        }
    })
}

async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}
