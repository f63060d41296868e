//! Where the AccessKey that calls STS comes from.

use std::sync::Arc;

use thiserror::Error;

use crate::keys::AccessKey;

/// The source of the AccessKey. Ask it before each call to STS: a source may renew its key.
#[derive(Debug)]
pub struct AccessKeys(Source);

#[derive(Debug)]
enum Source {
    Fixed(Arc<AccessKey>),
}

/// Why there is no AccessKey to call STS with. No source that exists today can fail.
#[derive(Debug, Error)]
pub enum AccessKeyError {}

impl AccessKeys {
    /// The one key that the configuration gave; it never changes.
    #[must_use]
    pub fn fixed(access_key: AccessKey) -> Self {
        Self(Source::Fixed(Arc::new(access_key)))
    }

    /// The key to call STS with now.
    #[expect(clippy::unused_async, reason = "callers already await what sources that renew their key will need")]
    pub async fn current(&self) -> Result<Arc<AccessKey>, AccessKeyError> {
        match &self.0 {
            Source::Fixed(access_key) => Ok(Arc::clone(access_key)),
        }
    }

    /// What kind of source it is, for `/readyz` and the log.
    #[must_use]
    pub fn source(&self) -> &'static str {
        match self.0 {
            Source::Fixed(_) => "configuration",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Secret;

    fn keys() -> AccessKeys {
        AccessKeys::fixed(AccessKey { id: "LTAIexample".into(), secret: Secret::new("hush"), token: None })
    }

    #[tokio::test]
    async fn a_fixed_key_is_always_the_same_one() {
        let keys = keys();
        let (first, second) = (keys.current().await.unwrap(), keys.current().await.unwrap());
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(first.id, "LTAIexample");
        assert_eq!(keys.source(), "configuration");
    }

    #[test]
    fn debug_does_not_show_the_secret() {
        assert!(!format!("{:?}", keys()).contains("hush"));
    }
}
