//! A question to forward-auth without any proof, which must not be answered with a caller.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::forward::Forward;

/// What the application answered to a request without cookies and headers of a caller.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ForwardProbe {
    /// A refusal, as it has to.
    Refused(StatusCode),
    /// 200 and a caller: whoever asks is somebody.
    Accepted,
    /// Something that would be a failure: the status, and why.
    Unexpected(StatusCode, String),
    /// Nothing; why not.
    Unreachable(String),
}

impl Forward {
    /// The address that is asked.
    #[must_use]
    pub fn url(&self) -> &str {
        self.spec.url.as_str()
    }

    /// Asks without any proof.
    pub async fn probe(&self) -> ForwardProbe {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let reply = match self.outbound.get(&self.spec.url, headers, self.spec.timeout).await {
            Ok(reply) => reply,
            Err(error) => return ForwardProbe::Unreachable(error.to_string()),
        };
        match self.read(&reply) {
            Ok(Some(_)) => ForwardProbe::Accepted,
            Ok(None) => ForwardProbe::Refused(reply.status),
            Err(error) => ForwardProbe::Unexpected(reply.status, error.to_string()),
        }
    }
}
