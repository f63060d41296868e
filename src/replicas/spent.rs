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
        credible(&owed, interval, burst)
    }
}

/// What is owed, in microseconds, unless it is more than [`SPEND`] lets anybody owe.
fn credible(owed: &str, interval: Duration, burst: u32) -> Option<Duration> {
    let owed = Duration::from_micros(owed.parse().ok()?);
    (owed <= interval.saturating_mul(burst).saturating_mul(2)).then_some(owed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_owes_more_than_two_bursts() {
        let second = Duration::from_secs(1);
        assert_eq!(credible("20000000", second, 10), Some(Duration::from_secs(20)));
        for owed in ["20000001", "18446744073709551615", "-1", "", "nan", "1e9"] {
            assert_eq!(credible(owed, second, 10), None, "{owed}");
        }
    }
}
