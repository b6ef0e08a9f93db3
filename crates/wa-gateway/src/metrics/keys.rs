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
use crate::current::Current;
use crate::metrics::table::{
    Described, IN_FLIGHT, KEY_LAST_OPENED, KEY_OPENED, KEY_STATE, KEYS, LOG_LINES_DROPPED,
};
use crate::routes::Routes;

/// Collects the metrics of the current endpoints.
#[derive(Debug)]
pub(crate) struct EndpointKeys(pub(crate) Current<Routes>);

impl Collector for EndpointKeys {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let routes = self.0.get();
        let keys: Vec<(&str, Vec<KeyUse>)> = routes
            .all()
            .map(|route| (route.name(), route.endpoint().ring().keys()))
            .collect();

        let mut counters = describe(&mut encoder, &KEY_OPENED, MetricType::Counter)?;
        for (labels, key) in keys.iter().flat_map(labelled) {
            ConstCounter::new(key.opened).encode(counters.encode_family(&labels)?)?;
        }
        let mut gauges = describe(&mut encoder, &KEY_LAST_OPENED, MetricType::Gauge)?;
        for (labels, key) in keys.iter().flat_map(labelled) {
            let since = key
                .last_opened
                .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
            let seconds = since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
            ConstGauge::new(seconds).encode(gauges.encode_family(&labels)?)?;
        }
        let mut gauges = describe(&mut encoder, &KEY_STATE, MetricType::Gauge)?;
        for ([endpoint, fingerprint], key) in keys.iter().flat_map(labelled) {
            let labels = [endpoint, fingerprint, ("state", key.state.to_string())];
            ConstGauge::new(1).encode(gauges.encode_family(&labels)?)?;
        }
        let mut gauges = describe(&mut encoder, &KEYS, MetricType::Gauge)?;
        for (endpoint, keys) in &keys {
            let labels = [("endpoint", (*endpoint).to_owned())];
            let count = i64::try_from(keys.len()).unwrap_or(i64::MAX);
            ConstGauge::new(count).encode(gauges.encode_family(&labels)?)?;
        }
        let mut gauges = describe(&mut encoder, &IN_FLIGHT, MetricType::Gauge)?;
        for route in routes.all() {
            let labels = [("endpoint", route.name().to_owned())];
            let in_flight = i64::try_from(route.endpoint().in_flight()).unwrap_or(i64::MAX);
            ConstGauge::new(in_flight).encode(gauges.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for DroppedLogLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counter = describe(&mut encoder, &LOG_LINES_DROPPED, MetricType::Counter)?;
        ConstCounter::new(self.count()).encode(counter)
    }
}

type Labels = [(&'static str, String); 2];

fn labelled<'a>((endpoint, keys): &'a (&str, Vec<KeyUse>)) -> impl Iterator<Item = (Labels, &'a KeyUse)> {
    keys.iter().map(move |key| {
        let labels = [
            ("endpoint", (*endpoint).to_owned()),
            ("fingerprint", key.fingerprint.to_string()),
        ];
        (labels, key)
    })
}

fn describe<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    described: &Described,
    kind: MetricType,
) -> Result<prometheus_client::encoding::MetricEncoder<'a>, fmt::Error> {
    encoder.encode_descriptor(described.name, described.help, None, kind)
}
