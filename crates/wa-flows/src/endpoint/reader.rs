//! Reads bodies before their signature is verified.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;

use crate::endpoint::slots::{EvictingSlots, Slot};
use crate::status::Refusal;

/// A pending body with more bytes than this is large; WhatsApp's bodies are rarely longer.
const LARGE: usize = 64 * 1024;
/// The limit of small pending bodies, and of large ones.
const PENDING: usize = 1024;
/// The bytes that all small pending bodies together may keep, and all large ones.
const BUDGET: usize = 16 * 1024 * 1024;
/// The budget of large bodies has room for at least this many of the maximum size.
const LONGEST_PENDING: usize = 8;

/// Reads bodies, and bounds the memory that unauthenticated clients can occupy by sending slowly.
///
/// A body that arrives complete with its head, as WhatsApp sends it, is read immediately, regardless of other
/// requests in flight. An incomplete body is pending, and needs a slot. Large bodies have separate slots, so
/// that they cannot evict small ones.
pub(crate) struct Reader {
    limit: usize,
    pending: Arc<Pending>,
}

/// The slots of pending bodies, shared by several endpoints.
pub(crate) struct Pending {
    small: EvictingSlots,
    large: EvictingSlots,
}

impl Pending {
    fn new() -> Self {
        Self {
            small: EvictingSlots::new(PENDING, BUDGET),
            large: EvictingSlots::new(PENDING, BUDGET),
        }
    }

    /// Returns the slots of this process: they bound its memory, however many endpoints it has.
    fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Pending>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| Arc::new(Self::new())))
    }
}

impl Reader {
    /// Creates a reader of bodies of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self::with(limit, Pending::shared())
    }

    fn with(limit: usize, pending: Arc<Pending>) -> Self {
        pending.large.raise_budget(limit.saturating_mul(LONGEST_PENDING));
        Self { limit, pending }
    }

    /// Reads a body. A body that arrives in one piece is not copied.
    pub(crate) async fn read<B: Body>(&self, body: B) -> Result<Bytes, Refusal> {
        if body.size_hint().lower() > self.limit as u64 {
            return Err(Refusal::BodyTooLarge);
        }
        let mut body = pin!(body);
        let mut received = Received::new(&self.pending);
        loop {
            let frame = poll_fn(|cx| match body.as_mut().poll_frame(cx) {
                Poll::Ready(frame) => Poll::Ready(Ok(frame)),
                Poll::Pending => received.poll_evicted(cx).map(Err),
            });
            let Some(frame) = frame.await? else { break };
            let Ok(mut data) = frame.map_err(|_| Refusal::BodyBroken)?.into_data() else {
                continue;
            };
            let length = data.remaining();
            if received.length + length > self.limit {
                return Err(Refusal::BodyTooLarge);
            }
            received.push(data.copy_to_bytes(length));
            if body.is_end_stream() {
                break;
            }
        }
        received.into_bytes()
    }
}

/// The received part of a body: the slot's bytes, then `first`, then `more`.
struct Received<'a> {
    pending: &'a Pending,
    length: usize,
    /// Keeps what arrived before the body was last pending.
    slot: Option<Slot<'a>>,
    /// The first piece after that, not copied.
    first: Bytes,
    more: BytesMut,
}

impl<'a> Received<'a> {
    fn new(pending: &'a Pending) -> Self {
        Self {
            pending,
            length: 0,
            slot: None,
            first: Bytes::new(),
            more: BytesMut::new(),
        }
    }

    fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        if self.first.is_empty() {
            self.first = piece;
        } else {
            self.more.extend_from_slice(&piece);
        }
    }

    /// Moves everything received into the slot that a pending body needs; ready when that slot is evicted.
    /// Pieces share the server's read buffer, which a pending body must not keep in memory.
    fn poll_evicted(&mut self, cx: &mut Context<'_>) -> Poll<Refusal> {
        let slots = if self.length > LARGE {
            &self.pending.large
        } else {
            &self.pending.small
        };
        let slot = match self.slot.take() {
            Some(slot) if slot.is_of(slots) => Some(slot),
            Some(slot) => match slot.leave() {
                Some(kept) => Some(slots.take(kept)),
                None => return Poll::Ready(Refusal::BodyTooSlow),
            },
            None => None,
        };
        let slot = self
            .slot
            .insert(slot.unwrap_or_else(|| slots.take(BytesMut::new())));
        slot.push(&std::mem::take(&mut self.first));
        slot.push(&std::mem::take(&mut self.more));
        slot.poll_evicted(cx).map(|()| Refusal::BodyTooSlow)
    }

    fn into_bytes(self) -> Result<Bytes, Refusal> {
        let mut kept = match self.slot {
            Some(slot) => slot.leave().ok_or(Refusal::BodyTooSlow)?,
            None => BytesMut::new(),
        };
        if kept.is_empty() && self.more.is_empty() {
            return Ok(self.first);
        }
        kept.extend_from_slice(&self.first);
        kept.extend_from_slice(&self.more);
        Ok(kept.freeze())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use http_body_util::channel::{Channel, Sender};
    use tokio::task::JoinHandle;
    use tokio::task::yield_now;

    use super::*;

    type Reading = JoinHandle<Result<Bytes, Refusal>>;

    /// Starts to read a body of which `length` bytes have arrived.
    async fn begin(reader: &'static Reader, length: usize) -> (Sender<Bytes>, Reading) {
        let (mut sender, body) = Channel::<Bytes>::new(1);
        if length > 0 {
            sender.send_data(vec![b'x'; length].into()).await.unwrap();
        }
        let reading = tokio::spawn(reader.read(body));
        yield_now().await;
        (sender, reading)
    }

    /// Starts to read several bodies.
    async fn begin_all(
        reader: &'static Reader,
        count: usize,
        length: usize,
    ) -> Vec<(Sender<Bytes>, Reading)> {
        let mut bodies = Vec::new();
        for _ in 0..count {
            bodies.push(begin(reader, length).await);
        }
        bodies
    }

    fn evicted(bodies: &[(Sender<Bytes>, Reading)]) -> usize {
        bodies.iter().filter(|(_, reading)| reading.is_finished()).count()
    }

    /// A reader with the endpoint's default limits, and slots that no other test uses.
    fn reader() -> &'static Reader {
        Box::leak(Box::new(Reader::with(2 * 1024 * 1024, Arc::new(Pending::new()))))
    }

    #[tokio::test]
    async fn the_oldest_pending_body_is_evicted_for_the_next() {
        let reader = reader();
        let mut bodies = begin_all(reader, PENDING, 0).await;
        assert_eq!(evicted(&bodies), 0);
        let (mut sender, reading) = begin(reader, 1).await;
        sender.send_data("y".into()).await.unwrap();
        drop(sender);
        assert_eq!(reading.await.unwrap().unwrap(), "xy");
        yield_now().await;
        assert_eq!(evicted(&bodies), 1);
        let (_, oldest) = bodies.remove(0);
        assert_eq!(oldest.await.unwrap(), Err(Refusal::BodyTooSlow));
    }

    #[tokio::test]
    async fn small_pending_bodies_keep_no_more_than_their_budget() {
        let reader = reader();
        let bodies = begin_all(reader, PENDING, 40_000).await;
        yield_now().await;
        let kept = BUDGET / 40_000;
        assert_eq!(evicted(&bodies), PENDING - kept);
    }

    #[tokio::test]
    async fn large_pending_bodies_evict_each_other_and_no_small_one() {
        let reader = reader();
        let small = begin_all(reader, 10, LARGE).await;
        let length = 2 * 1024 * 1024 - 1;
        let mut large = begin_all(reader, LONGEST_PENDING + 3, length).await;
        yield_now().await;
        assert_eq!((evicted(&small), evicted(&large)), (0, 3));
        let (sender, reading) = large.pop().unwrap();
        drop(sender);
        assert_eq!(reading.await.unwrap().unwrap().len(), length);
    }

    #[tokio::test]
    async fn a_body_that_becomes_large_frees_its_small_slot() {
        let reader = reader();
        let (mut sender, _reading) = begin(reader, LARGE).await;
        let others = begin_all(reader, PENDING - 1, 0).await;
        sender.send_data("x".into()).await.unwrap();
        yield_now().await;
        let (_sender, last) = begin(reader, 0).await;
        yield_now().await;
        assert_eq!((evicted(&others), last.is_finished()), (0, false));
    }

    #[tokio::test]
    async fn the_budget_grows_with_the_body_limit() {
        let limit = 64 * 1024 * 1024;
        let reader = Box::leak(Box::new(Reader::with(limit, Arc::new(Pending::new()))));
        let bodies = begin_all(reader, 2, BUDGET).await;
        yield_now().await;
        assert_eq!(evicted(&bodies), 0);
    }

    #[tokio::test]
    async fn a_complete_body_needs_no_slot() {
        let reader = reader();
        let pending = begin_all(reader, PENDING, 1).await;
        let body = Full::new(Bytes::from(vec![b'x'; 10 * LARGE]));
        assert_eq!(reader.read(body).await.unwrap().len(), 10 * LARGE);
        yield_now().await;
        assert_eq!(evicted(&pending), 0);
    }
}
