//! Configures and starts an emulator.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::emulator::Emulator;
use crate::graph::WireShape;
use crate::seed::Seed;
use crate::server;
use crate::shared::{Shared, State};
use crate::world::{AccountSpec, AppSpec, BusinessSpec, ControlError, FlowSpec, NumberSpec, TokenSpec};

const DEFAULT_MAX_BODY: usize = 64 * 1024;
const DEFAULT_LOG_CAPACITY: usize = 1000;

/// The reason why an emulator did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The emulator cannot listen on the address.
    #[error("cannot listen on {address}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// The initial objects contradict each other.
    #[error("the emulator's initial objects contradict each other")]
    Seed {
        /// The first contradiction.
        #[from]
        source: ControlError,
    },
}

impl StartError {
    /// Returns what to do, if there is one answer.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Listen { .. } => Some("choose another port, or port 0 for any free port".into()),
            Self::Seed { source } => source.remedy(),
        }
    }
}

/// Configures an [`Emulator`]; created by [`Emulator::builder`].
#[derive(Debug)]
pub struct EmulatorBuilder {
    address: SocketAddr,
    max_body: usize,
    log_capacity: usize,
    seed: Seed,
}

impl EmulatorBuilder {
    pub(crate) fn new() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            max_body: DEFAULT_MAX_BODY,
            log_capacity: DEFAULT_LOG_CAPACITY,
            seed: Seed::default(),
        }
    }

    /// Sets the address to listen on; by default `127.0.0.1` with any free port.
    ///
    /// Any client that can connect to the address can change everything: the control API requires no token.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Starts without the default business, account, number, app and token.
    ///
    /// Call it first: it also removes what was added before.
    #[must_use]
    pub fn empty(mut self) -> Self {
        self.seed = Seed::empty();
        self
    }

    /// Adds a business.
    #[must_use]
    pub fn business(mut self, business: BusinessSpec) -> Self {
        self.seed.businesses.push(business);
        self
    }

    /// Adds a WhatsApp Business account.
    #[must_use]
    pub fn account(mut self, account: AccountSpec) -> Self {
        self.seed.accounts.push(account);
        self
    }

    /// Adds a phone number.
    #[must_use]
    pub fn number(mut self, number: NumberSpec) -> Self {
        self.seed.numbers.push(number);
        self
    }

    /// Adds generated accounts, with this many generated and registered numbers spread evenly over them.
    ///
    /// At most 10,000 accounts and 100,000 numbers. They belong to the business with the lowest id.
    #[must_use]
    pub fn generated(mut self, accounts: usize, numbers: usize) -> Self {
        self.seed.generated = (accounts, numbers);
        self
    }

    /// Adds a Flow.
    #[must_use]
    pub fn flow(mut self, flow: FlowSpec) -> Self {
        self.seed.flows.push(flow);
        self
    }

    /// Adds a Meta app.
    #[must_use]
    pub fn app(mut self, app: AppSpec) -> Self {
        self.seed.apps.push(app);
        self
    }

    /// Adds an access token.
    #[must_use]
    pub fn token(mut self, token: TokenSpec) -> Self {
        self.seed.tokens.push(token);
        self
    }

    /// Sets the shapes of responses where Meta's sources disagree.
    #[must_use]
    pub fn wire_shape(mut self, shape: WireShape) -> Self {
        self.seed.shape = shape;
        self
    }

    /// Sets the largest request body in bytes; 64 KiB by default. A larger one gets a 413 response.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets how many requests the request log keeps; 1,000 by default.
    #[must_use]
    pub fn log_capacity(mut self, requests: usize) -> Self {
        self.log_capacity = requests;
        self
    }

    /// Starts to listen and serve, on the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`] if the address is in use or does not belong to this machine,
    /// [`StartError::Seed`] if an id is used twice or refers to nothing.
    pub async fn start(self) -> Result<Emulator, StartError> {
        let listen = |source| StartError::Listen {
            address: self.address,
            source,
        };
        let listener = TcpListener::bind(self.address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let base_url = format!("http://{}", reachable(address));
        let state = State::new(self.seed, self.log_capacity)?;
        let shared = Arc::new(Shared::new(base_url, self.max_body, state));
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(server::serve(listener, Arc::clone(&shared), stopped));
        tracing::debug!(%address, "emulator listening");
        Ok(Emulator::new(address, shared, stop, task))
    }
}

/// Returns an address that clients can connect to: an unspecified address (`0.0.0.0`, `::`) is for listening
/// only.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
