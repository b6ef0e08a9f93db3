//! Rate limits, and the usage headers that report them (Meta, *Graph API rate limiting*).

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Calls that arrive this long after the first refused one could not know of it.
const IN_FLIGHT: Duration = Duration::from_secs(1);

/// The number of calls before Graph returns a rate limit error; by default there is no limit.
///
/// Calls are counted in fixed windows that begin with the first call; Meta's window is a rolling hour.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    app: Option<u32>,
    account: Option<u32>,
    count_keys: bool,
    window_ms: Option<u64>,
    retry_after: Option<u32>,
}

impl RateLimits {
    /// Returns no limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows this many calls of an app in a window; further ones get code 4, with `X-App-LimitUsage`.
    #[must_use]
    pub fn app(mut self, calls: u32) -> Self {
        self.app = Some(calls);
        self
    }

    /// Allows this many calls to the edges of one account; further ones get code 80007, with both usage
    /// headers.
    ///
    /// Calls to the key endpoint do not count: Meta does not list it for this limit.
    #[must_use]
    pub fn account(mut self, calls: u32) -> Self {
        self.account = Some(calls);
        self
    }

    /// Counts calls to the key endpoint towards the limit of the number's account too; off by default.
    #[must_use]
    pub fn count_keys(mut self, count: bool) -> Self {
        self.count_keys = count;
        self
    }

    /// Sets the length of the window; one hour by default.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window_ms = Some(u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Adds `Retry-After` with this many seconds to a rate limit error; Meta does not document that it sends
    /// one.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    fn duration(&self) -> Duration {
        self.window_ms
            .map_or(Duration::from_hours(1), Duration::from_millis)
    }
}

/// The calls counted in the current window of one app or account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LimitCounts {
    /// All calls.
    pub calls: u32,
    /// Calls that were refused because the limit was exceeded.
    pub refused: u32,
    /// Refused calls that arrived more than a second after the first refusal: their sender ignored the time
    /// to wait. Meta prolongs a limit for such calls; the emulator only counts them.
    pub too_early: u32,
}

/// The counts of every app and account with a limit, by id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LimitReport {
    /// The counts by app id.
    pub apps: BTreeMap<String, LimitCounts>,
    /// The counts by account id.
    pub accounts: BTreeMap<String, LimitCounts>,
}

#[derive(Debug, Default)]
pub(crate) struct Limiter {
    limits: RateLimits,
    apps: HashMap<String, Window>,
    accounts: HashMap<String, Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    first_refusal: Option<Instant>,
    counts: LimitCounts,
}

impl Window {
    fn new(began: Instant) -> Self {
        Self {
            began,
            first_refusal: None,
            counts: LimitCounts::default(),
        }
    }

    /// Counts a call; returns whether it exceeds the limit.
    fn count(&mut self, now: Instant, limit: u32) -> bool {
        self.counts.calls = self.counts.calls.saturating_add(1);
        if self.counts.calls <= limit {
            return false;
        }
        self.counts.refused = self.counts.refused.saturating_add(1);
        let first = *self.first_refusal.get_or_insert(now);
        if now.duration_since(first) > IN_FLIGHT {
            self.counts.too_early = self.counts.too_early.saturating_add(1);
        }
        true
    }
}

/// The usage after one call: the headers to send, and which limit is exceeded.
#[derive(Debug, Default)]
pub(crate) struct LimitUsage {
    pub(crate) app: Option<Value>,
    pub(crate) account: Option<Value>,
    pub(crate) retry_after: Option<u32>,
    pub(crate) app_exceeded: bool,
    pub(crate) account_exceeded: bool,
}

impl Limiter {
    pub(crate) fn set(&mut self, limits: RateLimits) {
        *self = Self {
            limits,
            ..Self::default()
        };
    }

    /// Returns whether calls to the key endpoint count towards the account's limit.
    pub(crate) fn counts_keys(&self) -> bool {
        self.limits.count_keys
    }

    pub(crate) fn report(&self) -> LimitReport {
        let counts = |windows: &HashMap<String, Window>| {
            windows
                .iter()
                .map(|(id, window)| (id.clone(), window.counts))
                .collect()
        };
        LimitReport {
            apps: counts(&self.apps),
            accounts: counts(&self.accounts),
        }
    }

    /// Counts a call by `app`, and for `account` if the call is to one of its edges.
    pub(crate) fn count(&mut self, app: &str, account: Option<&str>) -> LimitUsage {
        let window = self.limits.duration();
        let (app_percent, app_exceeded, _) = count(&mut self.apps, app, self.limits.app, window);
        let mut usage = LimitUsage {
            app: Some(app_usage(app_percent)),
            app_exceeded,
            ..LimitUsage::default()
        };
        if let Some(id) = account {
            let (percent, exceeded, minutes) = count(&mut self.accounts, id, self.limits.account, window);
            usage.account_exceeded = exceeded;
            usage.account = Some(account_usage(id, percent, if exceeded { minutes } else { 0 }));
        }
        if usage.app_exceeded || usage.account_exceeded {
            usage.retry_after = self.limits.retry_after;
        }
        usage
    }
}

/// Returns the usage of a limit that is reached, for the rate limit faults.
pub(crate) fn exhausted(account: Option<&str>) -> LimitUsage {
    LimitUsage {
        app: Some(app_usage(100)),
        account: account.map(|id| account_usage(id, 100, 19)),
        ..LimitUsage::default()
    }
}

fn count(
    windows: &mut HashMap<String, Window>,
    id: &str,
    limit: Option<u32>,
    length: Duration,
) -> (u64, bool, u64) {
    let Some(limit) = limit else { return (0, false, 0) };
    let now = Instant::now();
    let window = windows.entry(id.to_owned()).or_insert_with(|| Window::new(now));
    if now.duration_since(window.began) >= length {
        *window = Window::new(now);
    }
    let exceeded = window.count(now, limit);
    let percent = (u64::from(window.counts.calls) * 100)
        .checked_div(u64::from(limit))
        .unwrap_or(100)
        .min(100);
    let left = length.saturating_sub(now.duration_since(window.began));
    (percent, exceeded, left.as_secs().div_ceil(60).max(1))
}

fn app_usage(percent: u64) -> Value {
    json!({"call_count": percent, "total_cputime": percent / 4, "total_time": percent / 4})
}

fn account_usage(id: &str, percent: u64, minutes: u64) -> Value {
    json!({ id: [{
        "type": "whatsapp_business_management",
        "call_count": percent,
        "total_cputime": percent / 4,
        "total_time": percent / 4,
        "estimated_time_to_regain_access": minutes,
    }]})
}
