//! Descriptions of objects to add; the emulator generates everything that is omitted.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Whether a key can be set for a number, and the error that Graph returns if not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NumberState {
    /// Registered with Cloud API: keys are accepted.
    #[default]
    Registered,
    /// Not registered with Cloud API: code 133010.
    NotRegistered,
    /// Not eligible for encryption: status 422, code 100.
    NotEligible,
    /// Not on the allowlist for setting a key: code 10 on an upload; reading works.
    NotAllowlisted,
    /// Deleted: code 33.
    Deleted,
}

/// A business to add.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BusinessSpec {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
}

impl BusinessSpec {
    /// Creates a business with a generated id.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the id; digits only.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// A WhatsApp Business account (WABA) to add.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountSpec {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) business: Option<String>,
    pub(crate) clients: Vec<String>,
}

impl AccountSpec {
    /// Creates an account with a generated id, owned by the business with the lowest id.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the id; digits only.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the business that owns the account.
    #[must_use]
    pub fn owned_by(mut self, business: impl Into<String>) -> Self {
        self.business = Some(business.into());
        self
    }

    /// Shares the account with a business (a solution partner), which then lists it among its client
    /// accounts.
    #[must_use]
    pub fn shared_with(mut self, business: impl Into<String>) -> Self {
        self.clients.push(business.into());
        self
    }
}

/// A phone number to add.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NumberSpec {
    pub(crate) id: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) display_phone_number: Option<String>,
    pub(crate) verified_name: Option<String>,
    pub(crate) state: NumberState,
}

impl NumberSpec {
    /// Creates a registered number with a generated id, in the account with the lowest id.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the phone number id; digits only.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the account that the number belongs to.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Sets the display phone number, such as `+1 555-025-3483`.
    #[must_use]
    pub fn display_phone_number(mut self, number: impl Into<String>) -> Self {
        self.display_phone_number = Some(number.into());
        self
    }

    /// Sets the verified name, which users see.
    #[must_use]
    pub fn verified_name(mut self, name: impl Into<String>) -> Self {
        self.verified_name = Some(name.into());
        self
    }

    /// Sets the state, which decides whether a key can be set.
    #[must_use]
    pub fn state(mut self, state: NumberState) -> Self {
        self.state = state;
        self
    }
}

/// A Meta app to add. Tokens belong to an app; its secret keys signatures and proofs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppSpec {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) require_proof: bool,
}

impl AppSpec {
    /// Creates an app with this id (digits) and this secret, which accepts calls without `appsecret_proof`.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            secret: Secret::new(secret),
            name: None,
            require_proof: false,
        }
    }

    /// Returns a copy; there is no `Clone`, so that each copy of a secret is explicit.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            id: self.id.clone(),
            secret: self.secret.duplicate(),
            name: self.name.clone(),
            require_proof: self.require_proof,
        }
    }

    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Turns "Require App Secret" on or off; if on, a call without `appsecret_proof` is refused. Off by
    /// default.
    #[must_use]
    pub fn require_proof(mut self, require: bool) -> Self {
        self.require_proof = require;
        self
    }
}

/// An access token to issue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSpec {
    pub(crate) label: String,
    pub(crate) token: Secret,
    #[serde(default)]
    pub(crate) app: Option<String>,
    #[serde(default = "all_scopes")]
    pub(crate) scopes: Vec<String>,
    #[serde(default)]
    pub(crate) accounts: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) expires_at: u64,
}

/// The default permissions of a token.
fn all_scopes() -> Vec<String> {
    [
        "whatsapp_business_management",
        "whatsapp_business_messaging",
        "business_management",
    ]
    .map(str::to_owned)
    .to_vec()
}

impl TokenSpec {
    /// Creates a token that never expires, with every permission that the emulator checks, for every account.
    ///
    /// `label` is the name of the token in the request log and in the control API.
    pub fn new(label: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            token: Secret::new(token),
            app: None,
            scopes: all_scopes(),
            accounts: None,
            expires_at: 0,
        }
    }

    /// Returns a copy; there is no `Clone`, so that each copy of a secret is explicit.
    pub(crate) fn duplicate(&self) -> Self {
        Self {
            label: self.label.clone(),
            token: self.token.duplicate(),
            app: self.app.clone(),
            scopes: self.scopes.clone(),
            accounts: self.accounts.clone(),
            expires_at: self.expires_at,
        }
    }

    /// Sets the app that the token belongs to; by default the one with the lowest id.
    #[must_use]
    pub fn app(mut self, id: impl Into<String>) -> Self {
        self.app = Some(id.into());
        self
    }

    /// Replaces the permissions by these.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Limits the token to these accounts (and their numbers).
    #[must_use]
    pub fn accounts<S: Into<String>>(mut self, accounts: impl IntoIterator<Item = S>) -> Self {
        self.accounts = Some(accounts.into_iter().map(Into::into).collect());
        self
    }

    /// Sets when the token expires, in seconds since 1970; 0 means never.
    #[must_use]
    pub fn expires_at(mut self, unix_seconds: u64) -> Self {
        self.expires_at = unix_seconds;
        self
    }
}
