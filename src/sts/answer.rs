//! What STS granted.

use chrono::{DateTime, Utc};

use crate::keys::SessionKey;

/// What STS granted.
#[derive(Debug)]
pub struct Assumed {
    /// The temporary key and its life.
    pub session_key: SessionKey,
    /// STS's id of the request, to be quoted to Alibaba Cloud's support.
    pub request_id: String,
    /// STS's time when it answered, to correct the clock by.
    pub server_date: Option<DateTime<Utc>>,
}
