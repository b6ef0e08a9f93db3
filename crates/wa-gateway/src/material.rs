//! What the files and variables of an endpoint hold: keys, secrets, authorities.

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

/// Everything that an endpoint is made of besides its settings.
pub(crate) struct Material {
    /// Without the keys that are revoked, so it may be empty.
    pub(crate) ring: KeyRing,
    pub(crate) revoked: Revoked,
    pub(crate) app_secrets: Vec<AppSecret>,
    pub(crate) connector: Connector,
    /// What can be used and yet is not as it should be.
    pub(crate) warnings: Vec<String>,
    /// What the files looked like before they were read.
    pub(crate) stamp: Stamp,
}

impl Material {
    /// Reads it all; slow where keys are encrypted, so it belongs onto a thread that may block.
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
            leave_out(&revoked, ring, endpoint, &mut reader.warnings);
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

/// Takes the revoked keys out of a ring that was read, with a warning for each.
fn leave_out(revoked: &Revoked, ring: &KeyRing, endpoint: &EndpointConfig, warnings: &mut Vec<String>) {
    for key in ring.keys() {
        if let Some(revocation) = revoked.find(&key.fingerprint)
            && ring.revoke(&key.fingerprint)
        {
            warnings.push(format!(
                "endpoint {}: key {} is revoked ({}, line {}) and opens nothing; remove its file",
                endpoint.name,
                key.fingerprint.short(),
                revocation.list.display(),
                revocation.line
            ));
        }
    }
    if ring.keys().is_empty() {
        warnings.push(format!(
            "endpoint {}: every key is revoked, so every request is answered 421 until a new key is added (`wa keys generate`)",
            endpoint.name
        ));
    }
}

/// What the files of an endpoint look like, to see when they change.
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
