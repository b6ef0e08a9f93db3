//! The operator of one key set.

use std::fmt;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use wa_graph::PhoneNumberId;
use wa_keys::{Fingerprint, PublicKey};
use wa_keystore::{Change, KeySet, KeyState, KeyStore, SetLog, StoreError};

use crate::aws::is_external;
use crate::error::FleetError;
use crate::hook::{Hook, StepContext};
use crate::outside::{Clock, KeySource, Prober, Registered, RegisteredKey, Registry, RegistryError};
use crate::outside::{Effect, SystemClock};
use crate::policy::Policy;
use crate::progress::{Observer, Progress, Stage};
use crate::rules::{Rule, Rules};
use crate::timekeeper::Timekeeper;

/// Runs operations on one key set: rotation, rollback, repair, and what ends the life of a key.
///
/// All state is in the key store and in the registry. An operation can be interrupted anywhere, also by
/// `SIGKILL`, and run again; two operators can run operations on one set at the same time.
///
/// ```no_run
/// # async fn example(client: wa_graph::GraphClient) -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use wa_fleet::{GeneratedKeys, GraphRegistry, HttpProber, RotateOptions, SetOperator};
/// use wa_keystore::{Directory, KeyStore};
/// use wa_secrets::{AppSecret, Passphrase};
///
/// let store = KeyStore::open_or_create(Directory::new("keys")).await?;
/// let prober = HttpProber::new(AppSecret::new("0123456789abcdef0123456789abcdef")?, None)?;
/// let keys = GeneratedKeys::new(Some(Passphrase::new("correct horse")));
/// let operator = SetOperator::new(store, "default", Arc::new(GraphRegistry::new(client)))?
///     .author("alice@laptop")
///     .prober(Arc::new(prober))
///     .key_source(Arc::new(keys))
///     .observer(|progress| println!("{progress:?}"));
/// let options = RotateOptions {
///     numbers: vec!["106540352242922".parse()?],
///     endpoint: Some("https://example.com/flow".to_owned()),
///     ..RotateOptions::default()
/// };
/// let report = operator.rotate(&options).await?;
/// println!("{}: {}", report.key, report.is_valid());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct SetOperator {
    pub(crate) store: KeyStore,
    pub(crate) set: KeySet,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) prober: Option<Arc<dyn Prober>>,
    pub(crate) keys: Option<Arc<dyn KeySource>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) time: Arc<Timekeeper>,
    pub(crate) policy: Policy,
    pub(crate) safeguards: Safeguards,
    pub(crate) rules: Rules,
    pub(crate) observer: Observer,
    hook: Option<Arc<dyn Hook>>,
}

/// Checks that an operator can leave out, each at a risk.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each leaves out one check")]
pub struct Safeguards {
    /// Does not wait for instances: the endpoint writes no records. Proof by pings then stands alone.
    pub no_instances: bool,
    /// Instances that are not waited for, by name: they do not run any more.
    pub ignored_instances: Vec<String>,
    /// Does not prove the key by pings.
    pub no_proof: bool,
    /// Replaces registered keys that the set does not have.
    pub take_over: bool,
    /// Disables and destroys keys although Graph does not show the keys of numbers that AWS hosts.
    pub external_checked: bool,
}

/// The registered key of a number, as it was read.
pub(crate) type Reading = (PhoneNumberId, Result<Registered, RegistryError>);

impl SetOperator {
    /// Creates an operator of a key set, which may not exist yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::SetName`] if the set cannot have this name.
    pub fn new(store: KeyStore, set: &str, registry: Arc<dyn Registry>) -> Result<Self, StoreError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok(Self {
            set: store.set(set)?,
            store,
            registry,
            prober: None,
            keys: None,
            time: Arc::new(Timekeeper::new(Arc::clone(&clock), true)),
            clock,
            policy: Policy::default(),
            safeguards: Safeguards::default(),
            rules: Rules::default(),
            observer: Observer::default(),
            hook: None,
        })
    }

    /// Sets the author of the events: a person, a host or a job.
    #[must_use]
    pub fn author(mut self, who: &str) -> Self {
        self.set = self.set.by(who);
        self
    }

    /// Sets what proves a key. Without it, a key is proved only with [`Safeguards::no_proof`].
    #[must_use]
    pub fn prober(mut self, prober: Arc<dyn Prober>) -> Self {
        self.prober = Some(prober);
        self
    }

    /// Sets where new keys come from. By default, keys are generated and stored unencrypted, which only a
    /// directory accepts.
    #[must_use]
    pub fn key_source(mut self, keys: Arc<dyn KeySource>) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Sets the clock, for tests and simulations.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        let both = self.rules.hold(Rule::StoreClock);
        self.time = Arc::new(Timekeeper::new(Arc::clone(&clock), both));
        self.clock = clock;
        self
    }

    /// Sets the times of key life.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets which checks are left out. Default: none.
    #[must_use]
    pub fn safeguards(mut self, safeguards: Safeguards) -> Self {
        self.safeguards = safeguards;
        self
    }

    /// Sets what receives progress.
    #[must_use]
    pub fn observer(mut self, receive: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.observer = Observer::new(receive);
        self
    }

    /// Sets a hook that runs after each step of a rotation. One that fails stops the rotation.
    #[must_use]
    pub fn hook(mut self, hook: Arc<dyn Hook>) -> Self {
        self.hook = Some(hook);
        self
    }

    #[cfg(test)]
    pub(crate) fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Returns the key set.
    #[must_use]
    pub fn key_set(&self) -> &KeySet {
        &self.set
    }

    /// Reads the log. A log that cannot be continued is not decided upon.
    pub(crate) async fn read_log(&self) -> Result<SetLog, FleetError> {
        let mut log = self.set.read().await?;
        // A listing may lag behind single reads.
        self.set.catch_up(&mut log).await?;
        self.writable(log)
    }

    /// Reads the log at the start of an operation, and refuses one that is older than what an instance has
    /// read.
    pub(crate) async fn open_log(&self) -> Result<SetLog, FleetError> {
        let records = self.store.records().await?;
        let log = self.read_log().await?;
        match records
            .iter()
            .find(|record| record.is_ahead_of(self.set.name(), &log))
        {
            None => Ok(log),
            Some(record) => Err(StoreError::OlderLog {
                set: self.set.name().to_owned(),
                last: log.last(),
                instance: record.instance.clone(),
                seen: record.sets.get(self.set.name()).map_or(0, |report| report.last),
            }
            .into()),
        }
    }

    /// Reads the events since the log was read.
    pub(crate) async fn refresh(&self, log: &mut SetLog) -> Result<(), FleetError> {
        self.set.catch_up(log).await?;
        *log = self.writable(std::mem::take(log))?;
        Ok(())
    }

    fn writable(&self, log: SetLog) -> Result<SetLog, FleetError> {
        match log.faults().last() {
            Some(fault) if !log.is_writable() => Err(StoreError::NotWritable {
                set: self.set.name().to_owned(),
                fault: fault.clone(),
            }
            .into()),
            _ => Ok(log),
        }
    }

    /// Appends an event; false if another writer was faster, so that it must be decided again.
    pub(crate) async fn append(&self, log: &mut SetLog, change: Change) -> Result<bool, FleetError> {
        self.time.check()?;
        match self.set.append(log, change.clone(), None).await {
            Ok(()) => {
                self.observer.report(Progress::Event {
                    number: log.last(),
                    event: change.label().to_owned(),
                    key: change.key(),
                });
                Ok(true)
            }
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the numbers of the set that Graph serves.
    pub(crate) fn numbers(&self, log: &SetLog) -> Result<Vec<PhoneNumberId>, FleetError> {
        #[cfg(test)]
        if !self.rules.hold(Rule::NumbersInLog) {
            return Ok(self.rules.named.clone());
        }
        let parse = |text: &str| {
            PhoneNumberId::new(text).map_err(|_| FleetError::NumberId {
                set: self.set.name().to_owned(),
                text: text.to_owned(),
            })
        };
        log.numbers()
            .filter(|number| !is_external(number))
            .map(parse)
            .collect()
    }

    /// Returns the numbers of the set that AWS hosts.
    pub(crate) fn external(log: &SetLog) -> Vec<String> {
        log.numbers()
            .filter(|number| is_external(number))
            .map(str::to_owned)
            .collect()
    }

    /// Fails if the set has numbers whose registered key cannot be read, unless the operator has checked
    /// them.
    pub(crate) fn refuse_external(&self, log: &SetLog, key: Fingerprint) -> Result<(), FleetError> {
        match Self::external(log).into_iter().next() {
            Some(number) if !self.safeguards.external_checked => Err(FleetError::External { key, number }),
            _ => Ok(()),
        }
    }

    /// Reads the registered key of a number.
    pub(crate) async fn read_number(&self, number: &PhoneNumberId) -> Result<Registered, RegistryError> {
        let registered = self.registry.read(number).await?;
        self.time.note(registered.date);
        Ok(registered)
    }

    async fn read_named(&self, number: PhoneNumberId) -> Reading {
        let registered = self.read_number(&number).await;
        (number, registered)
    }

    /// Reads the registered keys of numbers, in their order. Stops at an error that every call would give.
    pub(crate) async fn read_numbers(&self, numbers: &[PhoneNumberId]) -> Result<Vec<Reading>, FleetError> {
        let mut readings = stream::iter(numbers.to_vec())
            .map(|number| self.read_named(number))
            .buffered(self.policy.concurrency.max(1));
        let mut read = Vec::with_capacity(numbers.len());
        while let Some(reading) = readings.next().await {
            match reading {
                (number, Err(source)) if source.effect() == Effect::All => {
                    return Err(FleetError::Registry { number, source });
                }
                reading => read.push(reading),
            }
        }
        Ok(read)
    }

    /// Fails if a registered key is not one of the set's, unless it may be replaced.
    pub(crate) async fn refuse_foreign(
        &self,
        log: &SetLog,
        number: &PhoneNumberId,
        found: &Registered,
    ) -> Result<(), FleetError> {
        let key = match found.key {
            _ if self.safeguards.take_over => return Ok(()),
            RegisteredKey::None => return Ok(()),
            RegisteredKey::Key(key) if log.key(key).is_some() => return Ok(()),
            RegisteredKey::Key(key) => Some(key),
            RegisteredKey::Unreadable => None,
        };
        Err(FleetError::ForeignKey {
            set: self.set.name().to_owned(),
            number: number.clone(),
            key,
            owner: self.owner_of(key).await?,
        })
    }

    /// Returns the other set of the store that has a key.
    async fn owner_of(&self, key: Option<Fingerprint>) -> Result<Option<String>, FleetError> {
        let Some(key) = key else {
            return Ok(None);
        };
        for name in self.store.sets().await? {
            if name != self.set.name() && self.store.set(&name)?.read().await?.key(key).is_some() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Returns a key of the set by its fingerprint, or by the beginning of it.
    ///
    /// # Errors
    ///
    /// [`FleetError::UnknownKey`] or [`FleetError::AmbiguousKey`] if it does not name one key of the set.
    pub async fn find_key(&self, text: &str) -> Result<Fingerprint, FleetError> {
        let log = self.read_log().await?;
        let digits = text.trim().replace(':', "").to_ascii_lowercase();
        let begins = |key: &Fingerprint| digits.len() >= 4 && key.to_string().starts_with(&digits);
        let found: Vec<_> = log
            .keys()
            .iter()
            .map(|key| key.fingerprint)
            .filter(begins)
            .collect();
        let (set, key) = (self.set.name().to_owned(), text.to_owned());
        match found.as_slice() {
            [key] => Ok(*key),
            [] => Err(FleetError::UnknownKey { set, key }),
            _ => Err(FleetError::AmbiguousKey { set, key }),
        }
    }

    pub(crate) async fn public_key(&self, key: Fingerprint) -> Result<PublicKey, FleetError> {
        Ok(self.set.public_key(key).await?)
    }

    pub(crate) fn key_state(&self, log: &SetLog, key: Fingerprint) -> Result<KeyState, FleetError> {
        match log.key(key) {
            Some(record) => Ok(record.state),
            None => Err(FleetError::UnknownKey {
                set: self.set.name().to_owned(),
                key: key.to_string(),
            }),
        }
    }

    pub(crate) fn contended(&self) -> FleetError {
        FleetError::Contended {
            set: self.set.name().to_owned(),
        }
    }

    /// Reports a completed step, and runs the hook.
    pub(crate) async fn done(
        &self,
        stage: Stage,
        key: Fingerprint,
        numbers: &[PhoneNumberId],
        detail: String,
    ) -> Result<(), FleetError> {
        self.observer.report(Progress::Done { stage, key, detail });
        let Some(hook) = &self.hook else {
            return Ok(());
        };
        let context = StepContext {
            stage,
            set: self.set.name().to_owned(),
            key,
            numbers: numbers.to_vec(),
        };
        let result = hook.after(&context).await;
        result.map_err(|problem| FleetError::Hook { stage, problem })
    }
}

impl fmt::Debug for SetOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOperator")
            .field("set", &self.set)
            .field("registry", &self.registry)
            .field("safeguards", &self.safeguards)
            .finish_non_exhaustive()
    }
}
