//! Placeholder.

pub mod clock;
pub mod keys;
