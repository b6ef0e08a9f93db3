//! The conformance check: tests whether the server at a URL is a Flow endpoint as Meta's documentation
//! describes it.

mod accepted;
mod builder;
mod catalogue;
mod check;
mod diagnosis;
mod envelope;
mod judge;
mod known;
mod latency;
mod measure;
mod opening;
mod plan;
mod prober;
mod report;
mod run;
mod steps;
mod version;

pub use builder::{ConformanceBuildError, ConformanceCheck, ConformanceCheckBuilder};
pub use check::{Check, Severity};
pub use latency::Latency;
pub use report::{Counts, Finding, Report, Verdict};
pub use run::{ConformanceError, Progress};
