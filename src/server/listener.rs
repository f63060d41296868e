//! Where the server listens: a TCP address, or a Unix socket for a proxy on the same machine.

use std::fmt::{self, Display, Formatter};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as Probe;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream, lookup_host};

/// What a Unix socket's path stands behind.
const UNIX: &str = "unix:";

/// Who may use a Unix socket: its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// An address to listen on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// A TCP port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// Nobody can listen there.
#[derive(Debug, Error)]
#[error("{address} cannot be listened on: {reason}")]
pub struct ListenError {
    address: String,
    reason: String,
}

/// A bound listener.
#[derive(Debug)]
pub enum Listener {
    /// On a TCP port.
    Tcp(TcpListener),
    /// On a Unix socket.
    Unix(UnixSocket),
}

/// A bound Unix socket; its path goes with it.
#[derive(Debug)]
pub struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
}

/// A connection that was accepted.
pub(super) enum Stream {
    Tcp(TcpStream, SocketAddr),
    /// Whoever connects to a Unix socket has no address.
    Unix(UnixStream),
}

impl Address {
    /// The address that `listen` names: `host:port`, whose host is looked up, or `unix:/path`.
    pub async fn resolve(listen: &str) -> Result<Self, ListenError> {
        if let Some(path) = listen.strip_prefix(UNIX) {
            return Ok(Self::Unix(path.into()));
        }
        let failed = |reason: String| ListenError { address: listen.to_owned(), reason };
        let mut found = lookup_host(listen).await.map_err(|error| failed(error.to_string()))?;
        found.next().map(Self::Tcp).ok_or_else(|| failed("the name has no address".to_owned()))
    }

    /// Whether nobody but this machine reaches it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl Listener {
    /// Listens on `address`. A Unix socket that a server left behind is replaced; one that is in use is not.
    pub async fn bind(address: &Address) -> Result<Self, ListenError> {
        let bound = match address {
            Address::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Address::Unix(path) => UnixSocket::bind(path).map(Self::Unix),
        };
        bound.map_err(|error| ListenError { address: address.to_string(), reason: in_words(&error, address) })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Self::Unix(socket) => Ok(Address::Unix(socket.path.clone())),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, peer)| Stream::Tcp(stream, peer)),
            Self::Unix(socket) => socket.listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl UnixSocket {
    fn bind(path: &Path) -> io::Result<Self> {
        remove_stale(path)?;
        let listener = UnixListener::bind(path)?;
        let socket = Self { listener, path: path.to_owned() };
        fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
        Ok(socket)
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        let _it_may_be_gone = fs::remove_file(&self.path);
    }
}

/// Removes a socket that nobody listens on any more.
fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "there is a file of this name that is no socket"));
    }
    match Probe::connect(path) {
        Ok(_) => Err(ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

fn in_words(error: &io::Error, address: &Address) -> String {
    match (error.kind(), address) {
        (ErrorKind::AddrInUse, _) => "another program listens there already".to_owned(),
        (ErrorKind::PermissionDenied, Address::Tcp(address)) if address.port() < 1024 => {
            "ports below 1024 need the capability CAP_NET_BIND_SERVICE; take a higher one".to_owned()
        }
        (ErrorKind::PermissionDenied, Address::Unix(_)) => "its folder is not ours to write to".to_owned(),
        (ErrorKind::NotFound, Address::Unix(_)) => "its folder does not exist".to_owned(),
        (ErrorKind::AddrNotAvailable, _) => "this machine has no such address".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    async fn bind(listen: &str) -> Result<Listener, String> {
        let address = Address::resolve(listen).await.map_err(|error| error.to_string())?;
        Listener::bind(&address).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn what_stands_in_the_way_is_told_in_plain_words() {
        let taken = bind("127.0.0.1:0").await.unwrap();
        let address = taken.address().unwrap().to_string();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for (listen, reason) in [
            (address.as_str(), "another program"),
            ("192.0.2.1:8000", "no such address"),
            ("unix:/nonexistent/socket", "does not exist"),
            (&format!("unix:{}", file.display()), "no socket"),
        ] {
            let told = bind(listen).await.unwrap_err();
            assert!(told.starts_with(listen) && told.contains(reason), "{told}");
        }
        assert!(file.exists());
    }

    #[tokio::test]
    async fn a_socket_that_was_left_behind_is_replaced_and_one_in_use_is_not() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("socket");
        let listen = format!("unix:{}", path.display());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let bound = bind(&listen).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, SOCKET_MODE);
        assert!(bind(&listen).await.unwrap_err().contains("another program"));
        drop(bound);
        assert!(!path.exists());
    }
}
