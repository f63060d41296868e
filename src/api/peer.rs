//! Who is at the other end of a connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

/// One connection, as far as answers depend on it: who is at its other end, and what came from there before.
#[derive(Debug)]
pub struct Client {
    pub(super) peer: Peer,
    has_asked: AtomicBool,
}

impl Client {
    /// A new connection of `peer`.
    #[must_use]
    pub fn new(peer: Peer) -> Self {
        Self { peer, has_asked: AtomicBool::new(false) }
    }

    /// Whether this was not asked before.
    pub(super) fn asks_first(&self) -> bool {
        !self.has_asked.load(Ordering::Relaxed) && !self.has_asked.swap(true, Ordering::Relaxed)
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub enum Peer {
    /// A client or a proxy without TLS.
    Tcp(SocketAddr),
    /// One with whom TLS is spoken.
    Tls(SocketAddr),
    /// Whoever connects to a Unix socket has no address.
    Unix,
}

impl Peer {
    /// Its address, if it has one.
    pub(super) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Tcp(peer) | Self::Tls(peer) => Some(peer.ip()),
            Self::Unix => None,
        }
    }

    /// Whether TLS is spoken with it.
    pub(super) fn is_https(self) -> bool {
        matches!(self, Self::Tls(_))
    }
}
