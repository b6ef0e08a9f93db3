//! The state of the emulated Meta: businesses, accounts, numbers with their keys, apps and tokens.

mod limits;
mod spec;
mod token;

use std::collections::{BTreeMap, HashMap};

pub(crate) use limits::LimitUsage;
pub use limits::RateLimits;
pub(crate) use limits::exhausted;
use serde::Serialize;
pub use spec::{AccountSpec, AppSpec, BusinessSpec, NumberSpec, NumberState, TokenSpec};
use thiserror::Error;
pub(crate) use token::{App, Token, unix_now};

use crate::pem;

/// The reason why a change of the emulator's state was refused.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlError {
    /// No object of that kind has that id or label.
    #[error("there is no {kind} {id:?}: add it first, or list what exists with GET /_emulator/")]
    NotFound {
        /// The kind of object: business, account, number, app or token.
        kind: &'static str,
        /// The given id or label.
        id: String,
    },
    /// An object of that kind already has that id or label.
    #[error("there is already a {kind} {id:?}: choose another, or omit the id to have one generated")]
    AlreadyExists {
        /// The kind of object.
        kind: &'static str,
        /// The given id or label.
        id: String,
    },
    /// The id is not a valid Graph id.
    #[error("{id:?} is not a Graph id: use 1 to 32 digits")]
    InvalidId {
        /// The given id.
        id: String,
    },
    /// The label cannot be part of a path of the control API.
    #[error("{label:?} is not a label: use 1 to 64 letters, digits and - _ .")]
    InvalidLabel {
        /// The given label.
        label: String,
    },
    /// The public key is not valid for an upload.
    #[error("the public key is not valid: {reason}")]
    InvalidKey {
        /// The fault.
        reason: &'static str,
    },
}

/// Whether Meta's signature over a registered key is valid (`business_public_key_signature_status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum SignatureStatus {
    /// The key was uploaded after the number was last registered.
    Valid,
    /// The number was re-registered after the upload, or there is no key.
    Mismatch,
}

/// The state of one phone number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NumberView {
    /// The phone number id.
    pub id: String,
    /// The WhatsApp Business account that the number belongs to.
    pub account: String,
    /// Whether a key can be set for it.
    pub state: NumberState,
    /// The registered key with LF line ends, or `None`.
    pub business_public_key: Option<String>,
    /// Whether the signature over that key is valid.
    pub signature_status: SignatureStatus,
    /// The number of uploads that were accepted since the number was added.
    pub uploads: u64,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) businesses: BTreeMap<String, Business>,
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) numbers: HashMap<String, Number>,
    pub(crate) apps: BTreeMap<String, App>,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) limits: limits::Limiter,
    sequence: u64,
}

#[derive(Debug)]
pub(crate) struct Business {
    pub(crate) name: String,
    /// Accounts in the order in which they were added, so that a cursor stays valid while others are added or
    /// removed.
    pub(crate) owned: BTreeMap<u64, String>,
    pub(crate) shared: BTreeMap<u64, String>,
}

#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) numbers: BTreeMap<u64, String>,
}

#[derive(Debug)]
pub(crate) struct Number {
    pub(crate) account: String,
    pub(crate) position: u64,
    pub(crate) display: String,
    pub(crate) verified_name: String,
    pub(crate) state: NumberState,
    /// The PEM text.
    pub(crate) key: Option<String>,
    pub(crate) signed: bool,
    pub(crate) uploads: u64,
}

impl Number {
    pub(crate) fn signature_status(&self) -> SignatureStatus {
        if self.signed && self.key.is_some() {
            SignatureStatus::Valid
        } else {
            SignatureStatus::Mismatch
        }
    }
}

impl World {
    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(crate) fn add_business(&mut self, spec: &BusinessSpec) -> Result<String, ControlError> {
        let sequence = self.next();
        let id = new_id(
            "business",
            spec.id.as_deref(),
            200_000_000_000_000 + sequence,
            &self.businesses,
        )?;
        let name = spec.name.clone().unwrap_or_else(|| format!("Business {id}"));
        let business = Business {
            name,
            owned: BTreeMap::new(),
            shared: BTreeMap::new(),
        };
        self.businesses.insert(id.clone(), business);
        Ok(id)
    }

    pub(crate) fn add_account(&mut self, spec: &AccountSpec) -> Result<String, ControlError> {
        let owner = match &spec.business {
            Some(id) => id.clone(),
            None => first("business", &self.businesses)?,
        };
        for id in std::iter::once(&owner).chain(&spec.clients) {
            found("business", id, self.businesses.contains_key(id))?;
        }
        let sequence = self.next();
        let id = new_id(
            "account",
            spec.id.as_deref(),
            102_290_129_340_398 + sequence,
            &self.accounts,
        )?;
        let name = spec.name.clone().unwrap_or_else(|| format!("Account {id}"));
        self.accounts.insert(
            id.clone(),
            Account {
                name,
                numbers: BTreeMap::new(),
            },
        );
        if let Some(business) = self.businesses.get_mut(&owner) {
            business.owned.insert(sequence, id.clone());
        }
        for client in &spec.clients {
            if let Some(business) = self.businesses.get_mut(client) {
                business.shared.insert(sequence, id.clone());
            }
        }
        Ok(id)
    }

    pub(crate) fn add_number(&mut self, spec: &NumberSpec) -> Result<String, ControlError> {
        let account = match &spec.account {
            Some(id) => id.clone(),
            None => first("account", &self.accounts)?,
        };
        found("account", &account, self.accounts.contains_key(&account))?;
        let position = self.next();
        let made = 106_540_352_242_922 + position;
        let id = spec.id.clone().unwrap_or_else(|| made.to_string());
        valid_id(&id)?;
        if self.numbers.contains_key(&id) {
            return Err(ControlError::AlreadyExists { kind: "number", id });
        }
        let number = Number {
            position,
            display: spec.display_phone_number.clone().unwrap_or_else(|| {
                format!("+1 555-{:03}-{:04}", position / 10_000 % 1_000, position % 10_000)
            }),
            verified_name: spec
                .verified_name
                .clone()
                .unwrap_or_else(|| format!("Number {id}")),
            state: spec.state,
            key: None,
            signed: false,
            uploads: 0,
            account,
        };
        if let Some(account) = self.accounts.get_mut(&number.account) {
            account.numbers.insert(position, id.clone());
        }
        self.numbers.insert(id.clone(), number);
        Ok(id)
    }

    pub(crate) fn add_numbers(&mut self, account: &str, count: usize) -> Result<Vec<String>, ControlError> {
        let spec = NumberSpec::new().account(account);
        (0..count).map(|_| self.add_number(&spec)).collect()
    }

    pub(crate) fn remove_number(&mut self, id: &str) -> Result<(), ControlError> {
        let number = self.numbers.remove(id);
        let number = number.ok_or_else(|| ControlError::NotFound {
            kind: "number",
            id: id.to_owned(),
        })?;
        if let Some(account) = self.accounts.get_mut(&number.account) {
            account.numbers.remove(&number.position);
        }
        Ok(())
    }

    pub(crate) fn number(&self, id: &str) -> Result<NumberView, ControlError> {
        let number = self.numbers.get(id);
        let number = number.ok_or_else(|| ControlError::NotFound {
            kind: "number",
            id: id.to_owned(),
        })?;
        Ok(NumberView {
            id: id.to_owned(),
            account: number.account.clone(),
            state: number.state,
            business_public_key: number.key.clone(),
            signature_status: number.signature_status(),
            uploads: number.uploads,
        })
    }

    /// Returns the account that a path names, or that of the number that it names; otherwise the first
    /// account.
    pub(crate) fn account_of(&self, path: &str) -> String {
        let named = path.split('/').find_map(|segment| {
            let number = self.numbers.get(segment).map(|number| number.account.clone());
            number.or_else(|| self.accounts.contains_key(segment).then(|| segment.to_owned()))
        });
        named
            .or_else(|| self.accounts.keys().next().cloned())
            .unwrap_or_else(|| "0".to_owned())
    }

    fn number_mut(&mut self, id: &str) -> Result<&mut Number, ControlError> {
        self.numbers.get_mut(id).ok_or_else(|| ControlError::NotFound {
            kind: "number",
            id: id.to_owned(),
        })
    }

    /// Gives the number a new WhatsApp identity: the signature over its key is no longer valid.
    pub(crate) fn reregister_number(&mut self, id: &str) -> Result<(), ControlError> {
        let number = self.number_mut(id)?;
        number.signed = false;
        number.state = NumberState::Registered;
        Ok(())
    }

    pub(crate) fn set_number_state(&mut self, id: &str, state: NumberState) -> Result<(), ControlError> {
        self.number_mut(id)?.state = state;
        Ok(())
    }

    /// Sets a key, as an upload by another client would, or removes it.
    pub(crate) fn set_number_key(&mut self, id: &str, pem: Option<&str>) -> Result<(), ControlError> {
        let number = self.number_mut(id)?;
        match pem {
            Some(text) => {
                let key = pem::check(text).map_err(|reason| ControlError::InvalidKey { reason })?;
                number.key = Some(key);
                number.signed = true;
            }
            None => number.key = None,
        }
        Ok(())
    }
}

fn valid_id(id: &str) -> Result<(), ControlError> {
    if (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err(ControlError::InvalidId { id: id.to_owned() })
    }
}

fn new_id<V>(
    kind: &'static str,
    wanted: Option<&str>,
    made: u64,
    taken: &BTreeMap<String, V>,
) -> Result<String, ControlError> {
    let id = wanted.map_or_else(|| made.to_string(), str::to_owned);
    valid_id(&id)?;
    if taken.contains_key(&id) {
        Err(ControlError::AlreadyExists { kind, id })
    } else {
        Ok(id)
    }
}

fn found(kind: &'static str, id: &str, is_there: bool) -> Result<(), ControlError> {
    if is_there {
        Ok(())
    } else {
        Err(ControlError::NotFound {
            kind,
            id: id.to_owned(),
        })
    }
}

fn first<V>(kind: &'static str, all: &BTreeMap<String, V>) -> Result<String, ControlError> {
    all.keys().next().cloned().ok_or_else(|| ControlError::NotFound {
        kind,
        id: "(first)".to_owned(),
    })
}
