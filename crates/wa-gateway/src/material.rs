//! What the files and variables of an endpoint hold: keys, secrets, authorities.

pub(crate) mod files;
mod keys;
mod secrets;

use wa_flows::{AppSecret, KeyRing};

use crate::config::{ConfigErrors, EndpointConfig, Environment, Problems};
use crate::upstream::Connector;
use files::Stamp;
pub(crate) use keys::KeyCache;

/// Everything that an endpoint is made of besides its settings.
pub(crate) struct Material {
    pub(crate) ring: KeyRing,
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
        let passphrases = secrets::passphrases(&endpoint.passphrases, environment, &mut problems);
        let mut warnings = Vec::new();
        let ring = keys::ring(&endpoint.keys, &passphrases, cache, &mut problems, &mut warnings);
        let app_secrets = secrets::app_secrets(&endpoint.app_secrets, environment, &mut problems);
        let connector = Connector::load(endpoint, &mut problems);
        let whole = match (ring, connector) {
            (Some(ring), Some(connector)) => Some(Self {
                ring,
                app_secrets,
                connector,
                warnings,
                stamp,
            }),
            _ => None,
        };
        problems.unless_any(whole)
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
    Stamp::of(
        endpoint
            .keys
            .value
            .iter()
            .map(std::path::PathBuf::as_path)
            .chain(secrets)
            .chain(authorities),
    )
}
