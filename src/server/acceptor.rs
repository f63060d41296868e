//! Accepts connections within the limits and has each served by a task of its own, until the server stops.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Ending;
use super::connection::Connection;
use super::connection_limit::{ConnectionPermit, limited_address};
use super::listener::{Listener, Stream};
use super::reload::Reload;
use crate::api::Peer;

/// How long connections that are already in the kernel's queue are accepted when the server stops: the kernel would reset
/// them. A pause without one means that there are none left.
const LAST_ACCEPTS: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_millis(5);
/// How long to wait after an `accept` that failed for want of file descriptors or memory.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Accepts connections and keeps track of them.
#[derive(Debug)]
pub(super) struct Acceptor {
    reload: Arc<Reload>,
    connections: TaskTracker,
    draining: CancellationToken,
}

impl Acceptor {
    pub(super) fn new(reload: Arc<Reload>) -> Self {
        Self { reload, connections: TaskTracker::new(), draining: CancellationToken::new() }
    }

    /// Accepts connections for ever.
    pub(super) async fn run(&self, listener: &Listener) -> Infallible {
        loop {
            self.accept_one(listener).await;
        }
    }

    /// Accepts what waits in the kernel's queue, closes the listener, and gives open connections `limit` to finish.
    pub(super) async fn drain(&self, listener: Listener, limit: Duration) -> Ending {
        let last = async { while timeout(PAUSE, self.accept_one(&listener)).await.is_ok() {} };
        let _elapsed = timeout(LAST_ACCEPTS, last).await;
        drop(listener);
        self.draining.cancel();
        self.connections.close();
        match timeout(limit, self.connections.wait()).await {
            Ok(()) => Ending::Drained,
            Err(_elapsed) => Ending::CutOff { connections: self.connections.len() },
        }
    }

    /// Accepts the next connection once one more may be open; until then it waits in the kernel's queue.
    async fn accept_one(&self, listener: &Listener) {
        let permit = self.reload.connections.acquire().await;
        match listener.accept().await {
            Ok(stream) => self.admit(stream, permit),
            Err(error) => back_off(&error).await,
        }
    }

    /// Serves `stream`, or closes it if its address has too many connections open.
    fn admit(&self, stream: Stream, mut permit: ConnectionPermit) {
        if let Stream::Tcp(_, peer) = &stream
            && let Some(address) = limited_address(peer.ip(), &self.reload.running().trusted_proxies)
            && permit.count_for(address).is_err()
        {
            self.reload.metrics().connection_refused();
            if let Some(refused) = self.reload.connections.count_refusal(Instant::now()) {
                tracing::warn!(%address, refused, "connections refused: limits.connections_per_address is reached");
            }
            return;
        }
        let open = self.reload.metrics().connection();
        let connection = Connection::new(Arc::clone(&self.reload), self.draining.child_token());
        let tls = self.reload.running().tls.clone();
        self.connections.spawn(async move {
            let _until_it_ends = (permit, open);
            match (stream, tls) {
                (Stream::Tcp(stream, peer), tls) => {
                    // Responses are small and one write each, so waiting to fill a segment only delays them.
                    let _best_effort = stream.set_nodelay(true);
                    match tls {
                        Some(tls) => connection.serve_tls(tls, stream, peer).await,
                        None => connection.serve(stream, Peer::Tcp(peer)).await,
                    }
                }
                (Stream::Unix(stream), _) => connection.serve(stream, Peer::Unix).await,
            }
        });
    }
}

/// A failed `accept` concerns one connection only, or there are no file descriptors left, which takes a moment to pass.
async fn back_off(error: &io::Error) {
    let of_one_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    );
    if !of_one_connection {
        tracing::error!(%error, "accept failed");
        sleep(BACK_OFF).await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::clock::SystemClock;
    use crate::config::{Environment, Settings};
    use crate::server::Server;

    const CONFIG: &str = r#"
        [access_key]
        id = "LTAIexample"
        secret = "example"
        [sts]
        role_arn = "acs:ram::1:role/r"
        [grants.default]
        bucket = "examplebucket"
        region = "cn-hangzhou"
    "#;
    const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";

    fn acceptor(limits: &str) -> Acceptor {
        let config = format!("{CONFIG}\n[limits]\n{limits}\n[auth]\nanonymous = true\n[audit]\nto = \"off\"");
        let loaded = Settings::of_text("test.toml", &config, &Environment::default()).unwrap();
        Acceptor::new(Server::new(loaded, Arc::new(SystemClock::new())).unwrap().reload())
    }

    /// A connection that the acceptor takes to come from `peer`.
    async fn connect(acceptor: &Acceptor, peer: &str) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        acceptor.admit(Stream::Tcp(stream, peer), acceptor.reload.connections.acquire().await);
        client
    }

    /// Whether a request on `client` is answered.
    async fn is_served(client: &mut TcpStream) -> bool {
        let _it_may_be_closed = client.write_all(REQUEST).await;
        let mut status = [0; 12];
        client.read_exact(&mut status).await.is_ok_and(|_| &status == b"HTTP/1.1 200")
    }

    #[tokio::test]
    async fn connections_of_one_address_beyond_its_limit_are_closed_at_once() {
        let acceptor = acceptor("connections = 8");
        let mut held = [connect(&acceptor, "192.0.2.1").await, connect(&acceptor, "192.0.2.1").await];
        for client in &mut held {
            assert!(is_served(client).await, "a quarter of limits.connections is allowed");
        }
        let mut refused = connect(&acceptor, "::ffff:192.0.2.1").await;
        let mut rest = Vec::new();
        let _reset_or_end = refused.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
        let mut other = connect(&acceptor, "192.0.2.2").await;
        assert!(is_served(&mut other).await, "other addresses are served");
        let mut local = Vec::new();
        for _ in 0..3 {
            local.push(connect(&acceptor, "127.0.0.1").await);
        }
        for client in &mut local {
            assert!(is_served(client).await, "loopback has no limit of its own");
        }
        let mut page = crate::metrics::Page::default();
        acceptor.reload.metrics().write(&mut page);
        assert!(page.render().contains("oss_vend_connections_refused_total 1\n"));
    }

    #[tokio::test]
    async fn a_closed_connection_frees_the_place_of_its_address() {
        let acceptor = acceptor("connections_per_address = 1");
        let mut first = connect(&acceptor, "2001:db8::1").await;
        assert!(is_served(&mut first).await);
        let mut second = connect(&acceptor, "2001:db8::2").await;
        assert!(!is_served(&mut second).await, "a /64 is one address");
        drop(first);
        acceptor.connections.close();
        acceptor.connections.wait().await;
        let mut third = connect(&acceptor, "2001:db8::2").await;
        assert!(is_served(&mut third).await);
    }
}
