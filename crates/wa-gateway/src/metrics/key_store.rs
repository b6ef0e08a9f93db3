//! Metrics of the key store, collected at scrape time. Without a key store there are none.

use std::fmt;
use std::time::SystemTime;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::metrics::keys::{count, describe, seconds};
use crate::metrics::table::{
    Described, KEY_SET_EVENT, KEY_SET_OLDER, KEY_SET_UNOPENED, KEY_STORE_LAST_READ, KEY_STORE_RECORDED,
    KEY_STORE_UP,
};

/// The key store at the time of a scrape.
#[derive(Debug)]
pub(crate) struct KeyStoreState {
    pub(crate) is_reachable: bool,
    pub(crate) is_recorded: bool,
    pub(crate) last_read: Option<SystemTime>,
    pub(crate) sets: Vec<KeySetState>,
}

/// A key set that is followed.
#[derive(Debug)]
pub(crate) struct KeySetState {
    pub(crate) name: String,
    pub(crate) last_event: u64,
    pub(crate) unopened: usize,
    pub(crate) is_older: bool,
}

/// Returns the value of a metric of a key set.
type OfSet = fn(&KeySetState) -> i64;

/// Collects the metrics of the key store in use.
pub(super) struct KeyStore<F>(pub(super) F);

impl<F: Fn() -> Option<KeyStoreState> + Send + Sync + 'static> Collector for KeyStore<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(state) = (self.0)() else {
            return Ok(());
        };
        let single: [(&Described, i64); 3] = [
            (&KEY_STORE_UP, state.is_reachable.into()),
            (&KEY_STORE_RECORDED, state.is_recorded.into()),
            (&KEY_STORE_LAST_READ, seconds(state.last_read)),
        ];
        for (described, value) in single {
            ConstGauge::new(value).encode(describe(&mut encoder, described, MetricType::Gauge)?)?;
        }
        let of_sets: [(&Described, OfSet); 3] = [
            (&KEY_SET_EVENT, |set| {
                i64::try_from(set.last_event).unwrap_or(i64::MAX)
            }),
            (&KEY_SET_UNOPENED, |set| count(set.unopened)),
            (&KEY_SET_OLDER, |set| set.is_older.into()),
        ];
        for (described, value) in of_sets {
            let mut gauges = describe(&mut encoder, described, MetricType::Gauge)?;
            for set in &state.sets {
                let labels = [("set", set.name.clone())];
                ConstGauge::new(value(set)).encode(gauges.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

impl<F> fmt::Debug for KeyStore<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyStore")
    }
}
