//! The accept loop and its connections.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::metrics::gauge::Gauge;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::config::Limits;

/// A pause after an accept that failed (no file handles left, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// What a connection too many is told.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// How connections are taken.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) limit: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    /// How many are open.
    pub(crate) open: Gauge,
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
            open: Gauge::default(),
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
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() >= door.limit => refuse(&stream, &door),
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, door.clone(), service.clone(), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
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
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // An answer is one write: waiting for more would only delay it.
    let _ = stream.set_nodelay(true);
    let Some(config) = door.tls.clone() else {
        return speak(stream, &door, service, stop).await;
    };
    let handshake = tokio::time::timeout(door.handshake_timeout, TlsAcceptor::from(config).accept(stream));
    let shaken = tokio::select! {
        shaken = handshake => shaken,
        () = stopped(&mut stop) => return,
    };
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
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(door.header_timeout)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
