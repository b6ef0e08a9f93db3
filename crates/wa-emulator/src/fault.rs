//! Configured faults: what goes wrong, for which calls, and how often.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::graph::Call;
use crate::graph::ErrorResponse;

/// One fault that the emulator produces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// Returns a Graph error without executing the call.
    Error(ErrorResponse),
    /// Returns code 4 with `X-App-Usage` at 100 %, without executing the call.
    AppRateLimit,
    /// Returns code 80007 with both usage headers at 100 %, without executing the call.
    AccountRateLimit,
    /// Returns any status and body, without executing the call.
    Status {
        /// The HTTP status, 200 to 999.
        status: u16,
        /// The body, sent unchanged.
        #[serde(default)]
        body: String,
        /// The `Content-Type`; `text/plain` if empty.
        #[serde(default)]
        content_type: String,
    },
    /// Returns an HTML page with status 502, as a proxy in front of Graph does.
    BadGateway,
    /// Returns a redirect (302).
    Redirect {
        /// The `Location` header.
        location: String,
    },
    /// Delays the regular response.
    Delay {
        /// The delay in milliseconds.
        ms: u64,
    },
    /// Never responds: the connection stays open until the client closes it.
    Silence,
    /// Never responds, but executes the call after a time: an upload that timed out takes effect later.
    Late {
        /// The time in milliseconds.
        ms: u64,
    },
    /// Returns the key that was registered before the last change, as a replica that lags does.
    StaleRead,
    /// Resets the connection without executing the call.
    Reset,
    /// Executes the call, then resets the connection without a response.
    ResetAfter,
    /// Sends the regular response, but closes the connection before the body is complete.
    Truncate {
        /// How many bytes of the body are sent.
        keep: usize,
    },
    /// Sends the regular response in small pieces.
    Drip {
        /// Bytes per piece, at least 1.
        chunk: usize,
        /// Milliseconds before each piece.
        every_ms: u64,
    },
}

impl Fault {
    /// Returns a [`Fault::Delay`] of this duration.
    pub fn delay(delay: Duration) -> Self {
        Self::Delay {
            ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Returns a [`Fault::Late`] of this duration.
    pub fn late(after: Duration) -> Self {
        Self::Late {
            ms: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Returns the name of the fault in the request log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Error(_) => "error",
            Self::AppRateLimit => "app_rate_limit",
            Self::AccountRateLimit => "account_rate_limit",
            Self::Status { .. } => "status",
            Self::BadGateway => "bad_gateway",
            Self::Redirect { .. } => "redirect",
            Self::Delay { .. } => "delay",
            Self::Silence => "silence",
            Self::Late { .. } => "late",
            Self::StaleRead => "stale_read",
            Self::Reset => "reset",
            Self::ResetAfter => "reset_after",
            Self::Truncate { .. } => "truncate",
            Self::Drip { .. } => "drip",
        }
    }
}

/// A fault, the calls that it applies to, and how often; by default any call, once.
///
/// ```
/// use wa_emulator::{ErrorResponse, Fault, FaultRule};
///
/// let rule = FaultRule::new(Fault::Error(ErrorResponse::temporary()))
///     .method("POST")
///     .path("/whatsapp_business_encryption")
///     .times(2);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    fault: Fault,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    number: Option<String>,
    #[serde(default = "once")]
    times: Option<u32>,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the type of the field it is the default of"
)]
fn once() -> Option<u32> {
    Some(1)
}

impl FaultRule {
    /// Creates a rule that applies to the next Graph call.
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            method: None,
            path: None,
            number: None,
            times: once(),
            headers: Vec::new(),
        }
    }

    /// Limits the rule to calls with this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Limits the rule to calls whose path contains this text.
    #[must_use]
    pub fn path(mut self, part: impl Into<String>) -> Self {
        self.path = Some(part.into());
        self
    }

    /// Limits the rule to calls whose path has this id as a segment.
    #[must_use]
    pub fn number(mut self, id: impl Into<String>) -> Self {
        self.number = Some(id.into());
        self
    }

    /// Applies the rule to this many matching calls; then it is removed.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Applies the rule to every matching call until the faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Adds a header to the response, such as `Retry-After`; an invalid one is ignored.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn matches(&self, call: &Call) -> bool {
        self.method
            .as_ref()
            .is_none_or(|method| method.eq_ignore_ascii_case(call.method.as_str()))
            && self
                .path
                .as_ref()
                .is_none_or(|part| call.path.contains(part.as_str()))
            && self
                .number
                .as_ref()
                .is_none_or(|id| call.path.split('/').any(|segment| segment == id))
    }
}

/// The fault for one call, and the headers to add to its response.
#[derive(Debug)]
pub(crate) struct MatchedFault {
    pub(crate) fault: Fault,
    pub(crate) headers: Vec<(String, String)>,
}

/// The rules that are not used up, oldest first.
#[derive(Debug, Default)]
pub(crate) struct FaultQueue(Vec<FaultRule>);

impl FaultQueue {
    pub(crate) fn push(&mut self, rule: FaultRule) {
        if rule.times != Some(0) {
            self.0.push(rule);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn rules(&self) -> &[FaultRule] {
        &self.0
    }

    /// Returns the fault of the first rule that matches this call, and counts the use.
    pub(crate) fn take(&mut self, call: &Call) -> Option<MatchedFault> {
        let index = self.0.iter().position(|rule| rule.matches(call))?;
        let rule = self.0.get_mut(index)?;
        let matched = MatchedFault {
            fault: rule.fault.clone(),
            headers: rule.headers.clone(),
        };
        rule.times = rule.times.map(|times| times - 1);
        if rule.times == Some(0) {
            self.0.remove(index);
        }
        Some(matched)
    }
}
