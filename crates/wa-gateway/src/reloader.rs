//! Applies changes of the configuration, and of the files that it names, while the gateway serves. Every
//! function blocks.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wa_flows::KeyRing;
use wa_keystore::ServedKeys;

use crate::admin::Media;
use crate::config::{
    ConfigErrors, ConfigFault, EndpointConfig, GatewayConfig, KeySets, Origin, Problems, Settings,
};
use crate::current::Current;
use crate::endpoint_keys::EndpointKeys;
use crate::material::files::Stamp;
use crate::material::{self, KeyCache, Material, Revoked};
use crate::metrics::{Metrics, Reload};
use crate::replay::Replays;
use crate::routes::{Route, Routes, Shared};
use crate::serving::{Serving, Stored};
use crate::tls::{self, Certificate};

/// Files that failed are re-read after this time even if they are unchanged: the failure may have been
/// temporary, and if not, its log line is repeated.
const RETRY_AFTER: Duration = Duration::from_mins(1);

const DAY: Duration = Duration::from_hours(24);

/// Replaces parts of [`Serving`] when their configuration or files change.
pub(crate) struct Reloader {
    config: GatewayConfig,
    serving: Serving,
    shared: Shared,
    caches: Caches,
    /// The last read files of each endpoint, by its name.
    seen: HashMap<String, Seen>,
    certificate: Option<Seen>,
    /// When a warning about the certificate was last logged; it is repeated once a day.
    certificate_warned: Option<Instant>,
    /// The settings in use that take effect only at a start.
    fixed: FixedSettings,
}

/// The state of files when they were last read.
struct Seen {
    stamp: Stamp,
    /// When reading failed; `None` after a success.
    failed: Option<Instant>,
}

impl Seen {
    fn valid(stamp: Stamp) -> Self {
        Self { stamp, failed: None }
    }

    /// Returns true if the files need not be re-read.
    fn is_current(&self, now: &Stamp) -> bool {
        self.stamp == *now && self.failed.is_none_or(|failed| failed.elapsed() < RETRY_AFTER)
    }
}

/// The cached keys of each endpoint, by its name.
type Caches = HashMap<String, KeyCache>;

impl Reloader {
    /// Reads everything that the configuration names.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] with every problem.
    pub(crate) fn open(config: GatewayConfig) -> Result<Self, ConfigErrors> {
        let mut problems = Problems::default();
        let certificate_stamp = config.settings.tls.as_ref().map(tls::stamp);
        let loaded_tls = config.settings.tls.as_ref().map(tls::load).transpose();
        let mut caches = Caches::new();
        let materials = read_all(&config, &mut caches);
        let (loaded_tls, materials) = match (loaded_tls, materials) {
            (Ok(loaded_tls), Ok(materials)) => (loaded_tls, materials),
            (loaded_tls, materials) => {
                loaded_tls
                    .err()
                    .into_iter()
                    .chain(materials.err())
                    .for_each(|errors| problems.extend(errors));
                return problems.unless_any(None);
            }
        };
        let replays = Replays::open(&config)?;
        let routes = Current::new(Routes::default());
        let dropped_lines = config.dropped_log_lines.clone();
        let stored = Stored::default();
        let metrics = Metrics::new(
            {
                let routes: Current<Routes> = routes.clone();
                move || routes.get().state()
            },
            {
                let stored = stored.clone();
                move || stored.store().map(|store| store.state())
            },
            dropped_lines,
        );
        let metrics = Arc::new(metrics);
        let serving = Serving {
            settings: Current::new(config.settings.clone()),
            media: Current::new(Media::new(&config.settings)),
            routes,
            certificate: loaded_tls.map(|loaded| {
                metrics.certificate_until(loaded.not_after);
                Certificate::new(loaded)
            }),
            metrics,
            stored,
        };
        let mut reloader = Self {
            fixed: fixed(&config.settings),
            config,
            shared: Shared {
                metrics: Arc::clone(&serving.metrics),
                replays,
            },
            serving,
            caches,
            seen: HashMap::new(),
            certificate: certificate_stamp.map(Seen::valid),
            certificate_warned: None,
        };
        reloader.serve(materials)?;
        Ok(reloader)
    }

    pub(crate) fn config(&self) -> &GatewayConfig {
        &self.config
    }

    pub(crate) fn serving(&self) -> &Serving {
        &self.serving
    }

    /// Re-reads the configuration and everything that it names.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] with every problem; then nothing changes.
    pub(crate) fn reload(&mut self) -> Result<(), ConfigErrors> {
        let result = self.try_reload();
        self.serving
            .metrics
            .reloaded(Reload::Configuration, result.is_ok());
        result
    }

    fn try_reload(&mut self) -> Result<(), ConfigErrors> {
        let config = self.config.reread()?;
        let certificate_stamp = config.settings.tls.as_ref().map(tls::stamp);
        let loaded_tls = config.settings.tls.as_ref().map(tls::load).transpose()?;
        let materials = read_all(&config, &mut self.caches)?;
        let before = std::mem::replace(&mut self.config, config);
        if let Err(errors) = self.serve(materials) {
            self.config = before;
            return Err(errors);
        }
        let (settings, before) = (&self.config.settings, &before.settings);
        if !Media::is_same(settings, before) {
            self.serving.media.replace(Media::new(settings));
        }
        self.serving.settings.replace(settings.clone());
        if let (Some(certificate), Some(loaded_tls)) = (&self.serving.certificate, loaded_tls) {
            self.serving.metrics.certificate_until(loaded_tls.not_after);
            certificate.replace(loaded_tls);
            self.certificate = certificate_stamp.map(Seen::valid);
            self.certificate_warned = None;
        }
        for ((name, configured), (_, in_use)) in fixed(settings).iter().zip(&self.fixed) {
            if configured != in_use {
                tracing::warn!(setting = name, %configured, %in_use, "this setting takes effect at the next start");
            }
        }
        Ok(())
    }

    /// Re-reads files that have changed. Problems are logged, and the previous state stays in use.
    pub(crate) fn poll(&mut self) {
        for endpoint in &self.config.settings.endpoints.clone() {
            self.revoke(endpoint);
            let now = material::stamp(endpoint);
            if self
                .seen
                .get(&endpoint.name)
                .is_some_and(|seen| seen.is_current(&now))
            {
                continue;
            }
            let result = self.read_one(endpoint);
            let failed = result.is_err().then(Instant::now);
            self.seen
                .insert(endpoint.name.clone(), Seen { stamp: now, failed });
            self.serving.metrics.reloaded(Reload::Keys, result.is_ok());
            match result {
                Ok(()) => {
                    let routes = self.serving.routes.get();
                    let ring = routes
                        .by_name(&endpoint.name)
                        .map(|route| route.endpoint().ring());
                    let keys = ring.map(|ring| {
                        ring.keys()
                            .iter()
                            .map(|key| key.fingerprint.short())
                            .collect::<Vec<_>>()
                    });
                    tracing::info!(endpoint = endpoint.name, ?keys, "reloaded keys and secrets");
                }
                Err(errors) => {
                    errors.log("cannot use the changed keys or secrets; the previous ones stay in use");
                }
            }
        }
        self.poll_certificate();
        self.warn_about_certificate();
    }

    /// Removes revoked keys from the ring, even if other files of the endpoint cannot be read.
    fn revoke(&self, endpoint: &EndpointConfig) {
        let (revoked, _) = Revoked::read(&endpoint.keys.value);
        self.serving.metrics.revoked_keys(&endpoint.name, revoked.count());
        let routes = self.serving.routes.get();
        let Some(route) = routes.by_name(&endpoint.name) else {
            return;
        };
        for removed in route.keys().revoke(revoked) {
            tracing::warn!(
                endpoint = endpoint.name,
                key = removed.key.short(),
                list = removed.list,
                line = removed.line,
                keys_left = route.keys().ring().keys().len(),
                "revoked a key: it no longer decrypts requests"
            );
        }
    }

    fn read_one(&mut self, endpoint: &EndpointConfig) -> Result<(), ConfigErrors> {
        let cache = self.caches.entry(endpoint.name.clone()).or_default();
        let material = Material::load(endpoint, &self.config.environment, cache)?;
        let new = self.route(endpoint, material)?;
        let stored = self.serving.stored.lock();
        new.set_keys(stored.as_deref());
        let routes = self.serving.routes.get();
        self.serving
            .routes
            .replace(routes.with(endpoint.path.clone(), new.route));
        Ok(())
    }

    fn poll_certificate(&mut self) {
        let (Some(files), Some(certificate)) = (&self.config.settings.tls, &self.serving.certificate) else {
            return;
        };
        let now = tls::stamp(files);
        if self
            .certificate
            .as_ref()
            .is_some_and(|seen| seen.is_current(&now))
        {
            return;
        }
        let result = tls::load(files);
        let failed = result.is_err().then(Instant::now);
        self.serving.metrics.reloaded(Reload::Certificate, result.is_ok());
        match result {
            Ok(loaded) => {
                self.serving.metrics.certificate_until(loaded.not_after);
                certificate.replace(loaded);
                self.certificate_warned = None;
                tracing::info!("reloaded the certificate");
            }
            Err(errors) => errors.log("cannot use the changed certificate; the previous one stays in use"),
        }
        self.certificate = Some(Seen { stamp: now, failed });
    }

    fn warn_about_certificate(&mut self) {
        let warning = self.serving.certificate.as_ref().and_then(Certificate::warning);
        if let Some(warning) = warning
            && self.certificate_warned.is_none_or(|at| at.elapsed() >= DAY)
        {
            self.certificate_warned = Some(Instant::now());
            tracing::warn!("{warning}");
        }
    }

    /// Replaces the endpoints in service.
    fn serve(&mut self, materials: Vec<Material>) -> Result<(), ConfigErrors> {
        let mut routes = Vec::new();
        let mut seen = HashMap::new();
        let revoked: Vec<_> = materials
            .iter()
            .map(|material| material.revoked.count())
            .collect();
        for (endpoint, material) in self.config.settings.endpoints.iter().zip(materials) {
            seen.insert(endpoint.name.clone(), Seen::valid(material.stamp.clone()));
            routes.push((endpoint.path.clone(), self.route(endpoint, material)?));
        }
        {
            let stored = self.serving.stored.lock();
            for (_, new) in &routes {
                new.set_keys(stored.as_deref());
            }
            let routes = routes.into_iter().map(|(path, new)| (path, new.route));
            self.serving.routes.replace(routes.collect::<Routes>());
        }
        self.serving.metrics.forget_revoked_keys();
        for (endpoint, revoked) in self.config.settings.endpoints.iter().zip(revoked) {
            self.serving.metrics.revoked_keys(&endpoint.name, revoked);
            if endpoint.skip_signature {
                tracing::warn!(
                    endpoint = endpoint.name,
                    "signatures are NOT checked (danger_skip_signature_check): anyone can send requests"
                );
            }
            if endpoint.allow_replays {
                tracing::warn!(
                    endpoint = endpoint.name,
                    "replays are accepted (danger_allow_replays): anyone who has recorded a request can repeat it"
                );
            }
        }
        self.caches.retain(|name, _| seen.contains_key(name));
        self.seen = seen;
        Ok(())
    }

    /// Builds the route of an endpoint. It uses the keys of the current endpoint of this name, if there is
    /// one, so that exchanges in flight there use the same ring.
    fn route(&self, endpoint: &EndpointConfig, mut material: Material) -> Result<NewRoute, ConfigErrors> {
        for warning in &material.warnings {
            tracing::warn!(endpoint = endpoint.name, "{warning}");
        }
        let files = material.ring.clone();
        let revoked = std::mem::take(&mut material.revoked);
        let routes = self.serving.routes.get();
        let keys = routes
            .by_name(&endpoint.name)
            .map_or_else(|| Arc::new(EndpointKeys::new()), |route| Arc::clone(route.keys()));
        let limits = &self.config.settings.limits;
        let route = Route::new(endpoint, limits, material, keys, &self.shared);
        let mut problems = Problems::within(&endpoint.scope);
        let route = route
            .inspect_err(|error| problems.add(Origin::Nowhere, "", ConfigFault::Endpoint(*error)))
            .ok();
        problems.unless_any(route.map(|route| NewRoute {
            route,
            files,
            revoked,
            sets: endpoint.key_sets.clone(),
        }))
    }
}

/// A route whose keys are not set yet.
struct NewRoute {
    route: Route,
    files: KeyRing,
    revoked: Revoked,
    sets: KeySets,
}

impl NewRoute {
    /// Sets the keys of the endpoint, with those of the key store.
    fn set_keys(&self, served: Option<&ServedKeys>) {
        let revoked = self.revoked.clone();
        self.route
            .keys()
            .configure(&self.files, revoked, &self.sets, served);
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Reads the files of all endpoints.
///
/// # Errors
///
/// [`ConfigErrors`] with the problems of all endpoints.
fn read_all(config: &GatewayConfig, caches: &mut Caches) -> Result<Vec<Material>, ConfigErrors> {
    let mut problems = Problems::default();
    let mut materials = Vec::new();
    for endpoint in &config.settings.endpoints {
        let cache = caches.entry(endpoint.name.clone()).or_default();
        match Material::load(endpoint, &config.environment, cache) {
            Ok(material) => materials.push(material),
            Err(errors) => problems.extend(errors),
        }
    }
    problems.unless_any(Some(materials))
}

/// The settings that a reload does not change, with their values.
type FixedSettings = [(&'static str, String); 11];

fn fixed(settings: &Settings) -> FixedSettings {
    let limits = &settings.limits;
    let admin = settings
        .admin
        .map_or_else(|| "off".to_owned(), |address| address.to_string());
    let tls = if settings.tls.is_some() { "TLS" } else { "no TLS" };
    [
        ("listen", settings.listen.to_string()),
        ("admin.listen", admin),
        ("tls", tls.to_owned()),
        (
            "replay_store",
            settings
                .replay_store
                .as_ref()
                .map_or_else(|| "none".to_owned(), |store| format!("{store:?}")),
        ),
        ("replay_window", format!("{:?}", settings.replay_window)),
        ("limits.replay_marks", limits.replay_marks.to_string()),
        ("limits.replay_responses", limits.replay_responses.to_string()),
        ("limits.connections", limits.connections.to_string()),
        ("limits.header_timeout", format!("{:?}", limits.header)),
        ("limits.handshake_timeout", format!("{:?}", limits.handshake)),
        ("limits.write_timeout", format!("{:?}", limits.write)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, Setting};

    #[test]
    fn settings_that_a_reload_does_not_change_are_documented_so() {
        let text = "[[endpoint]]\nkeys = \"key.pem\"\nupstream = \"http://127.0.0.1:9/\"\n";
        let environment = |name: &str| (name == "WA_APP_SECRET").then(|| "secret".to_owned());
        let config = GatewayConfig::parse(text, &Overrides::new(), environment).unwrap();
        let fixed = fixed(&config.settings);
        let of_key = |name: &str| Setting::all().find(|setting| setting.key() == name);
        // Whether there is TLS at all is fixed; the files are not.
        for (name, _) in fixed.iter().filter(|(name, _)| *name != "tls") {
            assert!(!of_key(name).unwrap().is_reloadable(), "{name}");
        }
        for setting in Setting::all().filter(|setting| !setting.is_reloadable()) {
            let key = setting.key();
            let is_part_of = |name: &str| key == name || key.starts_with(&format!("{name}_"));
            let is_guard = key == "admin.danger_public_admin";
            assert!(
                is_guard || fixed.iter().any(|(name, _)| is_part_of(name)),
                "{key}"
            );
        }
    }
}
