//! From the bytes on the wire to decoded names and values, and back to the one canonical spelling.

mod authorization;
mod fields;
mod head;
mod percent;
mod query;
mod time;

pub(crate) use self::authorization::Authorization;
pub(crate) use self::fields::FormFields;
pub(crate) use self::head::{only, values};
pub(crate) use self::percent::{decode, encode, encode_path};
pub(crate) use self::query::Query;
pub(crate) use self::time::{compact, http_date, http_date_value, iso8601, to_http_date, to_iso8601};
