//! A configuration that a program builds, without a file and without the environment.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::{Table, Value};
use wa_flows::{AppSecret, TokenSignatureMode};
use wa_keys::Passphrase;
use zeroize::Zeroizing;

use crate::config::overrides::Overrides;
use crate::config::problem::ConfigErrors;
use crate::config::{GatewayConfig, setting};

/// Builds a [`GatewayConfig`]; created by [`GatewayConfig::builder`].
///
/// What is not set has the default of the reference page. The problems that [`build`](Self::build) returns
/// name settings as that page does.
#[derive(Default)]
#[must_use = "a builder does nothing"]
pub struct GatewayConfigBuilder {
    root: Table,
    admin: Table,
    tls: Table,
    endpoints: Vec<EndpointBuilder>,
    secrets: Secrets,
}

/// An endpoint of a [`GatewayConfigBuilder`].
#[must_use = "an endpoint belongs to a builder"]
pub struct EndpointBuilder {
    table: Table,
    app_secrets: Vec<AppSecret>,
    passphrases: Vec<Passphrase>,
}

/// The secrets, each under a name that a setting refers to.
#[derive(Default)]
struct Secrets(Vec<(String, Zeroizing<String>)>);

impl GatewayConfig {
    /// Returns a builder, for a program that embeds a gateway.
    ///
    /// ```
    /// use wa_gateway::{EndpointBuilder, GatewayConfig};
    /// use wa_secrets::AppSecret;
    ///
    /// let endpoint = EndpointBuilder::new("http://127.0.0.1:3000/flow")
    ///     .path("/flow")
    ///     .keys(["keys/"])
    ///     .app_secret(AppSecret::new("0123456789abcdef0123456789abcdef")?);
    /// let config = GatewayConfig::builder()
    ///     .listen("127.0.0.1:8080".parse()?)
    ///     .without_admin()
    ///     .endpoint(endpoint)
    ///     .build()?;
    /// // let gateway = Gateway::start(config).await?;
    /// assert_eq!(config.endpoint_names().collect::<Vec<_>>(), ["default"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn builder() -> GatewayConfigBuilder {
        GatewayConfigBuilder::default()
    }
}

impl GatewayConfigBuilder {
    /// Sets the address on which requests are accepted.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        set(&mut self.root, setting::LISTEN.setting.name, address);
        self
    }

    /// Sets the address of metrics and health. It must be a loopback address.
    pub fn admin(mut self, address: SocketAddr) -> Self {
        set(&mut self.admin, setting::ADMIN_LISTEN.setting.name, address);
        self
    }

    /// Turns metrics, health and media decryption off.
    pub fn without_admin(mut self) -> Self {
        set(&mut self.admin, setting::ADMIN_LISTEN.setting.name, "off");
        self
    }

    /// Sets the PEM files of a certificate with its chain, and of its private key.
    pub fn tls(mut self, certificate: impl Into<PathBuf>, private_key: impl Into<PathBuf>) -> Self {
        set_path(&mut self.tls, setting::TLS_CERTIFICATE.setting.name, certificate);
        set_path(&mut self.tls, setting::TLS_KEY.setting.name, private_key);
        self
    }

    /// Sets how long exchanges in flight can take to complete at shutdown.
    pub fn drain_timeout(mut self, time: Duration) -> Self {
        set_time(&mut self.root, setting::DRAIN.setting.name, time);
        self
    }

    /// Sets how often the files of keys, secrets and certificates are checked for changes.
    pub fn watch_interval(mut self, interval: Duration) -> Self {
        set_time(&mut self.root, setting::WATCH.setting.name, interval);
        self
    }

    /// Sets the key store: a directory, or the URL of a bucket.
    pub fn key_store(mut self, location: impl Into<String>) -> Self {
        set(&mut self.root, setting::KEY_STORE.setting.name, location.into());
        self
    }

    /// Sets the name of this process in the key store.
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        set(&mut self.root, setting::INSTANCE.setting.name, name.into());
        self
    }

    /// Adds a passphrase of the key store.
    pub fn key_store_passphrase(mut self, passphrase: &Passphrase) -> Self {
        let name = self.secrets.add(passphrase.expose_secret());
        push(&mut self.root, setting::STORE_PASSPHRASE_ENV.setting.name, name);
        self
    }

    /// Adds an endpoint. Several endpoints need a name and a path each.
    pub fn endpoint(mut self, endpoint: EndpointBuilder) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// Validates the settings.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] with every problem.
    pub fn build(self) -> Result<GatewayConfig, ConfigErrors> {
        let Self {
            mut root,
            admin,
            tls,
            endpoints,
            mut secrets,
        } = self;
        let endpoints = endpoints
            .into_iter()
            .map(|endpoint| endpoint.into_table(&mut secrets));
        let endpoints: Vec<_> = endpoints.map(Value::Table).collect();
        for (name, table) in [("admin", admin), ("tls", tls)] {
            if !table.is_empty() {
                root.insert(name.to_owned(), Value::Table(table));
            }
        }
        root.insert("endpoint".to_owned(), Value::Array(endpoints));
        // One set of rules: what a file may say, a program may say.
        let secrets = secrets.0;
        let find = move |name: &str| {
            let found = secrets.iter().find(|(known, _)| known == name);
            found.map(|(_, secret)| secret.as_str().to_owned())
        };
        GatewayConfig::parse(&root.to_string(), &Overrides::new(), find)
    }
}

impl EndpointBuilder {
    /// Creates an endpoint that posts decrypted requests to a URL.
    pub fn new(upstream: impl Into<String>) -> Self {
        let mut table = Table::new();
        set(&mut table, setting::UPSTREAM.setting.name, upstream.into());
        Self {
            table,
            app_secrets: Vec::new(),
            passphrases: Vec::new(),
        }
    }

    /// Sets the name in logs and metrics; by default `default`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        set(&mut self.table, setting::NAME.setting.name, name.into());
        self
    }

    /// Sets the path of its URL; by default `/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        set(&mut self.table, setting::PATH.setting.name, path.into());
        self
    }

    /// Sets the files and directories of private keys.
    pub fn keys<P: Into<PathBuf>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        for path in paths {
            let path = path.into().display().to_string();
            push(&mut self.table, setting::KEYS.setting.name, path);
        }
        self
    }

    /// Sets the key sets of the key store.
    pub fn key_sets<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        for name in names {
            push(&mut self.table, setting::KEY_SETS.setting.name, name.into());
        }
        self
    }

    /// Accepts requests signed with this app secret. During a change of the secret, call it with both.
    pub fn app_secret(mut self, secret: AppSecret) -> Self {
        self.app_secrets.push(secret);
        self
    }

    /// Adds a passphrase of the key files.
    pub fn passphrase(mut self, passphrase: Passphrase) -> Self {
        self.passphrases.push(passphrase);
        self
    }

    /// Sets whether `flow_token_signature` is verified; off by default.
    pub fn token_signature(mut self, mode: TokenSignatureMode) -> Self {
        let mode = match mode {
            TokenSignatureMode::Required => "required",
            TokenSignatureMode::WhenPresent => "when-present",
            _ => "off",
        };
        set(&mut self.table, setting::TOKEN_SIGNATURE.setting.name, mode);
        self
    }

    /// Sets the longest time for the upstream to respond; by default 9 s.
    pub fn upstream_timeout(mut self, time: Duration) -> Self {
        set_time(&mut self.table, setting::UPSTREAM_TIMEOUT.setting.name, time);
        self
    }

    fn into_table(self, secrets: &mut Secrets) -> Table {
        let mut table = self.table;
        for secret in self.app_secrets {
            let name = secrets.add(secret.expose_secret());
            push(&mut table, setting::APP_SECRET_ENV.setting.name, name);
        }
        for passphrase in self.passphrases {
            let name = secrets.add(passphrase.expose_secret());
            push(&mut table, setting::PASSPHRASE_ENV.setting.name, name);
        }
        table
    }
}

impl Secrets {
    fn add(&mut self, secret: &str) -> String {
        let name = format!("BUILDER_SECRET_{}", self.0.len());
        self.0.push((name.clone(), Zeroizing::new(secret.to_owned())));
        name
    }
}

fn set(table: &mut Table, name: &str, value: impl Display) {
    table.insert(name.to_owned(), Value::String(value.to_string()));
}

fn set_path(table: &mut Table, name: &str, path: impl Into<PathBuf>) {
    set(table, name, path.into().display());
}

fn set_time(table: &mut Table, name: &str, time: Duration) {
    set(table, name, format_args!("{}ms", time.as_millis()));
}

fn push(table: &mut Table, name: &str, value: String) {
    let list = table.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list {
        list.push(Value::String(value));
    }
}

/// Omits the values: an upstream URL may contain a token.
impl std::fmt::Debug for GatewayConfigBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayConfigBuilder")
            .field("endpoints", &self.endpoints.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for EndpointBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EndpointBuilder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KeySets;

    #[test]
    fn a_built_configuration_has_what_was_set_and_defaults() {
        let secret = |text: &str| AppSecret::new(text).unwrap();
        let config = GatewayConfig::builder()
            .listen("127.0.0.1:0".parse().unwrap())
            .without_admin()
            .drain_timeout(Duration::from_millis(1_500))
            .key_store("/srv/keys")
            .key_store_passphrase(&Passphrase::new("store"))
            .endpoint(
                EndpointBuilder::new("http://127.0.0.1:9/")
                    .name("a")
                    .path("/a")
                    .key_sets(["one", "two"])
                    .app_secret(secret("0123456789abcdef0123456789abcdef"))
                    .app_secret(secret("fedcba9876543210fedcba9876543210"))
                    .token_signature(TokenSignatureMode::Required),
            )
            .build()
            .unwrap();
        let settings = &config.settings;
        assert_eq!(
            (settings.drain, settings.admin),
            (Duration::from_millis(1_500), None)
        );
        let endpoint = &settings.endpoints[0];
        assert_eq!(
            endpoint.key_sets,
            KeySets::Named(vec!["one".to_owned(), "two".to_owned()])
        );
        assert_eq!(endpoint.app_secrets.len(), 2);
        assert_eq!(endpoint.token_signature, TokenSignatureMode::Required);
        assert_eq!(config.store_passphrases().unwrap()[0].expose_secret(), "store");
    }

    #[test]
    fn a_problem_names_its_setting_and_no_secret_is_shown() {
        let secret = "0123456789abcdef0123456789abcdef";
        let builder = GatewayConfig::builder()
            .endpoint(EndpointBuilder::new("ftp://host").app_secret(AppSecret::new(secret).unwrap()));
        assert!(!format!("{builder:?}").contains(secret));
        let errors = builder.build().unwrap_err().to_string();
        assert!(
            errors.contains("keys: missing") && errors.contains("upstream: "),
            "{errors}"
        );
        assert!(!errors.contains(secret), "{errors}");
    }
}
