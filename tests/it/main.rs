//! The server as its users meet it: real sockets, the embedded cloud behind, a clock that is moved by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by a panic")]

mod access_keys;
mod attacks;
mod audit;
mod callers;
mod check;
mod classic;
mod clock;
mod connections;
mod cors;
mod credentials;
mod dev_callbacks;
mod diagnosis;
mod downloads;
mod endurance;
mod errors;
mod form_fields;
mod forms;
mod grants;
mod health;
mod hosts;
mod isolation;
mod limits;
mod map;
mod metrics;
mod outages;
mod parameters;
mod properties;
mod reload;
mod rules;
mod slow_sts;
mod stampede;
mod start;
mod static_files;
mod support;
mod tls;
mod uploads;
mod urls;
