//! Tracing of calls: method, path, status, attempt, trace id and usage, but never a query, a body or a token.

use std::time::Duration;

use http::StatusCode;
use tracing::{Span, debug, field, info_span, warn};
use url::Url;

use super::Attempt;
use crate::error::{GraphError, GraphErrorKind};
use crate::request::GraphRequest;

pub(super) fn of_call(request: &GraphRequest, url: &Url) -> Span {
    info_span!(
        "graph_call",
        method = %request.method(),
        path = url.path(),
        status = field::Empty,
        attempt = field::Empty,
        fbtrace_id = field::Empty,
    )
}

pub(super) fn responded(number: u32, attempt: &Attempt) {
    let Some(status) = attempt.status else {
        return;
    };
    debug!(
        attempt = number,
        status = status.as_u16(),
        fbtrace_id = attempt.fbtrace_id.as_deref(),
        usage_percent = attempt.usage.highest(),
        regain_access_s = attempt.usage.regain_access_in().map(|wait| wait.as_secs()),
        "graph response received"
    );
}

/// Records the last attempt only: common subscribers print a field twice if it is recorded twice.
pub(super) fn finished(number: u32, status: Option<StatusCode>, fbtrace_id: Option<&str>) {
    let span = Span::current();
    span.record("attempt", number);
    if let Some(status) = status {
        span.record("status", status.as_u16());
    }
    if let Some(id) = fbtrace_id {
        span.record("fbtrace_id", id);
    }
}

pub(super) fn retrying(kind: &GraphErrorKind, number: u32, pause: Duration) {
    let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
    warn!(attempt = number, pause_ms, error = %kind, "graph call failed, retrying");
}

/// Logs the failure of a call after its last attempt, and returns it.
pub(super) fn report(error: GraphError, gave_up: bool) -> GraphError {
    warn!(attempts = error.attempts(), gave_up, error = %error.kind(), "graph call failed");
    error
}
