//! What somebody took from all replicas together.

use std::time::Duration;

use super::Replicas;
use super::script::SPEND;

impl Replicas {
    /// Adds `cost` to what `name` has taken, of which one comes back in each `interval` and `burst` are had at once; in
    /// what time it will all be back. Nothing if Redis cannot be asked.
    pub async fn spend(&self, name: &str, cost: u32, interval: Duration, burst: u32) -> Option<Duration> {
        let context = format!("spent {} {burst} {name}", interval.as_nanos());
        let name = self.ring.names(context.as_bytes());
        let mut call = SPEND.key(self.keys.spent(name.first()?));
        call.arg(interval.as_micros().to_string()).arg(cost).arg((interval * burst).as_micros().to_string());
        let owed: String = self.link.run(&call).await?;
        owed.parse().ok().map(Duration::from_micros)
    }
}
