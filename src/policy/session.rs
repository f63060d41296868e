//! The input of one `AssumeRole`.

use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Everything that decides what `AssumeRole` returns; the vault compares it whole.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Session {
    /// `acs:ram::<account>:role/<name>`.
    pub role_arn: Arc<str>,
    /// `RoleSessionName`, which the account's audit trail shows.
    pub name: Arc<str>,
    /// The inline policy; absent, the session has all rights of the role.
    pub policy: Option<Arc<str>>,
    /// `DurationSeconds`, 900 to 43,200.
    pub duration: u32,
    /// `ExternalId`, where the role's trust policy asks for one.
    pub external_id: Option<Arc<str>>,
    /// `SourceIdentity`, which sticks to the session through role chaining.
    pub source_identity: Option<Arc<str>>,
}

/// The longest session name that every version of STS takes (the newer text allows 64).
const MAX_SESSION_NAME: usize = 32;

/// A legal `RoleSessionName` that says `text` as well as it can: what does not fit is replaced and cut, and a piece of
/// its SHA-256 then keeps two callers apart.
#[must_use]
pub fn session_name(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".@_-".contains(c);
    if (2..=MAX_SESSION_NAME).contains(&text.len()) && text.chars().all(fits) {
        return text.to_owned();
    }
    let digest = const_hex::encode(&Sha256::digest(text.as_bytes())[..4]);
    let readable = text.chars().map(|c| if fits(c) { c } else { '-' }).take(MAX_SESSION_NAME - digest.len() - 1);
    format!("{}-{digest}", readable.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legal_name_stays_and_others_stay_apart() {
        assert_eq!(session_name("oss-vend.u42@x_y"), "oss-vend.u42@x_y");
        let (one, two) = (session_name("a=b"), session_name("a:b"));
        assert!(one.starts_with("a-b-") && two.starts_with("a-b-") && one != two);
        for text in ["", "a", &"x".repeat(200), "测试"] {
            let name = session_name(text);
            assert!((2..=MAX_SESSION_NAME).contains(&name.len()), "{name}");
        }
    }
}
