//! A session and its key in bytes, as they are sealed for other replicas.

use chrono::DateTime;
use zeroize::Zeroizing;

use crate::keys::{AccessKey, Secret, SessionKey};
use crate::policy::Session;

/// Everything that decides what a load returns, each part with its length: the key of an entry of the vault, in bytes.
pub(super) fn context(session: &Session, opener: &AccessKey) -> Vec<u8> {
    let (role, policy, duration) = (session.role(), session.policy(), session.duration().to_string());
    let parts = [
        Some(opener.id.as_str()),
        Some(&role.arn),
        Some(session.name()),
        policy.as_deref(),
        Some(&duration),
        role.external_id.as_deref(),
        role.source_identity.as_deref(),
    ];
    let mut context = Vec::new();
    for part in parts {
        context.push(u8::from(part.is_some()));
        write(&mut context, part.unwrap_or_default());
    }
    context
}

/// A session key in bytes; the buffer never grows, so no copy of a secret is left behind.
pub(super) fn plain(key: &SessionKey) -> Zeroizing<Vec<u8>> {
    let AccessKey { id, secret, .. } = &key.access_key;
    let (issued, expiration) =
        (key.issued.timestamp_millis().to_string(), key.expiration.timestamp_millis().to_string());
    let parts = [id, secret.expose(), key.token().expose(), &issued, &expiration];
    let length = parts.iter().map(|part| 4 + part.len()).sum();
    let mut plain = Zeroizing::new(Vec::with_capacity(length));
    for part in parts {
        write(&mut plain, part);
    }
    plain
}

/// The session key in `plain`, if that is one and nothing else.
pub(super) fn key(plain: &[u8]) -> Option<SessionKey> {
    let mut rest = plain;
    let [id, secret, token, issued, expiration] = [(); 5].map(|()| read(&mut rest));
    let moment = |text: Option<&str>| DateTime::from_timestamp_millis(text?.parse().ok()?);
    let access_key = AccessKey { id: id?.to_owned(), secret: Secret::new(secret?), token: Some(Secret::new(token?)) };
    rest.is_empty().then_some(SessionKey::new(access_key, moment(issued)?, moment(expiration)?))
}

fn write(bytes: &mut Vec<u8>, part: &str) {
    bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(part.as_bytes());
}

fn read<'b>(bytes: &mut &'b [u8]) -> Option<&'b str> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *bytes = rest;
    std::str::from_utf8(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Role;

    fn opener(id: &str) -> AccessKey {
        AccessKey { id: id.into(), secret: Secret::new("x"), token: None }
    }

    fn session(change: impl FnOnce(&mut Role)) -> Session {
        let mut role = Role::from("acs:ram::1:role/r");
        change(&mut role);
        Session::new(role, "ab", 3600)
    }

    #[test]
    fn sessions_that_differ_in_anything_have_different_contexts() {
        let plain = session(|_| {});
        let sessions = [
            plain.clone(),
            plain.clone().named("abc".into()),
            session(|role| role.arn.push('a')),
            plain.with_policy(""),
            plain.with_policy("b"),
            plain.clone().lasting(900),
            session(|role| role.external_id = Some("b".into())),
            session(|role| role.source_identity = Some("b".into())),
        ];
        let mut contexts: Vec<_> = sessions.iter().map(|session| context(session, &opener("LTAI"))).collect();
        contexts.push(context(&plain, &opener("LTAI2")));
        assert_eq!(contexts.iter().collect::<std::collections::HashSet<_>>().len(), contexts.len());
    }

    #[test]
    fn a_key_comes_back_as_it_was_and_nothing_else_is_one() {
        let access_key =
            AccessKey { id: "STS.x".into(), secret: Secret::new("hush"), token: Some(Secret::new("token/+=")) };
        let [issued, expiration] =
            [1_767_225_600_123, 1_767_229_200_000].map(|at| DateTime::from_timestamp_millis(at).unwrap());
        let plain = plain(&SessionKey::new(access_key, issued, expiration));
        assert_eq!(plain.capacity(), plain.len());
        let back = key(&plain).unwrap();
        assert_eq!(
            (back.access_key.id.as_str(), back.access_key.secret.expose(), back.token().expose()),
            ("STS.x", "hush", "token/+=")
        );
        assert_eq!((back.issued, back.expiration), (issued, expiration));
        for length in 0..plain.len() {
            assert!(key(&plain[..length]).is_none());
        }
        assert!(key(&[&plain[..], b"x"].concat()).is_none());
    }
}
