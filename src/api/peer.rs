//! Who is at the other end of a connection.

use std::net::{IpAddr, SocketAddr};

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
