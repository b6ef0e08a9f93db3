//! Measures the latency and the reuse of connections.

use super::catalogue as rule;
use super::judge;
use super::latency::{self, Latency, Series};
use super::report::Verdict;
use super::run::{CheckRun, ConformanceError, Progress};
use crate::FlowMessage;

impl<P: FnMut(Progress<'_>) + Send> CheckRun<'_, P> {
    /// Sends the probe repeatedly, and records durations and connections.
    pub(super) async fn measure(&mut self, probe: &FlowMessage) -> Result<Option<Latency>, ConformanceError> {
        let mut durations = Vec::new();
        let mut connections = Vec::new();
        let mut series = Series {
            kind: latency::kind(probe),
            ..Series::default()
        };
        while series.sent < self.check.pings && !self.is_over() {
            let request = self.check.prober.request(probe).await?;
            series.sent += 1;
            match self.check.prober.send(&request).await {
                Ok(response) if response.status == 200 => {
                    durations.push(response.duration);
                    connections.extend(response.connection);
                }
                other => *series.lost.entry(judge::describe(&other)).or_default() += 1,
            }
        }
        let answered = connections.len();
        connections.sort_unstable();
        connections.dedup();
        if answered > 1 {
            let (used, plural) = (connections.len(), if connections.len() == 1 { "" } else { "s" });
            let seen = format!("{answered} requests over {used} connection{plural}");
            // A connection that was closed when idle is not a fault.
            let verdict = if used * 2 <= answered {
                Verdict::Pass
            } else {
                Verdict::Advice
            };
            self.note(&rule::KEEP_ALIVE, (verdict, seen));
        } else if !self.is_over() {
            self.skip(&rule::KEEP_ALIVE, "fewer than two requests got a 200 response");
        }
        let latency = Latency::of(durations);
        if series.sent > 0 {
            for finding in latency::judge(latency, &series) {
                self.push(finding);
            }
        } else if !self.is_over() {
            for check in [&rule::LATENCY, &rule::ALERTS] {
                self.skip(check, "the number of pings is 0");
            }
        }
        Ok(latency)
    }
}
