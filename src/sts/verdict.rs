//! The operator's FAQ: for each code of STS, who must act, whether to try again, and what to change.

/// Who must act before the call can succeed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Blame {
    /// This program: the request was malformed.
    Us,
    /// The operator: a key, a role or the configuration is wrong.
    Operator,
    /// Nobody: it passes.
    Nobody,
}

/// Whether the same call may be made again. Each time it needs a new nonce, time and signature; `AssumeRole` has no side effect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// Not before someone has acted.
    No,
    /// Yes, after a pause.
    Later,
    /// Once, with the clock corrected by [`StsError::server_date`](super::StsError::server_date).
    WithCorrectedClock,
    /// Once, if the source of the AccessKey has a newer key, or there is another AccessKey.
    WithNewAccessKey,
}

/// What is known about an error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) blame: Blame,
    pub(super) retry: Retry,
    pub(super) hint: Option<&'static str>,
}

const fn operator(hint: &'static str) -> Verdict {
    Verdict { blame: Blame::Operator, retry: Retry::No, hint: Some(hint) }
}

/// What the operator should change about STS's error `code`, where that is known; `message` tells apart what one code
/// stands for.
#[must_use]
pub fn hint(code: &str, message: &str) -> Option<&'static str> {
    match code {
        _ if code.starts_with("Throttling") => Some(THROTTLED),
        _ => Verdict::of(code, message).hint,
    }
}

const THROTTLED: &str =
    "the account makes more calls of STS than its 100 a second: lower `sts.calls_per_second`, or try again later";

impl Verdict {
    const US: Self = Self { blame: Blame::Us, retry: Retry::No, hint: None };
    pub(super) const NOBODY: Self = Self { blame: Blame::Nobody, retry: Retry::Later, hint: None };
    pub(super) const NOT_STS: Self = operator(
        "what answers at `sts.endpoint` (or at the address made from `sts.region` and `sts.vpc`) is not STS: \
         look for a mistyped host, a proxy or a login page in between",
    );
    pub(super) const UNREACHABLE: Self = Verdict {
        hint: Some(
            "`sts.endpoint`, or `sts.region` and `sts.vpc`, must name a host that this machine reaches over HTTPS; \
             its name must resolve, and the system's CA certificates must be installed",
        ),
        ..Self::NOBODY
    };
    pub(super) const UNSENDABLE_KEY: Self = operator(
        "the AccessKey id or token holds characters that no header can carry, such as a line break: copy it again",
    );

    const fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// What is known about `code`; some codes stand for several things that only the words in `message` tell apart.
    pub(super) fn of(code: &str, message: &str) -> Self {
        if code == "NoPermission" {
            return no_permission(&message.to_ascii_lowercase());
        }
        FAQ.iter().find(|(prefix, _)| code.starts_with(prefix)).map_or(UNKNOWN, |(_, verdict)| *verdict)
    }
}

fn no_permission(message: &str) -> Verdict {
    if message.contains("root account") {
        return ROOT;
    }
    if message.contains("trust") || message.contains("on this role") {
        return NOT_TRUSTED;
    }
    NOT_PERMITTED
}

const ROOT: Verdict = operator(
    "the AccessKey belongs to the root account, which may not assume roles: make a RAM user with the policy \
     AliyunSTSAssumeRoleAccess and configure its AccessKey",
);
const NOT_TRUSTED: Verdict = operator(
    "the trust policy of the role in `sts.role_arn` (or `grants.*.role_arn`) must name the RAM user behind the AccessKey, \
     with the `sts.external_id` it may ask for, and that user needs `sts:AssumeRole` on the role",
);
const NOT_PERMITTED: Verdict = operator(
    "the RAM user behind the AccessKey needs `sts:AssumeRole` on the role (policy AliyunSTSAssumeRoleAccess), and the trust policy \
     of the role in `sts.role_arn` (or `grants.*.role_arn`) must name that user",
);
const UNKNOWN: Verdict = Verdict { blame: Blame::Operator, retry: Retry::No, hint: None };
const OTHER_SERVICE: Verdict = operator("`sts.endpoint` is the address of another Alibaba Cloud service, not of STS");

/// The first row whose beginning fits decides, so the particular stands before the general.
/// The codes: <https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-errorcodes>.
const FAQ: &[(&str, Verdict)] = &[
    (
        "InvalidParameter.RoleArn",
        operator("`sts.role_arn` (or `grants.*.role_arn`) must be `acs:ram::<account id>:role/<role name>`"),
    ),
    (
        "InvalidParameter.RoleSessionName",
        operator("`grants.*.session_name` must come to 2 to 64 characters of letters, digits and `.@-_`"),
    ),
    (
        "InvalidParameter.DurationSeconds",
        operator(
            "`sts.duration` (or `grants.*.duration`) must lie between 900 seconds and the role's maximum session duration \
             (3600 unless it was raised on the role)",
        ),
    ),
    (
        "InvalidParameter.PolicyGrammar",
        operator("the inline policy of `grants.*.policy` is not in the grammar of RAM policies, or names a principal"),
    ),
    (
        "InvalidParameter.PolicySize",
        operator(
            "the inline policy of `grants.*.policy` is longer than STS takes (2048 bytes): use fewer statements, or wildcards",
        ),
    ),
    (
        "InvalidParameter.ExternalId",
        operator("`sts.external_id` must be 2 to 1224 characters of letters, digits and `+=,.@:/_-`"),
    ),
    (
        "InvalidParameter.SourceIdentity",
        operator(
            "`sts.source_identity` must be 2 to 64 characters of letters, digits and `+=,.@_-`, and no reserved name",
        ),
    ),
    ("InvalidParameter", Verdict::US),
    (
        "EntityNotExist.Role",
        operator(
            "no such role: compare `sts.role_arn` (or `grants.*.role_arn`) with the ARN that the RAM console shows",
        ),
    ),
    (
        "SignatureDoesNotMatch",
        operator("`access_key.secret` is not the secret of `access_key.id`: check for a cut-off or mixed-up pair"),
    ),
    ("IncompleteSignature", Verdict::US),
    ("SignatureNonceUsed", Verdict::NOBODY),
    (
        "InvalidTimeStamp.Expired",
        operator("this machine's clock is more than 15 minutes off: set it by NTP").retry(Retry::WithCorrectedClock),
    ),
    ("InvalidTimeStamp", Verdict::US),
    (
        "InvalidAccessKeyId.NotFound",
        operator("STS does not know the id of the AccessKey (`access_key.id`): the key was deleted, or mistyped")
            .retry(Retry::WithNewAccessKey),
    ),
    (
        "InvalidAccessKeyId",
        operator("the AccessKey (`access_key.id`) is disabled: enable it in the RAM console, or configure another")
            .retry(Retry::WithNewAccessKey),
    ),
    (
        "InvalidSecurityToken.Expired",
        operator(
            "the temporary AccessKey that calls STS has expired: configure a fresh one, or a source that renews it",
        )
        .retry(Retry::WithNewAccessKey),
    ),
    (
        "InvalidSecurityToken",
        operator("`access_key.token` is not the token of `access_key.id`: configure id, secret and token together")
            .retry(Retry::WithNewAccessKey),
    ),
    (
        "MissingSecurityToken",
        operator("the AccessKey that calls STS is temporary (`STS.…`): its token belongs into `access_key.token`")
            .retry(Retry::WithNewAccessKey),
    ),
    (
        "AuthenticationFail.OIDCToken.Expired",
        operator(
            "the token in `access_key.oidc_token_file` has expired: the cluster writes a new one well before that, unless it was \
             mounted with subPath, which never changes",
        )
        .retry(Retry::WithNewAccessKey),
    ),
    (
        "AuthenticationFail.OIDCToken.AudienceNotMatch",
        operator(
            "the token in `access_key.oidc_token_file` is not for this provider: its audience must be one of the provider's client \
             ids, for RRSA `sts.aliyuncs.com`",
        ),
    ),
    (
        "AuthenticationFail.OIDCToken",
        operator(
            "RAM does not believe the token in `access_key.oidc_token_file`: compare the issuer and the fingerprints of the \
             provider in `access_key.oidc_provider_arn` with those of the cluster",
        ),
    ),
    (
        "AuthenticationFail",
        operator(
            "the provider in `access_key.oidc_provider_arn` must exist, and the trust policy of the role in \
             `access_key.oidc_role_arn` must name it, with the service account as `oidc:sub`",
        ),
    ),
    ("Missing", Verdict::US),
    ("InvalidAction", OTHER_SERVICE),
    ("InvalidVersion", OTHER_SERVICE),
    ("InvalidSignatureMethod", Verdict::US),
    ("UnsupportedHTTPMethod", Verdict::US),
    ("InternalError", Verdict::NOBODY),
    ("ServiceUnavailable", Verdict::NOBODY),
];

#[cfg(test)]
mod tests {
    use super::Blame::{Nobody, Operator, Us};
    use super::Retry::{Later, No, WithCorrectedClock, WithNewAccessKey};
    use super::*;

    /// Each code that the protocol page lists, with who must act, whether to retry, and a word of the hint.
    const CODES: &[(&str, Blame, Retry, &str)] = &[
        ("InvalidParameter.RoleArn", Operator, No, "`sts.role_arn`"),
        ("InvalidParameter.RoleSessionName", Operator, No, "`grants.*.session_name`"),
        ("InvalidParameter.DurationSeconds", Operator, No, "`sts.duration`"),
        ("InvalidParameter.PolicyGrammar", Operator, No, "`grants.*.policy`"),
        ("InvalidParameter.PolicySize", Operator, No, "`grants.*.policy`"),
        ("InvalidParameter.ExternalId", Operator, No, "`sts.external_id`"),
        ("InvalidParameter.SourceIdentity", Operator, No, "`sts.source_identity`"),
        ("InvalidParameter.ContentType", Us, No, ""),
        ("MissingRoleArn", Us, No, ""),
        ("MissingParameter", Us, No, ""),
        ("MissingParameter.RoleArn", Us, No, ""),
        ("EntityNotExist.Role", Operator, No, "`sts.role_arn`"),
        ("IncompleteSignature", Us, No, ""),
        ("SignatureDoesNotMatch", Operator, No, "`access_key.secret`"),
        ("SignatureNonceUsed", Nobody, Later, ""),
        ("InvalidTimeStamp.Expired", Operator, WithCorrectedClock, "clock"),
        ("InvalidTimeStamp.Format", Us, No, ""),
        ("InvalidAccessKeyId.NotFound", Operator, WithNewAccessKey, "`access_key.id`"),
        ("InvalidAccessKeyId.Inactive", Operator, WithNewAccessKey, "disabled"),
        ("AuthenticationFail.OIDCToken.Expired", Operator, WithNewAccessKey, "`access_key.oidc_token_file`"),
        ("AuthenticationFail.OIDCToken.AudienceNotMatch", Operator, No, "`sts.aliyuncs.com`"),
        ("AuthenticationFail.OIDCToken.IssuerNotMatch", Operator, No, "issuer"),
        ("AuthenticationFail.NoPermission", Operator, No, "`access_key.oidc_role_arn`"),
        ("InvalidSecurityToken.Expired", Operator, WithNewAccessKey, "expired"),
        ("InvalidSecurityToken.Malformed", Operator, WithNewAccessKey, "token"),
        ("InvalidSecurityToken.MismatchWithAccessKey", Operator, WithNewAccessKey, "token"),
        ("MissingSecurityToken", Operator, WithNewAccessKey, "token"),
        ("InvalidSignatureMethod", Us, No, ""),
        ("InvalidVersion", Operator, No, "`sts.endpoint`"),
        ("UnsupportedHTTPMethod", Us, No, ""),
        ("InvalidAction.NotFound", Operator, No, "`sts.endpoint`"),
        ("InternalError", Nobody, Later, ""),
        ("ServiceUnavailable", Nobody, Later, ""),
        ("SomethingNew", Operator, No, ""),
    ];

    #[test]
    fn each_documented_code_says_who_must_act_and_what_to_change() {
        for (code, blame, retry, word) in CODES {
            let verdict = Verdict::of(code, "");
            assert_eq!((verdict.blame, verdict.retry), (*blame, *retry), "{code}");
            assert_eq!(verdict.hint.is_some(), !word.is_empty(), "{code}");
            assert!(verdict.hint.unwrap_or_default().contains(word), "{code}: {:?}", verdict.hint);
        }
    }

    #[test]
    fn the_words_tell_the_three_kinds_of_no_permission_apart() {
        for (said, word) in [
            ("Roles may not be assumed by root accounts.", "root account"),
            (
                "No permission perform sts:AssumeRole on this Role. Maybe you are not authorized.",
                "the trust policy of the role",
            ),
            ("You are not authorized to do this action. You should be authorized by RAM.", "AliyunSTSAssumeRoleAccess"),
        ] {
            let verdict = Verdict::of("NoPermission", said);
            assert_eq!((verdict.blame, verdict.retry), (Operator, No));
            assert!(verdict.hint.unwrap().contains(word), "{said}");
        }
    }
}
