//! The order of the proofs.

use std::future::ready;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::Either;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::Map;

use super::api_key::{self, KnownApiKey};
use super::forward::Forward;
use super::jwt::{self, InvalidToken, Issuer, UnverifiedToken};
use super::proof::{Proof, text};
use super::proxy::TrustedProxy;
use super::remembered::{Digest, digest};
use super::{Caller, ClaimNames, Unauthenticated};

/// Decides who sent a request.
#[derive(Debug, Default)]
pub struct Authenticator {
    /// Whether a request without any proof is served, as [`Caller::anonymous`].
    pub anonymous: bool,
    /// The API keys that are known, by their hashes.
    pub api_keys: Vec<KnownApiKey>,
    /// Those whose JWTs are believed, each with an `iss` of its own.
    pub issuers: Vec<Issuer>,
    /// The application that is asked.
    pub forward: Option<Forward>,
    /// The proxy whose word counts.
    pub proxy: Option<TrustedProxy>,
    /// The origins, besides our own, whose pages may use cookies.
    pub origins: Vec<String>,
    /// The claims that the issuers and the application are told to keep.
    pub kept: Arc<ClaimNames>,
}

impl Authenticator {
    /// Whether anybody can prove to be somebody here.
    #[must_use]
    pub fn knows_callers(&self) -> bool {
        self.takes_bearer() || self.forward.is_some() || self.proxy.is_some()
    }

    /// Whether an `Authorization: Bearer …` can prove anything here.
    #[must_use]
    pub fn takes_bearer(&self) -> bool {
        !self.api_keys.is_empty() || !self.issuers.is_empty() || self.passes_authorization()
    }

    /// The caller that `proof` speaks for.
    pub fn authenticate<'p>(
        &'p self,
        proof: &'p Proof<'p>,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Caller, Unauthenticated>> + Send + 'p {
        match self.at_once(proof, now) {
            Ok(Step::Known(caller)) => Either::Left(ready(Ok(caller))),
            // A box, lest every request has room for what only a new proof needs.
            Ok(Step::Open(question)) => Either::Right(Box::pin(self.answer(question, proof, now))),
            Err(refused) => Either::Left(ready(Err(refused))),
        }
    }

    /// Decides as far as nobody has to be asked and no signature to be checked.
    fn at_once<'p>(&'p self, proof: &Proof<'p>, now: DateTime<Utc>) -> Result<Step<'p>, Unauthenticated> {
        if let Some(proxy) = &self.proxy
            && let Some(caller) = proxy.identify(proof, &self.origins)?
        {
            return Ok(Step::Known(caller));
        }
        if let Some(unverified) = proof.only(&AUTHORIZATION)? {
            return self.authorization(unverified, now);
        }
        if let Some((cookie, unverified)) = self.token_in_cookie(proof)? {
            let token = Token { unverified, digest: digest(unverified), cookie: Some(cookie) };
            let known = self.issuers_for(&token).find_map(|issuer| issuer.remembers(&token.digest, now));
            return Ok(known.map_or(Step::Open(Question::Token(token)), Step::Known));
        }
        if self.forward.is_some() {
            return Ok(Step::Open(Question::Forward(None)));
        }
        self.without_proof().map(Step::Known)
    }

    fn authorization<'p>(&self, unverified: &'p HeaderValue, now: DateTime<Utc>) -> Result<Step<'p>, Unauthenticated> {
        let unverified = text(unverified);
        let refused = match bearer_token(unverified) {
            None => Unauthenticated::UnknownKind,
            Some(bearer) => {
                let token = Token { unverified: bearer, digest: digest(bearer), cookie: None };
                if let Some(caller) = self.known(&token.digest, now) {
                    return Ok(Step::Known(caller));
                }
                if !self.issuers.is_empty() && UnverifiedToken::is_like(bearer) {
                    return Ok(Step::Open(Question::Token(token)));
                }
                if bearer.starts_with(api_key::PREFIX) || self.issuers.is_empty() {
                    Unauthenticated::UnknownApiKey
                } else {
                    InvalidToken::Malformed.into()
                }
            }
        };
        if self.passes_authorization() && !is_api_key(unverified) {
            return Ok(Step::Open(Question::Forward(Some(refused))));
        }
        Err(refused)
    }

    /// Whose API key has this digest, or whose token that was verified a short while ago.
    fn known(&self, digest: &Digest, now: DateTime<Utc>) -> Option<Caller> {
        let holder = api_key::identify(&self.api_keys, digest).map(|id| Caller::known(id, Map::new()));
        holder.or_else(|| self.issuers.iter().find_map(|issuer| issuer.remembers(digest, now)))
    }

    /// What takes its time.
    async fn answer(
        &self,
        question: Question<'_>,
        proof: &Proof<'_>,
        now: DateTime<Utc>,
    ) -> Result<Caller, Unauthenticated> {
        match question {
            Question::Token(token) => {
                jwt::identify(self.issuers_for(&token), token.unverified, token.digest, now).await
            }
            Question::Forward(refused) => match (self.forwarded(proof, now).await?, refused) {
                (Some(caller), _) => Ok(caller),
                (None, Some(refused)) => Err(refused),
                (None, None) => self.without_proof(),
            },
        }
    }

    fn without_proof(&self) -> Result<Caller, Unauthenticated> {
        if self.anonymous { Ok(Caller::anonymous()) } else { Err(Unauthenticated::NoProof) }
    }

    /// Those who may have issued `token`: all, or those whose tokens come in this cookie.
    fn issuers_for(&self, token: &Token<'_>) -> impl Iterator<Item = &Issuer> {
        let cookie = token.cookie;
        self.issuers.iter().filter(move |issuer| cookie.is_none() || issuer.cookie() == cookie)
    }

    /// The cookie that is there of those that may carry a token, and what it holds.
    fn token_in_cookie<'p>(&'p self, proof: &Proof<'p>) -> Result<Option<(&'p str, &'p str)>, Unauthenticated> {
        for name in self.issuers.iter().filter_map(Issuer::cookie) {
            if let Some(unverified) = proof.cookie(name)? {
                let trusted = proof.is_of_trusted_page(&self.origins)?;
                return trusted.then_some(Some((name, unverified))).ok_or(Unauthenticated::Origin);
            }
        }
        Ok(None)
    }

    async fn forwarded(&self, proof: &Proof<'_>, now: DateTime<Utc>) -> Result<Option<Caller>, Unauthenticated> {
        let Some(forward) = &self.forward else { return Ok(None) };
        match forward.passed(proof, &self.origins)? {
            Some(passed) => forward.ask(passed, now).await.map(Some),
            None => Ok(None),
        }
    }

    fn passes_authorization(&self) -> bool {
        self.forward.as_ref().is_some_and(|forward| forward.passes(&AUTHORIZATION))
    }
}

/// How far one gets at once.
enum Step<'p> {
    Known(Caller),
    Open(Question<'p>),
}

/// What is to be asked or checked.
enum Question<'p> {
    /// Is this token right?
    Token(Token<'p>),
    /// Does the application know who this is? If it is not asked about such a proof, it is refused for the reason given.
    Forward(Option<Unauthenticated>),
}

/// A token as it came.
struct Token<'p> {
    unverified: &'p str,
    digest: Digest,
    /// The cookie that it came in, if it did.
    cookie: Option<&'p str>,
}

/// Whether `unverified` is an API key of ours, which is no business of the application's.
fn is_api_key(unverified: &str) -> bool {
    bearer_token(unverified).is_some_and(|token| token.starts_with(api_key::PREFIX))
}

/// The token of `Bearer <token>`; the scheme's name has no case (RFC 9110 §11.1).
fn bearer_token(unverified: &str) -> Option<&str> {
    let (scheme, token) = unverified.split_once(' ')?;
    let token = token.trim_matches(' ');
    // A loop without a way out looks at many bytes at once, if what it adds up is no larger than they are.
    let spaces = || token.bytes().fold(0, |found, byte| found | u8::from(byte == b' '));
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && spaces() == 0).then_some(token)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::caller::{ApiKey, Duplicate};

    async fn authenticate(authenticator: &Authenticator, authorization: &[&str]) -> Result<Caller, Unauthenticated> {
        let mut headers = HeaderMap::new();
        for text in authorization {
            headers.append(AUTHORIZATION, HeaderValue::from_str(text).unwrap());
        }
        let proof = Proof { unverified_headers: &headers, authority: None, peer: None };
        authenticator.authenticate(&proof, DateTime::UNIX_EPOCH).await
    }

    fn office() -> (Authenticator, String) {
        let (key, known) = ApiKey::new_for("supplier-b");
        (Authenticator { anonymous: true, api_keys: vec![known], ..Authenticator::default() }, key.expose().to_owned())
    }

    #[tokio::test]
    async fn a_known_api_key_is_its_caller() {
        let (authenticator, key) = office();
        let caller = authenticate(&authenticator, &[&format!("bearer {key}")]).await.unwrap();
        assert_eq!(caller.id(), Some("supplier-b"));
    }

    #[tokio::test]
    async fn a_wrong_proof_never_falls_through_to_anonymous() {
        let (authenticator, key) = office();
        for (text, expected) in [
            ("Bearer ovk_wrong", Unauthenticated::UnknownApiKey),
            ("Bearer a.b.c", Unauthenticated::UnknownApiKey),
            ("Basic dXNlcjpwYXNz", Unauthenticated::UnknownKind),
            ("Bearer", Unauthenticated::UnknownKind),
            ("", Unauthenticated::UnknownKind),
            (&format!("Bearer {key} {key}"), Unauthenticated::UnknownKind),
        ] {
            assert_eq!(authenticate(&authenticator, &[text]).await, Err(expected), "{text}");
        }
        let twice = Unauthenticated::Duplicate(Duplicate::Header("authorization".into()));
        assert_eq!(authenticate(&authenticator, &[format!("Bearer {key}").as_str(); 2]).await, Err(twice));
    }

    #[tokio::test]
    async fn nobody_is_served_only_where_nobody_is_welcome() {
        assert_eq!(authenticate(&office().0, &[]).await, Ok(Caller::anonymous()));
        assert_eq!(authenticate(&Authenticator::default(), &[]).await, Err(Unauthenticated::NoProof));
    }
}
