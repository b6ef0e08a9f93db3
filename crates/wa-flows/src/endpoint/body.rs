//! The bodies of HTTP requests and replies.

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

use crate::status::Refusal;

/// The body of a reply: base64 text, or nothing.
#[derive(Default)]
pub struct ReplyBody {
    text: Option<Bytes>,
}

impl ReplyBody {
    pub(crate) fn new(text: String) -> Self {
        Self {
            text: Some(Bytes::from(text)),
        }
    }

    fn len(&self) -> usize {
        self.text.as_ref().map_or(0, Bytes::len)
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyBody({} bytes)", self.len())
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.text.take().map(|text| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.text.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}

/// Reads a body of at most `limit` bytes; one that arrives in one piece is not copied.
pub(crate) async fn read<B: Body>(body: B, limit: usize) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::BodyTooLarge);
    }
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(mut data) = frame.map_err(|_| Refusal::BodyBroken)?.into_data() else {
            continue;
        };
        let length = data.remaining();
        if first.len() + rest.len() + length > limit {
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
