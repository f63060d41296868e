//! The server as its users meet it: real sockets, the embedded cloud behind, a clock that is moved by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod access_keys;
mod attacks;
mod audit;
mod callers;
mod check;
mod classic;
mod connections;
mod cors;
mod credentials;
mod diagnosis;
mod downloads;
mod endurance;
mod errors;
mod forms;
mod grants;
mod health;
mod limits;
mod map;
mod metrics;
mod outages;
mod properties;
mod reload;
mod rules;
mod stampede;
mod start;
mod support;
mod tls;
mod uploads;
mod urls;
