//! `oss-vend` stands between a web page and Alibaba Cloud OSS: it holds the only long-lived secret, asks STS for
//! short-lived credentials, and hands each caller just enough to upload or download directly.
//!
//! # The map
//!
//! A room is a module at the top level. An arrow is an import; there are no others, and `tests/it/map.rs` holds them.
//!
//! | room | imports | what it is for |
//! |---|---|---|
//! | [`clock`], [`json`] | – | the time; texts as JSON has them |
//! | [`keys`] | `json` | secrets and what carries them |
//! | [`metrics`] | – | what is counted of the process, and the text in which Prometheus reads it |
//! | [`trace`] | – | which request a line of the log belongs to |
//! | [`signing`] | `keys`, `json` | turns key, time and request into a signature; pure |
//! | [`caller`] | `keys`, `trace` | a proof becomes a caller |
//! | [`policy`] | `caller`, `json` | may this caller have this; pure |
//! | [`sts`] | `keys`, `signing` | `AssumeRole` on the wire |
//! | [`access_key`] | `keys`, `clock`, `sts` | where the AccessKey comes from; some are roles that STS gives |
//! | [`replicas`] | `keys` | what the replicas of one server share through Redis; knows no session |
//! | [`vault`] | `keys`, `policy`, `sts`, `access_key`, `clock`, `metrics`, `trace`, `replicas` | the live session key of each session |
//! | [`audit`] | `json` | who got what, as lines of JSON, written behind the requests |
//! | [`limits`] | – | how often one may ask; pure but for its counts |
//! | [`config`] | `caller`, `policy`, `vault`, `sts`, `access_key`, `keys`, `limits`, `audit`, `replicas` | reads files and environment, alone in doing so |
//! | [`api`] | `caller`, `policy`, `vault`, `signing`, `keys`, `limits`, `clock`, `audit`, `metrics`, `trace`, `json` | routes, answers, problems |
//! | [`diagnose`] | `sts`, `signing` | what an error of OSS or STS means; pure |
//! | [`check`] | `config`, `policy`, `caller`, `access_key`, `sts`, `signing`, `keys`, `clock`, `diagnose` | is the cloud side right: asks it, step by step |
//! | [`web`] | – | the demo page and the browser module |
//! | [`emulator`] | – | STS and OSS that check everything; shares no code with the rest |
//! | [`server`], [`dev`], `cli` | all | what is started |
//!
//! A request walks a short way: [`api`] reads it, [`caller`] says who asks, [`limits`] says how often they may,
//! [`policy`] says what they may have, [`vault`] has the session key, [`signing`] signs, [`api`] answers.

pub mod access_key;
pub mod api;
pub mod audit;
pub mod caller;
pub mod check;
pub mod clock;
pub mod config;
pub mod dev;
pub mod diagnose;
pub mod emulator;
pub mod json;
pub mod keys;
pub mod limits;
pub mod metrics;
pub mod policy;
pub mod replicas;
pub mod server;
pub mod signing;
pub mod sts;
pub mod trace;
pub mod vault;
pub mod web;
