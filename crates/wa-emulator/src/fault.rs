//! Faults that are played on purpose: what goes wrong, for which calls, how often.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::graph::Call;
use crate::graph::ErrorAnswer;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// Any error of Graph, without the call being carried out.
    Error(ErrorAnswer),
    /// Code 4 with `X-App-Usage` at 100 %, without the call being carried out.
    AppRateLimit,
    /// Code 80007 with both usage headers at 100 %, without the call being carried out.
    AccountRateLimit,
    /// Any status and body, without the call being carried out.
    Status {
        /// The HTTP status, 200 to 999.
        status: u16,
        /// The body, sent as it is.
        #[serde(default)]
        body: String,
        /// The `Content-Type`; `text/plain` when empty.
        #[serde(default)]
        content_type: String,
    },
    /// An HTML page with status 502, as a proxy in front of Graph sends it.
    BadGateway,
    /// A redirect (302) to this address.
    Redirect {
        /// The `Location`.
        location: String,
    },
    /// The regular answer, this much later.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// No answer ever: the connection stays open until the client leaves.
    Silence,
    /// The connection is reset before the call is carried out.
    Reset,
    /// The call is carried out, then the connection is reset instead of an answer.
    ResetAfter,
    /// The regular answer, but the connection ends after this many bytes of its body.
    Truncate {
        /// Bytes of the body that arrive.
        keep: usize,
    },
    /// The regular answer, in small pieces.
    Drip {
        /// Bytes a piece, at least 1.
        chunk: usize,
        /// Milliseconds between two pieces.
        every_ms: u64,
    },
}

impl Fault {
    /// A [`Fault::Delay`].
    pub fn delay(delay: Duration) -> Self {
        Self::Delay {
            ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// What the fault is called in the request log.
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
            Self::Reset => "reset",
            Self::ResetAfter => "reset_after",
            Self::Truncate { .. } => "truncate",
            Self::Drip { .. } => "drip",
        }
    }
}

/// A fault, the calls that it strikes, and how often; by default the next call, whatever it is.
///
/// ```
/// use wa_emulator::{ErrorAnswer, Fault, FaultRule};
///
/// let rule = FaultRule::new(Fault::Error(ErrorAnswer::temporary()))
///     .method("POST")
///     .path("/whatsapp_business_encryption")
///     .times(2);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// Strikes the next call to Graph.
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

    /// Only calls with this method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Only calls whose path contains this text.
    #[must_use]
    pub fn path(mut self, part: impl Into<String>) -> Self {
        self.path = Some(part.into());
        self
    }

    /// Only calls whose path has this id as a segment.
    #[must_use]
    pub fn number(mut self, id: impl Into<String>) -> Self {
        self.number = Some(id.into());
        self
    }

    /// Strikes this many matching calls, then is gone.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Strikes every matching call until the faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Adds a header to the answer (`Retry-After`, say); one that is no valid header is left out.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn strikes(&self, call: &Call) -> bool {
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

/// The fault that strikes one call, and the headers that go with it.
#[derive(Debug)]
pub(crate) struct Struck {
    pub(crate) fault: Fault,
    pub(crate) headers: Vec<(String, String)>,
}

/// The rules in force, oldest first.
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

    /// The first rule that strikes this call; it is used up by one.
    pub(crate) fn take(&mut self, call: &Call) -> Option<Struck> {
        let index = self.0.iter().position(|rule| rule.strikes(call))?;
        let rule = self.0.get_mut(index)?;
        let struck = Struck {
            fault: rule.fault.clone(),
            headers: rule.headers.clone(),
        };
        rule.times = rule.times.map(|times| times - 1);
        if rule.times == Some(0) {
            self.0.remove(index);
        }
        Some(struck)
    }
}
