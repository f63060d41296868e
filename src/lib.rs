//! Placeholder.

pub mod clock;
pub mod emulator;
pub mod keys;
