//! What every fleet command needs: configuration, key store, clients, numbers.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wa_cloud::fleet::{
    ConfigError, ConnectError, ConnectOptions, Fleet, FleetClients, FleetConfig, FleetError, Inventory,
    InventoryNumber, NumberFilter, Stop, StoreView,
};
use wa_cloud::keystore::{KeyStore, StoreError, open_url};

use super::Context;
use crate::args::FleetArgs;
use crate::commands::numbers;
use crate::failure::{Exit, Failure};
use crate::settings::Environment;
use crate::terminal::Terminal;

/// The time between two lines about the progress of a long run.
const PROGRESS: Duration = Duration::from_secs(10);

pub(super) struct Session {
    pub(super) config: FleetConfig,
    pub(super) store: KeyStore,
    pub(super) clients: FleetClients,
    pub(super) stop: Stop,
    pub(super) root_certificates: Option<Vec<u8>>,
    environment: Arc<Environment>,
}

/// Whether a key store must exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    Existing,
    /// It is created at first use, unless the configuration names its id.
    OrCreate,
}

impl Session {
    /// Reads the configuration, opens the key store and creates the clients.
    pub(super) async fn open(context: &Context, args: &FleetArgs, store: Open) -> Result<Self, Failure> {
        let config = FleetConfig::read(&args.config).map_err(|error| in_config(&args.config, error))?;
        let store = open_store(&config, store).await?;
        let environment = Arc::clone(&context.environment);
        let root_certificates = match &args.root_certificate {
            None => None,
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                let name = format!("--root-certificate {}", path.display());
                crate::commands::graph::setting(&name, error)
            })?),
        };
        let notes = Arc::clone(&environment);
        let options = ConnectOptions {
            url: environment.get("WA_GRAPH_URL").map(|url| String::clone(&url)),
            on_wait: Some(Arc::new(move |hold| {
                let minutes = hold.wait.as_secs().div_ceil(60);
                notes.note(&format!("waiting {minutes} min for the end of {}", hold.calls));
            })),
            root_certificates: root_certificates.clone(),
            danger_allow_plain_http: args.danger_allow_plain_http,
        };
        let clients = FleetClients::connect(&config, &options, &|name| variable(&environment, name))
            .map_err(cannot_connect)?;
        Ok(Self {
            config,
            store,
            clients,
            root_certificates,
            stop: crate::commands::stop_at_ctrl_c(&environment),
            environment,
        })
    }

    /// Returns the value of an environment variable that the configuration names.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        variable(&self.environment, name)
    }

    /// Lists the numbers of the fleet. Parts that cannot be listed are reported; the second value is then
    /// false.
    pub(super) async fn inventory(&self, terminal: &mut Terminal) -> Result<(Inventory, bool), Failure> {
        let filter = NumberFilter::new(&self.config.filter);
        let client = |account: Option<&_>| self.clients.client(account);
        let inventory = Inventory::resolve(&self.config.inventory, &filter, client, |_| {}, &self.stop)
            .await
            .map_err(numbers::failed)?;
        for failure in inventory.failures() {
            numbers::describe(failure).report(terminal);
        }
        let is_complete = inventory.failures().is_empty();
        Ok((inventory, is_complete))
    }

    pub(super) async fn view(&self) -> Result<StoreView, Failure> {
        StoreView::read(&self.store).await.map_err(store_failed)
    }

    pub(super) fn fleet(&self, numbers: &[InventoryNumber]) -> Fleet {
        let author = format!("{}@{}", user(), host());
        Fleet::connected(self.store.clone(), &self.config, &self.clients, numbers).author(&author)
    }
}

fn variable(environment: &Environment, name: &str) -> Option<String> {
    environment.get(name).map(|value| String::clone(&value))
}

async fn open_store(config: &FleetConfig, open: Open) -> Result<KeyStore, Failure> {
    let backend = open_url(&config.store.location).map_err(store_failed)?;
    let opened = match open {
        Open::Existing => KeyStore::open(backend).await,
        Open::OrCreate => KeyStore::open_or_create(backend).await,
    };
    let store = opened.map_err(|source| {
        let hint = source.remedy();
        let location = config.store.location.clone();
        Failure::failed(CannotOpen { location, source }).with_hint(hint)
    })?;
    let found = store.id().to_string();
    match &config.store.id {
        Some(id) if *id != found => Err(Failure::failed(OtherStore {
            location: config.store.location.clone(),
            found,
            expected: id.clone(),
        })
        .with_hint(Some("correct `location` or `id` in [store]"))),
        _ => Ok(store),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot open the key store {location}")]
struct CannotOpen {
    location: String,
    source: StoreError,
}

#[derive(Debug, thiserror::Error)]
#[error("the key store at {location} has the id {found}, not {expected}")]
struct OtherStore {
    location: String,
    found: String,
    expected: String,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot use {path}")]
struct InConfig {
    path: String,
    source: ConfigError,
}

fn in_config(path: &Path, source: ConfigError) -> Failure {
    let hint = source.remedy();
    let path = path.display().to_string();
    Failure::usage(InConfig { path, source }).with_hint(hint)
}

pub(super) fn cannot_connect(error: ConnectError) -> Failure {
    let hint = error.remedy();
    Failure::usage(error).with_hint(hint)
}

pub(super) fn store_failed(error: StoreError) -> Failure {
    let hint = error.remedy();
    Failure::failed(error).with_hint(hint)
}

pub(super) fn fleet_failed(error: FleetError) -> Failure {
    let hint = error.remedy();
    Failure::failed(error).with_hint(hint)
}

fn user() -> String {
    std::env::var("USER")
        .or_else(|_| std::env::var("USERNAME"))
        .unwrap_or_else(|_| "unknown".to_owned())
}

fn host() -> String {
    let name = std::env::var("HOSTNAME").ok();
    name.or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// Prints a line about a long run from time to time.
pub(super) struct Progress {
    what: &'static str,
    total: usize,
    done: usize,
    next: Instant,
}

impl Progress {
    pub(super) fn new(what: &'static str, total: usize) -> Self {
        Self {
            what,
            total,
            done: 0,
            next: Instant::now() + PROGRESS,
        }
    }

    pub(super) fn step(&mut self, terminal: &mut Terminal) {
        self.done += 1;
        if Instant::now() >= self.next {
            terminal.note(&format!("{} {} of {}", self.what, self.done, self.total));
            self.next = Instant::now() + PROGRESS;
        }
    }
}

/// Returns a count with its noun.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Returns the exit status of a run: interrupted, failed, not valid, or success.
pub(super) fn exit(interrupted: bool, failed: bool, is_valid: bool) -> Exit {
    if interrupted {
        Exit::Interrupted
    } else if failed {
        Exit::Failed
    } else if is_valid {
        Exit::Success
    } else {
        Exit::CheckFailed
    }
}
