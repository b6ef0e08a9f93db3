//! What a gateway is told: read, laid over by environment and flags, and checked before anything listens.

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

#[cfg(test)]
pub(crate) use kind::Kind;
pub(crate) use kind::{AnsweredBy, HostName, StoreUrl, Target};
pub(crate) use layers::{Environment, Located};
pub use overrides::Overrides;
pub(crate) use problem::Problems;
pub use problem::{ConfigErrors, ConfigFault, ConfigProblem, Origin};
pub use reference::config_reference;
pub use setting::Setting;

/// A configuration that was read and found sound; [`check`](GatewayConfig::check) looks into the files that it names.
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
    /// None for a configuration that was given as text.
    file: Option<Arc<Path>>,
    before_reload: Option<BeforeReload>,
    pub(crate) dropped_log_lines: Option<DroppedLogLines>,
}

/// Returns how many lines of the log were dropped.
#[derive(Clone)]
pub(crate) struct DroppedLogLines(Arc<dyn Fn() -> u64 + Send + Sync>);

impl DroppedLogLines {
    pub(crate) fn count(&self) -> u64 {
        (self.0)()
    }
}

/// What is done before the configuration is read again.
#[derive(Clone)]
struct BeforeReload(Arc<dyn Fn() -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync>);

/// A configuration of a thousand endpoints has some 300 KB.
const TEXT_LIMIT: u64 = 4 * 1024 * 1024;

/// The settings by themselves.
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
    pub(crate) replay_store: Option<StoreSource>,
    pub(crate) replay_window: Duration,
}

/// The files of a certificate.
#[derive(Debug, Clone)]
pub(crate) struct TlsConfig {
    pub(crate) certificate: Located<PathBuf>,
    pub(crate) private_key: Located<PathBuf>,
}

/// The bounds of what is taken in; sizes in bytes.
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

/// One endpoint: a path, its keys and secrets, and the backend behind it.
#[derive(Debug, Clone)]
pub(crate) struct EndpointConfig {
    /// What stands before its keys in problems.
    pub(crate) scope: String,
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) keys: Located<Vec<PathBuf>>,
    pub(crate) passphrases: Vec<Located<NamedSource>>,
    pub(crate) app_secrets: Vec<Located<NamedSource>>,
    /// Of all endpoints: what else is warned about a secret is refused.
    pub(crate) strict_secrets: bool,
    pub(crate) skip_signature: bool,
    pub(crate) allow_replays: bool,
    pub(crate) token_signature: TokenSignatureMode,
    pub(crate) upstream: Target,
    pub(crate) upstream_ca: Option<Located<PathBuf>>,
    pub(crate) timeouts: Timeouts,
    pub(crate) ping: AnsweredBy,
    pub(crate) error_notices: AnsweredBy,
}

/// How long an upstream is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    pub(crate) total: Duration,
    pub(crate) connect: Duration,
    pub(crate) idle: Duration,
}

/// Where the URL of the replay store is.
#[derive(Debug, Clone)]
pub(crate) enum StoreSource {
    Url(StoreUrl),
    Secret(Located<NamedSource>),
}

/// Where a secret is read from, and the key of the configuration that says so.
#[derive(Debug, Clone)]
pub(crate) struct NamedSource {
    pub(crate) source: SecretSource,
    pub(crate) key: &'static str,
}

impl GatewayConfig {
    /// Reads a configuration file, or none; flags win over the environment, the environment over the file.
    ///
    /// `environment` looks a variable up; an empty value counts as not set. It is kept, to read the configuration again.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong, not only the first of it.
    pub fn load(
        path: Option<&Path>,
        flags: &Overrides,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, ConfigErrors> {
        Self::read(path.map(Into::into), flags.clone(), Environment::new(environment))
    }

    /// Reads a configuration from a text; its paths are relative to the current directory.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong.
    pub fn parse(
        text: &str,
        flags: &Overrides,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, ConfigErrors> {
        Self::resolve(text, None, flags.clone(), Environment::new(environment))
    }

    /// Has `refresh` called before the configuration is read again, for what stands behind the environment, such as a file
    /// of variables; its error is that of the reload, which changes nothing then.
    #[must_use]
    pub fn before_reload(
        mut self,
        refresh: impl Fn() -> Result<(), Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
    ) -> Self {
        self.before_reload = Some(BeforeReload(Arc::new(refresh)));
        self
    }

    /// Adds the metric `wa_gateway_log_lines_dropped_total`, with the number that `count` returns: for a log writer that drops
    /// lines rather than block.
    #[must_use]
    pub fn dropped_log_lines(mut self, count: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.dropped_log_lines = Some(DroppedLogLines(Arc::new(count)));
        self
    }

    /// The names of the endpoints, in their order.
    pub fn endpoint_names(&self) -> impl Iterator<Item = &str> {
        self.settings
            .endpoints
            .iter()
            .map(|endpoint| endpoint.name.as_str())
    }

    /// Reads the same configuration again; one that was given as text stays as it is.
    pub(crate) fn reread(&self) -> Result<Self, ConfigErrors> {
        if let Some(BeforeReload(refresh)) = &self.before_reload {
            refresh().map_err(|error| ConfigErrors::one(Origin::Nowhere, ConfigFault::Variables(error)))?;
        }
        let again = match &self.file {
            Some(file) => {
                // At the start a pipe is as good as a file; later it would hold up everything.
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
            // What is sound is looked into all the same, so that one attempt tells everything.
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
    /// The file that the secret is in, if it is in one.
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
