//! The codes of OSS: what each means, and what to change. Those of STS are in the room `sts`.
//!
//! <https://www.alibabacloud.com/help/en/oss/support/0002-00000040> and its neighbours, one page for each EC.

/// What is known of an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Known {
    /// What is wrong, in a sentence.
    pub meaning: &'static str,
    /// What to change, and where: our configuration key, the page's code, or the cloud's setting.
    pub change: &'static str,
}

/// A row: the code, the finer code or a piece of the message (in lower case) that tells it apart, what is known.
type Row = (&'static str, &'static str, Known);

const fn known(meaning: &'static str, change: &'static str) -> Known {
    Known { meaning, change }
}

/// What is known of OSS's `code`; `ec` and `message` tell apart the several things that one code stands for.
#[must_use]
pub fn known_of_oss(code: &str, ec: Option<&str>, message: &str) -> Option<Known> {
    let message = message.to_ascii_lowercase();
    let fits = |sign: &str| sign.is_empty() || ec == Some(sign) || message.contains(sign);
    ROWS.iter().find(|(name, sign, _)| *name == code && fits(sign)).map(|(_, _, known)| *known)
}

const NEW_CREDENTIALS: &str =
    "take new credentials: ask `/sts`, `/presigned-url` or `/post-signature` again, at `refreshAfter` at the latest";
const FORM: &str =
    "send every pair of `fields` as `/post-signature` gave it, then the file last, in a field named `file`";
const URL: &str = "use the URL and the headers of `/presigned-url` just as they were given; do not take the URL apart";
const REGION: &str =
    "set `grants.*.region` (and `grants.*.endpoint`, if it is set) to the region where the bucket lies";

/// The first row that fits decides, so the particular stands before the general.
const ROWS: &[Row] = &[
    (
        "SignatureDoesNotMatch",
        "0002-00000705",
        known("the signature of the form does not fit its `policy` field and the key that it names", FORM),
    ),
    (
        "SignatureDoesNotMatch",
        "",
        known(
            "what was signed is not what was sent, or another secret signed it",
            "send exactly the method, Content-Type and x-oss headers that were signed: those in `headers` of the answer of \
             `/presigned-url`, no others; if all are the same, the secret is not that of the key id (`access_key.secret`)",
        ),
    ),
    (
        "InvalidAccessKeyId",
        "disabled",
        known("the AccessKey is disabled", "enable it in the RAM console, or configure another as `access_key.id`"),
    ),
    (
        "InvalidAccessKeyId",
        "",
        known(
            "OSS does not know the AccessKey: it was deleted or mistyped, or it is temporary (`STS.…`) and its token is \
             missing, wrong or over",
            "send the token along with a temporary key (`stsToken`, `x-oss-security-token`) and take new credentials before \
             it ends; for a long-lived key compare `access_key.id`",
        ),
    ),
    ("SecurityTokenExpired", "", known("the temporary key is over", NEW_CREDENTIALS)),
    (
        "InvalidSecurityToken",
        "",
        known(
            "the token is not one that STS gave: cut off, missing, or a `+` in it became a space",
            "send the token whole; in a URL its `+`, `/` and `=` are written %2B, %2F and %3D",
        ),
    ),
    (
        "AccessKeyIdAndSecurityTokenNotMatch",
        "",
        known(
            "key id and token come from two answers of STS",
            "replace id, secret and token together when credentials are renewed",
        ),
    ),
    (
        "SecurityTokenNotSupported",
        "",
        known("this request takes no temporary key", "sign it with a long-lived AccessKey"),
    ),
    (
        "RequestTimeTooSkewed",
        "",
        known(
            "the clock that signed is more than 15 minutes off",
            "set the clock of the machine that signs by NTP; a page that signs by itself corrects its clock by `serverTime`",
        ),
    ),
    (
        "AccessDenied",
        "request has expired",
        known(
            "the URL is over",
            "ask for a new URL; its life is `expires` of the request, \
      at most `grants.*.max_expires`",
        ),
    ),
    (
        "AccessDenied",
        "specified endpoint",
        known("the bucket lies in another region than the address that was asked", REGION),
    ),
    (
        "AccessDenied",
        "does not belong to you",
        known(
            "the bucket belongs to another account than the role",
            "set `grants.*.bucket` to a bucket of the role's account, or let a bucket policy name the role of `sts.role_arn`",
        ),
    ),
    (
        "AccessDenied",
        "policy expired",
        known("the form is over", "ask `/post-signature` again; its life is `expires`, at most `grants.*.max_expires`"),
    ),
    ("AccessDenied", "policy condition failed", known("a field of the form is not what its policy allows", FORM)),
    (
        "AccessDenied",
        "0003-00000301",
        known(
            "the session's own policy does not allow this",
            "compare method and key with `grants.*.methods` and `grants.*.dir` (`oss-vend explain` shows the policy), or \
             mend the file of `grants.*.policy`",
        ),
    ),
    (
        "AccessDenied",
        "0003-00000201",
        known(
            "a policy of the RAM user or role denies this",
            "look through the policies of the role in `sts.role_arn` (or `grants.*.role_arn`) for a Deny that fits",
        ),
    ),
    (
        "AccessDenied",
        "0003-00000101",
        known("the bucket's own policy denies this", "change the bucket policy in the OSS console"),
    ),
    (
        "AccessDenied",
        "0003-00000905",
        known(
            "the request came without a signature, and the bucket is not public",
            "ask with a URL of `/presigned-url`, or sign the request",
        ),
    ),
    (
        "AccessDenied",
        "0003-00000001",
        known(
            "nothing allows this: the role has no policy that does, or the bucket belongs to another account",
            "attach to the role in `sts.role_arn` (or `grants.*.role_arn`) a policy with this action on \
             `acs:oss:*:*:<bucket>/<directory>*`",
        ),
    ),
    (
        "AccessDenied",
        "query string authentication",
        known("the URL lacks `Signature`, `Expires` or `OSSAccessKeyId`, or one of them is empty", URL),
    ),
    ("AccessDenied", "invalid date", known("`Expires` in the URL is no number of seconds", URL)),
    (
        "AccessDenied",
        "authorizer's policy",
        known(
            "a policy does not allow this: that of the session or one of the role",
            "compare method and key with `grants.*.methods` and `grants.*.dir` (`oss-vend explain` shows the session's \
             policy), then the policies of the role",
        ),
    ),
    (
        "AccessDenied",
        "",
        known(
            "this is not allowed to the key that signed",
            "compare method and key with `grants.*.methods` and `grants.*.dir`, then the policies of the role",
        ),
    ),
    (
        "AuthorizationArgumentError",
        "0002-00000236",
        known(
            "the URL is over",
            "ask for a new URL; its life is `expires` of the \
      request, at most `grants.*.max_expires`",
        ),
    ),
    (
        "AuthorizationArgumentError",
        "request has expired",
        known(
            "the URL is over",
            "ask for a new URL; its life is `expires` \
      of the request, at most `grants.*.max_expires`",
        ),
    ),
    (
        "AuthorizationArgumentError",
        "0002-00000232",
        known("`x-oss-expires` is not 1 to 604,800 seconds", "ask for a life of seven days at most"),
    ),
    ("AuthorizationArgumentError", "", known("a parameter of the signature is missing, empty or malformed", URL)),
    ("InvalidArgument", "0002-00000226", known("the request was signed for another region than the bucket's", REGION)),
    (
        "InvalidArgument",
        "0002-00000227",
        known("the request was signed for another product than `oss`", "a bucket in a cloud box is not supported"),
    ),
    (
        "InvalidArgument",
        "0002-00000005",
        known(
            "the token of a signed URL came in a header",
            "leave `x-oss-security-token` out of the headers: the URL carries it",
        ),
    ),
    ("InvalidArgument", "0002-00000702", known("the form has a signature and no policy", FORM)),
    ("InvalidArgument", "0002-00000703", known("the form has no signature", FORM)),
    ("InvalidArgument", "0002-00000704", known("the form's signature is empty", FORM)),
    ("InvalidArgument", "0002-00000706", known("the form has no key id", FORM)),
    ("InvalidArgument", "0002-00000710", known("the form's `x-oss-credential` is malformed", FORM)),
    ("InvalidArgument", "specified 'key'", known("the form has no `key`, or its `file` stands before it", FORM)),
    (
        "InvalidArgument",
        "",
        known("an argument of the request is wrong; the answer names it", "compare it with what was handed out"),
    ),
    ("InvalidPolicyDocument", "0006-00000213", known("the form is over", "ask `/post-signature` again")),
    (
        "InvalidPolicyDocument",
        "",
        known("the form's policy is damaged", "send the field `policy` just as `/post-signature` gave it"),
    ),
    ("MalformedPOSTRequest", "", known("the form is not well-formed", "let `FormData` write the body")),
    (
        "RequestIsNotMultiPartContent",
        "",
        known(
            "the form is not multipart/form-data",
            "send a `FormData` object, and set no Content-Type: the browser writes it with its boundary",
        ),
    ),
    (
        "IncorrectNumberOfFilesInPOSTRequest",
        "",
        known("the form has no file, or several", "send one form for each file, with the file in `file`"),
    ),
    ("FieldItemTooLong", "", known("a field of the form is too long", FORM)),
    (
        "EntityTooLarge",
        "",
        known("the file is larger than what was signed", "send a file within `grants.*.max_size`, or raise it"),
    ),
    (
        "EntityTooSmall",
        "",
        known(
            "the file is smaller than what was signed, or a part that is not the last has less than 100 KB",
            "send a file of at least `grants.*.min_size`, or parts of 100 KB and more",
        ),
    ),
    (
        "AccessForbidden",
        "",
        known(
            "the bucket's CORS rules do not let this page do this",
            "set the rule that `oss-vend check` prints: OSS console, the bucket, Content Security, Cross-Origin Resource \
             Sharing",
        ),
    ),
    ("NoSuchBucket", "", known("there is no such bucket", "compare `grants.*.bucket` with the OSS console")),
    (
        "NoSuchKey",
        "",
        known("there is no such object", "compare the key, letter by letter: it begins with `grants.*.dir`"),
    ),
    (
        "NoSuchUpload",
        "",
        known("the multipart upload was completed or aborted, or a lifecycle rule ended it", "begin the upload anew"),
    ),
    ("NoSuchCORSConfiguration", "", known("the bucket has no CORS rule", "set the rule that `oss-vend check` prints")),
    ("NoSuchLifecycle", "", known("the bucket has no lifecycle rule", "set the rule that `oss-vend check` prints")),
    (
        "FileAlreadyExists",
        "",
        known("the object exists, and overwriting was forbidden", "take another key, or leave `forbidOverwrite` out"),
    ),
    (
        "InvalidDigest",
        "",
        known("the body is not the one whose Content-MD5 was said", "compute it over the bytes that are sent"),
    ),
    ("InvalidPart", "", known("a part is missing or its ETag is another", "let the bucket's CORS rule expose `ETag`")),
    ("InvalidPartOrder", "", known("the parts are not in ascending order", "sort them by number")),
    ("InvalidBucketName", "", known("this is no name of a bucket", "correct `grants.*.bucket`")),
    (
        "InvalidObjectName",
        "",
        known("this is no key", "a key has 1 to 1,023 bytes and begins with neither \"/\" nor \"\\\""),
    ),
    ("MissingContentLength", "", known("the body's length was not said", "send it whole, not in chunks")),
    (
        "SecondLevelDomainForbidden",
        "",
        known("OSS wants the bucket before the host, not in the path", "correct `grants.*.endpoint`, or leave it out"),
    ),
    (
        "NonStandardHostForbidden",
        "",
        known(
            "the host is bound to no bucket",
            "bind the domain of `grants.*.public_host` to the bucket in the OSS console",
        ),
    ),
    ("UserDisable", "", known("the account is disabled, mostly for unpaid bills", "settle it in the console")),
    ("BucketDisable", "", known("the bucket is disabled", "ask the cloud's support")),
    ("InvalidObjectState", "", known("the object is archived", "restore it first")),
    (
        "CallbackFailed",
        "",
        known(
            "the object is stored, but the callback to your server failed",
            "answer within 5 s with status 200, a JSON body and its Content-Length",
        ),
    ),
    ("MethodNotAllowed", "", known("OSS has no such method here", URL)),
    ("PreconditionFailed", "", known("a condition such as If-Match does not hold", "read the object's head again")),
    ("InternalError", "", known("OSS failed", "try again after a moment")),
    ("ServiceUnavailable", "", known("OSS is busy or throttles the account", "try again later and more slowly")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_particular_is_found_before_the_general() {
        for (at, (code, sign, _)) in ROWS.iter().enumerate() {
            let hidden =
                ROWS[..at].iter().any(|(earlier, other, _)| earlier == code && (other.is_empty() || other == sign));
            assert!(!hidden, "{code} {sign:?} is never reached");
            assert_eq!(*sign, sign.to_ascii_lowercase());
        }
        let endpoint = "The bucket you are attempting to access must be addressed using the specified endpoint.";
        assert_eq!(known_of_oss("AccessDenied", None, endpoint).unwrap().change, REGION);
        assert_eq!(known_of_oss("NewCode", Some("0003-00000001"), ""), None);
    }
}
