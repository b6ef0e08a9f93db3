//! A running gateway, from start to drain.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;

use crate::admin::Admin;
use crate::config::{ConfigErrors, GatewayConfig, Settings};
use crate::connections::Connections;
use crate::current::Current;
use crate::front::Front;
use crate::keeper::{Keeper, Serving};
use crate::server::{ADMIN_CONNECTIONS, AcceptOptions, accept, stopped};
use crate::signal::Signals;

/// A gateway that is not running yet.
#[derive(Debug)]
pub struct Gateway;

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// What the configuration names cannot be used.
    #[error("the configuration cannot be used")]
    Config(#[source] ConfigErrors),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({setting}): {}", advice(.source.kind()))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The setting that it comes from.
        setting: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The work was given up because the runtime ends.
    #[error("the runtime is ending")]
    RuntimeEnding,
}

fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need the capability CAP_NET_BIND_SERVICE (`AmbientCapabilities=` in systemd), or choose a higher one"
        }
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address",
        _ => "choose another address or port, or stop what uses it",
    }
}

/// A gateway that serves, until it is shut down or dropped.
#[derive(Debug)]
pub struct Running {
    local_addr: SocketAddr,
    admin_addr: Option<SocketAddr>,
    keeper: Arc<Mutex<Keeper>>,
    serving: Serving,
    draining: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    stop_admin: watch::Sender<bool>,
    front: Task<Connections>,
    admin: Option<Task<Connections>>,
    watcher: Task<()>,
}

/// A task that ends with its handle.
#[derive(Debug)]
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Gateway {
    /// Reads keys, secrets and certificates, listens, and serves.
    ///
    /// It returns when requests are taken. It needs a Tokio runtime with I/O and time.
    ///
    /// # Errors
    /// [`StartError`] if anything that the configuration names cannot be used, or an address is taken.
    pub async fn start(config: GatewayConfig) -> Result<Running, StartError> {
        let keeper = spawn_blocking(move || Keeper::open(config))
            .await
            .map_err(|_| StartError::RuntimeEnding)?;
        let keeper = keeper.map_err(StartError::Config)?;
        let serving = keeper.serving().clone();
        let settings = serving.settings.get();
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
        let admin = Admin::new(&serving, Arc::clone(&draining));
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
        let keeper = Arc::new(Mutex::new(keeper));
        let watcher = watch_files(Arc::clone(&keeper), serving.settings.clone(), stopping);
        let watcher = Task(tokio::spawn(watcher));
        tracing::info!(%local_addr, admin = admin_addr.map(tracing::field::display), "the gateway serves");
        Ok(Running {
            local_addr,
            admin_addr,
            keeper,
            serving,
            draining,
            stop,
            stop_admin,
            front,
            admin,
            watcher,
        })
    }
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

/// Listens, with room for as many connections that are not accepted yet as the system allows: Tokio's own 1,024 are fewer
/// than the connections that the gateway holds, and a client beyond them is set back by a second or more.
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

/// Looks at the files again and again. A look is not begun before the last one has ended.
async fn watch_files(
    keeper: Arc<Mutex<Keeper>>,
    settings: Current<Settings>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let interval = settings.get().watch;
        if timeout(interval, stopped(&mut stop)).await.is_ok() {
            return;
        }
        let keeper = Arc::clone(&keeper);
        let look = spawn_blocking(move || keeper.lock().unwrap_or_else(PoisonError::into_inner).look());
        if look.await.is_err() {
            tracing::error!("looking at the files of keys and certificates failed");
        }
    }
}

impl Running {
    /// The address that requests are taken at, with the port that was found.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The admin address, if there is one.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_addr
    }

    /// How long the configuration lets exchanges under way take to end.
    pub fn drain_timeout(&self) -> Duration {
        self.serving.settings.get().drain
    }

    /// All metrics in the `OpenMetrics` text format.
    pub fn metrics(&self) -> String {
        self.serving.metrics.text()
    }

    /// Reads the configuration again and everything that it names; no exchange under way is disturbed.
    ///
    /// Addresses, limits of connections and whether TLS is spoken change at the next start only.
    ///
    /// # Errors
    /// [`StartError::Config`] if anything is wrong; then everything stays as it was.
    pub async fn reload(&self) -> Result<(), StartError> {
        let keeper = Arc::clone(&self.keeper);
        let reload = spawn_blocking(move || keeper.lock().unwrap_or_else(PoisonError::into_inner).reload());
        reload
            .await
            .map_err(|_| StartError::RuntimeEnding)?
            .map_err(StartError::Config)
    }

    /// Says on `/readyz` that it ends, takes no more connections, lets exchanges under way end until `deadline`, and
    /// closes what is left. Gives the number of exchanges that were cut.
    pub async fn shutdown(self, deadline: Duration) -> usize {
        self.drain_until(tokio::time::sleep(deadline)).await
    }

    async fn drain_until(mut self, too_late: impl Future<Output = ()>) -> usize {
        self.draining.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
        let mut too_late = std::pin::pin!(too_late);
        // It fails only if the accept loop panicked, and then its connections are gone.
        let mut connections = (&mut self.front.0).await.unwrap_or_default();
        let drained = connections.drain(too_late.as_mut()).await;
        // A look at the files that is under way holds up nobody.
        self.watcher.0.abort();
        self.stop_admin.send_replace(true);
        if let Some(admin) = &mut self.admin {
            let mut connections = (&mut admin.0).await.unwrap_or_default();
            let ended = match drained {
                Ok(()) => connections.drain(too_late).await,
                Err(_) => connections.drain(std::future::ready(())).await,
            };
            if ended.is_err_and(|cut| cut > 0) {
                tracing::warn!("what was under way at the admin address was cut");
            }
        }
        let cut = drained.err().unwrap_or_default();
        if cut > 0 {
            tracing::warn!(cut, "exchanges were cut, for they did not end in time");
        }
        tracing::info!("the gateway has ended");
        cut
    }

    /// Serves until `ended` is ready, then ends as configured: after the delay, within the time. Gives the number of
    /// exchanges that were cut.
    pub async fn run_until(self, ended: impl Future<Output = ()>) -> usize {
        ended.await;
        self.end(std::future::pending()).await
    }

    /// Serves until the process is asked to end (SIGTERM, SIGINT), then ends as configured; SIGHUP reloads. A second
    /// signal to end ends the delay and cuts the exchanges that are still under way.
    ///
    /// Signals count from the call on, not only from when the future is awaited.
    ///
    /// # Errors
    /// The system's error when it does not let signals be received.
    pub fn run_until_signal(self) -> impl Future<Output = io::Result<usize>> + Send {
        let signals = Signals::new();
        async move {
            let mut signals = signals?;
            while signals.wants_reload().await {
                tokio::select! {
                    () = self.reload_and_log() => {}
                    // A file system that hangs must not keep the gateway from ending.
                    () = signals.wants_end() => break,
                }
            }
            Ok(self.end(async move { signals.wants_end().await }).await)
        }
    }

    async fn reload_and_log(&self) {
        match self.reload().await {
            Ok(()) => tracing::info!("read the configuration again"),
            Err(StartError::Config(errors)) => {
                errors.log("the configuration cannot be used; everything stays as it was");
            }
            Err(error) => tracing::error!(%error, "the configuration was not read again"),
        }
    }

    /// Says on `/readyz` that it ends, serves on for as long as a load balancer needs to notice, and drains; `at_once` cuts
    /// both short.
    async fn end(self, at_once: impl Future<Output = ()>) -> usize {
        let settings = self.serving.settings.get();
        let (delay, drain) = (settings.drain_delay, settings.drain);
        tracing::info!(?delay, ?drain, "asked to end");
        self.draining.store(true, Ordering::Relaxed);
        let mut at_once = std::pin::pin!(at_once);
        if timeout(delay, &mut at_once).await.is_ok() {
            return self.drain_until(std::future::ready(())).await;
        }
        self.drain_until(async { drop(timeout(drain, at_once).await) })
            .await
    }
}

/// Lets the process open the files that so many connections need, each with one to an upstream; warns if it may not.
fn files_for_connections(connections: usize) {
    /// Listeners, log, keys and whatever else the process has open.
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
        Err(error) => tracing::warn!(%error, needed, "the limit of open files cannot be read"),
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
    async fn it_ends_while_a_reload_hangs() {
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
        // What a file system that hangs comes to.
        let keeper = Arc::clone(&gateway.keeper);
        let (let_go, held) = std::sync::mpsc::channel::<()>();
        let (locked, is_locked) = tokio::sync::oneshot::channel();
        let hung = std::thread::spawn({
            let keeper = Arc::clone(&keeper);
            move || {
                let _guard = keeper.lock().unwrap();
                locked.send(()).unwrap();
                held.recv().unwrap();
            }
        });
        is_locked.await.unwrap();
        let users = Arc::strong_count(&keeper);
        let running = tokio::spawn(gateway.run_until_signal());
        send("HUP").await;
        while Arc::strong_count(&keeper) == users {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        send("TERM").await;
        let ended = timeout(Duration::from_mins(1), running).await;
        assert_eq!(ended.expect("the reload holds it up").unwrap().unwrap(), 0);
        let_go.send(()).unwrap();
        hung.join().unwrap();
    }

    async fn send(signal: &str) {
        let pid = std::process::id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().await;
        assert!(sent.is_ok_and(|status| status.success()));
    }
}
