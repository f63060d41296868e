//! The rate for each caller, held by all replicas together: behind the requests, each tells the others what was taken.
//!
//! Between two ticks a replica knows its own requests alone, so a caller who asks many replicas at once gets somewhat
//! more than the rate in that time, and then less. No request waits for it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt;
use futures_util::stream;

use super::reload::Reload;

/// How often.
const TICK: Duration = Duration::from_millis(250);
/// The most callers that are told of at the same time.
const AT_ONCE: usize = 64;

/// Shares what callers took, as long as the server runs.
pub(super) async fn share_limits(reload: Arc<Reload>) {
    loop {
        tokio::time::sleep(TICK).await;
        let app = Arc::clone(&reload.running().app);
        let (Some((quota, untold)), Some(replicas)) = (app.gate.rates().untold(), app.vault.replicas()) else {
            continue;
        };
        let told = stream::iter(untold).map(async |(caller, cost)| {
            let owed = replicas.spend(&caller, cost, quota.interval(), quota.burst()).await?;
            app.gate.rates().caller_owes(&caller, app.clock.reading().machine + TimeDelta::from_std(owed).ok()?);
            Some(())
        });
        told.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    }
}
