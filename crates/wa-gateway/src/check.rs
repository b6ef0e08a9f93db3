//! The check of a configuration and of everything that it names, without serving.

mod store;

use std::fmt;

use wa_flows::RingState;
use wa_keys::Fingerprint;

use crate::config::{ConfigErrors, EndpointConfig, GatewayConfig, Problems};
use crate::material::{KeyCache, Material, secrets};
use crate::tls;
use store::CheckedSet;

/// The result of a successful [`GatewayConfig::check`].
///
/// `Display` summarizes it in a few lines, without secrets.
#[derive(Debug)]
pub struct CheckReport {
    listen: String,
    admin: Option<String>,
    key_store: Option<String>,
    replay_store: Option<String>,
    endpoints: Vec<CheckedEndpoint>,
    warnings: Vec<String>,
}

/// A checked endpoint.
#[derive(Debug)]
pub struct CheckedEndpoint {
    name: String,
    path: String,
    upstream: String,
    keys: Vec<Fingerprint>,
    states: Vec<RingState>,
    numbers: Vec<String>,
    revoked: Vec<String>,
    app_secrets: usize,
    checks_signatures: bool,
}

impl GatewayConfig {
    /// Reads and validates all keys, secrets and certificates that the configuration names, without serving.
    ///
    /// It blocks, for some tenths of a second per encrypted key.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] with every problem.
    pub fn check(&self) -> Result<CheckReport, ConfigErrors> {
        let settings = &self.settings;
        let mut problems = Problems::default();
        let (mut endpoints, mut warnings) = (Vec::new(), Vec::new());
        let sets = store::read(self, &mut problems, &mut warnings);
        for endpoint in &settings.endpoints {
            match Material::load(endpoint, &self.environment, &mut KeyCache::default()) {
                Ok(material) => {
                    endpoints.push(CheckedEndpoint::new(endpoint, &material, &sets));
                    warnings.extend(material.warnings);
                }
                Err(errors) => problems.extend(errors),
            }
        }
        match settings.tls.as_ref().map(tls::load) {
            Some(Ok(loaded)) => warnings.extend(loaded.warning()),
            Some(Err(errors)) => problems.extend(errors),
            None => {}
        }
        let mut reader = secrets::Reader {
            environment: &self.environment,
            strict: settings.strict_secrets,
            warnings: Vec::new(),
        };
        let store = reader.store_url(settings.replay_store.as_ref(), &mut problems);
        warnings.extend(reader.warnings);
        let unsigned = settings
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.skip_signature);
        warnings.extend(unsigned.map(|endpoint| {
            format!(
                "endpoint {} accepts unsigned requests (danger_skip_signature_check)",
                endpoint.name
            )
        }));
        let replayed = settings
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.allow_replays);
        warnings.extend(replayed.map(|endpoint| {
            format!(
                "endpoint {} accepts replayed requests (danger_allow_replays)",
                endpoint.name
            )
        }));
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        problems.unless_any(Some(CheckReport {
            listen: format!("{scheme}://{}", settings.listen),
            admin: settings.admin.map(|address| format!("http://{address}")),
            key_store: settings
                .key_store
                .as_ref()
                .map(|store| store.location.value.as_str().to_owned()),
            replay_store: store.map(|url| url.printable()),
            endpoints,
            warnings,
        }))
    }
}

impl CheckReport {
    /// Returns the scheme, address and port on which requests are accepted.
    pub fn listen(&self) -> &str {
        &self.listen
    }

    /// Returns the URL of metrics, health and media decryption, unless they are off.
    pub fn admin(&self) -> Option<&str> {
        self.admin.as_deref()
    }

    /// Returns the location of the key store, if there is one.
    pub fn key_store(&self) -> Option<&str> {
        self.key_store.as_deref()
    }

    /// Returns the URL of the replay store, if there is one, without user and password.
    pub fn replay_store(&self) -> Option<&str> {
        self.replay_store.as_deref()
    }

    /// Returns the warnings: problems that do not prevent a start.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the endpoints in the order of the configuration.
    pub fn endpoints(&self) -> &[CheckedEndpoint] {
        &self.endpoints
    }
}

impl CheckedEndpoint {
    fn new(endpoint: &EndpointConfig, material: &Material, sets: &[CheckedSet]) -> Self {
        let files = material.ring.keys().into_iter();
        let files = files.map(|key| (key.state, key.fingerprint)).collect();
        let (keys, numbers) = store::keys_of(sets, &endpoint.key_sets, files);
        Self {
            name: endpoint.name.clone(),
            path: endpoint.path.clone(),
            upstream: endpoint.upstream.printable(),
            keys: keys.iter().map(|(_, key)| *key).collect(),
            states: keys.iter().map(|(state, _)| *state).collect(),
            numbers,
            revoked: material
                .revoked
                .entries()
                .map(|one| format!("{} ({}, line {})", one.digits(), one.list.display(), one.line))
                .collect(),
            app_secrets: material.app_secrets.len(),
            checks_signatures: !endpoint.skip_signature,
        }
    }

    /// Returns the name of the endpoint.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the path of its URL.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the URL to which decrypted requests are posted, without its query, which may contain a secret.
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// Returns true if unsigned requests are refused; false only if `danger_skip_signature_check` is set.
    pub fn checks_signatures(&self) -> bool {
        self.checks_signatures
    }

    /// Returns the fingerprints of its keys in the order in which they are tried.
    pub fn keys(&self) -> &[Fingerprint] {
        &self.keys
    }

    /// Returns the ids of the phone numbers that use its key sets, as the key store has them.
    pub fn numbers(&self) -> &[String] {
        &self.numbers
    }

    /// Returns the fingerprints that `revoked.txt` lists, each with its file and line.
    pub fn revoked(&self) -> &[String] {
        &self.revoked
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "listens on {}", self.listen)?;
        match &self.admin {
            Some(admin) => write!(f, "admin on {admin}")?,
            None => f.write_str("no admin address")?,
        }
        if let Some(store) = &self.key_store {
            write!(f, "\nkey store at {store}")?;
        }
        if let Some(store) = &self.replay_store {
            write!(f, "\nreplay store at {store}")?;
        }
        for endpoint in &self.endpoints {
            write!(
                f,
                "\nendpoint {}: {} -> {}",
                endpoint.name, endpoint.path, endpoint.upstream
            )?;
            let secrets = match endpoint.app_secrets {
                _ if !endpoint.checks_signatures => "signatures are NOT checked".to_owned(),
                1 => "1 app secret".to_owned(),
                several => format!("{several} app secrets"),
            };
            write!(f, "\n  {secrets}")?;
            for (key, state) in endpoint.keys.iter().zip(&endpoint.states) {
                write!(f, "\n  key {key} ({state})")?;
            }
            for revoked in &endpoint.revoked {
                write!(f, "\n  revoked {revoked}")?;
            }
        }
        for warning in &self.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}
