//! `oss-vend serve`: the server, in front of the real cloud.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use oss_vend::clock::SystemClock;
use oss_vend::config::{Environment, Settings};
use oss_vend::server::{Follower, Load, Server, exposure};
use tokio::net::{TcpListener, lookup_host};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{Outcome, block_on, stop_signal};

/// Serve callers, with the real STS and OSS behind.
///
/// The configuration is a TOML file, the environment, or both; the environment wins. Without a file these variables are
/// enough: ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET (or ACCESS_KEY_ID, ACCESS_KEY_SECRET),
/// RAM_ROLE_ARN, BUCKET and REGION. Every key of the file is also OSS_VEND__SECTION__KEY, such as
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
    let address = resolve(&listen).await?;
    exposure::decide(&mut loaded.settings.auth, address, insecure)?;
    if loaded.settings.auth.anonymous {
        tracing::warn!(%address, "callers that prove nothing are served");
    }
    let files = loaded.files.clone();
    let clock = Arc::new(SystemClock::new());
    let server = Server::new(loaded, clock.clone())?;
    let load: Load = Arc::new(move || {
        let mut loaded = Settings::load(config.as_deref(), &environment)?;
        exposure::decide(&mut loaded.settings.auth, address, insecure)?;
        Ok(loaded)
    });
    let follower = Follower::new(server.reload(), files, load);
    tokio::spawn(follower.run(hangups()?, clock));
    let listener =
        TcpListener::bind(address).await.map_err(|error| format!("{address} cannot be listened on: {error}"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    server.serve(listener, stop_signal()).await?;
    Ok(())
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

async fn resolve(listen: &str) -> Result<SocketAddr, String> {
    let mut found = lookup_host(listen).await.map_err(|error| format!("listen = {listen:?}: {error}"))?;
    found.next().ok_or_else(|| format!("listen = {listen:?} is no address of this machine"))
}
