//! What is under way in the connections of an address.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::{fmt, io};

use http::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// Counts exchanges from the request to the last byte of the answer, in one connection and in all of them.
#[derive(Clone)]
pub(crate) struct InFlight {
    connection: watch::Sender<usize>,
    all: Arc<AtomicUsize>,
}

/// An exchange that is counted until this is dropped.
pub(crate) struct InFlightGuard(InFlight);

impl InFlight {
    /// For a further connection of those that `all` counts.
    pub(crate) fn new(all: &Arc<AtomicUsize>) -> Self {
        Self {
            connection: watch::Sender::new(0),
            all: Arc::clone(all),
        }
    }

    /// What is under way in the connection.
    pub(crate) fn seen(&self) -> watch::Receiver<usize> {
        self.connection.subscribe()
    }

    pub(crate) fn begin(&self) -> InFlightGuard {
        self.connection.send_modify(|count| *count += 1);
        self.all.fetch_add(1, Ordering::Relaxed);
        InFlightGuard(self.clone())
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.connection.send_modify(|count| *count -= 1);
        self.0.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A service whose exchanges are counted until they are answered or given up.
pub(crate) struct Counting<S> {
    pub(crate) service: S,
    pub(crate) in_flight: InFlight,
    /// The service itself begins what counts, with the [`InFlight`] in the request's extensions.
    pub(crate) by_service: bool,
}

/// An exchange that is counted.
pub(crate) struct Counted<F> {
    exchange: F,
    _guard: Option<InFlightGuard>,
}

impl<S> Service<Request<Incoming>> for Counting<S>
where
    S: Service<Request<Incoming>>,
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Counted<S::Future>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let guard = (!self.by_service).then(|| self.in_flight.begin());
        if self.by_service {
            request.extensions_mut().insert(self.in_flight.clone());
        }
        Counted {
            exchange: self.service.call(request),
            _guard: guard,
        }
    }
}

impl<F: Future + Unpin> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.exchange).poll(cx)
    }
}

/// A stream in which an answer counts as under way for as long as it waits to be written.
pub(crate) struct Writing<I> {
    io: I,
    in_flight: InFlight,
    waiting: Option<InFlightGuard>,
}

impl<I> Writing<I> {
    pub(crate) fn new(io: I, in_flight: InFlight) -> Self {
        Self {
            io,
            in_flight,
            waiting: None,
        }
    }

    fn note<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
        } else if self.waiting.is_none() {
            self.waiting = Some(self.in_flight.begin());
        }
        written
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Writing<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Writing<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bytes);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InFlight({})", *self.connection.borrow())
    }
}
