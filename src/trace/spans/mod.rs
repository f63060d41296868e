//! Spans for a collector of OpenTelemetry: of what is rare, or what those who called record too.
//!
//! They are told when they are over, so that a request of which none is wanted pays nothing. Without the feature `otel`
//! nothing here does anything, and [`Spans::to`] says so.

#[cfg(feature = "otel")]
mod otlp;

#[cfg(feature = "otel")]
use std::sync::Arc;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::Context;

/// Where spans go, if anywhere.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    #[cfg(feature = "otel")]
    exporter: Option<Arc<otlp::Exporter>>,
}

/// Why spans cannot go anywhere.
#[derive(Clone, Debug, Error)]
pub enum NoExporter {
    /// This program was built without the feature.
    #[error("this program was built without spans; build it with --features otel")]
    NotBuilt,
    /// The library refuses.
    #[error("spans cannot be sent: {0}")]
    Refused(String),
}

/// Something that was done.
#[derive(Debug)]
pub struct Span<'s> {
    /// What, in few words: never a path or an id of a client's.
    pub name: String,
    /// Whether it was asked of us, rather than by us.
    pub of_server: bool,
    /// When it began.
    pub began: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// What it belongs to.
    pub context: &'s Context,
    /// Why it failed, as a stable code, if it did.
    pub failed: Option<&'s str>,
    /// What else is known, by the names of OpenTelemetry where there are such.
    pub attributes: Vec<(&'static str, String)>,
}

impl Spans {
    /// To the collector at `endpoint`, an address without a path. Nothing is sent yet.
    #[cfg(feature = "otel")]
    pub fn to(endpoint: &str) -> Result<Self, NoExporter> {
        Ok(Self { exporter: Some(Arc::new(otlp::Exporter::to(endpoint)?)) })
    }

    /// This program was built without.
    #[cfg(not(feature = "otel"))]
    pub fn to(_endpoint: &str) -> Result<Self, NoExporter> {
        Err(NoExporter::NotBuilt)
    }

    /// Whether a request is told of: one that failed, or one that those who called record.
    #[cfg(feature = "otel")]
    #[must_use]
    pub fn want(&self, context: &Context, failed: bool) -> bool {
        self.exporter.is_some() && (failed || context.trace.is_some_and(|trace| trace.is_sampled()))
    }

    /// None is.
    #[cfg(not(feature = "otel"))]
    #[must_use]
    pub fn want(&self, _context: &Context, _failed: bool) -> bool {
        false
    }

    /// Tells of `span` behind the work: it waits in memory, bounded, and is dropped where the collector cannot follow.
    #[cfg(feature = "otel")]
    pub fn tell(&self, span: Span<'_>) {
        if let Some(exporter) = &self.exporter {
            exporter.tell(span);
        }
    }

    /// Does nothing.
    #[cfg(not(feature = "otel"))]
    pub fn tell(&self, _span: Span<'_>) {}
}
