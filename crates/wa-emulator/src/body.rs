//! Bodies of answers: whole, cut short, or dripping.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

/// The body of every answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Long enough for what was written to reach the client before the connection ends.
const BEFORE_CUT: Duration = Duration::from_millis(50);

pub(crate) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// The first `keep` bytes, then the end of the connection.
pub(crate) fn cut(bytes: &Bytes, keep: usize) -> Body {
    let kept = bytes.slice(..keep.min(bytes.len()));
    let start = stream::iter([Ok(Frame::data(kept))]);
    let end = stream::once(async {
        tokio::time::sleep(BEFORE_CUT).await;
        Err(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            "cut short on purpose",
        ))
    });
    BodyExt::boxed_unsync(StreamBody::new(start.chain(end)))
}

/// All bytes, `chunk` at a time.
pub(crate) fn drip(bytes: Bytes, chunk: usize, every: Duration) -> Body {
    let pieces = stream::unfold(bytes, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(every).await;
        let piece = left.split_to(chunk.clamp(1, left.len()));
        Some((Ok(Frame::data(piece)), left))
    });
    BodyExt::boxed_unsync(StreamBody::new(pieces))
}
