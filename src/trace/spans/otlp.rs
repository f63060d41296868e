//! Spans on their way to a collector, by OTLP over HTTP.

use std::thread;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    TracerProvider,
};
use opentelemetry::{Context as Parent, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use reqwest::redirect::Policy;

use super::{NoExporter, Span};
use crate::trace::TraceParent;

/// The longest that a collector may take; spans are sent by a thread that has nothing else to do.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Exporter {
    tracer: SdkTracer,
    /// Sends what is left when it is dropped.
    _provider: SdkTracerProvider,
}

impl Exporter {
    pub(super) fn to(endpoint: &str) -> Result<Self, NoExporter> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client()?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .map_err(refused)?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            // What comes here is wanted, whether those who called record it or not.
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(Resource::builder().with_service_name("oss-vend").with_attribute(version).build())
            .build();
        Ok(Self { tracer: provider.tracer("oss-vend"), _provider: provider })
    }

    pub(super) fn tell(&self, span: Span<'_>) {
        let parent =
            span.context.trace.map_or_else(Parent::new, |trace| Parent::new().with_remote_span_context(remote(trace)));
        let ids = [
            ("oss_vend.request_id", Some(span.context.request_id.to_string())),
            ("oss_vend.load", span.context.load.map(|load| load.to_string())),
            ("error.type", span.failed.map(str::to_owned)),
        ];
        let ids = ids.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let attributes = span.attributes.into_iter().chain(ids).map(|(name, value)| KeyValue::new(name, value));
        let mut told = SpanBuilder::from_name(span.name)
            .with_kind(if span.of_server { SpanKind::Server } else { SpanKind::Client })
            .with_start_time(SystemTime::from(span.began))
            .with_attributes(attributes)
            .start_with_context(&self.tracer, &parent);
        if let Some(code) = span.failed {
            told.set_status(Status::error(code.to_owned()));
        }
        told.end_with_timestamp(span.ended.into());
    }
}

/// A client that blocks must not be made on a thread that answers requests.
fn client() -> Result<reqwest::blocking::Client, NoExporter> {
    let build = || reqwest::blocking::Client::builder().redirect(Policy::none()).timeout(PATIENCE).build();
    let built = thread::spawn(build).join().map_err(|_| NoExporter::Refused("TLS cannot be set up".to_owned()))?;
    built.map_err(refused)
}

fn refused(error: impl std::fmt::Display) -> NoExporter {
    NoExporter::Refused(error.to_string())
}

fn remote(trace: TraceParent) -> SpanContext {
    let (trace_id, parent) = (TraceId::from_bytes(trace.trace_bytes()), SpanId::from_bytes(trace.parent_bytes()));
    let flags = if trace.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    SpanContext::new(trace_id, parent, flags, true, TraceState::default())
}
