//! Who is to be woken when another replica has settled something.

use dashmap::DashMap;
use redis::{Msg, PushInfo};
use tokio::sync::watch;

use super::seal::Digest;

/// Those who wait, by the name of what they wait for.
#[derive(Debug, Default)]
pub(super) struct News {
    waiting: DashMap<Digest, watch::Sender<()>>,
}

/// One who waits; it misses nothing that is told after it was made.
#[derive(Debug)]
pub(super) struct Waiting<'n> {
    news: &'n News,
    name: Digest,
    told: Option<watch::Receiver<()>>,
}

impl News {
    pub(super) fn about(&self, name: Digest) -> Waiting<'_> {
        let told = self.waiting.entry(name).or_default().subscribe();
        Waiting { news: self, name, told: Some(told) }
    }

    /// Takes what Redis pushed. Whatever it is, the worst it does is to wake someone who then asks.
    pub(super) fn push(&self, push: PushInfo) {
        let name = Msg::from_push_info(push).and_then(|message| Digest::try_from(message.get_payload_bytes()).ok());
        if let Some(waiting) = name.and_then(|name| self.waiting.get(&name)) {
            waiting.send_replace(());
        }
    }
}

impl Waiting<'_> {
    pub(super) async fn told(&mut self) {
        if let Some(told) = &mut self.told {
            // It is not closed while its sender is in the map, where it is until nobody listens.
            drop(told.changed().await);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.told = None;
        self.news.waiting.remove_if(&self.name, |_, told| told.receiver_count() == 0);
    }
}
