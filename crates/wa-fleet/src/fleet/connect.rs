//! The clients of a fleet, one for each token, and the fleet itself.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wa_graph::{
    AccessToken, AppSecret, GraphClient, LimitRetry, Pacer, PacerHold, PhoneNumberId, RetryPolicy, WabaId,
};
use wa_keys::PublicKey;
use wa_keystore::{KeyStore, StoreError};
use wa_secrets::SecretSourceError;

use super::config::{FleetConfig, SecretConfig};
use super::inventory::InventoryNumber;
use crate::operator::{Safeguards, SetOperator};
use crate::outside::{Clock, GraphRegistry, Registered, Registry, RegistryError, SystemClock};
use crate::policy::Policy;

/// The clients of a fleet: one for each token, so that each has its own rate limits.
#[derive(Debug)]
pub struct FleetClients {
    /// That of `[graph]`, which is also the first of the list.
    default: GraphClient,
    clients: Vec<OneClient>,
    /// The accounts that have a token of their own, by the position of their client.
    accounts: HashMap<WabaId, usize>,
}

#[derive(Debug)]
struct OneClient {
    token: SecretConfig,
    app_secret: Option<SecretConfig>,
    client: GraphClient,
    registry: GraphRegistry,
}

/// A function that is called when calls begin to wait for a rate limit.
pub type WaitObserver = Arc<dyn Fn(&PacerHold) + Send + Sync>;

/// What is not in `fleet.toml`.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// The base URL, if the file has none.
    pub url: Option<String>,
    /// Called when calls begin to wait for a rate limit.
    pub on_wait: Option<WaitObserver>,
    /// Root certificates in PEM that are trusted too.
    pub root_certificates: Option<Vec<u8>>,
    /// Allows plain `http` to other machines.
    pub danger_allow_plain_http: bool,
}

/// The reason why the clients of a fleet cannot be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A secret cannot be read.
    #[error("the {what} of {owner} cannot be read")]
    Source {
        /// What it is.
        what: &'static str,
        /// The account, or `[graph]`.
        owner: String,
        /// The cause.
        #[source]
        source: SecretSourceError,
    },
    /// A secret is not valid.
    #[error("the {what} of {owner} is not valid")]
    Secret {
        /// What it is.
        what: &'static str,
        /// The account, or `[graph]`.
        owner: String,
        /// The cause.
        #[source]
        source: wa_secrets::SecretError,
    },
    /// The version of the API is not valid.
    #[error("the version of the API is not valid")]
    ApiVersion(#[from] wa_graph::ApiVersionError),
    /// A client cannot be created.
    #[error("the Graph client cannot be created")]
    Client(#[from] wa_graph::BuildError),
}

impl ConnectError {
    /// Returns what to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Source { source, .. } => source.remedy(),
            Self::Secret { source, .. } => source.remedy(),
            Self::ApiVersion(error) => error.remedy(),
            Self::Client(error) => error.remedy(),
        }
    }
}

impl FleetClients {
    /// Creates the clients. `variable` returns the value of an environment variable.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if a secret cannot be read, or a setting is not valid.
    pub fn connect(
        config: &FleetConfig,
        options: &ConnectOptions,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConnectError> {
        let source = Source {
            config,
            options,
            variable,
        };
        let graph = &config.graph;
        let default = source.client("[graph]", (&graph.access_token, graph.app_secret.as_ref()))?;
        let mut connected = Self {
            default: default.client.clone(),
            clients: vec![default],
            accounts: HashMap::new(),
        };
        for account in &config.accounts {
            let Some(token) = &account.access_token else {
                continue;
            };
            let app_secret = account.app_secret.as_ref();
            let is_same = |one: &OneClient| one.token == *token && one.app_secret.as_ref() == app_secret;
            let index = if let Some(index) = connected.clients.iter().position(is_same) {
                index
            } else {
                let owner = format!("account {}", account.id);
                let client = source.client(&owner, (token, app_secret))?;
                connected.clients.push(client);
                connected.clients.len() - 1
            };
            connected.accounts.insert(account.id.clone(), index);
        }
        Ok(connected)
    }

    /// Returns the client of an account, or that of `[graph]`.
    pub fn client(&self, account: Option<&WabaId>) -> GraphClient {
        let own = self.clients.get(self.position(account));
        own.map_or(&self.default, |one| &one.client).clone()
    }

    fn position(&self, account: Option<&WabaId>) -> usize {
        account
            .and_then(|account| self.accounts.get(account))
            .copied()
            .unwrap_or_default()
    }
}

/// Where settings and secrets come from.
struct Source<'a> {
    config: &'a FleetConfig,
    options: &'a ConnectOptions,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Source<'_> {
    /// Creates a client with a token and an app secret.
    fn client(
        &self,
        owner: &str,
        (token, app_secret): (&SecretConfig, Option<&SecretConfig>),
    ) -> Result<OneClient, ConnectError> {
        let text = read_secret("access token", owner, token, self.variable)?;
        let access = AccessToken::new(text.expose_secret()).map_err(|source| ConnectError::Secret {
            what: "access token",
            owner: owner.to_owned(),
            source,
        })?;
        let (graph, options) = (&self.config.graph, self.options);
        let retry = RetryPolicy::default()
            .max_elapsed(graph.timeout)
            .limit_retry(LimitRetry::WhenRequested);
        let mut builder = GraphClient::builder(access)
            .user_agent(concat!("wa-fleet/", env!("CARGO_PKG_VERSION")))
            .request_timeout(graph.timeout.min(Duration::from_secs(30)))
            .retry(retry)
            .pacer(self.pacer());
        if let Some(url) = graph.url.as_ref().or(options.url.as_ref()) {
            builder = builder.base_url(url);
        }
        if let Some(version) = &graph.api_version {
            builder = builder.api_version(version.parse()?);
        }
        if let Some(pem) = &options.root_certificates {
            builder = builder.add_root_certificate_pem(pem);
        }
        if options.danger_allow_plain_http {
            builder = builder.danger_allow_plain_http();
        }
        if let Some(secret) = app_secret {
            builder = builder.app_secret(app_secret_of(owner, secret, self.variable)?);
        }
        let client = builder.build()?;
        Ok(OneClient {
            token: token.clone(),
            app_secret: app_secret.cloned(),
            registry: GraphRegistry::new(client.clone()),
            client,
        })
    }

    fn pacer(&self) -> Pacer {
        let graph = &self.config.graph;
        let mut pacer = Pacer::default()
            .max_wait(graph.max_wait)
            .unnamed_wait(graph.limit_wait);
        if let Some(calls) = graph.calls_per_hour.filter(|calls| *calls > 0) {
            pacer = pacer.interval(Duration::from_hours(1) / calls);
        }
        match self.options.on_wait.clone() {
            Some(observer) => pacer.on_wait(move |hold| observer(hold)),
            None => pacer,
        }
    }
}

/// Reads the app secret that signs pings to the endpoints of an account, if one is configured.
///
/// # Errors
///
/// [`ConnectError`] if it cannot be read or is not valid.
pub fn app_secret_of_account(
    config: &FleetConfig,
    account: Option<&WabaId>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<AppSecret>, ConnectError> {
    let own = account.and_then(|id| config.account(id));
    let (owner, secret) = match own {
        Some(own) if own.app_secret.is_some() || own.access_token.is_some() => {
            (format!("account {}", own.id), &own.app_secret)
        }
        _ => ("[graph]".to_owned(), &config.graph.app_secret),
    };
    secret
        .as_ref()
        .map(|secret| app_secret_of(&owner, secret, variable))
        .transpose()
}

fn app_secret_of(
    owner: &str,
    secret: &SecretConfig,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<AppSecret, ConnectError> {
    let text = read_secret("app secret", owner, secret, variable)?;
    AppSecret::new(text.expose_secret()).map_err(|source| ConnectError::Secret {
        what: "app secret",
        owner: owner.to_owned(),
        source,
    })
}

fn read_secret(
    what: &'static str,
    owner: &str,
    secret: &SecretConfig,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<wa_secrets::FoundSecret, ConnectError> {
    secret
        .source()
        .read(variable)
        .map_err(|source| ConnectError::Source {
            what,
            owner: owner.to_owned(),
            source,
        })
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// The registry of a fleet: each number through the client of its account.
#[derive(Debug)]
struct AccountRegistry {
    clients: Vec<GraphRegistry>,
    numbers: HashMap<PhoneNumberId, (usize, Option<WabaId>)>,
}

impl AccountRegistry {
    fn of(&self, number: &PhoneNumberId) -> Result<GraphRegistry, RegistryError> {
        let (index, account) = self.numbers.get(number).cloned().unwrap_or_default();
        let registry = self.clients.get(index);
        registry
            .map(|registry| registry.with_account(account))
            .ok_or_else(|| RegistryError::new("no client", crate::outside::Effect::All))
    }
}

#[async_trait]
impl Registry for AccountRegistry {
    async fn read(&self, number: &PhoneNumberId) -> Result<Registered, RegistryError> {
        self.of(number)?.read(number).await
    }

    async fn upload(&self, number: &PhoneNumberId, key: &PublicKey) -> Result<(), RegistryError> {
        self.of(number)?.upload(number, key).await
    }
}

/// Many numbers, the key store with their keys, and the registry of keys.
///
/// ```no_run
/// # async fn example(client: wa_graph::GraphClient) -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use wa_fleet::{Fleet, GraphRegistry, InventoryNumber, Plan, RepairPolicy, Stop, StoreView};
/// use wa_keystore::{Directory, KeyStore};
///
/// let store = KeyStore::open(Directory::new("keys")).await?;
/// let view = StoreView::read(&store).await?;
/// let fleet = Fleet::new(store.clone(), Arc::new(GraphRegistry::new(client)));
/// let numbers = [InventoryNumber::new("106540352242922".parse()?)];
/// let mut plan = Plan::new(store.id(), RepairPolicy::Repair, false, std::time::SystemTime::now());
/// let stop = Stop::default();
/// let summary = fleet.audit(&view, &numbers, &stop, |finding| plan.add(&finding)).await;
/// println!("{} of {} are right", summary.count(wa_fleet::Reason::Ok), summary.total());
/// let report = fleet.apply(&view, &plan, &stop, |event| println!("{event:?}")).await?;
/// assert!(report.is_valid());
/// # Ok(()) }
/// ```
pub struct Fleet {
    store: KeyStore,
    registry: Arc<dyn Registry>,
    clock: Arc<dyn Clock>,
    policy: Policy,
    author: String,
    concurrency: usize,
    /// The client of each number that does not use the first one.
    groups: HashMap<PhoneNumberId, usize>,
    /// Key sets that the configuration names.
    sets: HashMap<WabaId, String>,
}

impl Fleet {
    /// Creates a fleet whose numbers share one registry.
    #[must_use]
    pub fn new(store: KeyStore, registry: Arc<dyn Registry>) -> Self {
        Self {
            store,
            registry,
            clock: Arc::new(SystemClock),
            policy: Policy::default(),
            author: "unknown".to_owned(),
            concurrency: 8,
            groups: HashMap::new(),
            sets: HashMap::new(),
        }
    }

    /// Creates a fleet from its configuration, whose numbers are reached with the clients of their accounts.
    #[must_use]
    pub fn connected(
        store: KeyStore,
        config: &FleetConfig,
        clients: &FleetClients,
        numbers: &[InventoryNumber],
    ) -> Self {
        let mut by_number = HashMap::with_capacity(numbers.len());
        let mut groups = HashMap::new();
        for number in numbers {
            let index = clients.position(number.account.as_ref());
            if index > 0 {
                groups.insert(number.phone_number_id.clone(), index);
            }
            by_number.insert(number.phone_number_id.clone(), (index, number.account.clone()));
        }
        let registry = AccountRegistry {
            clients: clients.clients.iter().map(|one| one.registry.clone()).collect(),
            numbers: by_number,
        };
        let sets = config.accounts.iter();
        Self {
            groups,
            concurrency: config.graph.concurrency,
            sets: sets
                .filter_map(|account| Some((account.id.clone(), account.set.clone()?)))
                .collect(),
            ..Self::new(store, Arc::new(registry))
        }
    }

    /// Sets the author of the events that are written: a person, a host or a job.
    #[must_use]
    pub fn author(mut self, who: &str) -> Self {
        who.clone_into(&mut self.author);
        self
    }

    /// Sets the number of numbers that are processed at the same time. Default 8; 0 counts as 1.
    #[must_use]
    pub fn with_concurrency(mut self, numbers: usize) -> Self {
        self.concurrency = numbers;
        self
    }

    /// Sets the clock, for tests and simulations.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the times of key life.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Returns the key store.
    #[must_use]
    pub fn store(&self) -> &KeyStore {
        &self.store
    }

    /// Returns the key set of a number that no key set has yet: named by the file of numbers, by the settings
    /// of its account, or `waba-` and the id of its account.
    #[must_use]
    pub fn set_of(&self, number: &InventoryNumber) -> Option<String> {
        number.set.clone().or_else(|| {
            let account = number.account.as_ref()?;
            let named = self.sets.get(account).cloned();
            Some(named.unwrap_or_else(|| format!("waba-{account}")))
        })
    }

    /// Creates the operator of a key set, without an observer.
    ///
    /// # Errors
    ///
    /// [`StoreError::SetName`] if the set cannot have this name.
    pub fn operator(&self, set: &str) -> Result<SetOperator, StoreError> {
        let operator = SetOperator::new(self.store.clone(), set, Arc::clone(&self.registry))?;
        let policy = Policy {
            concurrency: self.concurrency(),
            ..self.policy.clone()
        };
        Ok(operator
            .author(&self.author)
            .clock(Arc::clone(&self.clock))
            .policy(policy))
    }

    pub(super) fn taking_over(&self, set: &str, take_over: bool) -> Result<SetOperator, StoreError> {
        let safeguards = Safeguards {
            take_over,
            ..Safeguards::default()
        };
        Ok(self.operator(set)?.safeguards(safeguards))
    }

    pub(super) fn registry(&self) -> &dyn Registry {
        self.registry.as_ref()
    }

    pub(super) fn time(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    pub(super) fn rules(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn concurrency(&self) -> usize {
        self.concurrency.max(1)
    }

    /// Returns which client reaches a number: an error of the token affects the numbers of the same client.
    pub(super) fn group(&self, number: &PhoneNumberId) -> usize {
        self.groups.get(number).copied().unwrap_or_default()
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("store", &self.store)
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}
