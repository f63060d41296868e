//! Reads the vectors; `make/README.md` says what they hold and how they are made.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;

/// One request as an official SDK signed it.
#[derive(Deserialize)]
pub(crate) struct Vector {
    pub(crate) id: String,
    pub(crate) credentials: Credentials,
    pub(crate) context: Context,
    pub(crate) request: Wire,
    pub(crate) expected: Expected,
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) access_key_secret: String,
    pub(crate) security_token: Option<String>,
}

/// What was asked for, decoded.
#[derive(Deserialize)]
pub(crate) struct Context {
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) product: Option<String>,
    pub(crate) now: i64,
    pub(crate) expires_in: Option<u32>,
}

/// What goes over the wire, without `Authorization`.
#[derive(Deserialize)]
pub(crate) struct Wire {
    pub(crate) method: String,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) body: String,
}

#[derive(Deserialize)]
pub(crate) struct Expected {
    pub(crate) canonical_request: Option<String>,
    pub(crate) string_to_sign: String,
    pub(crate) signature: String,
    pub(crate) authorization: Option<String>,
    pub(crate) signed_url: Option<String>,
    pub(crate) policy: Option<String>,
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, String>,
}

impl Wire {
    /// The query parameters, decoded; a `+` is a space.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        decoded(self.url.split_once('?').map_or("", |(_, query)| query))
    }

    /// The value of the only header called `name`.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = found.next()?;
        assert!(found.next().is_none(), "{name} occurs twice");
        Some(&value.1)
    }
}

/// The vectors of `scheme`, of which there are some.
pub(crate) fn read(scheme: &str) -> Vec<Vector> {
    #[derive(Deserialize)]
    struct Document {
        vectors: Vec<Vector>,
    }
    let path = format!("{}/tests/vectors/{scheme}.json", env!("CARGO_MANIFEST_DIR"));
    let document: Document = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(!document.vectors.is_empty());
    document.vectors
}

/// The pairs of a query or of a form, decoded.
pub(crate) fn decoded(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// The same pairs, borrowed.
pub(crate) fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
