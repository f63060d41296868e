//! `oss-vend dev`: the server with an emulated cloud beside it, all in this process and on loopback.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::config::{Changes, ConfigError, Environment, Loaded, Settings};
use crate::emulator::{self, Emulator};
use crate::server::exposure::{self, Exposed};
use crate::server::{Address, Ending, ListenError, Listener, Reload, Server, StartError};
use crate::web;

/// The configuration that `dev` runs with.
pub const CONFIG: &str = include_str!("../config/dev.toml");

/// The callers that [`CONFIG`] knows, with their API keys, which are public.
pub const CALLERS: [(&str, &str); 2] = [("alice", "ovk_dev_alice"), ("bob", "ovk_dev_bob")];

/// What `dev` is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the server listens.
    pub listen: String,
    /// Where the emulated OSS listens.
    pub oss_listen: String,
    /// Where the emulated STS listens.
    pub sts_listen: String,
    /// Where the operator's own listener is, if not where the configuration says.
    pub admin_listen: Option<String>,
    /// Where objects are kept; in memory if it is not said.
    pub data_dir: Option<PathBuf>,
    /// A folder of pages to serve beside the demo page.
    pub static_dir: Option<PathBuf>,
    /// Whether callers that prove nothing are served on a listener that others reach.
    pub insecure: bool,
    /// Whether emulated upload callbacks may go to other machines.
    pub callbacks_anywhere: bool,
    /// Origins of pages that may order emulated upload callbacks, beside its own pages and those of `cors.origins`.
    pub callback_origins: Vec<String>,
    /// The configuration; [`CONFIG`] unless a test brings its own.
    pub config: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8000".into(),
            oss_listen: "127.0.0.1:9000".into(),
            sts_listen: "127.0.0.1:9001".into(),
            admin_listen: None,
            data_dir: None,
            static_dir: None,
            insecure: false,
            callbacks_anywhere: false,
            callback_origins: Vec::new(),
            config: CONFIG.into(),
        }
    }
}

/// Why `dev` does not start.
#[derive(Debug, Error)]
pub enum DevError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Pages in a browser need an address.
    #[error("dev listens on TCP addresses alone: a browser cannot ask a Unix socket")]
    Unix,
    /// The folder for objects cannot be used.
    #[error("the emulator does not start: {0}")]
    Emulator(io::Error),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server cannot be built.
    #[error(transparent)]
    Server(#[from] StartError),
    /// The listener is open.
    #[error(transparent)]
    Exposed(#[from] Exposed),
}

/// Everything of `dev`, bound and not yet running.
pub struct Dev {
    server: Server,
    emulator: Emulator,
    listeners: Listeners,
    setting: Setting,
}

/// What a configuration of `dev` is completed with.
#[derive(Clone, Debug)]
struct Setting {
    static_dir: Option<PathBuf>,
    insecure: bool,
    addresses: Addresses,
}

/// Gives a running `dev` another configuration.
#[derive(Clone, Debug)]
pub struct DevReload {
    setting: Setting,
    server: Arc<Reload>,
}

struct Listeners {
    server: TcpListener,
    admin: Option<TcpListener>,
    oss: TcpListener,
    sts: TcpListener,
}

/// Where the three parts listen.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// The server.
    pub server: SocketAddr,
    /// The operator's own listener, if there is one.
    pub admin: Option<SocketAddr>,
    /// The emulated OSS.
    pub oss: SocketAddr,
    /// The emulated STS.
    pub sts: SocketAddr,
}

impl Dev {
    /// Binds the three listeners and builds what answers on them; `clock` is the time of all.
    pub async fn bind(options: Options, clock: Arc<dyn Clock>) -> Result<Self, DevError> {
        let mut listeners = Listeners {
            server: bind(&options.listen).await?,
            admin: None,
            oss: bind(&options.oss_listen).await?,
            sts: bind(&options.sts_listen).await?,
        };
        let addresses = listeners.addresses();
        let setting = Setting { static_dir: options.static_dir, insecure: options.insecure, addresses };
        let loaded = setting.load(&options.config)?;
        let emulated = emulator::Options {
            data_dir: options.data_dir,
            callbacks_anywhere: options.callbacks_anywhere,
            page_address: Some(addresses.server),
            page_origins: [options.callback_origins, loaded.settings.cors.origins.clone()].concat(),
            oss_address: Some(addresses.oss),
            ..emulator::Options::dev()
        };
        let time = Arc::clone(&clock);
        let emulator = Emulator::new(emulated, move || time.now()).map_err(DevError::Emulator)?;
        let about = about(&loaded.settings, addresses);
        let pages = web::demo().route("/dev.json", get(async move || Json(about)));
        let admin = options.admin_listen.or_else(|| loaded.settings.admin.listen.clone());
        let server = Server::with_pages(loaded, clock, pages)?;
        if let Some(admin) = admin {
            listeners.admin = Some(bind(&admin).await?);
        }
        Ok(Self { server, emulator, listeners, setting })
    }

    /// The handle by which the server takes another configuration while it runs.
    #[must_use]
    pub fn reload(&self) -> DevReload {
        DevReload { setting: self.setting.clone(), server: self.server.reload() }
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.listeners.addresses()
    }

    /// The emulated cloud, whose knobs a test may turn.
    #[must_use]
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// Answers until `stop` ends.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Ending {
        let Listeners { server, admin, oss, sts } = self.listeners;
        let vending = match admin {
            Some(admin) => self.server.with_admin(admin),
            None => self.server,
        };
        let cloud = [
            tokio::spawn(axum::serve(oss, addressed(self.emulator.oss())).into_future()),
            tokio::spawn(axum::serve(sts, addressed(self.emulator.sts())).into_future()),
        ];
        let ended = vending.serve(server, stop).await;
        for service in cloud {
            service.abort();
        }
        ended
    }
}

impl DevReload {
    /// Has the server answer as `config` says from now on; see [`Reload::reload`].
    pub fn reload(&self, config: &str) -> Result<Changes, DevError> {
        Ok(self.server.reload(self.setting.load(config)?)?)
    }
}

impl Setting {
    /// The configuration `config`, with the emulated cloud behind it.
    fn load(&self, config: &str) -> Result<Loaded, DevError> {
        let mut loaded = Settings::of_text("dev.toml", config, &Environment::default())?;
        let Settings { sts, static_dir, grants, auth, .. } = &mut loaded.settings;
        sts.endpoint.get_or_insert_with(|| format!("http://{}", self.addresses.sts));
        static_dir.clone_from(&self.static_dir);
        for grant in grants.values_mut().filter(|grant| grant.public_host.is_none()) {
            grant.endpoint = Some(format!("http://{}", self.addresses.oss));
        }
        exposure::decide(auth, &self.addresses.server.into(), self.insecure)?;
        // Its callers' API keys are public, so no proof keeps a page away that makes its name resolve to loopback.
        loaded.local_hosts_only = !self.insecure;
        Ok(loaded)
    }
}

impl Listeners {
    fn addresses(&self) -> Addresses {
        let of = |listener: &TcpListener| listener.local_addr().expect("a bound listener has an address");
        Addresses {
            server: of(&self.server),
            admin: self.admin.as_ref().map(of),
            oss: of(&self.oss),
            sts: of(&self.sts),
        }
    }
}

/// The emulator asks for the sender's address: policies may name it, and its knobs are for this machine alone.
fn addressed(service: Router) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    service.into_make_service_with_connect_info()
}

async fn bind(listen: &str) -> Result<TcpListener, DevError> {
    match Listener::bind(&Address::resolve(listen).await?).await? {
        Listener::Tcp(listener) => Ok(listener),
        Listener::Unix(_) => Err(DevError::Unix),
    }
}

/// What the demo page asks first: who can be played, what can be asked for, and where the bucket is.
fn about(settings: &Settings, addresses: Addresses) -> Value {
    let mut grants: Vec<_> = settings.grants.keys().collect();
    grants.sort_by_key(|name| *name != "default");
    let callers: Vec<_> = CALLERS.iter().map(|(id, key)| json!({ "id": id, "apiKey": key })).collect();
    json!({
        "callers": callers,
        "grants": grants,
        "bucket": emulator::DEV_BUCKET,
        "ossUrl": format!("http://{}", addresses.oss),
    })
}
