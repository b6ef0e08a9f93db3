//! The accept loop, and the task of each connection.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tracing::Level;
use wa_flows::LogThrottle;

use crate::config::Limits;
use crate::connections::{Connections, Slot};
use crate::in_flight::{CountedStream, Counting, InFlight};

/// Pause after a failed accept, such as one without free file descriptors, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// How long an idle connection stays open after the listener stops accepting. A client that sends a request
/// in this time gets its response, with `Connection: close`; an incomplete request does not extend the time.
const LINGER: Duration = Duration::from_secs(2);
/// Longest time to flush and close an idle connection at shutdown.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(100);
/// The largest request head and TLS handshake, in bytes. It bounds the memory of an unauthenticated
/// connection.
const HEAD_LIMIT: usize = 16 * 1024;
/// The response on a connection beyond the limit.
const UNAVAILABLE: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Connection limit of the admin address: probes and scrapes need two or three, media downloads six.
pub(crate) const ADMIN_CONNECTIONS: usize = 64;
/// Longest time that a client of the admin address can leave a response unread.
const ADMIN_WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// [`LINGER`] on the admin address. It is shorter because probes and scrapes are repeated anyway.
const ADMIN_LINGER: Duration = Duration::from_millis(100);

/// The options of a listener.
#[derive(Clone)]
pub(crate) struct AcceptOptions {
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) limit: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) write_timeout: Duration,
    /// How long idle connections stay open after the listener stops accepting.
    pub(crate) linger: Duration,
    /// True if responses ask clients to close the connection.
    pub(crate) draining: Arc<AtomicBool>,
    /// Open connections.
    pub(crate) open: Gauge,
    /// Failed TLS handshakes.
    pub(crate) failed_handshakes: Counter,
    /// Connections closed to free a slot for a new one.
    pub(crate) evicted: Counter,
    /// Called for each refused connection.
    pub(crate) shed: Arc<dyn Fn() + Send + Sync>,
    pub(crate) log: ConnectionLog,
}

/// Rate limits of the log lines that any client can cause before a request is read.
#[derive(Clone)]
pub(crate) struct ConnectionLog {
    accept: LogThrottle,
    handshake: LogThrottle,
    slow_handshake: LogThrottle,
    ended_early: LogThrottle,
}

impl Default for ConnectionLog {
    fn default() -> Self {
        Self {
            accept: LogThrottle::new("accept"),
            handshake: LogThrottle::new("tls_handshake"),
            slow_handshake: LogThrottle::new("slow_tls_handshake"),
            ended_early: LogThrottle::new("connection_ended_early"),
        }
    }
}

impl AcceptOptions {
    pub(crate) fn new(limits: &Limits, tls: Option<Arc<ServerConfig>>) -> Self {
        Self {
            tls,
            limit: limits.connections,
            header_timeout: limits.header,
            handshake_timeout: limits.handshake,
            write_timeout: limits.write,
            linger: LINGER,
            draining: Arc::default(),
            open: Gauge::default(),
            failed_handshakes: Counter::default(),
            evicted: Counter::default(),
            shed: Arc::new(|| {}),
            log: ConnectionLog::default(),
        }
    }

    /// Returns the options of the admin address. Its clients are not authenticated: only the few concurrent
    /// media downloads protect their connections, so one can always be evicted for a probe.
    pub(crate) fn admin(limits: &Limits) -> Self {
        Self {
            limit: ADMIN_CONNECTIONS,
            write_timeout: limits.write.min(ADMIN_WRITE_TIMEOUT),
            linger: ADMIN_LINGER,
            ..Self::new(limits, None)
        }
    }
}

/// Accepts connections until `stop` is true, and returns the open ones for the caller to drain. Each of them
/// closes after its next response, or after it was idle for [`AcceptOptions::linger`].
pub(crate) async fn accept<S, B>(
    listener: TcpListener,
    options: AcceptOptions,
    service: S,
    mut stop: watch::Receiver<bool>,
) -> Connections
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + Unpin,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut connections = Connections::default();
    let serve = |connections: &mut Connections, stream: TcpStream, stop| {
        match connections.free_slot(options.limit) {
            Slot::Free => {}
            Slot::Evicted => {
                options.evicted.inc();
            }
            Slot::None => return refuse(&stream, &options),
        }
        let in_flight = connections.in_flight();
        let connection = connection(stream, options.clone(), service.clone(), in_flight.clone(), stop);
        connections.add(in_flight, connection);
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => serve(&mut connections, stream, stop.clone()),
                Err(error) => {
                    let open = connections.len();
                    options.log
                        .accept
                        .log(|suppressed| tracing::warn!(%error, open, suppressed, "cannot accept a connection"));
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            true = connections.next_closed() => {}
            () = stopped(&mut stop) => break,
        }
    }
    // The backlog may contain established connections. Their clients may have sent a request already and
    // would get a reset instead of a response.
    for _ in 0..options.limit {
        let Some(stream) = accept_established(&listener).await else {
            break;
        };
        serve(&mut connections, stream, stop.clone());
    }
    connections
}

/// Accepts a connection from the backlog; returns `None` if it is empty.
async fn accept_established(listener: &TcpListener) -> Option<TcpStream> {
    poll_fn(|cx| match listener.poll_accept(cx) {
        Poll::Ready(Ok((stream, _))) => Poll::Ready(Some(stream)),
        Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Waits until the value is true or the sender is dropped.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn refuse(stream: &TcpStream, options: &AcceptOptions) {
    (options.shed)();
    if options.tls.is_none() {
        // If the response cannot be written, the client only sees the connection close.
        let _ = stream.try_write(UNAVAILABLE);
    }
}

async fn connection<S, B>(
    stream: TcpStream,
    options: AcceptOptions,
    service: S,
    in_flight: InFlight,
    mut stop: watch::Receiver<bool>,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + Unpin,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let _open = Open::new(&options.open);
    // A response is one write, so Nagle's algorithm would only delay it.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(options.write_timeout));
    let stream = CountedStream::new(Box::pin(stream), in_flight.clone());
    let service = Counting::new(service, in_flight, Arc::clone(&options.draining));
    let Some(config) = options.tls.clone() else {
        return serve(stream, &options, service, stop).await;
    };
    let handshake = TlsAcceptor::from(config).accept(stream.limited(HEAD_LIMIT));
    let handshake = tokio::select! {
        result = timeout(options.handshake_timeout, handshake) => result,
        () = lingered(&mut stop, &options, service.in_flight()) => return,
    };
    if !matches!(handshake, Ok(Ok(_))) {
        options.failed_handshakes.inc();
    }
    match handshake {
        Ok(Ok(mut stream)) => {
            stream.get_mut().0.remove_limit();
            serve(stream, &options, service, stop).await;
        }
        // Lines below the log level must not count as suppressed.
        _ if !tracing::enabled!(Level::DEBUG) => {}
        Ok(Err(error)) => options
            .log
            .handshake
            .log(|suppressed| tracing::debug!(%error, suppressed, "TLS handshake failed")),
        Err(_) => options
            .log
            .slow_handshake
            .log(|suppressed| tracing::debug!(suppressed, "TLS handshake timed out")),
    }
}

async fn serve<I, S, B>(io: I, options: &AcceptOptions, service: Counting<S>, mut stop: watch::Receiver<bool>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + Unpin,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let in_flight = service.in_flight().clone();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_header_size(HEAD_LIMIT)
        .max_buf_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        // Data that has arrived is read before the connection counts as idle.
        biased;
        result = connection.as_mut() => result,
        () = lingered(&mut stop, options, &in_flight) => {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(CLOSE_TIMEOUT, connection).await;
            return;
        }
    };
    if let Err(error) = result
        && tracing::enabled!(Level::DEBUG)
    {
        options
            .log
            .ended_early
            .log(|suppressed| tracing::debug!(%error, suppressed, "connection closed early"));
    }
}

/// Waits until the listener has stopped accepting and the connection was idle for [`AcceptOptions::linger`]
/// since then.
///
/// hyper's own graceful shutdown closes an idle connection immediately: a client that sends a request at that
/// moment sees the connection close without a response.
async fn lingered(stop: &mut watch::Receiver<bool>, options: &AcceptOptions, in_flight: &InFlight) {
    stopped(stop).await;
    loop {
        let begun = in_flight.begun();
        sleep(options.linger).await;
        if !in_flight.is_authenticated() && in_flight.begun() == begun {
            return;
        }
    }
}

/// Counts a connection as open until dropped.
struct Open(Gauge);

impl Open {
    fn new(open: &Gauge) -> Self {
        open.inc();
        Self(open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
