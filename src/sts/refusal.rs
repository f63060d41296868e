//! STS's no, as it says it.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Deserialize;

use super::error::{Flaw, StsError};
use super::message::Message;
use super::reply::Reply;
use super::verdict::Verdict;

/// What STS said when it said no.
#[derive(Debug)]
pub struct Refusal {
    /// STS's error code; only a failure of what stands before STS has none.
    pub code: Option<String>,
    /// The HTTP status.
    pub status: u16,
    /// STS's id of the request, to be quoted to Alibaba Cloud's support.
    pub request_id: Option<String>,
    /// How long STS asks to be left alone; at most five minutes.
    pub retry_after: Option<Duration>,
    /// STS's time when it refused, to correct the clock by.
    pub server_date: Option<DateTime<Utc>>,
    /// STS's words, for the log.
    pub message: Message,
    pub(super) verdict: Verdict,
}

/// The longest code or request id that is taken over; the longest known one has 47 characters.
const MAX_NAME: usize = 128;

/// The documented error body. The SDKs read each name in both spellings.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Said {
    #[serde(alias = "code")]
    code: Option<String>,
    #[serde(alias = "message")]
    message: Option<String>,
    #[serde(alias = "requestId")]
    request_id: Option<String>,
}

impl Reply {
    /// The error behind an answer that is not 2xx. A 5xx or a 429 counts whatever its body: proxies answer so too.
    pub(super) fn refusal(&self) -> StsError {
        let unavailable = self.status.is_server_error();
        let throttled = self.status == StatusCode::TOO_MANY_REQUESTS || self.notes.throttled;
        let said = match self.json::<Said>() {
            Err(flaw) if !unavailable && !throttled => return self.invalid(flaw),
            said => said.unwrap_or_default(),
        };
        let refusal = Box::new(Refusal::new(self, said));
        match refusal.code.as_deref() {
            Some(code) if code.starts_with("Throttling") => StsError::Throttled(refusal),
            _ if throttled => StsError::Throttled(refusal),
            _ if unavailable => StsError::Unavailable(refusal),
            Some(_) => StsError::Refused(refusal),
            None => self.invalid(Flaw::Missing("Code")),
        }
    }
}

impl Refusal {
    fn new(reply: &Reply, said: Said) -> Self {
        let words = said.message.unwrap_or_default();
        let code = said.code.filter(|code| is_name(code));
        Self {
            verdict: Verdict::of(code.as_deref().unwrap_or_default(), &words),
            code,
            status: reply.status.as_u16(),
            request_id: said.request_id.filter(|id| is_name(id)),
            retry_after: reply.notes.retry_after,
            server_date: reply.notes.date,
            message: Message::new(&words),
        }
    }
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (code, request_id) = (self.code.as_deref(), self.request_id.as_deref());
        write!(f, "{} (HTTP {}, request {})", code.unwrap_or("no code"), self.status, request_id.unwrap_or("unknown"))
    }
}

/// Whether `text` can go to a caller and into a log as it is.
fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::super::verdict::Blame;
    use super::*;

    fn refused(status: u16, code: &str, message: &str) -> StsError {
        let body =
            serde_json::json!({"RequestId": "R-1", "HostId": "sts.aliyuncs.com", "Code": code, "Message": message});
        Reply::new(StatusCode::from_u16(status).unwrap(), "", body.to_string()).refusal()
    }

    #[test]
    fn a_code_and_a_status_tell_the_kind_of_failure() {
        for (status, code, kind) in [
            (400, "InvalidParameter.RoleArn", "refused"),
            (403, "NoPermission", "refused"),
            (404, "EntityNotExist.Role", "refused"),
            (400, "SomethingNew", "refused"),
            (400, "Throttling", "throttled"),
            (400, "Throttling.User", "throttled"),
            (503, "Throttling.Api", "throttled"),
            (500, "InternalError", "unavailable"),
            (503, "ServiceUnavailable", "unavailable"),
        ] {
            let error = refused(status, code, "");
            assert_eq!(error.kind(), kind, "{code}");
            assert_eq!((error.code(), error.status(), error.request_id()), (Some(code), Some(status), Some("R-1")));
            assert_eq!(error.blame() == Blame::Nobody, kind != "refused", "{code}");
        }
    }

    #[test]
    fn a_header_or_a_status_can_say_that_the_account_is_throttled() {
        for (status, headers, body) in [
            (400, "x-acs-retry-after: 1500", r#"{"Code":"Flow"}"#),
            (503, "x-acs-retry-after: 1500", "<html>"),
            (429, "x-acs-retry-after: 1500", ""),
        ] {
            let error = Reply::new(StatusCode::from_u16(status).unwrap(), headers, body).refusal();
            assert!(matches!(error, StsError::Throttled(_)), "{error:?}");
            assert_eq!(error.retry_after(), Some(Duration::from_millis(1500)));
        }
    }

    #[test]
    fn a_server_error_needs_no_body_but_a_refusal_does() {
        let reply = |status: u16, body: &str| Reply::new(StatusCode::from_u16(status).unwrap(), "", body).refusal();
        assert!(matches!(reply(502, "<html>"), StsError::Unavailable(refusal) if refusal.code.is_none()));
        assert!(matches!(reply(403, "<html>"), StsError::InvalidAnswer { status: 403, flaw: Flaw::NotJson }));
        assert!(matches!(reply(403, "{}"), StsError::InvalidAnswer { flaw: Flaw::Missing("Code"), .. }));
        assert!(matches!(reply(403, r#"{"code":"a b"}"#), StsError::InvalidAnswer { flaw: Flaw::Missing("Code"), .. }));
    }

    #[test]
    fn the_other_spelling_of_the_names_is_read_too() {
        let body = r#"{"code":"NoPermission","message":"no","requestId":"R-2"}"#;
        let error = Reply::new(StatusCode::FORBIDDEN, "", body).refusal();
        assert_eq!(
            (error.code(), error.message(), error.request_id()),
            (Some("NoPermission"), Some("no"), Some("R-2"))
        );
    }

    #[test]
    fn only_the_log_gets_what_sts_said() {
        let error = refused(403, "NoPermission", "words of STS");
        assert_eq!(error.message(), Some("words of STS"));
        assert_eq!(error.to_string(), "STS refused the request: NoPermission (HTTP 403, request R-1)");
        assert!(!format!("{error:?}").contains("words"));
    }

    #[test]
    fn the_time_of_a_refusal_is_kept_to_correct_the_clock_by() {
        let headers = "date: Thu, 01 Jan 2026 00:00:00 GMT";
        let body = r#"{"Code":"InvalidTimeStamp.Expired","RequestId":"R-1"}"#;
        let error = Reply::new(StatusCode::BAD_REQUEST, headers, body).refusal();
        assert_eq!(error.server_date(), Some("2026-01-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn the_time_of_an_answer_that_is_not_of_sts_is_not_believed() {
        let headers = "date: Thu, 01 Jan 2026 00:00:00 GMT";
        for body in ["<html>", "{}", r#"{"Code":"InternalError"}"#, r#"{"RequestId":"R-1"}"#] {
            assert_eq!(Reply::new(StatusCode::BAD_GATEWAY, headers, body).refusal().server_date(), None, "{body}");
        }
    }
}
