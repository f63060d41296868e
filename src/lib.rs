//! `oss-vend` stands between a web page and Alibaba Cloud OSS: it holds the only long-lived secret, asks STS for
//! short-lived credentials, and hands each caller just enough to upload or download directly.
//!
//! # The map
//!
//! A room is a module at the top level. An arrow is an import; there are no others, and `tests/it/map.rs` holds them.
//!
//! | room | imports | what it is for |
//! |---|---|---|
//! | [`clock`], [`keys`] | – | the time; secrets and what carries them |
//! | [`signing`] | `keys` | turns key, time and request into a signature; pure |
//! | [`caller`] | `keys` | a proof becomes a caller |
//! | [`policy`] | `caller` | may this caller have this; pure |
//! | [`access_key`] | `keys`, `clock` | where the AccessKey comes from |
//! | [`sts`] | `keys`, `signing` | `AssumeRole` on the wire |
//! | [`replicas`] | `keys` | what the replicas of one server share through Redis; knows no session |
//! | [`vault`] | `keys`, `policy`, `sts`, `access_key`, `clock`, `replicas` | the live session key of each session |
//! | [`audit`] | – | who got what, as lines of JSON, written behind the requests |
//! | [`limits`] | – | how often one may ask; pure but for its counts |
//! | [`config`] | `caller`, `policy`, `vault`, `sts`, `access_key`, `keys`, `limits`, `audit`, `replicas` | reads files and environment, alone in doing so |
//! | [`api`] | `caller`, `policy`, `vault`, `signing`, `keys`, `limits`, `clock`, `audit` | routes, answers, problems |
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
pub mod clock;
pub mod config;
pub mod dev;
pub mod emulator;
pub mod keys;
pub mod limits;
pub mod policy;
pub mod replicas;
pub mod server;
pub mod signing;
pub mod sts;
pub mod vault;
pub mod web;
