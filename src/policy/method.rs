//! What a grant lets its callers do, and the RAM actions that each needs.

use std::fmt::{self, Display, Formatter};

use serde::Deserialize;

/// One thing that a grant may allow.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Method {
    /// Take temporary credentials, good for the other methods of the grant.
    Sts = 1,
    /// Upload by a signed form.
    Post = 1 << 1,
    /// Upload by a signed URL.
    Put = 1 << 2,
    /// Read an object.
    Get = 1 << 3,
    /// Read an old version of an object.
    GetVersion = 1 << 4,
    /// Read an object's head.
    Head = 1 << 5,
    /// Delete an object.
    Delete = 1 << 6,
    /// List the directory, with temporary credentials.
    List = 1 << 7,
}

impl Method {
    /// Every method, in the order in which the documentation lists them.
    pub const ALL: [Self; 8] =
        [Self::Sts, Self::Post, Self::Put, Self::Get, Self::GetVersion, Self::Head, Self::Delete, Self::List];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Post => "post",
            Self::Put => "put",
            Self::Get => "get",
            Self::GetVersion => "get-version",
            Self::Head => "head",
            Self::Delete => "delete",
            Self::List => "list",
        }
    }

    /// The RAM actions on objects that it needs. A multipart upload can be listed and aborted by whoever may upload,
    /// else a page could neither resume nor clean up; `HeadObject` is `oss:GetObject` to RAM.
    const fn object_actions(self) -> &'static [&'static str] {
        match self {
            Self::Sts | Self::List => &[],
            Self::Post | Self::Put => &["oss:PutObject", "oss:AbortMultipartUpload", "oss:ListParts"],
            Self::Get | Self::Head => &["oss:GetObject"],
            Self::GetVersion => &["oss:GetObjectVersion"],
            Self::Delete => &["oss:DeleteObject"],
        }
    }
}

impl Display for Method {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of methods.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Methods(u8);

impl Methods {
    /// Whether `method` is one of them.
    #[must_use]
    pub const fn contains(self, method: Method) -> bool {
        self.0 & method as u8 != 0
    }

    /// Those that need rights in OSS: all but [`Method::Sts`].
    #[must_use]
    pub const fn on_data(self) -> Self {
        Self(self.0 & !(Method::Sts as u8))
    }

    /// Those that read an object.
    #[must_use]
    pub const fn reading(self) -> Self {
        Self(self.0 & (Method::Get as u8 | Method::GetVersion as u8 | Method::Head as u8))
    }

    /// The same without `method`.
    #[must_use]
    pub const fn without(self, method: Method) -> Self {
        Self(self.0 & !(method as u8))
    }

    /// Whether uploads by forms or URLs are among them.
    #[must_use]
    pub const fn upload(self) -> bool {
        self.contains(Method::Post) || self.contains(Method::Put)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The methods, in the order of [`Method::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Method> {
        Method::ALL.into_iter().filter(move |method| self.contains(*method))
    }

    /// The RAM actions on objects that they need, each once.
    pub(super) fn object_actions(self) -> Vec<&'static str> {
        let mut actions = Vec::new();
        for action in self.iter().flat_map(|method| method.object_actions().iter().copied()) {
            if !actions.contains(&action) {
                actions.push(action);
            }
        }
        actions
    }
}

impl FromIterator<Method> for Methods {
    fn from_iter<T: IntoIterator<Item = Method>>(methods: T) -> Self {
        Self(methods.into_iter().fold(0, |set, method| set | method as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for method in Method::ALL {
            assert_eq!(serde_json::from_value::<Method>(method.name().into()).unwrap(), method);
        }
    }

    #[test]
    fn actions_come_once_and_uploads_can_be_resumed() {
        let both: Methods = [Method::Put, Method::Post, Method::Head, Method::Get].into_iter().collect();
        assert_eq!(
            both.object_actions(),
            ["oss:PutObject", "oss:AbortMultipartUpload", "oss:ListParts", "oss:GetObject"]
        );
    }
}
