//! The replay store in Redis or Valkey, which several gateways share.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, RedisError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use wa_flows::{Claim, LogThrottle, ReplayMark, ReplayStore};

use crate::config::StoreUrl;

/// Prefix of the keys.
const PREFIX: &str = "wa:replay:";

/// Timeout of a command; slightly shorter than an exchange waits for it.
const RESPONSE_TIME: Duration = Duration::from_millis(45);
/// Timeout of an attempt to connect; no exchange waits for it.
const CONNECT_TIME: Duration = Duration::from_secs(1);
/// Time between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);

/// A Redis or Valkey server.
///
/// One connection carries the commands of all exchanges. A task reconnects when it is lost; until then,
/// exchanges do not wait for the store.
pub(super) struct RedisStore {
    connection: watch::Receiver<Option<Connection>>,
    lost: watch::Sender<u64>,
    seconds: u64,
    refusals: LogThrottle,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Connection {
    /// Number of the connection, so that several failed commands report its loss only once.
    number: u64,
    commands: MultiplexedConnection,
}

/// There is no connection now.
#[derive(Debug, thiserror::Error)]
#[error("the replay store is not connected")]
struct NotConnected;

impl RedisStore {
    pub(super) fn open(url: &StoreUrl, window: Duration) -> Self {
        let (current, connection) = watch::channel(None);
        let (lost, seen_lost) = watch::channel(0);
        Self {
            connection,
            lost,
            seconds: window.as_secs().max(1),
            refusals: LogThrottle::new("replay store"),
            task: tokio::spawn(keep_connected(url.clone(), current, seen_lost)),
        }
    }
}

impl ReplayStore for RedisStore {
    async fn claim(&self, mark: ReplayMark) -> Result<Claim, Box<dyn Error + Send + Sync>> {
        let current = self.connection.borrow().clone();
        let Connection { number, mut commands } = current.ok_or(NotConnected)?;
        let mut set = redis::cmd("SET");
        set.arg(format!("{PREFIX}{mark}")).arg(1);
        set.arg("NX").arg("EX").arg(self.seconds);
        match set.query_async::<Option<String>>(&mut commands).await {
            Ok(Some(_)) => Ok(Claim::New),
            Ok(None) => Ok(Claim::Known),
            Err(error) => {
                if is_lost(&error) {
                    self.lost.send_if_modified(|lost| {
                        let is_news = *lost < number;
                        *lost = number.max(*lost);
                        is_news
                    });
                } else {
                    self.refusals.log(|suppressed| {
                        tracing::warn!(
                            error = describe(&error),
                            suppressed,
                            "the replay store rejects commands"
                        );
                    });
                }
                Err(error.into())
            }
        }
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("connected", &self.connection.borrow().is_some())
            .finish_non_exhaustive()
    }
}

/// Connects, and reconnects whenever the connection is lost.
async fn keep_connected(
    url: StoreUrl,
    current: watch::Sender<Option<Connection>>,
    mut lost: watch::Receiver<u64>,
) {
    let store = url.printable();
    if url.is_tls() {
        // The client uses the process-wide provider. An error means that one is installed already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let mut number = 0;
    let mut is_reported = false;
    loop {
        let began = Instant::now();
        match connect(&url).await {
            Ok(commands) => {
                number += 1;
                is_reported = false;
                tracing::info!(store, "connected to the replay store");
                current.send_replace(Some(Connection { number, commands }));
                if lost.wait_for(|lost| *lost >= number).await.is_err() {
                    return;
                }
                current.send_replace(None);
                tracing::warn!(
                    store,
                    "the replay store does not respond: each gateway uses its own memory"
                );
                is_reported |= began.elapsed() < PAUSE;
            }
            Err(error) if !is_reported => {
                is_reported = true;
                tracing::warn!(
                    store,
                    error = describe(&error),
                    "cannot connect to the replay store: each gateway uses its own memory"
                );
            }
            Err(error) => tracing::debug!(
                store,
                error = describe(&error),
                "the replay store is still unavailable"
            ),
        }
        if let Some(rest) = PAUSE.checked_sub(began.elapsed()) {
            sleep(rest).await;
        }
    }
}

async fn connect(url: &StoreUrl) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIME))
        .set_response_timeout(Some(RESPONSE_TIME));
    let client = Client::open(url.expose().clone())?;
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Returns true if the connection failed, rather than a command.
fn is_lost(error: &RedisError) -> bool {
    error.is_timeout()
        || error.is_io_error()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
}

/// Describes an error by its kind and code only: the server's message could quote the command.
fn describe(error: &RedisError) -> String {
    match (error.kind(), error.code()) {
        (ErrorKind::Io, _) => error.to_string(),
        (kind, Some(code)) => format!("{kind:?} {code}"),
        (kind, None) => format!("{kind:?}"),
    }
}
