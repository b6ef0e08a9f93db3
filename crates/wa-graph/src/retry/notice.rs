//! The notice of a pause before another attempt.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::GraphErrorKind;

/// A failed attempt that will be retried after a pause; see
/// [`GraphClientBuilder::on_retry`](crate::GraphClientBuilder::on_retry).
#[derive(Debug)]
#[non_exhaustive]
pub struct RetryNotice<'a> {
    /// The path of the call, without its query.
    pub path: &'a str,
    /// The number of the attempt that failed, counted from 1.
    pub attempt: u32,
    /// How long the client waits before the next attempt.
    pub pause: Duration,
    /// Whether the server requested this pause; otherwise it is the policy's own.
    pub is_requested: bool,
    /// Why the attempt failed.
    pub cause: &'a GraphErrorKind,
}

type Observe = dyn Fn(&RetryNotice<'_>) + Send + Sync;

/// A caller's function that receives every [`RetryNotice`].
#[derive(Clone, Default)]
pub(crate) struct RetryObserver(Option<Arc<Observe>>);

impl RetryObserver {
    pub(crate) fn new(observer: impl Fn(&RetryNotice<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observer)))
    }

    pub(crate) fn notify(&self, notice: &RetryNotice<'_>) {
        if let Some(observer) = &self.0 {
            observer(notice);
        }
    }
}

impl fmt::Debug for RetryObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RetryObserver").field(&self.0.is_some()).finish()
    }
}
