//! Replay protection: what was answered, and what a repeat of it gets.

mod memory;
mod store;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256, digest};
use tokio::time::{Instant, timeout, timeout_at};

use crate::endpoint::ExchangeId;
use crate::endpoint::reply::Reply;
use crate::envelope::Sealed;
use crate::status::Refusal;
pub(crate) use memory::Ticket;
use memory::{Admission, Memory};
use store::AnyStore;
pub use store::{Claim, ReplayStore};

/// How long a repeat that is identical byte for byte gets the response of the first.
const REPEATED_FOR: Duration = Duration::from_secs(30);

/// How long a [`ReplayStore`] is waited for.
const STORE_TIME: Duration = Duration::from_millis(50);

/// How much a [`ReplayMemory`] remembers, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayWindow {
    /// How long an envelope is remembered; by default 1 hour.
    pub lasts: Duration,
    /// How many envelopes are remembered at most, at some 60 bytes each; by default 1,000,000. Beyond, the oldest is
    /// forgotten.
    pub entries: NonZeroUsize,
    /// Bytes of responses that are kept for repeats, for 30 seconds each; by default 32 MiB. Beyond, the oldest is dropped.
    pub response_bytes: usize,
}

/// The envelopes that were answered: a handle, whose clones share them.
///
/// Two responses that are encrypted under the same key and IV reveal the XOR of their plaintexts, and a handler that is
/// called twice may act twice. So a request whose key and IV were seen before does not reach the handler again:
///
/// - If the whole body is identical and the first was answered less than 30 seconds ago, as when a proxy tries again, it gets
///   the identical response. If the first is still in flight, it waits for it, beside at most 31 others.
/// - Otherwise it is refused with [`Refusal::Replayed`], status 432: later, under a key and IV with another body, or if the
///   response was dropped for want of memory.
///
/// Only requests with a valid signature are remembered, from when their handler is called. What was refused before
/// (wrong key, [`Refusal::Overloaded`]) may be sent again. What a handler answered with 500, 503 or 504 is not tried again:
/// it may have acted. An identical repeat gets the same status.
///
/// The memory is that of one process, for as long as [`ReplayWindow`] says, and it ends with the process. What several
/// processes serve needs a [`ReplayStore`]. An endpoint that is rebuilt, and endpoints that share a key, should be given
/// the same memory, see [`FlowEndpointBuilder::replay_memory`](crate::FlowEndpointBuilder::replay_memory).
#[derive(Clone)]
pub struct ReplayMemory {
    memory: Arc<Memory>,
    store: Option<Arc<dyn AnyStore>>,
}

/// What stands for an envelope: 128 bits of the SHA-256 of its encrypted key and its IV.
///
/// Phones make a new key and IV for each request, so that both together identify it. Displayed as 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayMark(pub(crate) [u8; 16]);

/// The SHA-256 of a whole body.
pub(crate) type BodyHash = [u8; 32];

/// What becomes of a request that is not refused.
pub(crate) enum Admitted {
    /// It is the first with its key and IV; no ticket where nothing is remembered.
    First(Option<Ticket>),
    /// It repeats an exchange.
    Repeat(Arc<Outcome>),
}

/// How an exchange ended, for those who repeat it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) id: ExchangeId,
    pub(crate) action: Option<&'static str>,
    pub(crate) reply: Result<Reply, Refusal>,
}

impl ReplayWindow {
    /// Remembers at most `entries` envelopes for `lasts`, and the default of responses.
    #[must_use]
    pub fn new(lasts: Duration, entries: NonZeroUsize) -> Self {
        Self {
            lasts,
            entries,
            ..Self::default()
        }
    }

    /// Keeps at most so many bytes of responses; with 0, every repeat is refused unless the first is still in flight.
    #[must_use]
    pub fn response_bytes(mut self, bytes: usize) -> Self {
        self.response_bytes = bytes;
        self
    }
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self {
            lasts: Duration::from_hours(1),
            entries: NonZeroUsize::new(1_000_000).unwrap_or(NonZeroUsize::MIN),
            response_bytes: 32 * 1024 * 1024,
        }
    }
}

impl ReplayMemory {
    /// Creates an empty memory.
    #[must_use]
    pub fn new(window: ReplayWindow) -> Self {
        Self {
            memory: Arc::new(Memory::new(window)),
            store: None,
        }
    }

    /// Also claims each envelope in a store that several processes share, before its handler is called.
    ///
    /// A store that does not answer within 50 milliseconds, or fails, is passed over: the memory of this process decides, and
    /// [`ExchangeReport::replay_store_failed`](crate::ExchangeReport::replay_store_failed) is true. Responses are not
    /// shared: a repeat that reaches another process is refused.
    #[must_use]
    pub fn with_store(mut self, store: impl ReplayStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Looks an envelope up, and waits for the exchange that it repeats.
    ///
    /// # Errors
    /// [`Refusal::Replayed`], or [`Refusal::HandlerTimedOut`] at the deadline.
    pub(crate) async fn admit(
        &self,
        sealed: &Sealed,
        body: &[u8],
        deadline: Instant,
    ) -> Result<Admitted, Refusal> {
        let (mark, hash) = (ReplayMark::of(sealed), body_hash(body));
        loop {
            match Memory::admit(&self.memory, mark, hash) {
                Admission::First(ticket) => return Ok(Admitted::First(Some(ticket))),
                Admission::Repeat(outcome) => return Ok(Admitted::Repeat(outcome)),
                Admission::Refused => return Err(Refusal::Replayed),
                Admission::Wait(first) => match timeout_at(deadline, first).await {
                    Ok(Ok(outcome)) => return Ok(Admitted::Repeat(outcome)),
                    // The client of the first left before its handler was called.
                    Ok(Err(_)) => {}
                    Err(_) => return Err(Refusal::HandlerTimedOut),
                },
            }
        }
    }

    /// Claims an envelope in the store, if there is one.
    ///
    /// # Errors
    /// [`StoreFailed`] if the store does not say.
    pub(crate) async fn claim(&self, mark: ReplayMark) -> Result<Claim, StoreFailed> {
        let Some(store) = &self.store else {
            return Ok(Claim::New);
        };
        match timeout(STORE_TIME, store.claim_boxed(mark)).await {
            Ok(Ok(claim)) => Ok(claim),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the replay store failed");
                Err(StoreFailed)
            }
            Err(_) => {
                tracing::debug!("the replay store did not answer in time");
                Err(StoreFailed)
            }
        }
    }
}

/// The store did not say whether an envelope is known to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoreFailed;

impl Default for ReplayMemory {
    fn default() -> Self {
        Self::new(ReplayWindow::default())
    }
}

impl fmt::Debug for ReplayMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayMemory")
            .field("window", self.memory.window())
            .field("has_store", &self.store.is_some())
            .finish_non_exhaustive()
    }
}

impl ReplayMark {
    /// The mark of an envelope, made of its decoded bytes, so that no other spelling of them is another envelope.
    pub(crate) fn of(sealed: &Sealed) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&sealed.encrypted_key);
        context.update(&sealed.iv);
        let hash = context.finish();
        let mut mark = [0; 16];
        for (byte, of_hash) in mark.iter_mut().zip(hash.as_ref()) {
            *byte = *of_hash;
        }
        Self(mark)
    }
}

impl fmt::Display for ReplayMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

pub(crate) fn body_hash(body: &[u8]) -> BodyHash {
    let mut hash = [0; 32];
    for (byte, of_hash) in hash.iter_mut().zip(digest(&SHA256, body).as_ref()) {
        *byte = *of_hash;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_and_iv_both_make_the_mark() {
        let sealed = |key: u8, iv: u8| Sealed {
            encrypted_key: [key; 256],
            iv: [iv; 16],
            data: Vec::new(),
        };
        let mark = |key, iv| ReplayMark::of(&sealed(key, iv));
        assert_eq!(mark(1, 2), mark(1, 2));
        assert_ne!(mark(1, 2), mark(1, 3));
        assert_ne!(mark(1, 2), mark(2, 2));
        assert_eq!(ReplayMark([0xf0; 16]).to_string(), "f0".repeat(16));
    }
}
