//! Who signed a request: from its raw head, or from the fields of a posted form, to an [`Identity`] or a refusal.
//!
//! Order of the checks: form of the claim, key and token, time, scope, signature. An unknown key is told first, as OSS does.

mod acs3;
mod canonical;
mod credential;
mod holder;
mod mac;
mod post;
mod request;
mod rpc;
#[cfg(test)]
mod sample;
mod subresource;
mod v1;
mod v4;
#[cfg(test)]
mod vectors;

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};

use self::request::Request;
use super::account::{Accounts, Identity};
use super::error::OssError;

pub(crate) use self::acs3::authenticate_acs3;
pub(crate) use self::post::authenticate_form;
pub(crate) use self::rpc::authenticate_rpc;

/// The head of a request as it came.
pub(crate) struct WireRequest<'a> {
    pub(crate) method: &'a str,
    /// The path before the question mark, still encoded.
    pub(crate) raw_path: &'a str,
    /// What follows the first question mark, still encoded; empty when there is none.
    pub(crate) raw_query: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// What a request addresses, decoded. Signatures cover these, whatever the host and path look like.
pub(crate) struct Target<'a> {
    pub(crate) bucket: Option<&'a str>,
    pub(crate) key: Option<&'a str>,
}

/// Who signed a call to STS, by a signature that may be used once.
pub(crate) struct Signed {
    pub(crate) identity: Identity,
    pub(crate) nonce: String,
}

/// Finds who signed a request to OSS.
pub(crate) fn authenticate(
    accounts: &Accounts,
    wire: &WireRequest<'_>,
    target: &Target<'_>,
    region: &str,
    now: DateTime<Utc>,
) -> Result<Identity, OssError> {
    let request = Request::new(wire, target)?;
    let authorization = request.header("authorization")?;
    match scheme(authorization.as_deref(), &request)? {
        Scheme::V4Header(claim) => v4::from_header(accounts, &request, claim, region, now),
        Scheme::V1Header(claim) => v1::from_header(accounts, &request, claim, now),
        Scheme::V4Query => v4::from_query(accounts, &request, region, now),
        Scheme::V1Query => v1::from_query(accounts, &request, now),
        Scheme::None => Ok(Identity::Anonymous),
    }
}

enum Scheme<'a> {
    V4Header(&'a str),
    V1Header(&'a str),
    V4Query,
    V1Query,
    None,
}

fn scheme<'a>(authorization: Option<&'a str>, request: &Request<'_>) -> Result<Scheme<'a>, OssError> {
    let in_query = query_scheme(request);
    let Some(authorization) = authorization else {
        return Ok(in_query);
    };
    let refused = |message| Err(OssError::invalid_argument("Authorization", "", message));
    if !matches!(in_query, Scheme::None) {
        return refused("Only one of the header and the query may be signed.");
    }
    match authorization.split_once(' ') {
        Some((v4::ALGORITHM, claim)) => Ok(Scheme::V4Header(claim)),
        Some(("OSS", claim)) => Ok(Scheme::V1Header(claim)),
        _ => refused("Unsupported authorization type."),
    }
}

fn query_scheme(request: &Request<'_>) -> Scheme<'static> {
    let any = |names: &[&str]| names.iter().any(|name| request.query.contains(name));
    if any(&["x-oss-signature-version", "x-oss-signature"]) {
        Scheme::V4Query
    } else if any(&["Signature", "OSSAccessKeyId", "Expires"]) {
        Scheme::V1Query
    } else {
        Scheme::None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::sample::Sample;

    #[test]
    fn a_request_without_any_signature_is_anonymous() {
        let identity = Sample::new("GET", "prefix=a", &[]).sent().unwrap();
        assert_eq!(identity.access_key_id(), None);
    }

    #[test]
    fn two_signatures_or_an_unknown_scheme_are_refused() {
        for (query, authorization) in [
            ("Expires=1", "OSS a:b"),
            ("x-oss-signature=1", "OSS a:b"),
            ("", "OSS2 a:b"),
            ("", "Bearer x"),
            ("", "OSS"),
        ] {
            let sample = Sample::new("GET", query, &[("authorization", authorization)]);
            assert_eq!(sample.code(), "InvalidArgument", "{query} {authorization}");
        }
    }

    #[test]
    fn a_repeated_authorization_header_is_refused() {
        let mut sample = Sample::new("GET", "", &[("authorization", "OSS a:b")]);
        sample.headers.append("authorization", "OSS a:b".parse().unwrap());
        assert_eq!(sample.code(), "InvalidArgument");
    }

    proptest! {
        #[test]
        fn no_request_makes_the_door_panic(
            scheme in "(OSS |OSS4-HMAC-SHA256 |)",
            claim in "[ -~]{0,80}",
            query in ".{0,80}",
            parameters in "((Expires|Signature|OSSAccessKeyId|x-oss-date|x-oss-expires|x-oss-credential)=[ -~]{0,12}&){0,6}",
            date in "[ -~]{0,30}",
        ) {
            let mut sample = Sample::new("PUT", &query, &[]);
            sample.set("authorization", &format!("{scheme}{claim}"));
            sample.set("x-oss-date", &date);
            let _ = sample.sent();
            sample.headers.remove("authorization");
            sample.query = parameters;
            let _ = sample.sent();
        }
    }
}
