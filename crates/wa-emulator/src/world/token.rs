//! Apps and the access tokens that they issue.

use super::{AppSpec, ControlError, TokenSpec, World, first, found, missing, valid_id};
use crate::secret::Secret;

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) secret: Secret,
    pub(crate) require_proof: bool,
}

#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) secret: Secret,
    pub(crate) app: String,
    pub(crate) scopes: Vec<String>,
    /// The accounts that the token may access; `None` means all.
    pub(crate) accounts: Option<Vec<String>>,
    pub(crate) issued_at: u64,
    /// Seconds since 1970; 0 means never.
    pub(crate) expires_at: u64,
    pub(crate) revoked: bool,
}

impl Token {
    /// Returns whether the token is expired at this time of Graph's clock.
    pub(crate) fn is_expired(&self, unix_seconds: u64) -> bool {
        self.expires_at != 0 && self.expires_at <= unix_seconds
    }

    pub(crate) fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    pub(crate) fn reaches(&self, account: &str) -> bool {
        self.accounts
            .as_ref()
            .is_none_or(|accounts| accounts.iter().any(|id| id == account))
    }
}

impl World {
    pub(crate) fn add_app(&mut self, spec: AppSpec) -> Result<(), ControlError> {
        let AppSpec {
            id,
            secret,
            name,
            require_proof,
        } = spec;
        valid_id(&id)?;
        if self.apps.contains_key(&id) {
            return Err(ControlError::AlreadyExists { kind: "app", id });
        }
        let app = App {
            name: name.unwrap_or_else(|| format!("App {id}")),
            secret,
            require_proof,
        };
        self.apps.insert(id, app);
        Ok(())
    }

    pub(crate) fn require_proof(&mut self, app: &str, require: bool) -> Result<(), ControlError> {
        let found = self.apps.get_mut(app).ok_or_else(|| missing("app", app))?;
        found.require_proof = require;
        Ok(())
    }

    pub(crate) fn add_token(&mut self, spec: TokenSpec) -> Result<(), ControlError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=64).contains(&spec.label.len()) || !spec.label.bytes().all(plain) {
            return Err(ControlError::InvalidLabel { label: spec.label });
        }
        let taken = self
            .tokens
            .values()
            .any(|token| token.secret.matches(spec.token.expose_secret()));
        if taken || self.tokens.contains_key(&spec.label) {
            return Err(ControlError::AlreadyExists {
                kind: "token",
                id: spec.label,
            });
        }
        let app = match spec.app {
            Some(id) => id,
            None => first("app", self.apps.keys().next())?,
        };
        found("app", &app, self.apps.contains_key(&app))?;
        for id in spec.accounts.iter().flatten() {
            found("account", id, self.accounts.contains_key(id.as_str()))?;
        }
        let token = Token {
            secret: spec.token,
            app,
            scopes: spec.scopes,
            accounts: spec.accounts,
            issued_at: self.clock.unix_seconds(),
            expires_at: spec.expires_at,
            revoked: false,
        };
        self.tokens.insert(spec.label, token);
        Ok(())
    }

    fn token_mut(&mut self, label: &str) -> Result<&mut Token, ControlError> {
        self.tokens.get_mut(label).ok_or_else(|| missing("token", label))
    }

    pub(crate) fn expire_token(&mut self, label: &str) -> Result<(), ControlError> {
        let now = self.clock.unix_seconds();
        self.token_mut(label)?.expires_at = now.saturating_sub(1).max(1);
        Ok(())
    }

    pub(crate) fn revoke_token(&mut self, label: &str) -> Result<(), ControlError> {
        self.token_mut(label)?.revoked = true;
        Ok(())
    }

    pub(crate) fn drop_permission(&mut self, label: &str, scope: &str) -> Result<(), ControlError> {
        self.token_mut(label)?.scopes.retain(|held| held != scope);
        Ok(())
    }

    pub(crate) fn grant_permission(&mut self, label: &str, scope: String) -> Result<(), ControlError> {
        let token = self.token_mut(label)?;
        if !token.has_scope(&scope) {
            token.scopes.push(scope);
        }
        Ok(())
    }

    pub(crate) fn restrict_token(
        &mut self,
        label: &str,
        accounts: Option<Vec<String>>,
    ) -> Result<(), ControlError> {
        for id in accounts.iter().flatten() {
            found("account", id, self.accounts.contains_key(id.as_str()))?;
        }
        self.token_mut(label)?.accounts = accounts;
        Ok(())
    }

    /// Returns the token with this text, and its label.
    pub(crate) fn find_token(&self, text: &str) -> Option<(&str, &Token)> {
        self.tokens
            .iter()
            .find(|(_, token)| token.secret.matches(text))
            .map(|(label, token)| (label.as_str(), token))
    }
}
