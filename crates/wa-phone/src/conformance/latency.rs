//! Compares the latency of an endpoint with Meta's limits (Meta, *Flow health and monitoring*).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::catalogue::{ALERTS, LATENCY};
use super::check::Check;
use super::report::{Finding, Verdict};
use crate::FlowMessage;

/// WhatsApp's clients time out after this long.
const LIMIT: Duration = Duration::from_secs(10);
/// The p90 thresholds of Meta's alerts.
const THRESHOLDS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(7),
];

/// The latency of pings, from the first byte sent to the last one received; in JSON, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Latency {
    /// How many got a 200 response.
    pub pings: usize,
    /// The median.
    #[serde(serialize_with = "milliseconds")]
    pub p50: Duration,
    /// The 90th percentile.
    #[serde(serialize_with = "milliseconds")]
    pub p90: Duration,
    /// The 99th percentile.
    #[serde(serialize_with = "milliseconds")]
    pub p99: Duration,
    /// The maximum.
    #[serde(serialize_with = "milliseconds")]
    pub max: Duration,
}

impl Latency {
    /// Computes the percentiles by nearest rank; `None` without durations.
    pub(super) fn of(mut durations: Vec<Duration>) -> Option<Self> {
        durations.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (durations.len() * percent).div_ceil(100);
            durations.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            pings: durations.len(),
            p50: percentile(50)?,
            p90: percentile(90)?,
            p99: percentile(99)?,
            max: percentile(100)?,
        })
    }
}

/// The requests that were sent to measure the latency, and what came back other than a 200 response, with how
/// often.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// The name of the requests, in the plural.
    pub(super) kind: &'static str,
    pub(super) sent: usize,
    pub(super) lost: BTreeMap<String, usize>,
}

impl Series {
    fn losses(&self) -> String {
        let many = self.lost.len() > 1;
        let described = self.lost.iter().map(|(what, times)| {
            if many {
                format!("{what} ({times})")
            } else {
                what.clone()
            }
        });
        described.collect::<Vec<_>>().join(", ")
    }
}

/// Judges the latency and the requests that got no 200 response.
pub(super) fn judge(latency: Option<Latency>, series: &Series) -> [Finding; 2] {
    let Series { kind, sent, .. } = series;
    let unsteady = Check {
        remedy: "check the endpoint's log: the same request got a 200 response before",
        ..LATENCY
    };
    let Some(latency) = latency else {
        let seen = format!("none of {sent} {kind} got a 200 response: {}", series.losses());
        return [
            Finding::new(&unsteady, Verdict::Fail, seen.clone()),
            Finding::new(&ALERTS, Verdict::Skipped, seen),
        ];
    };
    let [p50, p90, p99, max] = [latency.p50, latency.p90, latency.p99, latency.max]
        .map(|time| format!("{:.1} ms", time.as_secs_f64() * 1000.0));
    let lost = sent.saturating_sub(latency.pings);
    let limit = match lost {
        0 => {
            let verdict = if latency.max < LIMIT {
                Verdict::Pass
            } else {
                Verdict::Fail
            };
            Finding::new(
                &LATENCY,
                verdict,
                format!("the slowest of {sent} {kind} took {max}"),
            )
        }
        _ => Finding::new(
            &unsteady,
            Verdict::Fail,
            format!("{lost} of {sent} {kind} got no 200 response: {}", series.losses()),
        ),
    };
    let figures = format!("p50 {p50}, p90 {p90}, p99 {p99}, slowest {max}");
    let passed = THRESHOLDS
        .iter()
        .rev()
        .find(|threshold| latency.p90 >= **threshold);
    let alerts = match passed {
        None => Finding::new(&ALERTS, Verdict::Pass, figures),
        Some(threshold) => {
            let seen = format!("{figures}: above the threshold of {} s", threshold.as_secs());
            Finding::new(&ALERTS, Verdict::Advice, seen)
        }
    };
    [limit, alerts]
}

/// Returns the name of requests like this one, in the plural.
pub(super) fn kind(message: &FlowMessage) -> &'static str {
    match message.action() {
        _ if message.is_notification() => "error notifications",
        "ping" => "pings",
        "INIT" => "INIT requests",
        _ => "data_exchange requests",
    }
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Rounded to the microsecond, which is finer than a network's jitter.
    serializer.serialize_f64((duration.as_secs_f64() * 1_000_000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: &[u64]) -> Option<Latency> {
        Latency::of(milliseconds.iter().copied().map(Duration::from_millis).collect())
    }

    #[test]
    fn percentiles_are_by_the_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).rev().collect();
        let latency = of(&hundred).unwrap();
        let figures = [latency.p50, latency.p90, latency.p99, latency.max].map(|figure| figure.as_millis());
        assert_eq!(figures, [50, 90, 99, 100]);
        let one = of(&[7]).unwrap();
        assert_eq!([one.p50, one.max].map(|figure| figure.as_millis()), [7, 7]);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn the_limit_is_a_must_and_the_thresholds_are_advice() {
        let series = |sent| Series {
            kind: "pings",
            sent,
            ..Series::default()
        };
        let verdicts = |milliseconds: &[u64], sent| {
            judge(of(milliseconds), &series(sent)).map(|finding| finding.verdict)
        };
        assert_eq!(verdicts(&[10, 20], 2), [Verdict::Pass, Verdict::Pass]);
        assert_eq!(verdicts(&[10, 1000], 2), [Verdict::Pass, Verdict::Advice]);
        assert_eq!(verdicts(&[10, 10_000], 2), [Verdict::Fail, Verdict::Advice]);
        assert_eq!(verdicts(&[10], 2), [Verdict::Fail, Verdict::Pass]);
        assert_eq!(verdicts(&[], 2), [Verdict::Fail, Verdict::Skipped]);
        assert!(
            judge(of(&[6000]), &series(1))[1]
                .seen
                .ends_with("above the threshold of 5 s")
        );
    }

    #[test]
    fn losses_are_counted_if_there_are_several_kinds() {
        let mut series = Series {
            kind: "pings",
            sent: 4,
            lost: BTreeMap::from([("status 503".to_owned(), 2)]),
        };
        let seen = |series: &Series| judge(of(&[1]), series)[0].seen.clone();
        assert_eq!(seen(&series), "3 of 4 pings got no 200 response: status 503");
        series.lost.insert("no response".to_owned(), 1);
        assert!(seen(&series).ends_with(": no response (1), status 503 (2)"));
    }

    #[test]
    fn json_has_milliseconds() {
        let latency = Latency::of(vec![Duration::from_micros(1500)]).unwrap();
        assert_eq!(serde_json::to_value(latency).unwrap()["p90"], 1.5);
    }
}
