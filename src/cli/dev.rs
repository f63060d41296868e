//! `oss-vend dev`: everything on this machine, with no cloud account.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use oss_vend::clock::SystemClock;
use oss_vend::dev::{Addresses, Dev, Options};
use serde_json::json;

use super::{Outcome, block_on, ended, stop_signals};

/// Start the server, an emulated STS and OSS, and a demo page, all on this machine.
///
/// The emulator checks every signature, policy, size and expiry as the cloud does. It knows only its own keys and calls
/// nothing but the upload callbacks that are ordered, on this machine.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the server and the demo page listen; port 0 takes any.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    listen: String,
    /// Where the emulated OSS listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
    oss_listen: String,
    /// Where the emulated STS listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9001")]
    sts_listen: String,
    /// Where /metrics, /healthz and /readyz are to be had too.
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<String>,
    /// Keep objects in this folder; in memory without it.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Serve the pages of this folder too.
    #[arg(long, value_name = "DIR")]
    static_dir: Option<PathBuf>,
    /// Print the bound addresses as one line of JSON, for programs.
    #[arg(long)]
    print_json: bool,
    /// Serve also where other machines reach the listener: anyone can use the emulated bucket.
    #[arg(long)]
    insecure_allow_anonymous: bool,
    /// Let emulated upload callbacks go to other machines too; without it they go to this one alone.
    #[arg(long)]
    callbacks_anywhere: bool,
    /// Let pages of this origin, such as http://localhost:5173, order emulated upload callbacks too; can be repeated.
    #[arg(long = "callback-origin", value_name = "ORIGIN")]
    callback_origins: Vec<String>,
}

pub(super) fn run(arguments: Arguments) -> Outcome {
    block_on(async {
        let print_json = arguments.print_json;
        let dev = Dev::bind(options(arguments), Arc::new(SystemClock::new())).await?;
        let text = if print_json { as_json(dev.addresses()) } else { greeting(dev.addresses()) };
        writeln!(stdout(), "{text}")?;
        stdout().flush()?;
        let [stop, stop_at_once] = stop_signals()?;
        ended(dev.run(async { drop(stop.await) }), stop_at_once).await
    })
}

fn options(arguments: Arguments) -> Options {
    let Arguments {
        listen,
        oss_listen,
        sts_listen,
        admin_listen,
        data_dir,
        static_dir,
        print_json: _,
        insecure_allow_anonymous,
        callbacks_anywhere,
        callback_origins,
    } = arguments;
    Options {
        listen,
        oss_listen,
        sts_listen,
        admin_listen,
        data_dir,
        static_dir,
        insecure: insecure_allow_anonymous,
        callbacks_anywhere,
        callback_origins,
        ..Options::default()
    }
}

fn as_json(addresses: Addresses) -> String {
    let Addresses { server, admin, oss, sts } = addresses;
    let url = |address| format!("http://{address}");
    json!({ "server": url(server), "oss": url(oss), "sts": url(sts), "admin": admin.map(url) }).to_string()
}

fn greeting(addresses: Addresses) -> String {
    let Addresses { server, admin, oss, sts } = addresses;
    let admin = admin.map_or_else(String::new, |admin| format!("\n  metrics         http://{admin}/metrics"));
    format!(
        "\
oss-vend dev: a server and an emulated cloud, on this machine alone

  the demo page   http://{server}/
  emulated OSS    http://{oss}   bucket examplebucket, region cn-hangzhou
  emulated STS    http://{sts}{admin}

Try it from another terminal:

  # temporary credentials for the directory uploads/
  curl -s 'http://{server}/sts'
  # a signed URL, and an upload through it
  curl -X PUT -H 'Content-Type: text/plain' --data-binary 'hello' \"$(curl -s -H 'Accept: text/plain' 'http://{server}/presigned-url?key=uploads/hello.txt&contentType=text/plain')\"
  # the same object back, through a signed URL of its own
  curl \"$(curl -s -H 'Accept: text/plain' 'http://{server}/presigned-url?key=uploads/hello.txt&method=GET')\"
"
    )
}
