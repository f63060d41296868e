//! Placeholder.

pub mod clock;
pub mod keys;
pub mod web;
