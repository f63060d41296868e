//! Placeholder.

pub mod access_key;
pub mod clock;
pub mod keys;
pub mod signing;
pub mod sts;
