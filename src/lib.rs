//! Placeholder.

pub mod caller;
pub mod clock;
pub mod keys;
pub mod policy;
