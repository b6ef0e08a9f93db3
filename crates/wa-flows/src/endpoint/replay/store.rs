//! A replay memory that several processes share.

use std::error::Error;
use std::pin::Pin;

use crate::endpoint::replay::ReplayMark;

/// A replay memory that several processes share, for example a database; see
/// [`ReplayMemory::with_store`](crate::ReplayMemory::with_store).
///
/// It is called once for each decrypted request, before the handler, and has 50 milliseconds to respond.
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
    /// Records a mark atomically, and returns whether it was recorded before.
    ///
    /// # Errors
    ///
    /// Returns any error if the store fails. The error is logged at `debug`, so it must not contain a
    /// password.
    fn claim(
        &self,
        mark: ReplayMark,
    ) -> impl Future<Output = Result<Claim, Box<dyn Error + Send + Sync>>> + Send;
}

/// Whether a [`ReplayStore`] knew a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The mark is new: the request is the first.
    New,
    /// The mark was recorded before: the request is refused.
    Known,
}

type Claiming<'a> = Pin<Box<dyn Future<Output = Result<Claim, Box<dyn Error + Send + Sync>>> + Send + 'a>>;

/// An object-safe [`ReplayStore`].
pub(super) trait AnyStore: Send + Sync {
    fn claim_boxed(&self, mark: ReplayMark) -> Claiming<'_>;
}

impl<S: ReplayStore> AnyStore for S {
    fn claim_boxed(&self, mark: ReplayMark) -> Claiming<'_> {
        Box::pin(self.claim(mark))
    }
}
