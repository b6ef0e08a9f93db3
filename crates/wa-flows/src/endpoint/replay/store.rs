//! A memory of envelopes that several processes share.

use std::error::Error;
use std::pin::Pin;

use crate::endpoint::replay::ReplayMark;

/// A memory of envelopes that several processes share: give it to
/// [`ReplayMemory::with_store`](crate::ReplayMemory::with_store).
///
/// It is asked once for each request that was decrypted, before the handler is called, and is waited for 50 milliseconds.
///
/// ```
/// use std::collections::HashSet;
/// use std::error::Error;
/// use std::sync::Mutex;
/// use wa_flows::{Claim, ReplayMark, ReplayStore};
///
/// struct Shared(Mutex<HashSet<ReplayMark>>);
///
/// impl ReplayStore for Shared {
///     async fn claim(&self, mark: ReplayMark) -> Result<Claim, Box<dyn Error + Send + Sync>> {
///         let is_new = self.0.lock().map_err(|_| "poisoned")?.insert(mark);
///         Ok(if is_new { Claim::New } else { Claim::Known })
///     }
/// }
/// ```
pub trait ReplayStore: Send + Sync + 'static {
    /// Records a mark, in one step, and returns whether it was there before.
    ///
    /// # Errors
    /// Any error if the store cannot say; it is logged at `debug`, so it must not quote a password.
    fn claim(
        &self,
        mark: ReplayMark,
    ) -> impl Future<Output = Result<Claim, Box<dyn Error + Send + Sync>>> + Send;
}

/// Whether a [`ReplayStore`] knew a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It was recorded now: the request is the first.
    New,
    /// It was there already: the request is refused.
    Known,
}

type Claiming<'a> = Pin<Box<dyn Future<Output = Result<Claim, Box<dyn Error + Send + Sync>>> + Send + 'a>>;

/// A [`ReplayStore`] of any type.
pub(super) trait AnyStore: Send + Sync {
    fn claim_boxed(&self, mark: ReplayMark) -> Claiming<'_>;
}

impl<S: ReplayStore> AnyStore for S {
    fn claim_boxed(&self, mark: ReplayMark) -> Claiming<'_> {
        Box::pin(self.claim(mark))
    }
}
