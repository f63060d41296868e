//! `oss-vend serve`: the server, in front of the real cloud.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use oss_vend::clock::SystemClock;
use oss_vend::config::{Environment, Settings};
use oss_vend::server::{Address, Follower, ListenError, Listener, Load, Notify, Server, exposure};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{Outcome, block_on, ended, stop_signals};

/// Serve callers, with the real STS and OSS behind.
///
/// The configuration is a TOML file, the environment, or both; the environment wins. Without a file these variables are
/// enough: ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET (or ACCESS_KEY_ID, ACCESS_KEY_SECRET),
/// RAM_ROLE_ARN, BUCKET and REGION; API_KEY_HASH, which `oss-vend key new` prints, lets one caller in. Every key of the file is also OSS_VEND__SECTION__KEY, such as
/// OSS_VEND__GRANTS__DEFAULT__DIR. All keys, with their defaults and reasons: config/oss-vend.example.toml
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file.
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, in place of the configuration's `listen`.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Serve callers that prove nothing also where other machines reach the listener: anyone can upload.
    #[arg(long)]
    insecure_allow_anonymous: bool,
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> Outcome {
    let Arguments { config, listen, insecure_allow_anonymous: insecure } = arguments;
    let environment = Environment::of_process();
    let mut loaded = Settings::load(config.as_deref(), &environment)?;
    for note in &loaded.notes {
        tracing::info!("{note}");
    }
    let listen = listen.unwrap_or_else(|| loaded.settings.listen.clone());
    let address = Address::resolve(&listen).await?;
    loaded.local_hosts_only = exposure::decide(&mut loaded.settings.auth, &address, insecure)?;
    if loaded.settings.auth.serves_anonymous() {
        tracing::warn!(%address, "callers that prove nothing are served");
    }
    if !address.is_local() && loaded.tls.is_none() && !loaded.settings.proxy.require_https {
        tracing::warn!(
            %address,
            "credentials cross the network in the clear unless a proxy before this ends TLS: set [tls], or proxy.require_https"
        );
    }
    let notify = Notify::to(environment.notify_socket())?;
    if let Some(limit) = environment.watchdog(std::process::id()) {
        tokio::spawn(notify.clone().keep_alive(limit));
    }
    let admin = loaded.settings.admin.listen.clone();
    let files = loaded.files.clone();
    let clock = Arc::new(SystemClock::new());
    let mut server = Server::new(loaded, clock.clone())?;
    server.find_access_key().await?;
    let listener = Listener::bind(&address).await?;
    let load: Load = Arc::new(move || {
        let mut loaded = Settings::load(config.as_deref(), &environment)?;
        loaded.local_hosts_only = exposure::decide(&mut loaded.settings.auth, &address, insecure)?;
        Ok(loaded)
    });
    let follower = Follower::new(server.reload(), files, load, notify.clone());
    tokio::spawn(follower.run(hangups()?, clock));
    if let Some(admin) = admin {
        server = server.with_admin(bind_admin(&admin).await?);
    }
    let [stop, stop_at_once] = stop_signals()?;
    tracing::info!(address = %listener.address()?, "listening");
    notify.ready();
    let stop = async {
        drop(stop.await);
        notify.stopping();
        tracing::info!("stopping: requests that are under way are finished");
    };
    ended(server.serve(listener, stop), stop_at_once).await
}

/// One for each SIGHUP; those that come while one waits are the same.
fn hangups() -> io::Result<mpsc::Receiver<()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() && !matches!(sender.try_send(()), Err(TrySendError::Closed(()))) {}
    });
    Ok(receiver)
}

/// What it tells is no secret, but it has no limits and asks for no proof.
async fn bind_admin(listen: &str) -> Result<TcpListener, Box<dyn std::error::Error>> {
    let named = |error: ListenError| format!("admin.listen: {error}");
    let address = Address::resolve(listen).await.map_err(named)?;
    let Listener::Tcp(listener) = Listener::bind(&address).await.map_err(named)? else {
        return Err("admin.listen must be a TCP address".into());
    };
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "admin.listen can be reached from other machines: let only your monitoring reach it");
    }
    tracing::info!(%address, "metrics are told at /metrics");
    Ok(listener)
}
