//! The README holds: what it shows is run, loaded or compared here; its pages are run by `tests/js/browser/readme.test.mjs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod account;
mod answers;
mod check;
mod configurations;
mod readme;
mod shell;
mod support;
mod tables;
