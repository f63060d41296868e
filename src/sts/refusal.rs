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
    use super::super::verdict::{Blame, Retry};
    use super::*;

    fn refused(status: u16, code: &str, message: &str) -> StsError {
        let body =
            serde_json::json!({"RequestId": "R-1", "HostId": "sts.aliyuncs.com", "Code": code, "Message": message});
        Reply::new(StatusCode::from_u16(status).unwrap(), "", body.to_string()).refusal()
    }

    /// HTTP status, code, message, and what follows: kind, who must act, whether to retry, a word of the hint.
    type Row = (u16, &'static str, &'static str, &'static str, Blame, Retry, Option<&'static str>);

    const ROWS: &[Row] = &[
        (400, "InvalidParameter.RoleArn", "", "refused", Blame::Operator, Retry::No, Some("`sts.role_arn`")),
        (400, "InvalidParameter.RoleSessionName", "", "refused", Blame::Operator, Retry::No, Some("session_name`")),
        (400, "InvalidParameter.DurationSeconds", "", "refused", Blame::Operator, Retry::No, Some("`sts.duration`")),
        (400, "InvalidParameter.PolicyGrammar", "", "refused", Blame::Operator, Retry::No, Some("`grants.*.policy`")),
        (400, "InvalidParameter.PolicySize", "", "refused", Blame::Operator, Retry::No, Some("2048")),
        (400, "InvalidParameter.ExternalId", "", "refused", Blame::Operator, Retry::No, Some("`sts.external_id`")),
        (
            400,
            "InvalidParameter.SourceIdentity",
            "",
            "refused",
            Blame::Operator,
            Retry::No,
            Some("`sts.source_identity`"),
        ),
        (400, "InvalidParameter.ContentType", "", "refused", Blame::Us, Retry::No, None),
        (400, "MissingRoleArn", "", "refused", Blame::Us, Retry::No, None),
        (400, "MissingParameter", "", "refused", Blame::Us, Retry::No, None),
        (400, "MissingParameter.RoleArn", "", "refused", Blame::Us, Retry::No, None),
        (
            403,
            "NoPermission",
            "Roles may not be assumed by root accounts.",
            "refused",
            Blame::Operator,
            Retry::No,
            Some("root account"),
        ),
        (
            403,
            "NoPermission",
            "No permission perform sts:AssumeRole on this Role. Maybe you are not authorized.",
            "refused",
            Blame::Operator,
            Retry::No,
            Some("trust policy of the role in `sts.role_arn`"),
        ),
        (
            403,
            "NoPermission",
            "You are not authorized to do this action. You should be authorized by RAM.",
            "refused",
            Blame::Operator,
            Retry::No,
            Some("AliyunSTSAssumeRoleAccess"),
        ),
        (
            404,
            "EntityNotExist.Role",
            "The specified Role not exists .",
            "refused",
            Blame::Operator,
            Retry::No,
            Some("`sts.role_arn`"),
        ),
        (400, "IncompleteSignature", "", "refused", Blame::Us, Retry::No, None),
        (400, "SignatureDoesNotMatch", "", "refused", Blame::Operator, Retry::No, Some("secret")),
        (400, "SignatureNonceUsed", "", "refused", Blame::Nobody, Retry::Later, None),
        (400, "InvalidTimeStamp.Expired", "", "refused", Blame::Operator, Retry::WithCorrectedClock, Some("clock")),
        (400, "InvalidTimeStamp.Format", "", "refused", Blame::Us, Retry::No, None),
        (404, "InvalidAccessKeyId.NotFound", "", "refused", Blame::Operator, Retry::No, Some("AccessKey id")),
        (400, "InvalidAccessKeyId.Inactive", "", "refused", Blame::Operator, Retry::No, Some("disabled")),
        (400, "InvalidSecurityToken.Expired", "", "refused", Blame::Operator, Retry::WithNewAccessKey, Some("expired")),
        (400, "InvalidSecurityToken.Malformed", "", "refused", Blame::Operator, Retry::WithNewAccessKey, Some("token")),
        (
            400,
            "InvalidSecurityToken.MismatchWithAccessKey",
            "",
            "refused",
            Blame::Operator,
            Retry::WithNewAccessKey,
            Some("token"),
        ),
        (400, "MissingSecurityToken", "", "refused", Blame::Operator, Retry::WithNewAccessKey, Some("token")),
        (400, "InvalidSignatureMethod", "", "refused", Blame::Us, Retry::No, None),
        (400, "InvalidVersion", "", "refused", Blame::Operator, Retry::No, Some("`sts.endpoint`")),
        (400, "UnsupportedHTTPMethod", "", "refused", Blame::Us, Retry::No, None),
        (404, "InvalidAction.NotFound", "", "refused", Blame::Operator, Retry::No, Some("`sts.endpoint`")),
        (400, "Throttling", "", "throttled", Blame::Nobody, Retry::Later, None),
        (400, "Throttling.User", "", "throttled", Blame::Nobody, Retry::Later, None),
        (400, "Throttling.Api", "", "throttled", Blame::Nobody, Retry::Later, None),
        (500, "InternalError", "", "unavailable", Blame::Nobody, Retry::Later, None),
        (503, "ServiceUnavailable", "", "unavailable", Blame::Nobody, Retry::Later, None),
        (400, "SomethingNew", "", "refused", Blame::Operator, Retry::No, None),
    ];

    #[test]
    fn each_documented_code_is_sorted_by_who_must_act() {
        for (status, code, message, kind, blame, retry, hint) in ROWS {
            let error = refused(*status, code, message);
            assert_eq!((error.kind(), error.blame(), error.retry()), (*kind, *blame, *retry), "{code}");
            assert_eq!((error.code(), error.status(), error.request_id()), (Some(*code), Some(*status), Some("R-1")));
            match hint {
                Some(word) => assert!(error.hint().unwrap().contains(word), "{code}: {:?}", error.hint()),
                None => assert_eq!(error.hint(), None, "{code}"),
            }
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
        let error = Reply::new(StatusCode::BAD_REQUEST, headers, r#"{"Code":"InvalidTimeStamp.Expired"}"#).refusal();
        assert_eq!(error.server_date(), Some("2026-01-01T00:00:00Z".parse().unwrap()));
    }
}
