//! `oss-vend openapi`: the contract, for those who generate clients.

use std::io::{Write, stdout};

use clap::Args;
use oss_vend::api::openapi::document;

use super::Outcome;

/// Print the OpenAPI 3.1 document of the HTTP API, which a running server has at /openapi.json.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) fn run(Arguments {}: &Arguments) -> Outcome {
    writeln!(stdout(), "{}", serde_json::to_string_pretty(&document())?)?;
    Ok(())
}
