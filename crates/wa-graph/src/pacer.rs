//! Keeps calls back while a rate limit lasts, so that one refusal is enough for all calls that share the
//! limit.

mod holds;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock::Clock;
use crate::code::LimitScope;
use crate::usage::Usage;
use holds::{Holds, Next};

/// Keeps calls back until the time that Graph names at a rate limit (Meta, *Graph API rate limits*).
///
/// A limit of the app or the user holds every call with the token; a limit of a WhatsApp Business Account
/// holds the calls about that account. The end comes from `estimated_time_to_regain_access` in the usage
/// header, also of a successful response, or from `Retry-After`; it is at most 24 hours away, after which
/// Graph is asked again. Without a named time nothing is held, and the retry policy's pauses apply, unless
/// [`unnamed_wait`](Self::unnamed_wait) is set.
///
/// Calls about an account begin with its id in the path, or name it with
/// [`GraphRequest::account`](crate::GraphRequest::account). Clones share their state. At most 1024 objects
/// are remembered.
///
/// ```
/// use std::time::Duration;
/// use wa_graph::{AccessToken, GraphClient, Pacer};
///
/// let pacer = Pacer::default()
///     .max_wait(Duration::from_secs(2 * 3600))
///     .on_wait(|hold| eprintln!("waiting {} s: {}", hold.wait.as_secs(), hold.calls));
/// let client = GraphClient::builder(AccessToken::new("EAAexample")?).pacer(pacer).build()?;
/// assert!(client.pacer().holds(client.clock().as_ref()).is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Pacer {
    max_wait: Option<Duration>,
    unnamed_wait: Option<Duration>,
    interval: Duration,
    observer: Option<Arc<Observe>>,
    holds: Arc<Mutex<Holds>>,
}

type Observe = dyn Fn(&PacerHold) + Send + Sync;

/// The calls that a rate limit refuses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HeldCalls {
    /// Every call with the token.
    All,
    /// Calls about the object with this id, usually a WhatsApp Business Account.
    Object(String),
}

impl fmt::Display for HeldCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("the rate limit of the app or the user"),
            Self::Object(id) => write!(f, "the rate limit of account {id}"),
        }
    }
}

/// A rate limit that lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PacerHold {
    /// The calls that wait for its end.
    pub calls: HeldCalls,
    /// How long it lasts from now.
    pub wait: Duration,
    /// When it ends.
    pub until: SystemTime,
}

impl Pacer {
    /// Sets how long a call may wait for the ends of rate limits, in total. Default: what is left of the
    /// retry policy's `max_elapsed`, or the request timeout if that is unlimited.
    ///
    /// With this setting, such waits do not count towards `max_elapsed`, so that a call may wait for an hour
    /// without retrying other failures for as long.
    #[must_use]
    pub fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = Some(wait);
        self
    }

    /// Sets how long calls wait at a rate limit for which Graph names no end, such as that of an app.
    /// Default: nothing is held.
    #[must_use]
    pub fn unnamed_wait(mut self, wait: Duration) -> Self {
        self.unnamed_wait = Some(wait);
        self
    }

    /// Sets the shortest time between the starts of two calls. Default zero.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets a function that is called when calls begin to wait for a rate limit, once per limit and end.
    /// Default: none.
    ///
    /// The function runs on the task that makes the call and must not block.
    #[must_use]
    pub fn on_wait(mut self, observer: impl Fn(&PacerHold) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Returns a pacer with these settings that knows of no rate limit, for another token.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self {
            holds: Arc::default(),
            ..self.clone()
        }
    }

    /// Returns the rate limits that last; `clock` is the client's.
    pub fn holds(&self, clock: &dyn Clock) -> Vec<PacerHold> {
        let lasting = self.state().lasting(clock.monotonic());
        lasting
            .into_iter()
            .map(|(calls, wait)| hold(calls, wait, clock))
            .collect()
    }

    /// Returns the limit for waits that does not count towards the retry policy's time, if there is one.
    pub(crate) fn own_limit(&self) -> Option<Duration> {
        self.max_wait
    }

    /// Returns how long a rate limit lasts that refused a call, if that is known or set.
    pub(crate) fn length(
        &self,
        limited: Option<LimitScope>,
        requested: Option<Duration>,
    ) -> Option<Duration> {
        limited.and(requested.or(self.unnamed_wait))
    }

    /// Waits until no rate limit holds a call about these objects, and returns how long that took.
    ///
    /// Nothing is reserved while it waits, so the caller may drop the future at any time.
    ///
    /// # Errors
    ///
    /// The hold that lasts longer than `limit` allows.
    pub(crate) async fn wait(
        &self,
        clock: &dyn Clock,
        ids: &[&str],
        limit: Duration,
    ) -> Result<Duration, PacerHold> {
        let mut waited = Duration::ZERO;
        let mut slot = None;
        loop {
            let now = clock.monotonic();
            let next = self.state().next(now, ids);
            match next {
                Next::Hold { calls, wait, is_new } => {
                    let hold = hold(calls, wait, clock);
                    if waited.saturating_add(wait) > limit {
                        return Err(hold);
                    }
                    if let Some(observer) = self.observer.as_ref().filter(|_| is_new) {
                        observer(&hold);
                    }
                    clock.sleep(wait).await;
                    waited = waited.saturating_add(wait);
                }
                Next::Go if self.interval.is_zero() => return Ok(waited),
                Next::Go => {
                    let start = *slot.get_or_insert_with(|| self.state().slot(now, self.interval));
                    if start <= now {
                        return Ok(waited);
                    }
                    clock.sleep(start.saturating_sub(now)).await;
                }
            }
        }
    }

    /// Records what a response says about rate limits. `limited` is the scope of the limit that refused the
    /// call, and the delay that the server named for it.
    pub(crate) fn observe(
        &self,
        now: Duration,
        ids: &[&str],
        limited: Option<(LimitScope, Option<Duration>)>,
        usage: &Usage,
    ) {
        if limited.is_none() && usage.regain_access_in().is_none() {
            return;
        }
        let mut holds = self.state();
        for business in &usage.business {
            // A limit of another kind of call, such as messages, is no reason to hold these calls.
            let concerns = limited.is_some()
                || business
                    .kind
                    .as_deref()
                    .is_none_or(|kind| kind == "whatsapp_business_management");
            if let Some(wait) = business.regain_access_in.filter(|_| concerns) {
                holds.object(&business.object_id, now, wait);
            }
        }
        let Some((scope, Some(wait))) = limited else {
            return;
        };
        match scope {
            LimitScope::Caller => holds.all(now, wait),
            LimitScope::Account => {
                for id in ids {
                    holds.object(id, now, wait);
                }
            }
            LimitScope::Number => {
                if let Some(id) = ids.first() {
                    holds.object(id, now, wait);
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, Holds> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacer")
            .field("max_wait", &self.max_wait)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

fn hold(calls: HeldCalls, wait: Duration, clock: &dyn Clock) -> PacerHold {
    let now = clock.now();
    PacerHold {
        calls,
        wait,
        until: now.checked_add(wait).unwrap_or(now),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::clock::SystemClock;
    use crate::usage::BusinessUsage;

    const MINUTE: Duration = Duration::from_mins(1);

    fn usage(id: &str, kind: &str, minutes: u64) -> Usage {
        Usage {
            business: vec![BusinessUsage {
                object_id: id.to_owned(),
                kind: Some(kind.to_owned()),
                share: crate::usage::UsageShare::default(),
                regain_access_in: Some(MINUTE * u32::try_from(minutes).unwrap()),
            }],
            ..Usage::default()
        }
    }

    fn limited(pacer: &Pacer, ids: &[&str], scope: LimitScope, wait: Duration) {
        let now = SystemClock.monotonic();
        pacer.observe(now, ids, Some((scope, Some(wait))), &Usage::default());
    }

    #[tokio::test(start_paused = true)]
    async fn an_app_limit_holds_every_call_until_its_end_and_is_reported_once() {
        let reports = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&reports);
        let pacer = Pacer::default().max_wait(MINUTE * 60).on_wait(move |hold| {
            assert_eq!(hold.calls, HeldCalls::All);
            count.fetch_add(1, Ordering::Relaxed);
        });
        limited(&pacer, &["1"], LimitScope::Caller, MINUTE * 5);
        let start = tokio::time::Instant::now();
        let waits = (0..20).map(|number| {
            let pacer = pacer.clone();
            tokio::spawn(async move {
                let id = number.to_string();
                pacer.wait(&SystemClock, &[&id], MINUTE * 60).await.unwrap();
            })
        });
        for wait in waits.collect::<Vec<_>>() {
            wait.await.unwrap();
            assert!(start.elapsed() >= MINUTE * 5);
        }
        assert_eq!(reports.load(Ordering::Relaxed), 1);
        assert!(pacer.holds(&SystemClock).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_limit_holds_that_account_only() {
        let pacer = Pacer::default();
        limited(&pacer, &["1001", "77"], LimitScope::Account, MINUTE);
        for (ids, is_held) in [
            (&["1001"][..], true),
            (&["1002", "77"], true),
            (&["77"], true),
            (&["1002", "78"], false),
            (&["1002"], false),
            (&[], false),
        ] {
            let outcome = pacer.wait(&SystemClock, ids, Duration::ZERO).await;
            assert_eq!(outcome.is_err(), is_held, "{ids:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_usage_header_of_a_success_holds_its_account_if_it_concerns_management() {
        for (kind, is_held) in [("whatsapp_business_management", true), ("messages", false)] {
            let pacer = Pacer::default();
            pacer.observe(SystemClock.monotonic(), &["1"], None, &usage("77", kind, 19));
            let held = pacer.wait(&SystemClock, &["1", "77"], MINUTE).await;
            assert_eq!(held.is_err(), is_held, "{kind}");
            if let Err(hold) = held {
                assert_eq!(hold.calls, HeldCalls::Object("77".to_owned()));
                assert_eq!(hold.wait, MINUTE * 19);
                assert!(hold.until > SystemTime::now() + MINUTE * 18);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_that_is_prolonged_meanwhile_is_waited_for_within_the_limit() {
        let pacer = Pacer::default();
        limited(&pacer, &[], LimitScope::Caller, MINUTE);
        let waiting = pacer.clone();
        let wait = tokio::spawn(async move { waiting.wait(&SystemClock, &[], MINUTE * 3).await });
        tokio::time::sleep(MINUTE / 2).await;
        limited(&pacer, &[], LimitScope::Caller, MINUTE);
        assert!(wait.await.unwrap().unwrap() >= MINUTE * 3 / 2);

        limited(&pacer, &[], LimitScope::Caller, MINUTE * 2);
        let waiting = pacer.clone();
        let wait = tokio::spawn(async move { waiting.wait(&SystemClock, &[], MINUTE * 3).await });
        tokio::time::sleep(MINUTE).await;
        limited(&pacer, &[], LimitScope::Caller, MINUTE * 60);
        assert_eq!(wait.await.unwrap().unwrap_err().calls, HeldCalls::All);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_start_one_interval_apart_and_a_dropped_wait_blocks_none() {
        let pacer = Pacer::default().interval(Duration::from_millis(100));
        let start = tokio::time::Instant::now();
        for _ in 0..5 {
            pacer.wait(&SystemClock, &[], Duration::ZERO).await.unwrap();
        }
        assert_eq!(start.elapsed().as_millis() / 100, 4);
        drop(tokio::time::timeout(Duration::from_millis(1), pacer.wait(&SystemClock, &[], MINUTE)).await);
        pacer.wait(&SystemClock, &[], MINUTE).await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let pacer = Pacer::default();
        for number in 0..5000_u32 {
            let wait = MINUTE + Duration::from_secs(number.into());
            limited(&pacer, &[&number.to_string()], LimitScope::Account, wait);
        }
        let holds = pacer.holds(&SystemClock);
        assert_eq!(holds.len(), 1024);
        // Those that end first are forgotten.
        assert!(holds.iter().all(|hold| hold.wait > MINUTE * 30));
    }
}
