//! The accept loop and its connections.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::config::Limits;
use crate::in_flight::{Counting, InFlight, Writing};
use crate::seldom::Seldom;

/// A pause after an accept that failed (no file handles left, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// How often it is said that connections cannot be accepted.
const SAID_EVERY: Duration = Duration::from_secs(10);
/// How long a connection without an exchange under way is kept once no more are taken: long enough for a request that is on
/// its way, and no reward for half of one.
const LINGER: Duration = Duration::from_secs(2);
/// What a connection too many is told.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// How connections are taken.
#[derive(Clone)]
pub(crate) struct AcceptOptions {
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
    /// Which connections may be closed for a newer one, and what counts as work in them.
    pub(crate) evict: Evict,
}

/// Which connections are closed for a newer one once the limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evict {
    /// The oldest without an exchange in flight; without one the newer connection is refused. Every exchange counts.
    Idle,
    /// The oldest without work, or else the oldest: a newer connection is always accepted. Only what the service begins
    /// itself, with the [`InFlight`] in the extensions of a request, counts as work.
    Any,
}

/// Connections of the admin address: probes and scrapes need two or three, media decryption six.
pub(crate) const ADMIN_CONNECTIONS: usize = 64;
/// How long a client of the admin address may leave a response unread.
const ADMIN_WRITE_TIMEOUT: Duration = Duration::from_secs(10);

impl AcceptOptions {
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
            evict: Evict::Idle,
        }
    }

    /// Options of the admin address: a probe is answered whatever other clients do.
    pub(crate) fn admin(limits: &Limits) -> Self {
        Self {
            limit: ADMIN_CONNECTIONS,
            write_timeout: limits.write.min(ADMIN_WRITE_TIMEOUT),
            evict: Evict::Any,
            ..Self::new(limits, None)
        }
    }
}

/// The connections of an address.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    tasks: JoinSet<()>,
    /// In the order in which they were taken, with what is under way in each.
    line: VecDeque<(AbortHandle, watch::Receiver<usize>)>,
    in_flight: Arc<AtomicUsize>,
}

impl Connections {
    fn add(
        &mut self,
        in_flight: watch::Receiver<usize>,
        connection: impl Future<Output = ()> + Send + 'static,
    ) {
        // Those that ended are forgotten now and then, so that one that stays for long does not keep them all.
        if self.line.len() > 2 * self.tasks.len() + 16 {
            self.line.retain(|(task, _)| !task.is_finished());
        }
        let task = self.tasks.spawn(connection);
        self.line.push_back((task, in_flight));
    }

    /// Makes room for one more: closes the one that was taken first of those in which nothing is under way, or, where
    /// any may be evicted, of all.
    fn make_room(&mut self, limit: usize, evict: Evict) -> bool {
        if self.tasks.len() < limit {
            return true;
        }
        self.line.retain(|(task, _)| !task.is_finished());
        let idle = self
            .line
            .iter()
            .position(|(_, in_flight)| *in_flight.borrow() == 0);
        let evicted = match evict {
            Evict::Idle => idle,
            Evict::Any => idle.or(Some(0)),
        };
        let Some((task, _)) = evicted.and_then(|at| self.line.remove(at)) else {
            return false;
        };
        task.abort();
        true
    }

    /// Waits until all have ended.
    ///
    /// # Errors
    /// The number of exchanges that were cut, maybe none, where it was `too_late` before.
    pub(crate) async fn drain(&mut self, too_late: impl Future<Output = ()>) -> Result<(), usize> {
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        tokio::select! {
            biased;
            () = drained => return Ok(()),
            () = too_late => {}
        }
        let cut = self.in_flight.load(Ordering::Relaxed);
        self.tasks.shutdown().await;
        Err(cut)
    }
}

/// Takes connections until `stop` is true; those that are open then are left to the caller, and end after the exchange
/// that is under way in them.
pub(crate) async fn accept<S, B>(
    listener: TcpListener,
    options: AcceptOptions,
    service: S,
    mut stop: watch::Receiver<bool>,
) -> Connections
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + Unpin,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut connections = Connections::default();
    let failures = Seldom::every(SAID_EVERY);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if !connections.make_room(options.limit, options.evict) => refuse(&stream, &options),
                Ok((stream, _)) => {
                    let in_flight = InFlight::new(&connections.in_flight);
                    let seen = in_flight.seen();
                    let connection = connection(stream, options.clone(), service.clone(), in_flight, stop.clone());
                    connections.add(seen, connection);
                }
                Err(error) => {
                    if let Some(unsaid) = failures.is_due() {
                        let open = connections.tasks.len();
                        tracing::warn!(%error, unsaid, open, "cannot accept a connection");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.tasks.join_next() => {}
            () = stopped(&mut stop) => return connections,
        }
    }
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
    let stream = Writing::new(Box::pin(stream), in_flight.clone());
    let service = Counting {
        service,
        in_flight,
        by_service: options.evict == Evict::Any,
    };
    let Some(config) = options.tls.clone() else {
        return speak(stream, &options, service, stop).await;
    };
    let handshake = timeout(
        options.handshake_timeout,
        TlsAcceptor::from(config).accept(stream),
    );
    let shaken = tokio::select! {
        shaken = handshake => shaken,
        () = stopped(&mut stop) => return,
    };
    if !matches!(shaken, Ok(Ok(_))) {
        options.failed_handshakes.inc();
    }
    match shaken {
        Ok(Ok(stream)) => speak(stream, &options, service, stop).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn speak<I, S, B>(io: I, options: &AcceptOptions, service: Counting<S>, mut stop: watch::Receiver<bool>)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + Unpin,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut in_flight = service.in_flight.seen();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = idle(&mut in_flight) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Waits until no exchange has begun, ended or been under way for a while.
async fn idle(in_flight: &mut watch::Receiver<usize>) {
    loop {
        let changed = timeout(LINGER, in_flight.changed()).await;
        match changed {
            Err(_) if *in_flight.borrow() == 0 => return,
            // The service is gone, and the connection is about to end by itself.
            Ok(Err(_)) => std::future::pending().await,
            _ => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_stays_does_not_keep_those_that_ended() {
        let mut connections = Connections::default();
        let all = Arc::default();
        connections.add(InFlight::new(&all).seen(), std::future::pending());
        for _ in 0..1000 {
            connections.add(InFlight::new(&all).seen(), async {});
            while connections.tasks.len() > 1 {
                connections.tasks.join_next().await;
            }
        }
        assert!(connections.line.len() < 30, "{}", connections.line.len());
        assert!(connections.make_room(1, Evict::Idle) && connections.line.is_empty());
    }

    #[tokio::test]
    async fn where_any_may_be_evicted_the_oldest_without_work_is_first() {
        let mut connections = Connections::default();
        let all = Arc::default();
        let add = |connections: &mut Connections| {
            let in_flight = InFlight::new(&all);
            connections.add(in_flight.seen(), std::future::pending());
            in_flight
        };
        let [first, _second] = [add(&mut connections), add(&mut connections)];
        let work = first.begin();
        assert!(connections.make_room(2, Evict::Any));
        assert_eq!(*connections.line[0].1.borrow(), 1, "the one with work stays");
        assert!(!connections.make_room(1, Evict::Idle));
        assert!(connections.make_room(1, Evict::Any) && connections.line.is_empty());
        drop(work);
    }
}
