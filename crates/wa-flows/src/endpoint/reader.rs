//! Reading bodies that nobody has signed for yet.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;

use crate::endpoint::places::{Place, Places};
use crate::status::Refusal;

/// A body that is waited for is large beyond this, in bytes: what phones send is seldom longer.
const LARGE: usize = 64 * 1024;
/// Large bodies that are waited for at a time.
const LARGE_AT_A_TIME: usize = 64;

/// Reads bodies, and bounds what those who send them slowly can hold: connections and memory.
///
/// A body that is there is read whatever else is under way, for WhatsApp sends it with the head. One that is not needs a
/// place to wait in, and another when it is large.
pub(crate) struct Reader {
    limit: usize,
    waiting: Places,
    large: Places,
}

/// The places of one body.
struct Wait<'a> {
    reader: &'a Reader,
    place: Option<Place>,
    large: Option<Place>,
}

impl Reader {
    /// Reads bodies of at most `limit` bytes, and waits for `at_a_time` of them.
    pub(crate) fn new(limit: usize, at_a_time: usize) -> Self {
        Self {
            limit,
            waiting: Places::new(at_a_time),
            large: Places::new(LARGE_AT_A_TIME),
        }
    }

    /// Reads a body; one that arrives in one piece is not copied.
    pub(crate) async fn read<B: Body>(&self, body: B) -> Result<Bytes, Refusal> {
        if body.size_hint().lower() > self.limit as u64 {
            return Err(Refusal::BodyTooLarge);
        }
        let mut body = pin!(body);
        let mut wait = Wait::new(self);
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        loop {
            let received = first.len() + rest.len();
            let frame = poll_fn(|cx| match body.as_mut().poll_frame(cx) {
                Poll::Ready(frame) => Poll::Ready(Ok(frame)),
                Poll::Pending => wait.poll_refused(cx, received).map(Err),
            });
            let Some(frame) = frame.await? else { break };
            let Ok(mut data) = frame.map_err(|_| Refusal::BodyBroken)?.into_data() else {
                continue;
            };
            let length = data.remaining();
            if received + length > self.limit {
                return Err(Refusal::BodyTooLarge);
            }
            if first.is_empty() {
                first = data.copy_to_bytes(length);
            } else {
                rest.extend_from_slice(&data.copy_to_bytes(length));
            }
            if body.is_end_stream() {
                break;
            }
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let mut whole = BytesMut::with_capacity(first.len() + rest.len());
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&rest);
        Ok(whole.freeze())
    }
}

impl<'a> Wait<'a> {
    fn new(reader: &'a Reader) -> Self {
        Self {
            reader,
            place: None,
            large: None,
        }
    }

    /// Ready when a place is lost that this body needs, of which so many bytes were received.
    fn poll_refused(&mut self, cx: &mut Context<'_>, received: usize) -> Poll<Refusal> {
        let place = self.place.get_or_insert_with(|| self.reader.waiting.take());
        let mut lost = place.poll_lost(cx).is_ready();
        if received > LARGE {
            let large = self.large.get_or_insert_with(|| self.reader.large.take());
            lost |= large.poll_lost(cx).is_ready();
        }
        if lost {
            Poll::Ready(Refusal::BodyTooSlow)
        } else {
            Poll::Pending
        }
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

    /// Begins to read a body of which `length` bytes are there.
    async fn begin(reader: &'static Reader, length: usize) -> (Sender<Bytes>, Reading) {
        let (mut sender, body) = Channel::<Bytes>::new(1);
        sender.send_data(vec![b'x'; length].into()).await.unwrap();
        let reading = tokio::spawn(reader.read(body));
        yield_now().await;
        (sender, reading)
    }

    fn reader(at_a_time: usize) -> &'static Reader {
        Box::leak(Box::new(Reader::new(1024 * 1024, at_a_time)))
    }

    #[tokio::test]
    async fn a_body_that_is_waited_for_longest_gives_way_to_the_next() {
        let reader = reader(1);
        let (_stranger, of_stranger) = begin(reader, 1).await;
        let (sender, reading) = begin(reader, 2).await;
        drop(sender);
        assert_eq!(reading.await.unwrap().unwrap(), "xx");
        assert_eq!(of_stranger.await.unwrap(), Err(Refusal::BodyTooSlow));
    }

    #[tokio::test]
    async fn few_large_bodies_are_waited_for_at_a_time() {
        let reader = reader(1000);
        let (_small, of_small) = begin(reader, LARGE).await;
        let mut large = Vec::new();
        for _ in 0..=LARGE_AT_A_TIME {
            large.push(begin(reader, LARGE + 1).await);
        }
        let mut large = large.into_iter();
        let (_, of_first) = large.next().unwrap();
        assert_eq!(of_first.await.unwrap(), Err(Refusal::BodyTooSlow));
        for (sender, reading) in large {
            assert!(!reading.is_finished());
            drop(sender);
            assert_eq!(reading.await.unwrap().unwrap().len(), LARGE + 1);
        }
        assert!(!of_small.is_finished());
    }

    #[tokio::test]
    async fn a_large_body_that_is_there_needs_no_place() {
        let reader = reader(1);
        let (_stranger, of_stranger) = begin(reader, LARGE + 1).await;
        let body = Full::new(Bytes::from(vec![b'x'; 10 * LARGE]));
        assert_eq!(reader.read(body).await.unwrap().len(), 10 * LARGE);
        assert!(!of_stranger.is_finished());
    }
}
