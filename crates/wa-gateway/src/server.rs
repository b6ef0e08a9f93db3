//! The accept loop, and what is served on each connection.

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
use crate::connections::{Connections, Room};
use crate::in_flight::{CountedStream, Counting, InFlight};

/// A pause after an accept that failed (no file handles left, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// How long an idle connection stays open once no more are accepted. A client that sends a request in this time gets its
/// response, with `Connection: close`; half a request is not waited for any longer.
const LINGER: Duration = Duration::from_secs(2);
/// How long a client may take to receive the end of a connection that is closed at the end.
const GOODBYE: Duration = Duration::from_millis(100);
/// The longest request head, and the longest handshake, in bytes: what an unauthenticated client can make the gateway hold.
const HEAD_LIMIT: usize = 16 * 1024;
/// What a connection too many is told.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Connections of the admin address: probes and scrapes need two or three, media decryption six.
pub(crate) const ADMIN_CONNECTIONS: usize = 64;
/// How long a client of the admin address may leave a response unread.
const ADMIN_WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// [`LINGER`] of the admin address: probes and scrapes are repeated.
const ADMIN_LINGER: Duration = Duration::from_millis(100);

/// How connections are accepted.
#[derive(Clone)]
pub(crate) struct AcceptOptions {
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) limit: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) write_timeout: Duration,
    /// How long idle connections stay open at the end.
    pub(crate) linger: Duration,
    /// True if clients shall close their connections after the next response.
    pub(crate) draining: Arc<AtomicBool>,
    /// How many are open.
    pub(crate) open: Gauge,
    /// How many handshakes failed.
    pub(crate) failed_handshakes: Counter,
    /// How many were closed for a new one.
    pub(crate) evicted: Counter,
    /// Called for each connection that is refused.
    pub(crate) shed: Arc<dyn Fn() + Send + Sync>,
    pub(crate) log: ConnectionLog,
}

/// The rate-limited lines that any client can cause before a request is read.
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

    /// Options of the admin address. Nothing is authenticated there: only the few media downloads at a time protect their
    /// connection, so that one can always be evicted for a probe.
    pub(crate) fn admin(limits: &Limits) -> Self {
        Self {
            limit: ADMIN_CONNECTIONS,
            write_timeout: limits.write.min(ADMIN_WRITE_TIMEOUT),
            linger: ADMIN_LINGER,
            ..Self::new(limits, None)
        }
    }
}

/// Accepts connections until `stop` is true. The caller drains those that are open then: each ends after a response, or
/// when it was idle for a while.
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
        match connections.make_room(options.limit) {
            Room::Free => {}
            Room::Evicted => {
                options.evicted.inc();
            }
            Room::None => return refuse(&stream, &options),
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
            true = connections.one_ends() => {}
            () = stopped(&mut stop) => break,
        }
    }
    // The system has established connections that are not accepted yet: their clients may have sent a request, and would
    // get a reset instead of a response.
    for _ in 0..options.limit {
        let Some(stream) = accept_established(&listener).await else {
            break;
        };
        serve(&mut connections, stream, stop.clone());
    }
    connections
}

/// Accepts a connection that the system has established already.
async fn accept_established(listener: &TcpListener) -> Option<TcpStream> {
    poll_fn(|cx| match listener.poll_accept(cx) {
        Poll::Ready(Ok((stream, _))) => Poll::Ready(Some(stream)),
        Poll::Ready(Err(_)) | Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Waits until the channel says true, or its sender is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn refuse(stream: &TcpStream, options: &AcceptOptions) {
    (options.shed)();
    if options.tls.is_none() {
        // If it cannot be told, closing the connection tells it.
        let _ = stream.try_write(TOO_MANY);
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
    // An answer is one write: waiting for more would only delay it.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(options.write_timeout));
    let stream = CountedStream::new(Box::pin(stream), in_flight.clone());
    let service = Counting::new(service, in_flight, Arc::clone(&options.draining));
    let Some(config) = options.tls.clone() else {
        return serve(stream, &options, service, stop).await;
    };
    let handshake = TlsAcceptor::from(config).accept(stream.limited(HEAD_LIMIT));
    let shaken = tokio::select! {
        shaken = timeout(options.handshake_timeout, handshake) => shaken,
        () = lingered(&mut stop, &options, service.in_flight()) => return,
    };
    if !matches!(shaken, Ok(Ok(_))) {
        options.failed_handshakes.inc();
    }
    match shaken {
        Ok(Ok(mut stream)) => {
            stream.get_mut().0.lift_limit();
            serve(stream, &options, service, stop).await;
        }
        // Lines that the level leaves out must not count as suppressed.
        _ if !tracing::enabled!(Level::DEBUG) => {}
        Ok(Err(error)) => options
            .log
            .handshake
            .log(|suppressed| tracing::debug!(%error, suppressed, "a TLS handshake failed")),
        Err(_) => options
            .log
            .slow_handshake
            .log(|suppressed| tracing::debug!(suppressed, "a TLS handshake took too long")),
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
    let ended = tokio::select! {
        // What has arrived is read before an idle connection is closed.
        biased;
        ended = connection.as_mut() => ended,
        () = lingered(&mut stop, options, &in_flight) => {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(GOODBYE, connection).await;
            return;
        }
    };
    if let Err(error) = ended
        && tracing::enabled!(Level::DEBUG)
    {
        options
            .log
            .ended_early
            .log(|suppressed| tracing::debug!(%error, suppressed, "a connection ended early"));
    }
}

/// Waits until no more connections are accepted and no request came for a while since then, nor an authenticated one is in
/// flight.
///
/// hyper's own graceful shutdown closes an idle connection at once: a client that sends a request in that moment sees the
/// connection end without a response.
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

/// A connection that is counted as open until it is dropped.
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
