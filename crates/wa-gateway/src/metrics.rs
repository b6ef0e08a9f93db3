//! The metrics, and their text format.

mod key_store;
mod keys;
mod table;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric as Registrable, Registry};
use wa_flows::{ErrorNotification, ExchangeReport, FlowRequest, Refusal};

use crate::config::DroppedLogLines;
pub(crate) use key_store::{KeySetState, KeyStoreState};
pub(crate) use keys::EndpointState;
pub use table::metrics_reference;
use table::{Described, PREFIX};

use crate::upstream::OUTCOMES;

/// All metrics of a gateway.
pub(crate) struct Metrics {
    registry: Registry,
    exchanges: Family<ExchangeLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    total: Family<EndpointLabel, Histogram, Buckets>,
    decrypt: Family<EndpointLabel, Histogram, Buckets>,
    upstream: Family<EndpointLabel, Histogram, Buckets>,
    upstream_requests: Family<OutcomeLabels, Counter>,
    upstream_retries: Family<EndpointLabel, Counter>,
    error_notifications: Family<ErrorLabels, Counter>,
    repeats: Family<EndpointLabel, Counter>,
    replay_store_failures: Counter,
    shed: Family<ReasonLabel, Counter>,
    reloads: Family<ReloadLabels, Counter>,
    media: Family<ResultLabel, Counter>,
    not_found: Counter,
    revoked: Family<EndpointLabel, Gauge>,
    certificate: Family<NoLabels, Gauge>,
    pub(crate) handshakes: Counter,
    pub(crate) evicted: Counter,
    pub(crate) connections: Gauge,
}

/// The metrics of one endpoint, looked up once.
#[derive(Clone)]
pub(crate) struct EndpointMetrics {
    metrics: Arc<Metrics>,
    name: Arc<String>,
    total: Histogram,
    decrypt: Histogram,
    upstream: Histogram,
}

/// What was reloaded.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reload {
    Keys,
    Certificate,
    Configuration,
}

impl Reload {
    fn label(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Certificate => "certificate",
            Self::Configuration => "configuration",
        }
    }
}

/// Buckets in seconds, with bounds at WhatsApp's alert thresholds (1, 5 and 7) and its timeout (10).
const LONG: [f64; 15] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.0, 9.0, 10.0,
];
/// Buckets in seconds, finer around the 0.7 ms of a private key operation.
const SHORT: [f64; 10] = [
    0.0005, 0.00075, 0.001, 0.0015, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0,
];

#[derive(Clone)]
struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

impl Metrics {
    /// Creates the metrics. `endpoints` and `key_store` return what they show at the time of a scrape.
    pub(crate) fn new(
        endpoints: impl Fn() -> Vec<EndpointState> + Send + Sync + 'static,
        key_store: impl Fn() -> Option<KeyStoreState> + Send + Sync + 'static,
        dropped_lines: Option<DroppedLogLines>,
    ) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let long = || Family::new_with_constructor(Buckets(&LONG));
        let build: Family<VersionLabel, Gauge> = register(&mut registry, &table::BUILD, Family::default());
        build
            .get_or_create(&VersionLabel {
                version: env!("CARGO_PKG_VERSION"),
            })
            .set(1);
        registry.register_collector(Box::new(keys::Endpoints(endpoints)));
        registry.register_collector(Box::new(key_store::KeyStore(key_store)));
        if let Some(dropped_lines) = dropped_lines {
            registry.register_collector(Box::new(dropped_lines));
        }
        let metrics = Self {
            exchanges: register(&mut registry, &table::EXCHANGES, Family::default()),
            refusals: register(&mut registry, &table::REFUSALS, Family::default()),
            total: register(&mut registry, &table::TOTAL, long()),
            decrypt: register(
                &mut registry,
                &table::DECRYPT,
                Family::new_with_constructor(Buckets(&SHORT)),
            ),
            upstream: register(&mut registry, &table::UPSTREAM, long()),
            upstream_requests: register(&mut registry, &table::UPSTREAM_REQUESTS, Family::default()),
            upstream_retries: register(&mut registry, &table::UPSTREAM_RETRIES, Family::default()),
            error_notifications: register(&mut registry, &table::ERROR_NOTIFICATIONS, Family::default()),
            repeats: register(&mut registry, &table::REPEATS, Family::default()),
            replay_store_failures: register(&mut registry, &table::REPLAY_STORE_FAILURES, Counter::default()),
            evicted: register(&mut registry, &table::EVICTED, Counter::default()),
            shed: register(&mut registry, &table::SHED, Family::default()),
            reloads: register(&mut registry, &table::RELOADS, Family::default()),
            media: register(&mut registry, &table::MEDIA, Family::default()),
            certificate: register(&mut registry, &table::CERTIFICATE, Family::default()),
            handshakes: register(&mut registry, &table::HANDSHAKES, Counter::default()),
            revoked: register(&mut registry, &table::REVOKED, Family::default()),
            not_found: register(&mut registry, &table::NOT_FOUND, Counter::default()),
            connections: register(&mut registry, &table::CONNECTIONS, Gauge::default()),
            registry,
        };
        metrics.begin_at_zero();
        metrics
    }

    /// Creates every series with 0, so that an alert detects the first event.
    fn begin_at_zero(&self) {
        for what in [Reload::Keys, Reload::Certificate, Reload::Configuration] {
            for result in ["ok", "failed"] {
                self.reloads
                    .get_or_create(&ReloadLabels {
                        what: what.label(),
                        result,
                    })
                    .inc_by(0);
            }
        }
        for reason in ["exchanges", "connections"] {
            self.shed.get_or_create(&ReasonLabel { reason }).inc_by(0);
        }
        for result in ["ok", "bad_request", "refused", "failed"] {
            self.media.get_or_create(&ResultLabel { result }).inc_by(0);
        }
    }

    /// Returns all metrics in the `OpenMetrics` text format.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }

    pub(crate) fn shed_connection(&self) {
        self.shed
            .get_or_create(&ReasonLabel {
                reason: "connections",
            })
            .inc();
    }

    pub(crate) fn reloaded(&self, what: Reload, ok: bool) {
        self.reloads
            .get_or_create(&ReloadLabels {
                what: what.label(),
                result: if ok { "ok" } else { "failed" },
            })
            .inc();
    }

    pub(crate) fn not_found(&self) {
        self.not_found.inc();
    }

    /// Sets the number of fingerprints that the lists of an endpoint revoke.
    pub(crate) fn revoked_keys(&self, endpoint: &str, count: usize) {
        let label = EndpointLabel {
            endpoint: Arc::new(endpoint.to_owned()),
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.revoked.get_or_create(&label).set(count);
    }

    /// Removes the series of endpoints from before a reload.
    pub(crate) fn forget_revoked_keys(&self) {
        self.revoked.clear();
    }

    /// Sets the expiry of the certificate in seconds since 1970, if known. Without TLS the metric is absent,
    /// so that it causes no alert.
    pub(crate) fn certificate_until(&self, seconds: Option<u64>) {
        let Some(seconds) = seconds else {
            return self.certificate.clear();
        };
        let gauge = self.certificate.get_or_create_owned(&NoLabels {});
        gauge.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }

    pub(crate) fn media(&self, result: &'static str) {
        self.media.get_or_create(&ResultLabel { result }).inc();
    }
}

impl EndpointMetrics {
    pub(crate) fn new(metrics: &Arc<Metrics>, name: &str) -> Self {
        let name = Arc::new(name.to_owned());
        // Creates the series before the first event.
        metrics.upstream_retries.get_or_create_owned(&EndpointLabel {
            endpoint: Arc::clone(&name),
        });
        let label = EndpointLabel {
            endpoint: Arc::clone(&name),
        };
        metrics.repeats.get_or_create_owned(&label);
        let endpoint = Self {
            total: metrics.total.get_or_create_owned(&label),
            decrypt: metrics.decrypt.get_or_create_owned(&label),
            upstream: metrics.upstream.get_or_create_owned(&label),
            metrics: Arc::clone(metrics),
            name,
        };
        endpoint.begin_at_zero();
        endpoint
    }

    /// Creates every series of the endpoint with 0, so that an alert detects the first event.
    fn begin_at_zero(&self) {
        let metrics = &self.metrics;
        let endpoint = || Arc::clone(&self.name);
        let before = Refusal::ALL
            .into_iter()
            .filter(|refusal| may_precede_decryption(*refusal));
        let before = before.map(|refusal| ("unknown", refusal.status().as_u16()));
        let after = FlowRequest::LABELS
            .into_iter()
            .flat_map(|action| STATUSES_AFTER_DECRYPTION.map(|status| (action, status)));
        for (action, status) in before.chain(after) {
            let labels = ExchangeLabels {
                endpoint: endpoint(),
                action,
                status,
            };
            metrics.exchanges.get_or_create(&labels).inc_by(0);
        }
        for refusal in Refusal::ALL {
            let labels = RefusalLabels {
                endpoint: endpoint(),
                reason: refusal.label(),
            };
            metrics.refusals.get_or_create(&labels).inc_by(0);
        }
        for outcome in OUTCOMES {
            let labels = OutcomeLabels {
                endpoint: endpoint(),
                outcome,
            };
            metrics.upstream_requests.get_or_create(&labels).inc_by(0);
        }
        for error in ErrorNotification::LABELS {
            let labels = ErrorLabels {
                endpoint: endpoint(),
                error,
            };
            metrics.error_notifications.get_or_create(&labels).inc_by(0);
        }
        let label = EndpointLabel { endpoint: endpoint() };
        metrics.upstream_retries.get_or_create(&label).inc_by(0);
    }

    /// Records a completed exchange.
    pub(crate) fn exchange(&self, report: &ExchangeReport) {
        let metrics = &self.metrics;
        let labels = ExchangeLabels {
            endpoint: Arc::clone(&self.name),
            action: report.action.unwrap_or("unknown"),
            status: report.status.as_u16(),
        };
        metrics.exchanges.get_or_create(&labels).inc();
        self.total.observe(report.total.as_secs_f64());
        if let Some(decrypt) = report.decrypt {
            self.decrypt.observe(decrypt.as_secs_f64());
        }
        if report.repeat_of.is_some() {
            let label = EndpointLabel {
                endpoint: Arc::clone(&self.name),
            };
            metrics.repeats.get_or_create(&label).inc();
        }
        if report.replay_store_failed {
            metrics.replay_store_failures.inc();
        }
        if let Some(refusal) = report.refusal {
            let labels = RefusalLabels {
                endpoint: Arc::clone(&self.name),
                reason: refusal.label(),
            };
            metrics.refusals.get_or_create(&labels).inc();
            if refusal == Refusal::Overloaded {
                metrics
                    .shed
                    .get_or_create(&ReasonLabel { reason: "exchanges" })
                    .inc();
            }
        }
    }

    /// Records a completed request to the backend.
    pub(crate) fn upstream(&self, outcome: &'static str, took: Duration) {
        self.upstream.observe(took.as_secs_f64());
        let labels = OutcomeLabels {
            endpoint: Arc::clone(&self.name),
            outcome,
        };
        self.metrics.upstream_requests.get_or_create(&labels).inc();
    }

    /// Counts an error notification of a phone.
    pub(crate) fn error_notification(&self, error: &'static str) {
        let labels = ErrorLabels {
            endpoint: Arc::clone(&self.name),
            error,
        };
        self.metrics.error_notifications.get_or_create(&labels).inc();
    }

    pub(crate) fn upstream_retry(&self) {
        let label = EndpointLabel {
            endpoint: Arc::clone(&self.name),
        };
        self.metrics.upstream_retries.get_or_create(&label).inc();
    }
}

/// The possible statuses of exchanges whose request was decrypted.
const STATUSES_AFTER_DECRYPTION: [u16; 7] = [200, 427, 432, 499, 500, 503, 504];

/// Returns false for refusals that only a decrypted request can have.
fn may_precede_decryption(refusal: Refusal) -> bool {
    !matches!(
        refusal,
        Refusal::HandlerFailed | Refusal::HandlerUnavailable | Refusal::HandlerTimedOut
    )
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl fmt::Debug for EndpointMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointMetrics({})", self.name)
    }
}

fn register<M: Registrable + Clone>(registry: &mut Registry, described: &Described, metric: M) -> M {
    registry.register(described.name, described.help, metric.clone());
    metric
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExchangeLabels {
    endpoint: Arc<String>,
    action: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    endpoint: Arc<String>,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    endpoint: Arc<String>,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    endpoint: Arc<String>,
    error: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabel {
    endpoint: Arc<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    what: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabel {
    version: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NoLabels {}
