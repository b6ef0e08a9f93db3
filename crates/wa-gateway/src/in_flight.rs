//! The state of a connection: what is in flight, and whether it is authenticated.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::{fmt, io};

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wa_flows::OnAuthenticated;

/// Decides whether a connection can be evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// No request was authenticated yet: a handshake, a head or a body is incomplete, or a refusal is being
    /// written.
    Unauthenticated,
    /// A request was authenticated earlier, and none is in flight.
    Known,
    /// An authenticated request is in flight, from its signature to the last byte of its response.
    InFlight,
    /// The connection was chosen to be closed.
    Evicted,
}

/// The state of one connection; clones share it.
#[derive(Clone)]
pub(crate) struct InFlight(Arc<State>);

struct State {
    stage: AtomicU8,
    /// Exchanges, and responses whose write is pending.
    count: AtomicUsize,
    /// Total number of exchanges and pending writes so far.
    begun: AtomicUsize,
    /// [`ProtectionGuard`]s that exist.
    protections: AtomicUsize,
    /// The sum of `count` over all connections.
    all: Arc<AtomicUsize>,
}

/// Counts one exchange or pending write as in flight until dropped.
pub(crate) struct InFlightGuard(InFlight);

/// Protects a connection from eviction until it is dropped.
pub(crate) struct ProtectionGuard(InFlight);

impl InFlight {
    /// Creates the state of a new connection; `all` counts over all connections.
    pub(crate) fn new(all: &Arc<AtomicUsize>) -> Self {
        Self(Arc::new(State {
            stage: AtomicU8::new(Stage::Unauthenticated as u8),
            count: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            protections: AtomicUsize::new(0),
            all: Arc::clone(all),
        }))
    }

    /// Counts an exchange or a pending write until the guard is dropped.
    pub(crate) fn begin(&self) -> InFlightGuard {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.all.fetch_add(1, Ordering::Relaxed);
        InFlightGuard(self.clone())
    }

    /// Returns true if an authenticated request is in flight.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.0.stage.load(Ordering::Relaxed) == Stage::InFlight as u8
    }

    /// Returns true if neither an exchange nor a response is in flight.
    fn is_idle(&self) -> bool {
        self.0.count.load(Ordering::Relaxed) == 0
    }

    /// Returns the number of exchanges and pending writes so far.
    pub(crate) fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Marks the request in flight as authenticated: the connection is not evicted until its response is
    /// flushed.
    pub(crate) fn authenticated(&self) {
        if !self.change(Stage::Unauthenticated, Stage::InFlight) {
            self.change(Stage::Known, Stage::InFlight);
        }
    }

    /// Protects the connection only while the guard exists. This is for services without authentication,
    /// which must bound the number of guards.
    pub(crate) fn protect(&self) -> ProtectionGuard {
        self.0.protections.fetch_add(1, Ordering::Relaxed);
        self.authenticated();
        ProtectionGuard(self.clone())
    }

    /// Returns true if a [`ProtectionGuard`] exists.
    pub(crate) fn is_protected(&self) -> bool {
        self.0.protections.load(Ordering::Relaxed) > 0
    }

    /// Marks the connection as evicted if it is in this stage; returns true if it did. The change is atomic,
    /// so no request can become authenticated in between.
    pub(crate) fn evict(&self, at: Stage) -> bool {
        self.change(at, Stage::Evicted)
    }

    /// Records that a response is being written. After an authenticated exchange it is protected until it is
    /// flushed.
    pub(crate) fn writing(&self) {
        self.change(Stage::Known, Stage::InFlight);
    }

    /// Records that everything was written to the socket.
    pub(crate) fn flushed(&self) {
        if self.is_idle() {
            self.change(Stage::InFlight, Stage::Known);
        }
    }

    fn change(&self, from: Stage, to: Stage) -> bool {
        let stage = &self.0.stage;
        // The load avoids the more expensive compare-exchange in most calls.
        stage.load(Ordering::Relaxed) == from as u8
            && stage
                .compare_exchange(from as u8, to as u8, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.0.count.fetch_sub(1, Ordering::Relaxed);
        self.0.0.all.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for ProtectionGuard {
    fn drop(&mut self) {
        let InFlight(state) = &self.0;
        if state.protections.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.change(Stage::InFlight, Stage::Unauthenticated);
            self.0.change(Stage::Known, Stage::Unauthenticated);
        }
    }
}

/// The service of one connection: counts exchanges, records which are authenticated, and adds `Connection:
/// close` to responses while the gateway drains.
pub(crate) struct Counting<S> {
    service: S,
    in_flight: InFlight,
    on_authenticated: OnAuthenticated,
    draining: Arc<AtomicBool>,
}

/// The future of an exchange, counted until it completes or is dropped.
pub(crate) struct Counted<F> {
    exchange: F,
    draining: Arc<AtomicBool>,
    _guard: InFlightGuard,
}

impl<S> Counting<S> {
    pub(crate) fn new(service: S, in_flight: InFlight, draining: Arc<AtomicBool>) -> Self {
        let authenticated = in_flight.clone();
        Self {
            service,
            in_flight,
            on_authenticated: OnAuthenticated::new(move || authenticated.authenticated()),
            draining,
        }
    }

    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }
}

impl<S, B> Service<Request<Incoming>> for Counting<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Counted<S::Future>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let guard = self.in_flight.begin();
        request.extensions_mut().insert(self.on_authenticated.clone());
        request.extensions_mut().insert(self.in_flight.clone());
        Counted {
            exchange: self.service.call(request),
            draining: Arc::clone(&self.draining),
            _guard: guard,
        }
    }
}

impl<F, B, E> Future for Counted<F>
where
    F: Future<Output = Result<Response<B>, E>> + Unpin,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut result = ready!(Pin::new(&mut self.exchange).poll(cx));
        if let Ok(response) = &mut result
            && self.draining.load(Ordering::Relaxed)
        {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Poll::Ready(result)
    }
}

/// The stream of one connection: a response counts as in flight while its write is pending, and the bytes of
/// a TLS handshake are limited.
pub(crate) struct CountedStream<I> {
    io: I,
    in_flight: InFlight,
    pending_write: Option<InFlightGuard>,
    /// Bytes that can still be read; `None` without a limit.
    readable: Option<usize>,
}

impl<I> CountedStream<I> {
    pub(crate) fn new(io: I, in_flight: InFlight) -> Self {
        Self {
            io,
            in_flight,
            pending_write: None,
            readable: None,
        }
    }

    /// Limits the bytes that can be read; a single read can exceed the limit.
    pub(crate) fn limited(mut self, bytes: usize) -> Self {
        self.readable = Some(bytes);
        self
    }

    /// Removes the limit.
    pub(crate) fn remove_limit(&mut self) {
        self.readable = None;
    }

    fn record_write<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.in_flight.writing();
        if written.is_ready() {
            self.pending_write = None;
        } else if self.pending_write.is_none() {
            self.pending_write = Some(self.in_flight.begin());
        }
        written
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for CountedStream<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.readable == Some(0) {
            return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        if let Some(readable) = &mut self.readable {
            *readable = readable.saturating_sub(buffer.filled().len() - before);
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for CountedStream<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.record_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.record_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        if flushed.is_ready() {
            self.in_flight.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InFlight({})", self.0.count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_protected_until_it_is_flushed() {
        let state = InFlight::new(&Arc::default());
        let exchange = state.begin();
        state.authenticated();
        drop(exchange);
        assert!(!state.evict(Stage::Known));
        state.writing();
        let pending_write = state.begin();
        state.flushed();
        assert!(!state.evict(Stage::Known));
        drop(pending_write);
        state.flushed();
        assert!(state.evict(Stage::Known));
    }

    #[test]
    fn protection_ends_with_the_last_guard() {
        let state = InFlight::new(&Arc::default());
        let (first, second) = (state.protect(), state.protect());
        drop(first);
        state.flushed();
        assert!(!state.evict(Stage::Unauthenticated));
        drop(second);
        // The response that follows is not protected.
        state.writing();
        assert!(state.evict(Stage::Unauthenticated));
    }

    #[test]
    fn a_refusal_is_not_protected() {
        let state = InFlight::new(&Arc::default());
        let _exchange = state.begin();
        state.writing();
        assert!(state.evict(Stage::Unauthenticated));
    }
}
