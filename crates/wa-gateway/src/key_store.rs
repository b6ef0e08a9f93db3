//! The keys of a key store, which the endpoints decrypt with while the store changes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use wa_flows::RingSource;
use wa_keys::{Fingerprint, Passphrase};
use wa_keystore::{Follower, Notice, ServedKeys, StoreError};

use crate::config::{ConfigErrors, Environment, GatewayConfig, KeySets, Problems, Settings};
use crate::endpoint_keys::EndpointKeys;
use crate::material::secrets;
use crate::metrics::{KeySetState, KeyStoreState};
use crate::routes::Route;
use crate::serving::Serving;

/// The variables with the address and the credentials of a bucket, looked up in the environment of the
/// gateway, which can come from a file. `object_store` finds others in the environment of the process.
const VARIABLES: [&str; 22] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ALLOW_HTTP",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_STORAGE_USE_EMULATOR",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
];

/// The poll interval in a directory, where a read costs little: a change serves within two seconds, also the
/// creation of the store, which takes two polls.
const DIRECTORY_POLL: Duration = Duration::from_millis(500);
/// How long a start waits for the record of this instance to be written.
const RECORD_TIME: Duration = Duration::from_secs(5);
/// How long a shutdown waits for the record of this instance to be marked as stopped.
const STOP_TIME: Duration = Duration::from_secs(5);

/// Follows the key sets of a store, and puts their keys into the rings of the endpoints.
#[derive(Debug)]
pub(crate) struct StoreKeys {
    follower: Follower,
    serving: Serving,
    plan: FollowPlan,
    /// The last generation in the rings; it changes under the lock of [`Stored`](crate::serving::Stored).
    applied: AtomicU64,
}

/// A running [`StoreKeys`]: it applies changes until it is dropped.
#[derive(Debug)]
pub(crate) struct FollowedStore {
    keys: Arc<StoreKeys>,
    applying: JoinHandle<()>,
}

/// What is followed; a change of it needs another follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FollowPlan {
    location: String,
    poll: Option<Duration>,
    cache: Option<PathBuf>,
    instance: Option<String>,
    /// The sets; `None` for all.
    sets: Option<Vec<String>>,
}

impl FollowPlan {
    /// Returns what a configuration follows; `None` without a key store.
    pub(crate) fn of(settings: &Settings) -> Option<Self> {
        let store = settings.key_store.as_ref()?;
        Some(Self {
            location: store.location.value.as_str().to_owned(),
            poll: store.poll,
            cache: store.cache.clone(),
            instance: store.instance.clone(),
            sets: all_sets(settings),
        })
    }

    pub(crate) fn location(&self) -> &str {
        &self.location
    }
}

/// Returns the sets of all endpoints, each once; `None` if one uses all sets.
pub(crate) fn all_sets(settings: &Settings) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for endpoint in &settings.endpoints {
        match &endpoint.key_sets {
            KeySets::All => return None,
            KeySets::Named(sets) => names.extend(sets.iter().cloned()),
        }
    }
    names.sort();
    names.dedup();
    Some(names)
}

impl FollowedStore {
    /// Reads the store, puts its keys into the rings, and waits until other processes can see that.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read and there is no copy in a cache directory, or no key can be
    /// opened.
    pub(crate) async fn start(
        plan: FollowPlan,
        passphrases: Vec<Passphrase>,
        environment: &Environment,
        serving: &Serving,
    ) -> Result<Self, StoreError> {
        let backend = wa_keystore::open_url_with(&plan.location, variables(environment))?;
        let mut builder = Follower::builder(backend).passphrases(passphrases).on_notice(log);
        if let Some(sets) = &plan.sets {
            builder = builder.sets(sets.iter().cloned());
        }
        if let Some(name) = &plan.instance {
            builder = builder.instance(name);
        }
        let is_directory = !plan.location.contains("://") || plan.location.starts_with("file://");
        if let Some(poll) = plan.poll.or(is_directory.then_some(DIRECTORY_POLL)) {
            builder = builder.poll(poll);
        }
        if let Some(cache) = &plan.cache {
            builder = builder.cache_directory(cache);
        }
        let follower = builder.start().await?;
        follower.report_usage_with({
            let routes = serving.routes.clone();
            move |set| usage(set, routes.get().all().map(Route::keys))
        });
        let keys = Arc::new(StoreKeys {
            follower,
            serving: serving.clone(),
            plan,
            applied: AtomicU64::new(0),
        });
        serving.stored.set_store(&keys);
        keys.apply(keys.follower.served()).await;
        keys.attach();
        keys.wait_for_record().await;
        Ok(Self {
            applying: tokio::spawn(apply_changes(Arc::clone(&keys))),
            keys,
        })
    }

    pub(crate) fn plan(&self) -> &FollowPlan {
        &self.keys.plan
    }

    /// Makes endpoints that a reload added ask the store too.
    pub(crate) fn attach(&self) {
        self.keys.attach();
    }

    /// Returns true if a key of the store could not be opened: another passphrase may be needed.
    pub(crate) fn has_unopened(&self) -> bool {
        let served = self.keys.follower.served();
        served.sets().any(|(_, set)| !set.unopened.is_empty())
    }

    /// Stops following, and marks the record of this instance as stopped.
    pub(crate) async fn stop(self) {
        self.applying.abort();
        let stopped = timeout(STOP_TIME, self.keys.follower.stop()).await;
        if let Ok(Err(error)) = stopped {
            tracing::warn!(%error, "cannot mark the record of this instance as stopped");
        } else if stopped.is_err() {
            tracing::warn!(
                "cannot mark the record of this instance as stopped: the key store does not respond"
            );
        }
    }
}

impl Drop for FollowedStore {
    fn drop(&mut self) {
        self.applying.abort();
    }
}

/// Applies changes until the task is aborted.
async fn apply_changes(keys: Arc<StoreKeys>) {
    let mut served = keys.follower.served();
    loop {
        served = keys.follower.changed(&served).await;
        keys.apply(Arc::clone(&served)).await;
    }
}

impl StoreKeys {
    /// Puts keys into the rings, and confirms them to the store if all can be used.
    async fn apply(self: &Arc<Self>, served: Arc<ServedKeys>) {
        // Each new key is tested, which takes a millisecond or two.
        let applied = spawn_blocking({
            let (keys, served) = (Arc::clone(self), Arc::clone(&served));
            move || keys.apply_now(&served)
        });
        if applied.await.unwrap_or_default() {
            self.follower.confirm(&served);
        }
    }

    /// Puts keys into the rings of all endpoints; returns true if all can be used. Keys of another follower,
    /// which a reload replaced, and keys from before the current ones are ignored.
    fn apply_now(self: &Arc<Self>, served: &Arc<ServedKeys>) -> bool {
        let stored = &self.serving.stored;
        let mut current = stored.lock();
        let is_in_use = stored.store().is_some_and(|store| Arc::ptr_eq(&store, self));
        let generation = served.generation();
        if !is_in_use || self.applied.fetch_max(generation, Ordering::Relaxed) > generation {
            return false;
        }
        *current = Some(Arc::clone(served));
        let routes = self.serving.routes.get();
        let all = routes.all().map(|route| route.keys().set_stored(served));
        all.fold(true, |all, one| all & one)
    }

    /// Makes the rings ask the store when a signed request decrypts with no key.
    fn attach(self: &Arc<Self>) {
        for route in self.serving.routes.get().all() {
            let sets = route.keys().sets();
            if sets != KeySets::Named(Vec::new()) {
                route.keys().ring().set_source(StoreSource {
                    store: Arc::downgrade(self),
                    sets,
                });
            }
        }
    }

    async fn wait_for_record(&self) {
        let is_from_cache = self.follower.status().is_from_cache;
        if !is_from_cache && timeout(RECORD_TIME, self.follower.recorded()).await.is_err() {
            tracing::warn!(
                "the record of this instance is not written yet: rotations cannot see what it serves"
            );
        }
    }

    /// Returns the state of the store for the metrics.
    pub(crate) fn state(&self) -> KeyStoreState {
        let status = self.follower.status();
        let served = self.follower.served();
        let sets = served.sets().map(|(name, set)| KeySetState {
            name: name.to_owned(),
            last_event: set.last,
            unopened: set.unopened.len(),
            is_older: status.older.iter().any(|older| older == name),
        });
        KeyStoreState {
            is_reachable: status.error.is_none(),
            is_recorded: status.record_error.is_none(),
            last_read: status.last_read,
            sets: sets.collect(),
        }
    }
}

/// Asks the store on behalf of one endpoint. It does not own the store, which owns the ring.
struct StoreSource {
    store: Weak<StoreKeys>,
    sets: KeySets,
}

impl RingSource for StoreSource {
    async fn refresh(&self) {
        let Some(store) = self.store.upgrade() else {
            return;
        };
        let served = store.follower.served();
        for (name, _) in served.sets().filter(|(name, _)| self.sets.contain(name)) {
            store.follower.refresh(name).await;
        }
        let now = store.follower.served();
        if now.generation() != served.generation() {
            store.apply(now).await;
        }
    }
}

/// Returns when each key of a set was last used, by any endpoint.
fn usage<'a>(
    set: &str,
    endpoints: impl Iterator<Item = &'a Arc<EndpointKeys>>,
) -> Vec<(Fingerprint, SystemTime)> {
    let mut used: Vec<(Fingerprint, SystemTime)> = Vec::new();
    for endpoint in endpoints.filter(|endpoint| endpoint.sets().contain(set)) {
        let keys = endpoint.ring().keys().into_iter();
        for (key, at) in keys.filter_map(|key| Some((key.fingerprint, key.last_opened?))) {
            match used.iter_mut().find(|(known, _)| *known == key) {
                Some((_, last)) => *last = at.max(*last),
                None => used.push((key, at)),
            }
        }
    }
    used
}

/// Returns the variables that address a bucket, as the environment of the gateway has them.
pub(crate) fn variables(environment: &Environment) -> Vec<(String, String)> {
    let found = VARIABLES
        .into_iter()
        .filter_map(|name| Some((name, environment.get(name)?)));
    found.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn log(notice: &Notice) {
    let remedy = notice.remedy();
    let remedy = remedy.as_deref();
    if notice.is_warning() {
        tracing::warn!(remedy, "{notice}");
    } else {
        tracing::info!("{notice}");
    }
}

impl GatewayConfig {
    /// Reads the passphrases of the key store. It blocks: a command may take up to a minute.
    pub(crate) fn store_passphrases(&self) -> Result<Vec<Passphrase>, ConfigErrors> {
        let mut problems = Problems::default();
        let mut reader = secrets::Reader {
            environment: &self.environment,
            strict: self.settings.strict_secrets,
            warnings: Vec::new(),
        };
        let sources = self
            .settings
            .key_store
            .as_ref()
            .map(|store| store.passphrases.as_slice());
        let passphrases = reader.passphrases(sources.unwrap_or_default(), &mut problems);
        for warning in reader.warnings {
            tracing::warn!("{warning}");
        }
        problems.unless_any(Some(passphrases))
    }
}
