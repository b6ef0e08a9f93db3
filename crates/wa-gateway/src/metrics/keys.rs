//! Metrics collected at scrape time: the keys of the endpoints, exchanges in flight, dropped log lines.

use std::fmt;
use std::time::SystemTime;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use wa_flows::KeyUse;

use crate::config::DroppedLogLines;
use crate::metrics::table::{
    Described, IN_FLIGHT, KEY_LAST_OPENED, KEY_OPENED, KEY_STATE, KEYS, LOG_LINES_DROPPED,
};

/// An endpoint at the time of a scrape.
#[derive(Debug)]
pub(crate) struct EndpointState {
    pub(crate) name: String,
    pub(crate) keys: Vec<KeyUse>,
    pub(crate) in_flight: usize,
}

/// Collects the metrics of the current endpoints.
pub(super) struct Endpoints<F>(pub(super) F);

impl<F: Fn() -> Vec<EndpointState> + Send + Sync + 'static> Collector for Endpoints<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let endpoints = (self.0)();
        let mut counters = describe(&mut encoder, &KEY_OPENED, MetricType::Counter)?;
        for (labels, key) in endpoints.iter().flat_map(labelled) {
            ConstCounter::new(key.opened).encode(counters.encode_family(&labels)?)?;
        }
        let mut gauges = describe(&mut encoder, &KEY_LAST_OPENED, MetricType::Gauge)?;
        for (labels, key) in endpoints.iter().flat_map(labelled) {
            ConstGauge::new(seconds(key.last_opened)).encode(gauges.encode_family(&labels)?)?;
        }
        let mut gauges = describe(&mut encoder, &KEY_STATE, MetricType::Gauge)?;
        for ([endpoint, fingerprint], key) in endpoints.iter().flat_map(labelled) {
            let labels = [endpoint, fingerprint, ("state", key.state.to_string())];
            ConstGauge::new(1).encode(gauges.encode_family(&labels)?)?;
        }
        let mut gauges = describe(&mut encoder, &KEYS, MetricType::Gauge)?;
        for endpoint in &endpoints {
            let labels = [("endpoint", endpoint.name.clone())];
            ConstGauge::new(count(endpoint.keys.len())).encode(gauges.encode_family(&labels)?)?;
        }
        let mut gauges = describe(&mut encoder, &IN_FLIGHT, MetricType::Gauge)?;
        for endpoint in &endpoints {
            let labels = [("endpoint", endpoint.name.clone())];
            ConstGauge::new(count(endpoint.in_flight)).encode(gauges.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl<F> fmt::Debug for Endpoints<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoints")
    }
}

impl Collector for DroppedLogLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counter = describe(&mut encoder, &LOG_LINES_DROPPED, MetricType::Counter)?;
        ConstCounter::new(self.count()).encode(counter)
    }
}

type Labels = [(&'static str, String); 2];

fn labelled(endpoint: &EndpointState) -> impl Iterator<Item = (Labels, &KeyUse)> {
    endpoint.keys.iter().map(move |key| {
        let labels = [
            ("endpoint", endpoint.name.clone()),
            ("fingerprint", key.fingerprint.to_string()),
        ];
        (labels, key)
    })
}

pub(super) fn describe<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    described: &Described,
    kind: MetricType,
) -> Result<prometheus_client::encoding::MetricEncoder<'a>, fmt::Error> {
    encoder.encode_descriptor(described.name, described.help, None, kind)
}

/// Returns a time in seconds since 1970, 0 if there was none.
pub(super) fn seconds(time: Option<SystemTime>) -> i64 {
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
