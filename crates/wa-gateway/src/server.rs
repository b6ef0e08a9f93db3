//! The accept loop and its connections.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
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
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::config::Limits;
use crate::seldom::Seldom;

/// A pause after an accept that failed (no file handles left, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// How often it is said that connections cannot be accepted.
const SAID_EVERY: Duration = Duration::from_secs(10);
/// How long a connection without an exchange under way is kept once no more are taken: long enough to write an answer, and
/// no reward for half a request.
const LINGER: Duration = Duration::from_secs(2);
/// What a connection too many is told.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// How connections are taken.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) limit: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) write_timeout: Duration,
    /// How many are open.
    pub(crate) open: Gauge,
    /// How many handshakes failed.
    pub(crate) failed_handshakes: Counter,
    /// Told of each connection too many.
    pub(crate) shed: Arc<dyn Fn() + Send + Sync>,
}

impl Door {
    pub(crate) fn new(limits: &Limits, tls: Option<Arc<ServerConfig>>) -> Self {
        Self {
            tls,
            limit: limits.connections,
            header_timeout: limits.header,
            handshake_timeout: limits.handshake,
            write_timeout: limits.write,
            open: Gauge::default(),
            failed_handshakes: Counter::default(),
            shed: Arc::new(|| {}),
        }
    }
}

/// Takes connections until `stop` is true; those that are open then are left to the caller, and end after the exchange
/// that is under way in them.
pub(crate) async fn accept<S, B>(
    listener: TcpListener,
    door: Door,
    service: S,
    mut stop: watch::Receiver<bool>,
) -> JoinSet<()>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + Unpin,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut connections = JoinSet::new();
    let failures = Seldom::every(SAID_EVERY);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() >= door.limit => refuse(&stream, &door),
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, door.clone(), service.clone(), stop.clone()));
                }
                Err(error) => {
                    if let Some(unsaid) = failures.is_due() {
                        tracing::warn!(%error, unsaid, open = connections.len(), "cannot accept a connection");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stop) => break,
        }
        door.open
            .set(i64::try_from(connections.len()).unwrap_or(i64::MAX));
    }
    connections
}

/// Waits until the channel says true, or its sender is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn refuse(stream: &TcpStream, door: &Door) {
    (door.shed)();
    if door.tls.is_none() {
        // If it cannot be told, closing the connection tells it.
        let _ = stream.try_write(TOO_MANY);
    }
}

async fn connection<S, B>(stream: TcpStream, door: Door, service: S, mut stop: watch::Receiver<bool>)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + Unpin,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // An answer is one write: waiting for more would only delay it.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(door.write_timeout));
    let stream = Box::pin(stream);
    let Some(config) = door.tls.clone() else {
        return speak(stream, &door, service, stop).await;
    };
    let handshake = timeout(door.handshake_timeout, TlsAcceptor::from(config).accept(stream));
    let shaken = tokio::select! {
        shaken = handshake => shaken,
        () = stopped(&mut stop) => return,
    };
    if !matches!(shaken, Ok(Ok(_))) {
        door.failed_handshakes.inc();
    }
    match shaken {
        Ok(Ok(stream)) => speak(stream, &door, service, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn speak<I, S, B>(io: I, door: &Door, service: S, mut stop: watch::Receiver<bool>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + Unpin,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (count, mut under_way) = watch::channel(0);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(door.header_timeout)
        .serve_connection(TokioIo::new(io), Counting { service, count });
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = idle(&mut under_way) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Waits until no exchange has begun, ended or been under way for a while.
async fn idle(under_way: &mut watch::Receiver<usize>) {
    loop {
        let changed = timeout(LINGER, under_way.changed()).await;
        match changed {
            Err(_) if *under_way.borrow() == 0 => return,
            // The service is gone, and the connection is about to end by itself.
            Ok(Err(_)) => std::future::pending().await,
            _ => {}
        }
    }
}

/// A service that counts the exchanges under way in its connection.
struct Counting<S> {
    service: S,
    count: watch::Sender<usize>,
}

/// An exchange that is counted until it is answered or given up.
struct Counted<F> {
    exchange: F,
    count: watch::Sender<usize>,
}

impl<S> Service<Request<Incoming>> for Counting<S>
where
    S: Service<Request<Incoming>>,
    S::Future: Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Counted<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.count.send_modify(|count| *count += 1);
        Counted {
            exchange: self.service.call(request),
            count: self.count.clone(),
        }
    }
}

impl<F: Future + Unpin> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        Pin::new(&mut self.exchange).poll(cx)
    }
}

impl<F> Drop for Counted<F> {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count -= 1);
    }
}
