//! Placeholder.

pub mod access_key;
pub mod clock;
pub mod keys;
pub mod sts;
