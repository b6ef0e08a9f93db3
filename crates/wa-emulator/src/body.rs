//! Response bodies: sent whole, truncated, or in slow pieces.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

/// The body of every response.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The bytes already written need this long to reach the client before the connection is closed.
const BEFORE_CUT: Duration = Duration::from_millis(50);

pub(crate) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// Returns a body that sends the first `keep` bytes and then closes the connection.
pub(crate) fn cut(bytes: &Bytes, keep: usize) -> Body {
    let kept = bytes.slice(..keep.min(bytes.len()));
    let start = stream::iter([Ok(Frame::data(kept))]);
    let end = stream::once(async {
        tokio::time::sleep(BEFORE_CUT).await;
        Err(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            "truncated by a fault",
        ))
    });
    BodyExt::boxed_unsync(StreamBody::new(start.chain(end)))
}

/// Returns a body that sends all bytes, `chunk` at a time.
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
