//! Processing on read (`x-oss-process`): an allow-list of operations with checked parameters.
//!
//! OSS processes with the rights of the signature, not of the caller: `hls/sign` signs every object that a playlist
//! names, `image/watermark,image_…` draws any object of the bucket, and `sys/saveas` writes one. So a text is read into
//! known operations, each with known parameters, and everything else is refused.
//!
//! Grammar: operations of one family are separated by `/` behind the family (`image/resize,w_200/rotate,90`), their
//! parameters by `,`, and whole chains by `|`.

mod operations;
mod shape;

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use self::operations::{OPERATIONS, Operation};

/// The operations that a grant allows where its configuration does not say: none of them reads or writes another object.
pub const DEFAULT_OPERATIONS: [&str; 17] = [
    "image/resize",
    "image/crop",
    "image/circle",
    "image/rounded-corners",
    "image/indexcrop",
    "image/rotate",
    "image/auto-orient",
    "image/format",
    "image/quality",
    "image/interlace",
    "image/bright",
    "image/contrast",
    "image/sharpen",
    "image/blur",
    "image/info",
    "image/average-hue",
    "image/watermark",
];

/// The longest text in bytes: beyond it a URL would pass the limits of common proxies.
const MAX_BYTES: usize = 1_024;
/// The longest name of a style in bytes.
const MAX_STYLE: usize = 64;

/// A processing text of which every operation is allowed by a grant and every parameter is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Process<'a>(&'a str);

impl<'a> Process<'a> {
    /// The value of `x-oss-process`.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// Why a text is not signed as processing.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum InvalidProcess {
    /// It is empty or too long.
    #[error("is 1 to 1,024 bytes long")]
    Length,
    /// An operation is unknown, or the grant does not list it.
    #[error("names the operation {0:?}, which this grant does not allow")]
    Operation(String),
    /// A parameter of an allowed operation is unknown.
    #[error("gives {operation} the parameter {parameter:?}, which is not allowed")]
    Parameter {
        /// The operation, such as `image/watermark`.
        operation: &'static str,
        /// The parameter as it was sent.
        parameter: String,
    },
}

/// The operations that a grant allows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Processing {
    operations: BTreeSet<&'static str>,
    styles: BTreeSet<String>,
}

/// Why an entry of `process.allow` cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "must be an operation such as \"image/resize\", \"video/snapshot\" or \"style/thumbnail\"; {entry:?} is none that can be allowed"
)]
pub struct InvalidOperation {
    entry: String,
}

impl Processing {
    /// Reads the entries of an allow-list; an error names the index of the entry.
    pub fn new<T: AsRef<str>>(allow: &[T]) -> Result<Self, (usize, InvalidOperation)> {
        let mut processing = Self { operations: BTreeSet::new(), styles: BTreeSet::new() };
        for (index, entry) in allow.iter().map(AsRef::as_ref).enumerate() {
            if let Some(operation) = OPERATIONS.iter().find(|operation| operation.name == entry) {
                processing.operations.insert(operation.name);
            } else if let Some(style) = entry.strip_prefix("style/").filter(|style| is_style(style)) {
                processing.styles.insert(style.to_owned());
            } else {
                return Err((index, InvalidOperation { entry: entry.to_owned() }));
            }
        }
        Ok(processing)
    }

    /// Reads `unverified`, all of whose operations and parameters have to be allowed.
    pub fn check<'a>(&self, unverified: &'a str) -> Result<Process<'a>, InvalidProcess> {
        if !(1..=MAX_BYTES).contains(&unverified.len()) {
            return Err(InvalidProcess::Length);
        }
        unverified.split('|').try_for_each(|chain| self.check_chain(chain))?;
        Ok(Process(unverified))
    }

    fn check_chain(&self, chain: &str) -> Result<(), InvalidProcess> {
        let refused = |operation: &str| InvalidProcess::Operation(operation.to_owned());
        let (family, operations) = chain.split_once('/').ok_or_else(|| refused(chain))?;
        if family == "style" {
            return if self.styles.contains(operations) { Ok(()) } else { Err(refused(chain)) };
        }
        for text in operations.split('/') {
            let mut parts = text.split(',');
            let name = parts.next().unwrap_or_default();
            let operation = self.operation(family, name).ok_or_else(|| refused(&format!("{family}/{name}")))?;
            operation.check(parts)?;
        }
        Ok(())
    }

    fn operation(&self, family: &str, name: &str) -> Option<&'static Operation> {
        let named = |operation: &&Operation| operation.name.split_once('/') == Some((family, name));
        OPERATIONS.iter().find(named).filter(|operation| self.operations.contains(operation.name))
    }
}

impl Default for Processing {
    fn default() -> Self {
        Self { operations: DEFAULT_OPERATIONS.into_iter().collect(), styles: BTreeSet::new() }
    }
}

impl Display for Processing {
    /// `image/resize, style/thumbnail`, or `nothing`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let styles = self.styles.iter().map(|style| format!("style/{style}"));
        let names: Vec<_> = self.operations.iter().map(|name| (*name).to_owned()).chain(styles).collect();
        f.write_str(if names.is_empty() { "nothing" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

fn is_style(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=MAX_STYLE).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests;
