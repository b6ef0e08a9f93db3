//! A running emulator.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::builder::EmulatorBuilder;
use crate::shared::Shared;

/// A local Graph API that serves until it is shut down or dropped.
///
/// ```
/// use wa_emulator::{Emulator, FaultRule, Fault};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let emulator = Emulator::builder().start().await?;
/// println!("serving at {}", emulator.base_url());
/// emulator.queue_fault(FaultRule::new(Fault::BadGateway));
/// emulator.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct Emulator {
    address: SocketAddr,
    pub(crate) shared: Arc<Shared>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Emulator {
    /// Returns the configuration of an emulator with one business, one account, one number, one app and one
    /// token, on any free port.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder::new()
    }

    pub(crate) fn new(
        address: SocketAddr,
        shared: Arc<Shared>,
        stop: watch::Sender<()>,
        task: JoinHandle<()>,
    ) -> Self {
        Self {
            address,
            shared,
            stop,
            task,
        }
    }

    /// Returns the base URL of the Graph API, without a version and a trailing slash:
    /// `http://127.0.0.1:49152`.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Returns the address that the emulator listens on, with the actual port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, waits for in-flight calls (at most two seconds), and returns when all connections are
    /// closed.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(());
        let _ = (&mut self.task).await;
    }

    /// Serves until Ctrl-C, or SIGTERM on Unix, then shuts down.
    ///
    /// # Errors
    ///
    /// The system's error if signals cannot be received.
    pub async fn run_until_signal(self) -> std::io::Result<()> {
        crate::signal::terminated().await?;
        self.shutdown().await;
        Ok(())
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}
