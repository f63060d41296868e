//! The README and the pages of `docs/` hold: what they show is run, loaded or compared here; the README's HTML is run by
//! `tests/js/browser/readme.test.mjs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod account;
mod answers;
mod check;
mod configurations;
mod costs;
mod observability;
mod openapi;
mod pages;
mod promql;
mod ram;
mod security;
mod shell;
mod support;
mod tables;
mod translation;
mod unmarked;
