//! A running gateway, from start to drain.

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use wa_keystore::StoreError;

use crate::admin::Admin;
use crate::config::{ConfigErrors, GatewayConfig, Settings};
use crate::connections::Connections;
use crate::current::Current;
use crate::front::Front;
use crate::key_store::{FollowPlan, FollowedStore};
use crate::reloader::Reloader;
use crate::server::{ADMIN_CONNECTIONS, AcceptOptions, accept, stopped};
use crate::serving::Serving;
use crate::signal::Signals;

/// Why a gateway cannot start.
///
/// `Display` names the fault; [`remedy`](Self::remedy) returns the action that fixes it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration, or a file that it names, is invalid.
    #[error("the configuration is invalid")]
    Config(#[source] ConfigErrors),
    /// The gateway cannot listen on an address.
    #[error("cannot listen on {address} ({setting})")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The key of its setting.
        setting: &'static str,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The key store cannot be read, or none of its keys can be opened.
    #[error("cannot serve from the key store {location}")]
    KeyStore {
        /// The location of the store.
        location: String,
        /// The error of the store.
        #[source]
        source: Box<StoreError>,
    },
    /// The TLS configuration cannot be built.
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The Tokio runtime is shutting down.
    #[error("the runtime is shutting down")]
    RuntimeEnding,
}

impl StartError {
    /// Returns the action that fixes the error, if there is one. For [`Config`](Self::Config), each problem
    /// has its own [`remedy`](crate::ConfigProblem::remedy).
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let source = match self {
            Self::Bind { source, .. } => source,
            Self::KeyStore { source, .. } => {
                let general = "check the address and the credentials; with `key_store_cache`, the gateway starts from a copy";
                return source.remedy().or(Some(general.into()));
            }
            _ => return None,
        };
        let text = match source.kind() {
            io::ErrorKind::PermissionDenied => {
                "choose a port from 1024 up, or grant CAP_NET_BIND_SERVICE (`AmbientCapabilities=` in systemd)"
            }
            io::ErrorKind::AddrNotAvailable => {
                "choose an address of an interface of this machine, or `0.0.0.0`"
            }
            io::ErrorKind::AddrInUse => "choose another port, or stop the process that uses this one",
            _ => "choose another address or port",
        };
        Some(text.into())
    }
}

/// A running gateway. It serves until it is shut down or dropped.
#[derive(Debug)]
pub struct Gateway {
    local_addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    reloader: Arc<Mutex<Reloader>>,
    serving: Serving,
    draining: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    stop_admin: watch::Sender<bool>,
    front: Task<Connections>,
    admin: Option<Task<Connections>>,
    watcher: Task<()>,
    store: tokio::sync::Mutex<Option<FollowedStore>>,
}

/// A task that is aborted when its handle is dropped.
#[derive(Debug)]
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Gateway {
    /// Reads keys, secrets and certificates, and starts to serve.
    ///
    /// It returns when the gateway accepts connections. It needs a Tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    ///
    /// [`StartError`] if a file that the configuration names is invalid, or an address is not available.
    pub async fn start(config: GatewayConfig) -> Result<Self, StartError> {
        let reloader = spawn_blocking(move || Reloader::open(config))
            .await
            .map_err(|_| StartError::RuntimeEnding)?;
        let reloader = reloader.map_err(StartError::Config)?;
        let serving = reloader.serving().clone();
        let settings = serving.settings.get();
        let config = reloader.config().clone();
        let store = follow(&config, &serving).await?;
        files_for_connections(settings.limits.connections);
        let (listener, local_addr) = listen(settings.listen, "listen")?;
        let admin_listener = match settings.admin {
            Some(address) => Some(listen(address, "admin.listen")?),
            None => None,
        };
        let draining = Arc::new(AtomicBool::new(false));
        let (stop, stopping) = watch::channel(false);
        let (stop_admin, stopping_admin) = watch::channel(false);

        let tls = serving
            .certificate
            .as_ref()
            .map(crate::tls::Certificate::server_config)
            .transpose();
        let tls = tls.map_err(|error| StartError::Tls(error.into()))?;
        let metrics = Arc::clone(&serving.metrics);
        let options = AcceptOptions {
            draining: Arc::clone(&draining),
            open: metrics.connections.clone(),
            failed_handshakes: metrics.handshakes.clone(),
            evicted: metrics.evicted.clone(),
            shed: Arc::new(move || metrics.shed_connection()),
            ..AcceptOptions::new(&settings.limits, tls)
        };
        let front = Front::new(&serving);
        let front = Task(tokio::spawn(accept(listener, options, front, stopping.clone())));
        let admin_options = AcceptOptions::admin(&settings.limits);
        let admin = Admin::new(
            Arc::clone(&serving.metrics),
            serving.media.clone(),
            serving.settings.clone(),
            Arc::clone(&draining),
        );
        let (admin, admin_addr) = match admin_listener {
            Some((listener, address)) => (
                Some(Task(tokio::spawn(accept(
                    listener,
                    admin_options,
                    admin,
                    stopping_admin,
                )))),
                Some(address),
            ),
            None => (None, None),
        };
        let reloader = Arc::new(Mutex::new(reloader));
        let watcher = watch_files(Arc::clone(&reloader), serving.settings.clone(), stopping);
        let watcher = Task(tokio::spawn(watcher));
        tracing::info!(%local_addr, admin = admin_addr.map(tracing::field::display), "gateway started");
        Ok(Self {
            local_addr,
            admin_addr,
            reloader,
            serving,
            draining,
            stop,
            stop_admin,
            front,
            admin,
            watcher,
            store: tokio::sync::Mutex::new(store),
        })
    }
}

/// Starts to follow the key store, if there is one.
async fn follow(config: &GatewayConfig, serving: &Serving) -> Result<Option<FollowedStore>, StartError> {
    let Some(plan) = FollowPlan::of(&config.settings) else {
        return Ok(None);
    };
    let environment = config.environment.clone();
    let config = config.clone();
    let passphrases = spawn_blocking(move || config.store_passphrases())
        .await
        .map_err(|_| StartError::RuntimeEnding)?
        .map_err(StartError::Config)?;
    let location = plan.location().to_owned();
    let followed = FollowedStore::start(plan, passphrases, &environment, serving).await;
    followed.map(Some).map_err(|source| StartError::KeyStore {
        location,
        source: Box::new(source),
    })
}

fn listen(address: SocketAddr, setting: &'static str) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |source| StartError::Bind {
        address,
        setting,
        source,
    };
    let listener = bind(address).map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}

/// Binds a listener with the largest backlog that the system allows. Tokio's default of 1,024 is below the
/// connection limit of the gateway, and a client beyond the backlog is delayed by a second or more.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    const BACKLOG: u32 = 4096;
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Polls the files at the configured interval. A poll starts only after the previous one has ended.
async fn watch_files(
    reloader: Arc<Mutex<Reloader>>,
    settings: Current<Settings>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let interval = settings.get().watch;
        if timeout(interval, stopped(&mut stop)).await.is_ok() {
            return;
        }
        let reloader = Arc::clone(&reloader);
        let poll = spawn_blocking(move || reloader.lock().unwrap_or_else(PoisonError::into_inner).poll());
        if poll.await.is_err() {
            tracing::error!("polling the files of keys and certificates failed");
        }
    }
}

impl Gateway {
    /// Returns the address on which requests are accepted, with the actual port if port 0 was configured.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the admin address, if it is enabled.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// Returns the configured `drain_timeout`: how long exchanges in flight can take to complete at shutdown.
    pub fn drain_timeout(&self) -> Duration {
        self.serving.settings.get().drain
    }

    /// Returns all metrics in the `OpenMetrics` text format.
    pub fn metrics(&self) -> String {
        self.serving.metrics.text()
    }

    /// Re-reads the configuration and everything that it names, without disturbing exchanges in flight.
    ///
    /// Addresses, connection limits, the replay store, and whether TLS is used change only at the next start.
    ///
    /// # Errors
    ///
    /// [`StartError::Config`] if anything is invalid; then nothing changes.
    pub async fn reload(&self) -> Result<(), StartError> {
        let reloader = Arc::clone(&self.reloader);
        let reload = spawn_blocking(move || {
            let mut reloader = reloader.lock().unwrap_or_else(PoisonError::into_inner);
            reloader.reload().map(|()| reloader.config().clone())
        });
        let config = reload
            .await
            .map_err(|_| StartError::RuntimeEnding)?
            .map_err(StartError::Config)?;
        self.refollow(&config).await
    }

    /// Follows the key store of a changed configuration. If that fails, the keys of the previous one stay in
    /// use.
    async fn refollow(&self, config: &GatewayConfig) -> Result<(), StartError> {
        let mut store = self.store.lock().await;
        let plan = FollowPlan::of(&config.settings);
        let is_followed = store.as_ref().map(FollowedStore::plan) == plan.as_ref();
        if is_followed && !store.as_ref().is_some_and(FollowedStore::has_unopened) {
            if let Some(store) = &*store {
                store.attach();
            }
            return Ok(());
        }
        let next = follow(config, &self.serving).await?;
        if let Some(before) = std::mem::replace(&mut *store, next) {
            before.stop().await;
        }
        Ok(())
    }

    /// Shuts the gateway down: `/readyz` returns 503, no more connections are accepted, and exchanges in
    /// flight can complete within `deadline`; the rest is cut off. Returns the number of exchanges that were
    /// cut off.
    pub async fn shutdown(self, deadline: Duration) -> usize {
        self.drain_until(tokio::time::sleep(deadline)).await
    }

    async fn drain_until(mut self, deadline: impl Future<Output = ()>) -> usize {
        self.draining.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
        let mut deadline = std::pin::pin!(deadline);
        // An error means that the accept loop panicked, which has closed its connections.
        let mut connections = (&mut self.front.0).await.unwrap_or_default();
        let drained = connections.drain(deadline.as_mut()).await;
        // The shutdown does not wait for a poll in progress.
        self.watcher.0.abort();
        self.stop_admin.send_replace(true);
        if let Some(admin) = &mut self.admin {
            let mut connections = (&mut admin.0).await.unwrap_or_default();
            let ended = match drained {
                Ok(()) => connections.drain(deadline).await,
                Err(_) => connections.drain(std::future::ready(())).await,
            };
            if ended.is_err_and(|cut| cut > 0) {
                tracing::warn!("exchanges on the admin address were cut off");
            }
        }
        if let Some(store) = self.store.get_mut().take() {
            store.stop().await;
        }
        let cut = drained.err().unwrap_or_default();
        if cut > 0 {
            tracing::warn!(cut, "exchanges were cut off at the end of the drain");
        }
        tracing::info!("gateway stopped");
        cut
    }

    /// Serves until `stop` completes, then shuts down as configured (`drain_delay`, `drain_timeout`). Returns
    /// the number of exchanges that were cut off.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> usize {
        stop.await;
        self.stop(std::future::pending()).await
    }

    /// Serves until SIGTERM or SIGINT, then shuts down as configured; SIGHUP reloads. A second SIGTERM or
    /// SIGINT ends the delay and cuts off the exchanges that are still in flight.
    ///
    /// Signals are handled from the call on, even before the returned future is awaited.
    ///
    /// # Errors
    ///
    /// The operating system's error if signal handlers cannot be installed.
    pub fn run_until_signal(self) -> impl Future<Output = io::Result<usize>> + Send {
        let signals = Signals::new();
        async move {
            let mut signals = signals?;
            while signals.next_is_reload().await {
                tokio::select! {
                    () = self.reload_and_log() => {}
                    // A file system that hangs must not block the shutdown.
                    () = signals.stop() => break,
                }
            }
            Ok(self.stop(async move { signals.stop().await }).await)
        }
    }

    async fn reload_and_log(&self) {
        match self.reload().await {
            Ok(()) => tracing::info!("reloaded the configuration"),
            Err(StartError::Config(errors)) => {
                errors.log("cannot use the changed configuration; the previous one stays in use");
            }
            Err(error) => tracing::error!(%error, "cannot reload the configuration"),
        }
    }

    /// Makes `/readyz` return 503, keeps serving during `drain_delay` so that a load balancer notices, then
    /// drains. When `immediately` completes, both end.
    async fn stop(self, immediately: impl Future<Output = ()>) -> usize {
        let settings = self.serving.settings.get();
        let (delay, drain) = (settings.drain_delay, settings.drain);
        tracing::info!(?delay, ?drain, "shutting down");
        self.draining.store(true, Ordering::Relaxed);
        let mut immediately = std::pin::pin!(immediately);
        if timeout(delay, &mut immediately).await.is_ok() {
            return self.drain_until(std::future::ready(())).await;
        }
        self.drain_until(async { drop(timeout(drain, immediately).await) })
            .await
    }
}

/// Raises the limit of open files to what the connections need, each with one to an upstream; warns if that
/// is not allowed.
fn files_for_connections(connections: usize) {
    /// Listeners, log, key files and the rest of the process.
    const OTHERS: u64 = 64 + ADMIN_CONNECTIONS as u64;
    let needed = (connections as u64).saturating_mul(2).saturating_add(OTHERS);
    match rlimit::increase_nofile_limit(needed) {
        Ok(limit) if limit < needed => tracing::warn!(
            limit,
            needed,
            connections,
            "the process may not open enough files for `limits.connections`: raise its limit (`LimitNOFILE=` in systemd, \
             `ulimit -n`), or lower `limits.connections`"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, needed, "cannot read the limit of open files"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use tokio::process::Command;
    use wa_keys::PrivateKey;
    use wa_keys::file::{Existing, write_private_key};

    use super::*;
    use crate::config::Overrides;

    #[tokio::test]
    async fn a_hanging_reload_does_not_block_the_shutdown() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key.pem");
        write_private_key(&key, &PrivateKey::generate().unwrap(), Existing::Refuse).unwrap();
        let text = format!(
            "listen = \"127.0.0.1:0\"\nwatch_interval = \"60m\"\n[admin]\nlisten = \"off\"\n\
             [[endpoint]]\nkeys = {key:?}\nupstream = \"http://127.0.0.1:9/\"\n"
        );
        let environment = |name: &str| (name == "WA_APP_SECRET").then(|| "secret".to_owned());
        let config = GatewayConfig::parse(&text, &Overrides::new(), environment).unwrap();
        let gateway = Gateway::start(config).await.unwrap();
        // Like a reload on a file system that hangs.
        let reloader = Arc::clone(&gateway.reloader);
        let (release, hold) = std::sync::mpsc::channel::<()>();
        let (locked, is_locked) = tokio::sync::oneshot::channel();
        let hung = std::thread::spawn({
            let reloader = Arc::clone(&reloader);
            move || {
                let _guard = reloader.lock().unwrap();
                locked.send(()).unwrap();
                hold.recv().unwrap();
            }
        });
        is_locked.await.unwrap();
        let users = Arc::strong_count(&reloader);
        let running = tokio::spawn(gateway.run_until_signal());
        send("HUP").await;
        while Arc::strong_count(&reloader) == users {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        send("TERM").await;
        let ended = timeout(Duration::from_mins(1), running).await;
        assert_eq!(
            ended.expect("the reload blocks the shutdown").unwrap().unwrap(),
            0
        );
        release.send(()).unwrap();
        hung.join().unwrap();
    }

    async fn send(signal: &str) {
        let pid = std::process::id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().await;
        assert!(sent.is_ok_and(|status| status.success()));
    }
}
