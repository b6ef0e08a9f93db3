//! Metrics of `watch`, in the text format of Prometheus. No series per number.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::fleet::audit::AuditSummary;
use crate::fleet::finding::Reason;

/// The metrics of a watcher. `Display` is the text format of Prometheus.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    audit: AuditSummary,
    last_success: Option<SystemTime>,
    duration: Duration,
    audits: u64,
    failed_audits: u64,
    oldest_record: Option<Duration>,
    repairs: u64,
    repairs_failed: u64,
    is_breaker_open: bool,
}

impl Metrics {
    /// Records a complete audit, and how long it took.
    pub fn audited(&mut self, summary: &AuditSummary, duration: Duration, now: SystemTime) {
        self.audit = summary.clone();
        self.duration = duration;
        self.audits += 1;
        if summary.stopped.is_empty() && !summary.interrupted {
            self.last_success = Some(now);
        } else {
            self.failed_audits += 1;
        }
    }

    /// Records an audit that was not possible, because the key store or the inventory cannot be read.
    pub fn failed(&mut self) {
        self.audits += 1;
        self.failed_audits += 1;
    }

    /// Records the age of the oldest record of a running instance.
    pub fn oldest_record(&mut self, age: Option<Duration>) {
        self.oldest_record = age;
    }

    /// Records repairs.
    pub fn repaired(&mut self, repaired: usize, failed: usize) {
        self.repairs += repaired as u64;
        self.repairs_failed += failed as u64;
    }

    /// Records whether too many numbers turned bad for repairs.
    pub fn breaker(&mut self, is_open: bool) {
        self.is_breaker_open = is_open;
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut metric = |name: &str, kind: &str, help: &str, value: Option<f64>| match value {
            Some(value) => write!(
                f,
                "# HELP wa_fleet_{name} {help}\n# TYPE wa_fleet_{name} {kind}\nwa_fleet_{name} {value}\n"
            ),
            None => Ok(()),
        };
        let count = |value: u64| {
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
            Some(value as f64)
        };
        let success = self
            .last_success
            .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        metric(
            "last_success_timestamp_seconds",
            "gauge",
            "When the last complete audit ended.",
            success.map(|time| time.as_secs_f64().floor()),
        )?;
        metric(
            "audit_duration_seconds",
            "gauge",
            "How long the last audit took.",
            Some(self.duration.as_secs_f64()),
        )?;
        metric("audits_total", "counter", "Audits.", count(self.audits))?;
        metric(
            "failed_audits_total",
            "counter",
            "Audits that were not complete.",
            count(self.failed_audits),
        )?;
        metric(
            "oldest_primary_age_seconds",
            "gauge",
            "The age of the oldest primary key.",
            self.audit.oldest_primary_s.and_then(count),
        )?;
        metric(
            "oldest_record_age_seconds",
            "gauge",
            "The age of the oldest record of an instance that did not stop.",
            self.oldest_record.map(|age| age.as_secs_f64().floor()),
        )?;
        metric(
            "repairs_total",
            "counter",
            "Repairs of numbers.",
            count(self.repairs),
        )?;
        metric(
            "failed_repairs_total",
            "counter",
            "Repairs after which the number was not valid.",
            count(self.repairs_failed),
        )?;
        metric(
            "breaker_open",
            "gauge",
            "1 if too many numbers turned bad, so that none is repaired.",
            count(self.is_breaker_open.into()),
        )?;
        writeln!(f, "# HELP wa_fleet_numbers Numbers of the last audit, by reason.")?;
        writeln!(f, "# TYPE wa_fleet_numbers gauge")?;
        for reason in Reason::ALL {
            let numbers = self.audit.count(reason);
            writeln!(f, "wa_fleet_numbers{{reason=\"{reason}\"}} {numbers}")?;
        }
        Ok(())
    }
}
