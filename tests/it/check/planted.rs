//! A cloud with a fault in it, and what `check` finds there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware::map_response;
use axum::response::Response;
use oss_vend::check::{self, Options, Report, Step, Unusable, Verdict};
use oss_vend::clock::{Clock, ManualClock};
use oss_vend::config::{Environment, Settings};
use oss_vend::emulator::{self, DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, DEV_BUCKET, DEV_REGION, Emulator};
use oss_vend::keys::{AccessKey, Secret};
use oss_vend::signing::Request;
use oss_vend::signing::v4::{self, PRODUCT, Signer};
use tokio::net::TcpListener;

use crate::support::http;

/// What a right configuration says; `STS` and `OSS` stand for the addresses.
pub(crate) const CONFIG: &str = r#"
[sts]
endpoint = "http://STS"
role_arn = "acs:ram::1234567890123456:role/oss-vend-dev"
[access_key]
id = "LTAIemulatorNotARealKey"
secret = "emulatorSecretNotARealOne"
[[auth.api_keys]]
id = "alice"
hash = "sha256:3c68bb5a3ff341fd1c054d4d1e31986dae38597839dec7e4c46bf9027877da91"
[cors]
origins = ["https://app.example.com"]
[grants.default]
bucket = "examplebucket"
region = "cn-hangzhou"
endpoint = "http://OSS"
dir = "uploads/${caller.claims.tenant}/${caller.id}/"
methods = ["sts", "post", "put", "get", "head"]
signature_versions = ["v4", "v1"]
"#;

/// A running cloud with a clock that stands.
pub(crate) struct Planted {
    pub(crate) emulator: Emulator,
    pub(crate) oss: SocketAddr,
    /// The same OSS at another address, which can stand for a custom domain.
    pub(crate) domain: SocketAddr,
    sts: SocketAddr,
    clock: Arc<ManualClock>,
    /// Whether OSS says that what it reads is a symbolic link.
    links: Arc<AtomicBool>,
}

impl Planted {
    /// The cloud of `dev`, changed by `plant`, which also gets the address of the custom domain.
    pub(crate) async fn with(plant: impl FnOnce(&mut emulator::Options, SocketAddr)) -> Self {
        let clock = Arc::new(ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let [oss, domain, sts] = [listener().await, listener().await, listener().await];
        let [at_oss, at_domain, at_sts] = [&oss, &domain, &sts].map(|listener| listener.local_addr().unwrap());
        let mut options = emulator::Options::dev();
        plant(&mut options, at_domain);
        let time = Arc::clone(&clock);
        let emulator = Emulator::new(options, move || time.now()).unwrap();
        let links = Arc::new(AtomicBool::new(false));
        let at = [(oss, linking(emulator.oss(), &links)), (domain, emulator.oss()), (sts, emulator.sts())];
        for (listener, router) in at {
            serve(listener, router);
        }
        Self { emulator, oss: at_oss, domain: at_domain, sts: at_sts, clock, links }
    }

    pub(crate) async fn start() -> Self {
        Self::with(|_, _| {}).await
    }

    /// Makes OSS answer as if each object had been replaced by a symbolic link.
    pub(crate) fn turn_objects_into_links(&self) {
        self.links.store(true, Ordering::Relaxed);
    }

    /// What `check` finds with this configuration.
    pub(crate) async fn check(&self, config: &str) -> Report {
        self.check_with(config, &Options::default()).await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn check_with(&self, config: &str, options: &Options) -> Result<Report, Unusable> {
        let config = config
            .replace("http://STS", &format!("http://{}", self.sts))
            .replace("http://OSS", &format!("http://{}", self.oss))
            .replace("http://DOMAIN", &format!("http://{}", self.domain));
        let loaded = Settings::of_text("check.toml", &config, &Environment::default())?;
        // Generous: a machine that is busy is no slow cloud.
        let patience = options.patience.max(Duration::from_millis(1));
        let options = Options { patience, ..options.clone() };
        let report = check::run(loaded, self.clock.clone(), &options, &mut |_| {}).await?;
        let told = serde_json::to_string(&report).unwrap();
        for secret in [DEV_ACCESS_KEY_SECRET, "x-oss-signature=", "Signature=", "security-token=", DEV_ACCESS_KEY_ID] {
            assert!(!told.contains(secret), "{secret} is told: {told}");
        }
        Ok(report)
    }

    /// Does something to the bucket as its owner.
    pub(crate) async fn as_owner(&self, method: &str, query: &str, body: &str) -> String {
        let key = AccessKey { id: DEV_ACCESS_KEY_ID.into(), secret: Secret::new(DEV_ACCESS_KEY_SECRET), token: None };
        let now = self.clock.now();
        let signer = Signer::new(&key, DEV_REGION, PRODUCT, now.date_naive());
        let parameters = [(query, "")];
        let query = if query.is_empty() { &parameters[..0] } else { &parameters[..] };
        let request = Request { method, bucket: Some(DEV_BUCKET), query, ..Request::default() };
        let url = format!(
            "http://{}/{DEV_BUCKET}/{}",
            self.oss,
            query.first().map_or(String::new(), |(name, _)| format!("?{name}"))
        );
        let mut call = http().request(method.parse().unwrap(), url).body(body.to_owned());
        for (name, value) in v4::sign_headers(&request, &signer, now) {
            call = call.header(name, value);
        }
        let response = call.send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
        response.text().await.unwrap()
    }

    /// The keys in the bucket.
    pub(crate) async fn objects(&self) -> Vec<String> {
        let listing = self.as_owner("GET", "", "").await;
        listing.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once('<')?.0.to_owned())).collect()
    }
}

/// The first step of that name.
#[track_caller]
pub(crate) fn step<'r>(report: &'r Report, id: &str) -> &'r Step {
    let found = report.steps.iter().find(|step| step.id == id);
    found.unwrap_or_else(|| panic!("there is no step {id}: {}", lines(report)))
}

/// The steps that did not end well, a line each.
pub(crate) fn lines(report: &Report) -> String {
    let bad = report.steps.iter().filter(|step| step.verdict != Verdict::Ok);
    let line = |step: &Step| format!("{:?} {}: {} | {:?}", step.verdict, step.id, step.detail, step.hint);
    bad.map(line).collect::<Vec<_>>().join("\n")
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn linking(oss: Router, links: &Arc<AtomicBool>) -> Router {
    let links = Arc::clone(links);
    oss.layer(map_response(move |mut response: Response| {
        if let Some(kind) = response.headers_mut().get_mut("x-oss-object-type")
            && links.load(Ordering::Relaxed)
        {
            *kind = HeaderValue::from_static("Symlink");
        }
        std::future::ready(response)
    }))
}

fn serve(listener: TcpListener, router: Router) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
}
