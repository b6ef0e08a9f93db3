//! The state of the emulated Meta: businesses, accounts, numbers with their keys, Flows, apps and tokens.

mod clock;
mod error;
mod flow;
mod limits;
mod number;
mod spec;
mod token;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
pub use error::ControlError;
pub(crate) use flow::Flow;
pub use flow::FlowSpec;
pub use limits::{LimitCounts, LimitReport, RateLimits};
pub(crate) use limits::{LimitUsage, Limiter, exhausted};
use number::KeyPool;
pub(crate) use number::{Id, Number, PublicKey, Registration, hex};
pub use number::{NumberView, SignatureStatus};
pub use spec::{AccountSpec, AppSpec, BusinessSpec, NumberSpec, NumberState, TokenSpec};
pub(crate) use token::{App, Token};

use crate::command::NumberSelection;
use crate::key_log::{KeyChange, KeyLog};
use crate::pem::{self, CheckedKey};

/// The most phone numbers that one command adds.
const MAX_NUMBERS: usize = 100_000;
/// The most accounts that one command adds.
const MAX_ACCOUNTS: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) businesses: BTreeMap<String, Business>,
    pub(crate) accounts: BTreeMap<Id, Account>,
    pub(crate) numbers: HashMap<Id, Number>,
    pub(crate) flows: BTreeMap<String, Flow>,
    pub(crate) apps: BTreeMap<String, App>,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) limits: Limiter,
    pub(crate) clock: Clock,
    pub(crate) key_log: KeyLog,
    /// How long after an upload reads still show the key that was registered before.
    pub(crate) propagation: Duration,
    keys: KeyPool,
    sequence: u64,
}

#[derive(Debug)]
pub(crate) struct Business {
    pub(crate) name: String,
    /// Accounts in the order in which they were added, so that a cursor stays valid while others are added or
    /// removed.
    pub(crate) owned: BTreeMap<u64, Id>,
    pub(crate) shared: BTreeMap<u64, Id>,
}

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: Option<String>,
    pub(crate) business: String,
    pub(crate) numbers: BTreeMap<u64, Id>,
}

impl Account {
    pub(crate) fn name(&self, id: &str) -> String {
        self.name.clone().unwrap_or_else(|| format!("Account {id}"))
    }
}

impl World {
    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(crate) fn add_business(&mut self, spec: BusinessSpec) -> Result<String, ControlError> {
        let made = 200_000_000_000_000 + self.next();
        let id = new_id("business", spec.id, made, |id| self.businesses.contains_key(id))?;
        let business = Business {
            name: spec.name.unwrap_or_else(|| format!("Business {id}")),
            owned: BTreeMap::new(),
            shared: BTreeMap::new(),
        };
        self.businesses.insert(id.clone(), business);
        Ok(id)
    }

    pub(crate) fn add_account(&mut self, spec: AccountSpec) -> Result<String, ControlError> {
        let owner = match spec.business {
            Some(id) => id,
            None => first("business", self.businesses.keys().next())?,
        };
        for id in std::iter::once(&owner).chain(&spec.clients) {
            found("business", id, self.businesses.contains_key(id))?;
        }
        let sequence = self.next();
        let made = 102_290_129_340_398 + sequence;
        let id = new_id("account", spec.id, made, |id| self.accounts.contains_key(id))?;
        let key: Id = id.as_str().into();
        if let Some(business) = self.businesses.get_mut(&owner) {
            business.owned.insert(sequence, Arc::clone(&key));
        }
        for client in &spec.clients {
            if let Some(business) = self.businesses.get_mut(client) {
                business.shared.insert(sequence, Arc::clone(&key));
            }
        }
        let account = Account {
            name: spec.name,
            business: owner,
            numbers: BTreeMap::new(),
        };
        self.accounts.insert(key, account);
        Ok(id)
    }

    pub(crate) fn add_accounts(
        &mut self,
        business: Option<&str>,
        count: usize,
        numbers: usize,
    ) -> Result<Vec<String>, ControlError> {
        at_most(count, MAX_ACCOUNTS)?;
        at_most(numbers, MAX_NUMBERS)?;
        let mut spec = AccountSpec::new();
        spec.business = business.map(str::to_owned);
        let mut ids = Vec::with_capacity(count);
        for index in 0..count {
            let id = self.add_account(spec.clone())?;
            let more = usize::from(index < numbers % count);
            self.add_numbers(&id, numbers / count + more)?;
            ids.push(id);
        }
        Ok(ids)
    }

    pub(crate) fn add_number(&mut self, spec: NumberSpec) -> Result<String, ControlError> {
        let account = match spec.account {
            Some(id) => id,
            None => first("account", self.accounts.keys().next())?,
        };
        let position = self.next();
        let made = 106_540_352_242_922 + position;
        let id = new_id("number", spec.id, made, |id| self.numbers.contains_key(id))?;
        let (owner, listed) = match self.accounts.get_key_value(account.as_str()) {
            Some((owner, _)) => (Arc::clone(owner), Id::from(id.as_str())),
            None => return Err(missing("account", &account)),
        };
        let mut number = Number::new(owner, position, spec.state);
        number.display = spec.display_phone_number.map(String::into_boxed_str);
        number.verified_name = spec.verified_name.map(String::into_boxed_str);
        if let Some(account) = self.accounts.get_mut(account.as_str()) {
            account.numbers.insert(position, Arc::clone(&listed));
        }
        self.numbers.insert(listed, number);
        Ok(id)
    }

    pub(crate) fn add_numbers(&mut self, account: &str, count: usize) -> Result<Vec<String>, ControlError> {
        at_most(count, MAX_NUMBERS)?;
        let spec = NumberSpec::new().account(account);
        (0..count).map(|_| self.add_number(spec.clone())).collect()
    }

    pub(crate) fn remove_number(&mut self, id: &str) -> Result<(), ControlError> {
        let number = self.numbers.remove(id).ok_or_else(|| missing("number", id))?;
        if let Some(account) = self.accounts.get_mut(&number.account) {
            account.numbers.remove(&number.position);
        }
        Ok(())
    }

    pub(crate) fn add_flow(&mut self, spec: FlowSpec) -> Result<String, ControlError> {
        let account = match &spec.account {
            Some(id) => id.clone(),
            None => first("account", self.accounts.keys().next())?,
        };
        found("account", &account, self.accounts.contains_key(account.as_str()))?;
        if let Some(app) = &spec.application {
            found("app", app, self.apps.contains_key(app))?;
        }
        let made = 900_000_000_000_000 + self.next();
        let id = new_id("flow", spec.id.clone(), made, |id| self.flows.contains_key(id))?;
        self.flows.insert(id.clone(), Flow { account, spec });
        Ok(id)
    }

    pub(crate) fn remove_flow(&mut self, id: &str) -> Result<(), ControlError> {
        self.flows
            .remove(id)
            .map(|_| ())
            .ok_or_else(|| missing("flow", id))
    }

    pub(crate) fn number(&self, id: &str) -> Result<NumberView, ControlError> {
        let number = self.numbers.get(id).ok_or_else(|| missing("number", id))?;
        Ok(number.view(id))
    }

    /// Returns the account that a path names, or that of the number that it names; otherwise the first
    /// account.
    pub(crate) fn account_of(&self, path: &str) -> String {
        let named = path.split('/').find_map(|segment| {
            let number = self.numbers.get(segment).map(|number| number.account.to_string());
            number.or_else(|| self.accounts.contains_key(segment).then(|| segment.to_owned()))
        });
        named
            .or_else(|| self.accounts.keys().next().map(ToString::to_string))
            .unwrap_or_else(|| "0".to_owned())
    }

    fn number_mut(&mut self, id: &str) -> Result<&mut Number, ControlError> {
        self.numbers.get_mut(id).ok_or_else(|| missing("number", id))
    }

    /// Re-registers the selected numbers, or none if one of them does not exist.
    pub(crate) fn reregister(&mut self, selection: &NumberSelection) -> Result<(), ControlError> {
        if let Some(id) = &selection.account {
            found("account", id, self.accounts.contains_key(id.as_str()))?;
        }
        for id in selection.numbers.iter().flatten() {
            found("number", id, self.numbers.contains_key(id.as_str()))?;
        }
        let in_account = |(id, number): (&Id, &Number)| {
            let account = selection.account.as_deref();
            account
                .is_none_or(|account| *account == *number.account)
                .then(|| Arc::clone(id))
        };
        let ids: Vec<Id> = match &selection.numbers {
            Some(named) => {
                let named = named
                    .iter()
                    .filter_map(|id| self.numbers.get_key_value(id.as_str()));
                named.filter_map(in_account).collect()
            }
            None => self.numbers.iter().filter_map(in_account).collect(),
        };
        let at = self.clock.unix_ms();
        for id in ids {
            let Some(number) = self.numbers.get_mut(&id) else {
                continue;
            };
            number.reregister();
            let fingerprint = number.registration().key.as_ref().map(|key| key.fingerprint());
            self.key_log.record(at, id, KeyChange::Reregistered, fingerprint);
        }
        Ok(())
    }

    pub(crate) fn set_number_state(&mut self, id: &str, state: NumberState) -> Result<(), ControlError> {
        self.number_mut(id)?.state = state;
        Ok(())
    }

    /// Sets a key, as an upload by another client would, or removes it.
    pub(crate) fn set_number_key(&mut self, id: &str, pem: Option<&str>) -> Result<(), ControlError> {
        found("number", id, self.numbers.contains_key(id))?;
        let key = pem.map(pem::check).transpose();
        let key = key.map_err(|reason| ControlError::InvalidKey { reason })?;
        let change = if key.is_some() {
            KeyChange::Set
        } else {
            KeyChange::Removed
        };
        self.change_key(id, key, change, Duration::ZERO);
        Ok(())
    }

    /// Registers an uploaded key; reads show it after the propagation delay.
    pub(crate) fn upload(&mut self, id: &str, key: CheckedKey) {
        self.change_key(id, Some(key), KeyChange::Uploaded, self.propagation);
        if let Some(number) = self.numbers.get_mut(id) {
            number.uploads = number.uploads.saturating_add(1);
        }
    }

    fn change_key(&mut self, id: &str, key: Option<CheckedKey>, change: KeyChange, delay: Duration) {
        let key: Option<Arc<PublicKey>> = key.map(|key| self.keys.intern(key));
        let fingerprint = key.as_ref().map(|key| key.fingerprint());
        let Some((listed, _)) = self.numbers.get_key_value(id) else {
            return;
        };
        let listed = Arc::clone(listed);
        if let Some(number) = self.numbers.get_mut(id) {
            number.set_key(key, delay);
        }
        self.key_log
            .record(self.clock.unix_ms(), listed, change, fingerprint);
    }
}

fn valid_id(id: &str) -> Result<(), ControlError> {
    if (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err(ControlError::InvalidId { id: id.to_owned() })
    }
}

fn new_id(
    kind: &'static str,
    wanted: Option<String>,
    made: u64,
    is_taken: impl Fn(&str) -> bool,
) -> Result<String, ControlError> {
    let id = wanted.unwrap_or_else(|| made.to_string());
    valid_id(&id)?;
    if is_taken(&id) {
        Err(ControlError::AlreadyExists { kind, id })
    } else {
        Ok(id)
    }
}

fn missing(kind: &'static str, id: &str) -> ControlError {
    ControlError::NotFound {
        kind,
        id: id.to_owned(),
    }
}

fn found(kind: &'static str, id: &str, is_there: bool) -> Result<(), ControlError> {
    if is_there { Ok(()) } else { Err(missing(kind, id)) }
}

fn first(kind: &'static str, id: Option<impl ToString>) -> Result<String, ControlError> {
    id.map(|id| id.to_string())
        .ok_or_else(|| missing(kind, "(first)"))
}

fn at_most(count: usize, most: usize) -> Result<(), ControlError> {
    if count > most {
        Err(ControlError::TooMany { count, most })
    } else {
        Ok(())
    }
}
