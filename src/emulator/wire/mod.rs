//! From the bytes on the wire to decoded names and values, and back to the one canonical spelling.

mod fields;
mod head;
mod percent;
mod query;

pub(crate) use self::fields::FormFields;
pub(crate) use self::head::{only, values};
pub(crate) use self::percent::{decode, encode, encode_path};
pub(crate) use self::query::Query;
