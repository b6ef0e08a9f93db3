//! The configuration of a gateway: read from a file, overridden by environment and flags, and validated
//! before it is used.

mod builder;
mod kind;
mod layers;
mod overrides;
mod problem;
mod reference;
mod resolve;
mod setting;

use std::error::Error;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use wa_flows::TokenSignatureMode;
use wa_secrets::SecretSource;

use crate::material::files::refuse_special;
use layers::Sources;

pub use builder::{EndpointBuilder, GatewayConfigBuilder};
#[cfg(test)]
pub(crate) use kind::Kind;
pub(crate) use kind::{HandledBy, HostName, StoreLocation, StoreUrl, Target};
pub(crate) use layers::{Environment, Located};
pub use overrides::Overrides;
pub(crate) use problem::Problems;
pub use problem::{ConfigErrors, ConfigFault, ConfigProblem, Origin};
pub use reference::config_reference;
pub use setting::Setting;

/// A valid configuration; [`check`](GatewayConfig::check) also validates the files that it names.
///
/// ```
/// use wa_gateway::{GatewayConfig, Overrides};
///
/// let text = r#"
///     listen = "127.0.0.1:8080"
///
///     [[endpoint]]
///     keys = "keys/"
///     upstream = "http://127.0.0.1:3000/flow"
/// "#;
/// let environment = |name: &str| (name == "WA_APP_SECRET").then(|| "0123456789abcdef".to_owned());
/// let config = GatewayConfig::parse(text, &Overrides::new(), environment)?;
/// assert_eq!(config.endpoint_names().collect::<Vec<_>>(), ["default"]);
/// # Ok::<(), wa_gateway::ConfigErrors>(())
/// ```
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    pub(crate) settings: Settings,
    pub(crate) environment: Environment,
    flags: Overrides,
    /// `None` for a configuration that was passed as text.
    file: Option<Arc<Path>>,
    before_reload: Option<BeforeReload>,
    pub(crate) dropped_log_lines: Option<DroppedLogLines>,
}

/// Returns the number of dropped log lines.
#[derive(Clone)]
pub(crate) struct DroppedLogLines(Arc<dyn Fn() -> u64 + Send + Sync>);

impl DroppedLogLines {
    pub(crate) fn count(&self) -> u64 {
        (self.0)()
    }
}

/// The callback before a reload.
#[derive(Clone)]
struct BeforeReload(Arc<dyn Fn() -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync>);

/// Largest configuration file, in bytes; a thousand endpoints take about 300 KB.
const TEXT_LIMIT: u64 = 4 * 1024 * 1024;

/// The resolved settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) admin_hosts: Vec<HostName>,
    pub(crate) media_hosts: Vec<String>,
    pub(crate) tls: Option<TlsConfig>,
    pub(crate) limits: Limits,
    pub(crate) endpoints: Vec<EndpointConfig>,
    pub(crate) drain: Duration,
    pub(crate) drain_delay: Duration,
    pub(crate) watch: Duration,
    pub(crate) strict_secrets: bool,
    pub(crate) key_store: Option<KeyStoreConfig>,
    pub(crate) replay_store: Option<StoreSource>,
    pub(crate) replay_window: Duration,
}

/// The settings of the key store.
#[derive(Debug, Clone)]
pub(crate) struct KeyStoreConfig {
    pub(crate) location: Located<StoreLocation>,
    pub(crate) poll: Option<Duration>,
    pub(crate) cache: Option<PathBuf>,
    pub(crate) passphrases: Vec<Located<NamedSource>>,
    /// The name of this process; by default that of the host.
    pub(crate) instance: Option<String>,
}

/// The key sets of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeySets {
    /// All sets of the store.
    All,
    /// These sets, possibly none.
    Named(Vec<String>),
}

impl KeySets {
    pub(crate) fn contain(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|known| known == name),
        }
    }
}

/// The files of a certificate.
#[derive(Debug, Clone)]
pub(crate) struct TlsConfig {
    pub(crate) certificate: Located<PathBuf>,
    pub(crate) private_key: Located<PathBuf>,
}

/// The limits; sizes in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) body: usize,
    pub(crate) upstream_body: usize,
    pub(crate) media: usize,
    pub(crate) replay_marks: NonZeroUsize,
    pub(crate) replay_responses: usize,
    pub(crate) in_flight: usize,
    pub(crate) connections: usize,
    pub(crate) header: Duration,
    pub(crate) handshake: Duration,
    pub(crate) write: Duration,
}

/// The settings of an endpoint: a path, its keys and secrets, and its backend.
#[derive(Debug, Clone)]
pub(crate) struct EndpointConfig {
    /// The prefix of its keys in problems.
    pub(crate) scope: String,
    pub(crate) name: String,
    pub(crate) path: String,
    /// Empty if the keys come from the key store alone.
    pub(crate) keys: Located<Vec<PathBuf>>,
    pub(crate) key_sets: KeySets,
    pub(crate) passphrases: Vec<Located<NamedSource>>,
    pub(crate) app_secrets: Vec<Located<NamedSource>>,
    /// The global setting: warnings about secrets are errors.
    pub(crate) strict_secrets: bool,
    pub(crate) skip_signature: bool,
    pub(crate) allow_replays: bool,
    pub(crate) token_signature: TokenSignatureMode,
    pub(crate) upstream: Target,
    pub(crate) upstream_ca: Option<Located<PathBuf>>,
    pub(crate) timeouts: Timeouts,
    pub(crate) ping: HandledBy,
    pub(crate) error_notifications: HandledBy,
}

/// The timeouts of an upstream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) total: Duration,
    pub(crate) connect: Duration,
    pub(crate) idle: Duration,
}

/// The source of the replay store's URL.
#[derive(Debug, Clone)]
pub(crate) enum StoreSource {
    Url(StoreUrl),
    Secret(Located<NamedSource>),
}

/// The source of a secret, and the key of the setting that names it.
#[derive(Debug, Clone)]
pub(crate) struct NamedSource {
    pub(crate) source: SecretSource,
    pub(crate) key: &'static str,
}

impl GatewayConfig {
    /// Reads the configuration from an optional file; flags override the environment, the environment
    /// overrides the file.
    ///
    /// `environment` looks up a variable; an empty value counts as not set. It is kept for reloads.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] with every problem, not only the first one.
    pub fn load(
        path: Option<&Path>,
        flags: &Overrides,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, ConfigErrors> {
        Self::read(path.map(Into::into), flags.clone(), Environment::new(environment))
    }

    /// Parses a configuration; its paths are relative to the current directory.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] with every problem.
    pub fn parse(
        text: &str,
        flags: &Overrides,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, ConfigErrors> {
        Self::resolve(text, None, flags.clone(), Environment::new(environment))
    }

    /// Sets a callback that runs before each reload, to refresh the source of the environment, such as a file
    /// of variables. If it fails, the reload fails with its error and changes nothing.
    #[must_use]
    pub fn before_reload(
        mut self,
        refresh: impl Fn() -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
    ) -> Self {
        self.before_reload = Some(BeforeReload(Arc::new(refresh)));
        self
    }

    /// Adds the metric `wa_gateway_log_lines_dropped_total` with the number that `count` returns, for log
    /// writers that drop lines instead of blocking.
    #[must_use]
    pub fn dropped_log_lines(mut self, count: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.dropped_log_lines = Some(DroppedLogLines(Arc::new(count)));
        self
    }

    /// Returns the names of the endpoints in the order of the configuration.
    pub fn endpoint_names(&self) -> impl Iterator<Item = &str> {
        self.settings
            .endpoints
            .iter()
            .map(|endpoint| endpoint.name.as_str())
    }

    /// Re-reads the configuration file; a configuration that was passed as text stays unchanged.
    pub(crate) fn reread(&self) -> Result<Self, ConfigErrors> {
        if let Some(BeforeReload(refresh)) = &self.before_reload {
            refresh().map_err(|error| ConfigErrors::one(Origin::Nowhere, ConfigFault::Variables(error)))?;
        }
        let again = match &self.file {
            Some(file) => {
                // At the start a pipe is allowed; in a reload, reading it would block.
                refuse_special(file).map_err(|error| unreadable(file, error))?;
                Self::read(self.file.clone(), self.flags.clone(), self.environment.clone())
            }
            None => return Ok(self.clone()),
        };
        again.map(|again| Self {
            before_reload: self.before_reload.clone(),
            dropped_log_lines: self.dropped_log_lines.clone(),
            ..again
        })
    }

    fn read(
        file: Option<Arc<Path>>,
        flags: Overrides,
        environment: Environment,
    ) -> Result<Self, ConfigErrors> {
        let text = match file.as_deref() {
            Some(file) => read_text(file).map_err(|error| unreadable(file, error))?,
            None => String::new(),
        };
        Self::resolve(&text, file, flags, environment)
    }

    fn resolve(
        text: &str,
        file: Option<Arc<Path>>,
        flags: Overrides,
        environment: Environment,
    ) -> Result<Self, ConfigErrors> {
        let mut problems = Problems::default();
        let named = file.as_deref().unwrap_or(Path::new("configuration"));
        let sources = Sources {
            file: named,
            text,
            flags: &flags,
            environment: &environment,
        };
        let settings = resolve::settings(sources, &mut problems);
        let config = settings.map(|settings| Self {
            settings,
            environment,
            flags,
            file,
            before_reload: None,
            dropped_log_lines: None,
        });
        if let (Some(config), true) = (&config, problems.found_any()) {
            // The valid parts are checked too, so that one run reports all problems.
            if let Err(errors) = config.check() {
                problems.extend(errors);
            }
        }
        problems.unless_any(config)
    }
}

fn read_text(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(TEXT_LIMIT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > TEXT_LIMIT {
        let reason = format!("it is longer than {TEXT_LIMIT} bytes: this cannot be the right file");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(text)
}

fn unreadable(file: &Path, error: io::Error) -> ConfigErrors {
    let origin = Origin::File {
        file: file.to_owned(),
        line: 0,
    };
    ConfigErrors::one(origin, ConfigFault::Unreadable(error))
}

impl NamedSource {
    /// Returns the file of the secret, if it is in a file.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.source {
            SecretSource::File(path) => Some(path),
            _ => None,
        }
    }
}

impl std::fmt::Debug for DroppedLogLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DroppedLogLines")
    }
}

impl std::fmt::Debug for BeforeReload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BeforeReload")
    }
}
