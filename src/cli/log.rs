//! Where events go: standard error, as text on a terminal and as JSON lines elsewhere.
//!
//! Each line of a request has its id and, where `traceparent` told of one, its trace; each line of a load of a session
//! key has the load's own id beside that of the request that began it. The ids are not fields of spans, which every
//! request would pay for, but are asked for when there is a line to write.

use std::fmt;
use std::io::{IsTerminal, stderr};

use clap::ValueEnum;
use oss_vend::config::Environment;
use oss_vend::trace::{self, Context};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{self, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// What is logged where nothing is said.
const DEFAULT: &str = "info";

/// How lines look.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Format {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Starts the log; the error names whose filter it is that cannot be read.
pub(super) fn start(filter: Option<&str>, format: Format) -> Result<(), String> {
    let environment = Environment::of_process();
    let (from, filter) = match (filter, environment.log_filter()) {
        (Some(filter), _) => ("--log", filter),
        (None, Some(filter)) => ("OSS_VEND_LOG", filter),
        (None, None) => ("--log", DEFAULT),
    };
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("{from}: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    // Whoever reads the log may go away; a request must not fail for it, and there is nowhere else to complain.
    let builder = builder.log_internal_errors(false);
    let terminal = stderr().is_terminal();
    if matches!(format, Format::Json) || (matches!(format, Format::Auto) && !terminal) {
        let lines = Lines { inner: format::format().json().flatten_event(true), json: true };
        builder.fmt_fields(JsonFields::new()).event_format(lines).init();
    } else {
        let lines = Lines { inner: format::format().with_target(false).with_ansi(terminal), json: false };
        builder.event_format(lines).init();
    }
    Ok(())
}

/// Lines as the library writes them, with what they belong to at their end.
struct Lines<F> {
    inner: F,
    json: bool,
}

impl<S, N, F> FormatEvent<S, N> for Lines<F>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        match trace::current() {
            None => self.inner.format_event(context, writer, event),
            Some(of) => self.format_of(&of, context, writer, event),
        }
    }
}

impl<F> Lines<F> {
    fn format_of<S, N>(
        &self,
        of: &Context,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
        N: for<'w> FormatFields<'w> + 'static,
        F: FormatEvent<S, N>,
    {
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        let line = line.trim_end_matches('\n');
        if !self.json {
            return writeln!(writer, "{line}{}", fields(of, |name, value| format!(" {name}={value}")));
        }
        let line = line.strip_suffix('}').unwrap_or(line);
        writeln!(writer, "{line}{}}}", fields(of, |name, value| format!(",\"{name}\":\"{value}\"")))
    }
}

/// The ids are of characters that neither text nor JSON has to escape.
fn fields(of: &Context, write: impl Fn(&str, &str) -> String) -> String {
    let trace_id = of.trace.map(|trace| write("trace_id", &trace.trace_id().to_string()));
    let load = of.load.map(|load| write("load", &load.to_string()));
    let parts = [Some(write("request_id", &of.request_id)), trace_id, load];
    parts.into_iter().flatten().collect()
}
