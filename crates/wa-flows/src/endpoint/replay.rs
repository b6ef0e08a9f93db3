//! Replay protection: each request is answered once.

mod by_mark;
mod memory;
mod store;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256, digest};
use tokio::time::{Instant, timeout, timeout_at};

use crate::endpoint::ExchangeId;
use crate::endpoint::response::ResponseParts;
use crate::envelope::DecodedEnvelope;
use crate::status::Refusal;
pub(crate) use memory::Ticket;
use memory::{Admission, Memory};
use store::AnyStore;
pub use store::{Claim, ReplayStore};

/// How long a byte-for-byte identical repeat gets the response to the first request.
const REPEATED_FOR: Duration = Duration::from_secs(30);

/// How long the endpoint waits for a [`ReplayStore`].
const STORE_TIME: Duration = Duration::from_millis(50);

/// The limits of a [`ReplayMemory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayWindow {
    /// How long an envelope is remembered; by default 1 hour.
    pub lasts: Duration,
    /// The maximum number of remembered envelopes, at about 60 bytes each; by default 1,000,000. Beyond it,
    /// the oldest is forgotten.
    pub entries: NonZeroUsize,
    /// The maximum bytes of responses kept for repeats, each for 30 seconds; by default 32 MiB. Beyond it,
    /// the oldest is dropped.
    pub response_bytes: usize,
}

/// Remembers the requests that were answered, so that none reaches the handler twice; clones share the
/// memory.
///
/// Two responses encrypted under the same key and IV reveal the XOR of their plaintexts, and a handler that
/// is called twice may act twice. So a request whose key and IV were seen before does not reach the handler:
///
/// - If the whole body is identical and the first was answered less than 30 seconds ago, as when a proxy
///   retries, it gets the identical response. If the first is still in flight, it waits for that response; at
///   most 32 requests wait for one.
/// - Otherwise it is refused with [`Refusal::Replayed`], status 432: if it comes later, if the body differs,
///   or if the response was dropped to bound the memory.
///
/// Requests are remembered if their signature is valid, from the moment their handler is called. A request
/// that was refused before that (wrong key, [`Refusal::Overloaded`]) may be sent again. A request whose
/// handler failed (500, 503, 504) is not retried, because the handler may have acted: an identical repeat
/// gets the same status.
///
/// The memory covers one process, within the limits of [`ReplayWindow`], and ends with the process. If
/// several processes serve, add a [`ReplayStore`]. Set the same memory when you rebuild an endpoint, and for
/// endpoints that share a key; see
/// [`FlowEndpointBuilder::replay_memory`](crate::FlowEndpointBuilder::replay_memory).
#[derive(Clone)]
pub struct ReplayMemory {
    memory: Arc<Memory>,
    store: Option<Arc<dyn AnyStore>>,
}

/// Identifies an envelope: 128 bits of the SHA-256 of its encrypted key and its IV.
///
/// Phones generate a new key and IV for each request, so the two identify it. Displayed as 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayMark(pub(crate) [u8; 16]);

/// What identifies a whole body: its verified HMAC-SHA-256, or its SHA-256 if signatures are not checked.
pub(crate) type BodyHash = [u8; 32];

/// What happens with a request that is not refused.
pub(crate) enum Admitted {
    /// It is the first with its key and IV; without a ticket if replay protection is off.
    First(Option<Ticket>),
    /// It repeats an exchange, and gets its response.
    Repeat(Arc<Outcome>),
}

/// How an exchange ended; repeats of it get the same.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) id: ExchangeId,
    pub(crate) action: Option<&'static str>,
    pub(crate) response: Result<ResponseParts, Refusal>,
}

impl ReplayWindow {
    /// Creates limits of at most `entries` envelopes, each for `lasts`, with the default limit of responses.
    #[must_use]
    pub fn new(lasts: Duration, entries: NonZeroUsize) -> Self {
        Self {
            lasts,
            entries,
            ..Self::default()
        }
    }

    /// Sets the maximum bytes of responses. With 0, a repeat is refused unless the first is still in flight.
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

    /// Adds a store that several processes share. Each envelope is claimed there before its handler is
    /// called.
    ///
    /// If the store fails or does not respond within 50 milliseconds, the memory of this process decides, and
    /// [`ExchangeReport::replay_store_failed`](crate::ExchangeReport::replay_store_failed) is true. Responses
    /// are not shared: a repeat that reaches another process is refused.
    #[must_use]
    pub fn with_store(mut self, store: impl ReplayStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Looks up an envelope, and waits for the exchange that it repeats if that is in flight.
    ///
    /// # Errors
    ///
    /// Returns [`Refusal::Replayed`], or [`Refusal::HandlerTimedOut`] at the deadline.
    pub(crate) async fn admit(
        &self,
        envelope: &DecodedEnvelope,
        body: BodyHash,
        deadline: Instant,
    ) -> Result<Admitted, Refusal> {
        let mark = ReplayMark::of(envelope);
        loop {
            match Memory::admit(&self.memory, mark, body) {
                Admission::First(ticket) => return Ok(Admitted::First(Some(ticket))),
                Admission::Repeat(outcome) => return Ok(Admitted::Repeat(outcome)),
                Admission::Refused => return Err(Refusal::Replayed),
                Admission::Wait(first) => match timeout_at(deadline, first).await {
                    Ok(Ok(outcome)) => return Ok(Admitted::Repeat(outcome)),
                    // The client of the first disconnected before its handler was called.
                    Ok(Err(_)) => {}
                    Err(_) => return Err(Refusal::HandlerTimedOut),
                },
            }
        }
    }

    /// Claims an envelope in the store, if there is one.
    ///
    /// # Errors
    ///
    /// Returns [`StoreFailed`] if the store fails or does not respond in time.
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
                tracing::debug!("the replay store did not respond in time");
                Err(StoreFailed)
            }
        }
    }
}

/// The store did not report whether it contains an envelope.
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
    /// Computes the mark of an envelope from its decoded bytes, so that JSON that is written differently gets
    /// the same mark.
    pub(crate) fn of(envelope: &DecodedEnvelope) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&envelope.encrypted_key);
        context.update(&envelope.iv);
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
    fn the_mark_depends_on_key_and_iv() {
        let envelope = |key: u8, iv: u8| DecodedEnvelope {
            encrypted_key: [key; 256],
            iv: [iv; 16],
            data: Vec::new(),
        };
        let mark = |key, iv| ReplayMark::of(&envelope(key, iv));
        assert_eq!(mark(1, 2), mark(1, 2));
        assert_ne!(mark(1, 2), mark(1, 3));
        assert_ne!(mark(1, 2), mark(2, 2));
        assert_eq!(ReplayMark([0xf0; 16]).to_string(), "f0".repeat(16));
    }
}
