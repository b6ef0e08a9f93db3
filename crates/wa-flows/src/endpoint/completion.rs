//! Handlers run to completion, even if the client disconnects.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use crate::endpoint::HandlerError;
use crate::message::FlowResponse;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future that moves into a task when it is dropped because the client has disconnected. So the handler
/// completes what it has started, and a repeat of the request gets its response.
pub(crate) struct RunToEnd<T: Send + 'static>(Option<Work<T>>);

impl<T: Send + 'static> RunToEnd<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for RunToEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.0 else {
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for RunToEnd<T> {
    fn drop(&mut self) {
        // Without a runtime, or with one that is shutting down, the work is dropped.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            drop(runtime.spawn(work));
        }
    }
}

/// Turns a panic of the handler into an error, so that the phone gets a status and the connection stays open.
pub(crate) async fn catch_panic<F>(handler: F) -> Result<FlowResponse, HandlerError>
where
    F: Future<Output = Result<FlowResponse, HandlerError>>,
{
    let mut handler = pin!(handler);
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx)))
            .unwrap_or_else(|_| Poll::Ready(Err(HandlerError::failed("it panicked"))))
    })
    .await
}
