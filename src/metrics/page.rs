//! The text that Prometheus reads (`OpenMetrics` 1.0), written by the library of its own project.

use std::fmt;

use chrono::{DateTime, Utc};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::histogram::Distribution;

/// The labels of one sample: names and values.
pub type Labels = Vec<(&'static str, String)>;

/// What the names of our own metrics begin with; those of the process have names of their own everywhere.
const PREFIX: &str = "oss_vend";
const PROCESS: &str = "process";

/// The families of metrics, gathered for one reading.
#[derive(Debug, Default)]
pub struct Page(Vec<Family>);

#[derive(Debug)]
struct Family {
    prefix: &'static str,
    name: &'static str,
    help: &'static str,
    kind: Kind,
    samples: Vec<(Labels, Value)>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

#[derive(Debug)]
enum Value {
    Number(f64),
    Count(u64),
    Distribution(Distribution),
    Info,
}

impl Page {
    /// The media type of the text.
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// A count of events since the start; `_total` is put behind its name.
    pub fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) {
        let samples = samples.into_iter().map(|(labels, count)| (labels, Value::Count(count)));
        self.add(PREFIX, name, help, Kind::Counter, samples);
    }

    /// A sum of seconds since the start; `_total` is put behind its name.
    pub fn seconds(&mut self, name: &'static str, help: &'static str, seconds: f64) {
        self.add(PREFIX, name, help, Kind::Counter, [(vec![], Value::Number(seconds))]);
    }

    /// A value that goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, samples: impl IntoIterator<Item = (Labels, f64)>) {
        let samples = samples.into_iter().map(|(labels, number)| (labels, Value::Number(number)));
        self.add(PREFIX, name, help, Kind::Gauge, samples);
    }

    /// How long things take.
    pub fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        samples: impl IntoIterator<Item = (Labels, Distribution)>,
    ) {
        let samples = samples.into_iter().map(|(labels, lengths)| (labels, Value::Distribution(lengths)));
        self.add(PREFIX, name, help, Kind::Histogram, samples);
    }

    /// What is told by its labels; `_info` is put behind its name.
    pub fn info(&mut self, name: &'static str, help: &'static str, labels: Labels) {
        self.add(PREFIX, name, help, Kind::Info, [(labels, Value::Info)]);
    }

    pub(super) fn process_gauge(&mut self, name: &'static str, help: &'static str, number: f64) {
        self.add(PROCESS, name, help, Kind::Gauge, [(vec![], Value::Number(number))]);
    }

    pub(super) fn process_counter(&mut self, name: &'static str, help: &'static str, number: f64) {
        self.add(PROCESS, name, help, Kind::Counter, [(vec![], Value::Number(number))]);
    }

    /// The text. A family without samples is left out.
    ///
    /// # Panics
    /// Never: writing into memory does not fail.
    #[must_use]
    pub fn render(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        text::encode(&mut text, &registry).expect("memory takes what is written");
        text
    }

    fn add(
        &mut self,
        prefix: &'static str,
        name: &'static str,
        help: &'static str,
        kind: Kind,
        samples: impl IntoIterator<Item = (Labels, Value)>,
    ) {
        self.0.push(Family { prefix, name, help, kind, samples: samples.into_iter().collect() });
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for family in self.0.iter().filter(|family| !family.samples.is_empty()) {
            let name = format!("{}_{}", family.prefix, family.name);
            family.encode(encoder.encode_descriptor(&name, family.help, None, family.metric_type())?)?;
        }
        Ok(())
    }
}

impl EncodeMetric for Family {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (labels, value) in &self.samples {
            match value {
                Value::Info => encoder.encode_info(labels)?,
                value if labels.is_empty() => write(&mut encoder, self.kind, value)?,
                value => write(&mut encoder.encode_family(labels)?, self.kind, value)?,
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        match self.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
            Kind::Info => MetricType::Info,
        }
    }
}

/// A count as a value.
#[expect(clippy::cast_precision_loss, reason = "exact up to nine thousand million million")]
#[must_use]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// A moment as Prometheus has it: seconds of Unix time.
#[expect(clippy::cast_precision_loss, reason = "milliseconds are exact for longer than there are computers")]
#[must_use]
pub fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp_millis() as f64 / 1000.0
}

fn write(encoder: &mut MetricEncoder<'_>, kind: Kind, value: &Value) -> Result<(), fmt::Error> {
    match (value, kind) {
        (Value::Count(count), _) => encoder.encode_counter::<NoLabelSet, u64, f64>(count, None),
        (Value::Number(number), Kind::Counter) => encoder.encode_counter::<NoLabelSet, f64, f64>(number, None),
        (Value::Number(number), _) => encoder.encode_gauge(number),
        (Value::Distribution(lengths), _) => {
            encoder.encode_histogram::<NoLabelSet>(lengths.seconds(), lengths.count(), &lengths.buckets(), None)
        }
        (Value::Info, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_label_stays_in_it() {
        let mut page = Page::default();
        page.gauge("a", "Text", [(vec![("b", "\"}\n\\".to_owned())], 1.5)]);
        page.gauge("absent", "Text", []);
        assert_eq!(
            page.render(),
            "# HELP oss_vend_a Text\n# TYPE oss_vend_a gauge\noss_vend_a{b=\"\\\"}\\n\\\\\"} 1.5\n# EOF\n"
        );
    }
}
