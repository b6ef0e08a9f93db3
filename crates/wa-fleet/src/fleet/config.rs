//! `fleet.toml`: which numbers a fleet has, where its keys are, and how to reach Graph. Secrets are named,
//! never contained.

mod error;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use wa_graph::{BusinessId, PhoneNumberId, WabaId};
use wa_secrets::SecretSource;

use super::plan::RepairPolicy;
pub use error::ConfigError;

/// A larger file is not read, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The content of `fleet.toml`.
///
/// ```
/// use wa_fleet::FleetConfig;
///
/// let config = FleetConfig::parse(
///     r#"
///     [store]
///     location = "keys"
///
///     [graph]
///     access_token = { env = "WA_ACCESS_TOKEN" }
///
///     [inventory]
///     accounts = ["102290129340398"]
///     "#,
/// )?;
/// assert_eq!(config.graph.concurrency, 8);
/// # Ok::<(), wa_fleet::ConfigError>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FleetConfig {
    /// Where the keys are stored.
    pub store: StoreConfig,
    /// How to reach Graph.
    pub graph: GraphConfig,
    /// Which numbers belong to the fleet.
    #[serde(default)]
    pub inventory: InventoryConfig,
    /// Which of them are left out.
    #[serde(default)]
    pub filter: FilterConfig,
    /// What `apply` may change without being asked. Default: `apply` asks.
    #[serde(default)]
    pub policy: Option<RepairPolicy>,
    /// Settings of single accounts.
    #[serde(default, rename = "account")]
    pub accounts: Vec<AccountConfig>,
    /// Settings of `watch`.
    #[serde(default)]
    pub watch: WatchConfig,
}

/// Where the keys are stored.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StoreConfig {
    /// A directory, or the URL of a bucket.
    pub location: String,
    /// The id of the store. Another store at this location is refused.
    #[serde(default)]
    pub id: Option<String>,
    /// The passphrase of new private keys, for `rotate`.
    #[serde(default)]
    pub passphrase: Option<SecretConfig>,
}

/// How to reach Graph.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GraphConfig {
    /// The base URL. Default `https://graph.facebook.com`.
    #[serde(default)]
    pub url: Option<String>,
    /// The version of the API. Default `v25.0`.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The access token.
    pub access_token: SecretConfig,
    /// The app secret, which proves calls and signs pings.
    #[serde(default)]
    pub app_secret: Option<SecretConfig>,
    /// Numbers that are processed at the same time, 1 to 64. Default 8.
    #[serde(default = "eight", deserialize_with = "concurrency")]
    pub concurrency: usize,
    /// Calls of one token per hour. Default: as many as Graph allows.
    #[serde(default)]
    pub calls_per_hour: Option<u32>,
    /// How long a call waits for the end of a rate limit. Default 2 h.
    #[serde(default = "two_hours", deserialize_with = "duration")]
    pub max_wait: Duration,
    /// How long calls wait at a rate limit for which Graph names no end. Default 10 min.
    #[serde(default = "ten_minutes", deserialize_with = "duration")]
    pub limit_wait: Duration,
    /// The time limit of one call, without waits for rate limits. Default 60 s.
    #[serde(default = "one_minute", deserialize_with = "duration")]
    pub timeout: Duration,
}

/// Which numbers belong to the fleet: the union of all that is named.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct InventoryConfig {
    /// Businesses, with the accounts that they own and that clients share with them.
    #[serde(default)]
    pub businesses: Vec<BusinessId>,
    /// Accounts.
    #[serde(default)]
    pub accounts: Vec<WabaId>,
    /// Numbers.
    #[serde(default)]
    pub numbers: Vec<PhoneNumberId>,
    /// A CSV file with the columns `phone_number_id` and, if known, `account` and `set`.
    #[serde(default)]
    pub file: Option<PathBuf>,
}

/// Which numbers are left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FilterConfig {
    /// Only numbers with one of these statuses, such as `CONNECTED`, if Graph lists the status.
    #[serde(default)]
    pub status: Vec<String>,
    /// Only numbers on one of these platforms, such as `CLOUD_API`, if Graph lists the platform.
    #[serde(default)]
    pub platform: Vec<String>,
    /// Ids of numbers and accounts that are left out.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// Settings of one account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AccountConfig {
    /// The account.
    pub id: WabaId,
    /// The key set of its numbers. Default `waba-` and the id.
    #[serde(default)]
    pub set: Option<String>,
    /// The endpoint URL that serves the key set, for `rotate`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The access token. Default: that of `[graph]`.
    #[serde(default)]
    pub access_token: Option<SecretConfig>,
    /// The app secret. Default: that of `[graph]`, if the account has no access token of its own.
    #[serde(default)]
    pub app_secret: Option<SecretConfig>,
}

/// Settings of `watch`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WatchConfig {
    /// The time between two audits, up to a tenth longer or shorter at random. Default 15 min.
    #[serde(default = "quarter", deserialize_with = "duration")]
    pub interval: Duration,
    /// A file in which metrics are written in the text format of Prometheus.
    #[serde(default)]
    pub metrics_file: Option<PathBuf>,
    /// A command that is run after a change: a program and its arguments. It reads the changes as JSON lines.
    #[serde(default)]
    pub on_change: Vec<String>,
    /// A URL to which changes are posted as JSON.
    #[serde(default)]
    pub webhook: Option<String>,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            interval: quarter(),
            metrics_file: None,
            on_change: Vec::new(),
            webhook: None,
        }
    }
}

/// Where a secret is: `{ file = "token" }`, `{ env = "WA_ACCESS_TOKEN" }` or `{ command = "vault kv get …"
/// }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected { file = \"FILE\" }, { env = \"VARIABLE\" } or { command = \"COMMAND\" }"
)]
#[non_exhaustive]
pub enum SecretConfig {
    /// The first line of a file.
    File {
        /// Its name, relative to `fleet.toml`.
        file: PathBuf,
    },
    /// An environment variable.
    Env {
        /// Its name.
        env: String,
    },
    /// The first line that a shell command prints.
    Command {
        /// The command.
        command: String,
    },
}

impl SecretConfig {
    /// Returns the source of the secret.
    pub fn source(&self) -> SecretSource {
        match self {
            Self::File { file } => SecretSource::File(file.clone()),
            Self::Env { env } => SecretSource::Variable(env.clone()),
            Self::Command { command } => SecretSource::Command(command.clone()),
        }
    }
}

impl FleetConfig {
    /// Reads a file. Relative names in it are relative to its directory.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the file cannot be read, is larger than 16 MiB, or is not valid.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
            return Err(ConfigError::TooLarge {
                path: path.to_owned(),
            });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let mut config = Self::parse(&text)?;
        config.resolve(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// Parses the text of a file. Names in it are not resolved.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Syntax`] with the line of the fault, [`ConfigError::NoNumbers`] if no number is named,
    /// or [`ConfigError::AccountTwice`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::syntax(text, &error))?;
        let InventoryConfig {
            businesses,
            accounts,
            numbers,
            file,
        } = &config.inventory;
        if businesses.is_empty() && accounts.is_empty() && numbers.is_empty() && file.is_none() {
            return Err(ConfigError::NoNumbers);
        }
        let mut seen = BTreeSet::new();
        for account in &config.accounts {
            if !seen.insert(&account.id) {
                return Err(ConfigError::AccountTwice {
                    id: account.id.clone(),
                });
            }
        }
        Ok(config)
    }

    /// Returns the settings of an account, if it has some of its own.
    pub fn account(&self, id: &WabaId) -> Option<&AccountConfig> {
        self.accounts.iter().find(|account| account.id == *id)
    }

    fn resolve(&mut self, folder: &Path) {
        let resolve = |path: &mut PathBuf| *path = folder.join(&*path);
        let secret = |secret: &mut Option<SecretConfig>| {
            if let Some(SecretConfig::File { file }) = secret {
                *file = folder.join(&*file);
            }
        };
        let Self { graph, store, .. } = self;
        if let SecretConfig::File { file } = &mut graph.access_token {
            resolve(file);
        }
        secret(&mut graph.app_secret);
        secret(&mut store.passphrase);
        for account in &mut self.accounts {
            secret(&mut account.access_token);
            secret(&mut account.app_secret);
        }
        self.inventory.file.iter_mut().for_each(resolve);
        self.watch.metrics_file.iter_mut().for_each(resolve);
        if !self.store.location.contains("://") {
            self.store.location = folder.join(&self.store.location).to_string_lossy().into_owned();
        }
    }
}

fn eight() -> usize {
    8
}

fn two_hours() -> Duration {
    Duration::from_hours(2)
}

fn ten_minutes() -> Duration {
    Duration::from_mins(10)
}

fn one_minute() -> Duration {
    Duration::from_mins(1)
}

fn quarter() -> Duration {
    Duration::from_mins(15)
}

fn concurrency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let count = usize::deserialize(deserializer)?;
    if (1..=64).contains(&count) {
        Ok(count)
    } else {
        Err(de::Error::custom("expected 1 to 64"))
    }
}

/// Reads a duration such as `15m` or `1h 30m`, of at least one second.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let duration = humantime::parse_duration(&text).map_err(de::Error::custom)?;
    if duration < Duration::from_secs(1) {
        return Err(de::Error::custom("expected at least one second"));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str =
        "[store]\nlocation = \"keys\"\n[graph]\naccess_token = { env = \"WA_ACCESS_TOKEN\" }\n";

    fn with(rest: &str) -> Result<FleetConfig, ConfigError> {
        FleetConfig::parse(&format!("{SMALL}{rest}"))
    }

    #[test]
    fn everything_is_read_and_names_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.toml");
        let text = r#"
            policy = "repair"
            [store]
            location = "keys"
            id = "00112233445566778899aabbccddeeff"
            [graph]
            url = "https://graph.example"
            access_token = { file = "token" }
            app_secret = { env = "WA_APP_SECRET" }
            concurrency = 16
            calls_per_hour = 4000
            max_wait = "90m"
            [inventory]
            businesses = ["1"]
            accounts = ["2"]
            numbers = ["3"]
            file = "numbers.csv"
            [filter]
            status = ["CONNECTED"]
            exclude = ["4"]
            [[account]]
            id = "2"
            set = "bookings"
            endpoint = "https://flows.example/bookings"
            access_token = { file = "/etc/token" }
            [watch]
            interval = "5m"
        "#;
        std::fs::write(&path, text).unwrap();
        let config = FleetConfig::read(&path).unwrap();
        assert_eq!(config.policy, Some(RepairPolicy::Repair));
        assert_eq!(
            config.store.location,
            folder.path().join("keys").to_string_lossy()
        );
        assert_eq!(config.graph.max_wait, Duration::from_mins(90));
        let token = folder.path().join("token");
        assert_eq!(config.graph.access_token, SecretConfig::File { file: token });
        let account = config.account(&"2".parse().unwrap()).unwrap();
        assert_eq!(account.set.as_deref(), Some("bookings"));
        let file = PathBuf::from("/etc/token");
        assert_eq!(account.access_token, Some(SecretConfig::File { file }));
        assert_eq!(config.watch.interval, Duration::from_mins(5));
    }

    #[test]
    fn faults_are_named_with_their_line() {
        let numbers = "[inventory]\nnumbers = [\"1\"]\n";
        assert!(with(numbers).is_ok());
        for (rest, part) in [
            ("", "names no phone number"),
            ("[inventory]\nnumbers = [\"+1 555\"]\n", "line 6"),
            ("conurrency = 3\n[inventory]\nnumbers = [\"1\"]\n", "conurrency"),
            ("concurrency = 0\n[inventory]\nnumbers = [\"1\"]\n", "1 to 64"),
            ("max_wait = \"soon\"\n[inventory]\nnumbers = [\"1\"]\n", "line 5"),
            (
                "app_secret = \"0123\"\n[inventory]\nnumbers = [\"1\"]\n",
                "{ file =",
            ),
            (
                "[inventory]\nnumbers = [\"1\"]\n[[account]]\nid = \"1\"\n[[account]]\nid = \"1\"\n",
                "twice",
            ),
        ] {
            let error = with(rest).unwrap_err();
            assert!(error.to_string().contains(part), "{rest}: {error}");
            assert!(error.remedy().is_some());
        }
    }

    #[test]
    fn a_secret_in_place_of_its_name_is_not_repeated() {
        let error = FleetConfig::parse("[graph]\naccess_token = \"EAAcanary\"\n").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("EAAcanary"), "{error}");
    }

    #[test]
    fn the_reference_in_the_documentation_is_valid() {
        let page = include_str!("../../../../docs/src/fleet.md");
        let (_, reference) = page.split_once("```toml\n").unwrap();
        let (text, _) = reference.split_once("```").unwrap();
        let config = FleetConfig::parse(text).unwrap();
        assert_eq!(config.policy, Some(RepairPolicy::Repair));
        assert_eq!(config.accounts.len(), 1);
    }
}
