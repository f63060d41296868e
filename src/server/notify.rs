//! Tells the service manager how the server fares, by systemd's protocol (`sd_notify(3)`).

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Where the service manager listens, if there is one.
#[derive(Clone, Debug, Default)]
pub struct Notify(Option<Arc<Target>>);

#[derive(Debug)]
struct Target {
    socket: UnixDatagram,
    to: SocketAddr,
}

impl Notify {
    /// Tells the socket that `NOTIFY_SOCKET` names: a path, or after `@` a name without one.
    pub fn to(name: Option<&str>) -> io::Result<Self> {
        let Some(name) = name else { return Ok(Self::default()) };
        let to = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        Ok(Self(Some(Arc::new(Target { socket: UnixDatagram::unbound()?, to }))))
    }

    /// Requests are answered from now on, or again.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The configuration is being read.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The server is about to end.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Says that the program lives, twice in each `limit`, until it is dropped.
    pub async fn keep_alive(self, limit: Duration) {
        let mut ticks = tokio::time::interval(limit / 2);
        loop {
            ticks.tick().await;
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, state: &str) {
        let Some(target) = &self.0 else { return };
        if let Err(error) = target.socket.send_to_addr(state.as_bytes(), &target.to) {
            tracing::warn!(%error, state, "the service manager cannot be told");
        }
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut text = [0; 200];
        let length = socket.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    #[test]
    fn a_path_and_a_name_without_one_are_told() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("notify");
        let name = format!("oss-vend-test-{}", uuid::Uuid::new_v4());
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let by_path = UnixDatagram::bind(&path).unwrap();
        for (socket, target) in [(by_path, path.to_str().unwrap().to_owned()), (by_name, format!("@{name}"))] {
            let notify = Notify::to(Some(&target)).unwrap();
            notify.ready();
            assert_eq!(heard(&socket), "READY=1");
            notify.reloading();
            let (state, time) = heard(&socket).split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            assert_eq!(state, "RELOADING=1");
            assert!(time.strip_prefix("MONOTONIC_USEC=").unwrap().parse::<u64>().unwrap() > 0);
        }
        Notify::default().ready();
    }
}
