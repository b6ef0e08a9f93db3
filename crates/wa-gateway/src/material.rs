//! The keys, secrets and certificate authorities of an endpoint, read from files and variables.

pub(crate) mod files;
mod keys;
pub(crate) mod revoked;
pub(crate) mod secrets;

use wa_flows::{AppSecret, KeyRing};

use crate::config::{ConfigErrors, EndpointConfig, Environment, Problems};
use crate::upstream::Connector;
use files::Stamp;
pub(crate) use keys::KeyCache;
pub(crate) use revoked::Revoked;

/// Everything that an endpoint needs besides its settings.
pub(crate) struct Material {
    /// Without revoked keys, so it can be empty.
    pub(crate) ring: KeyRing,
    pub(crate) revoked: Revoked,
    pub(crate) app_secrets: Vec<AppSecret>,
    pub(crate) connector: Connector,
    /// Problems that do not prevent a start.
    pub(crate) warnings: Vec<String>,
    /// The stamp of the files from before they were read.
    pub(crate) stamp: Stamp,
}

impl Material {
    /// Reads all files and variables of an endpoint. It blocks, for some tenths of a second per encrypted
    /// key.
    pub(crate) fn load(
        endpoint: &EndpointConfig,
        environment: &Environment,
        cache: &mut KeyCache,
    ) -> Result<Self, ConfigErrors> {
        let stamp = stamp(endpoint);
        let mut problems = Problems::within(&endpoint.scope);
        let mut reader = secrets::Reader {
            environment,
            strict: endpoint.strict_secrets,
            warnings: Vec::new(),
        };
        let passphrases = reader.passphrases(&endpoint.passphrases, &mut problems);
        let (revoked, faults) = Revoked::read(&endpoint.keys.value);
        for fault in faults {
            problems.add(endpoint.keys.origin.clone(), "keys", fault);
        }
        let ring = keys::ring(endpoint, &passphrases, cache, &mut problems, &mut reader.warnings);
        if let Some(ring) = &ring {
            remove_revoked(&revoked, ring, endpoint, &mut reader.warnings);
        }
        let app_secrets = reader.app_secrets(&endpoint.app_secrets, &mut problems);
        let connector = Connector::load(endpoint, &mut problems);
        let whole = match (ring, connector) {
            (Some(ring), Some(connector)) => Some(Self {
                ring,
                revoked,
                app_secrets,
                connector,
                warnings: reader.warnings,
                stamp,
            }),
            _ => None,
        };
        problems.unless_any(whole)
    }
}

/// Removes the revoked keys from a ring, with a warning for each.
fn remove_revoked(revoked: &Revoked, ring: &KeyRing, endpoint: &EndpointConfig, warnings: &mut Vec<String>) {
    for key in ring.keys() {
        if let Some(revocation) = revoked.find(&key.fingerprint)
            && ring.revoke(&key.fingerprint)
        {
            warnings.push(format!(
                "endpoint {}: key {} is revoked ({}, line {}) and is not used; remove its file",
                endpoint.name,
                key.fingerprint.short(),
                revocation.list.display(),
                revocation.line
            ));
        }
    }
    if ring.keys().is_empty() && !endpoint.keys.value.is_empty() {
        warnings.push(format!(
            "endpoint {}: every key is revoked, so every request gets 421 until a new key is added (`wa keys generate`)",
            endpoint.name
        ));
    }
}

/// Returns the stamp of the files of an endpoint, to detect changes.
pub(crate) fn stamp(endpoint: &EndpointConfig) -> Stamp {
    let secrets = endpoint
        .passphrases
        .iter()
        .chain(&endpoint.app_secrets)
        .filter_map(|source| source.value.file());
    let authorities = endpoint.upstream_ca.iter().map(|ca| ca.value.as_path());
    let revoked = revoked::lists(&endpoint.keys.value);
    Stamp::of(
        endpoint
            .keys
            .value
            .iter()
            .map(std::path::PathBuf::as_path)
            .chain(secrets)
            .chain(authorities)
            .chain(revoked.iter().map(std::path::PathBuf::as_path)),
    )
}
