//! Apps and the access tokens that they issue.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{AppSpec, ControlError, TokenSpec, World, first, found, valid_id};
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
    pub(crate) fn is_expired(&self) -> bool {
        self.expires_at != 0 && self.expires_at <= unix_now()
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

pub(crate) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

impl World {
    pub(crate) fn add_app(&mut self, spec: &AppSpec) -> Result<(), ControlError> {
        valid_id(&spec.id)?;
        if self.apps.contains_key(&spec.id) {
            return Err(ControlError::AlreadyExists {
                kind: "app",
                id: spec.id.clone(),
            });
        }
        let app = App {
            name: spec.name.clone().unwrap_or_else(|| format!("App {}", spec.id)),
            secret: spec.secret.duplicate(),
            require_proof: spec.require_proof,
        };
        self.apps.insert(spec.id.clone(), app);
        Ok(())
    }

    pub(crate) fn require_proof(&mut self, app: &str, require: bool) -> Result<(), ControlError> {
        let found = self.apps.get_mut(app);
        found
            .ok_or_else(|| ControlError::NotFound {
                kind: "app",
                id: app.to_owned(),
            })?
            .require_proof = require;
        Ok(())
    }

    pub(crate) fn add_token(&mut self, spec: &TokenSpec) -> Result<(), ControlError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=64).contains(&spec.label.len()) || !spec.label.bytes().all(plain) {
            return Err(ControlError::InvalidLabel {
                label: spec.label.clone(),
            });
        }
        let taken = self
            .tokens
            .values()
            .any(|token| token.secret.matches(spec.token.expose_secret()));
        if taken || self.tokens.contains_key(&spec.label) {
            return Err(ControlError::AlreadyExists {
                kind: "token",
                id: spec.label.clone(),
            });
        }
        let app = match &spec.app {
            Some(id) => id.clone(),
            None => first("app", &self.apps)?,
        };
        found("app", &app, self.apps.contains_key(&app))?;
        for id in spec.accounts.iter().flatten() {
            found("account", id, self.accounts.contains_key(id))?;
        }
        let token = Token {
            secret: spec.token.duplicate(),
            app,
            scopes: spec.scopes.clone(),
            accounts: spec.accounts.clone(),
            issued_at: unix_now(),
            expires_at: spec.expires_at,
            revoked: false,
        };
        self.tokens.insert(spec.label.clone(), token);
        Ok(())
    }

    fn token_mut(&mut self, label: &str) -> Result<&mut Token, ControlError> {
        self.tokens.get_mut(label).ok_or_else(|| ControlError::NotFound {
            kind: "token",
            id: label.to_owned(),
        })
    }

    pub(crate) fn expire_token(&mut self, label: &str) -> Result<(), ControlError> {
        self.token_mut(label)?.expires_at = unix_now().saturating_sub(1).max(1);
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

    pub(crate) fn grant_permission(&mut self, label: &str, scope: &str) -> Result<(), ControlError> {
        let token = self.token_mut(label)?;
        if !token.has_scope(scope) {
            token.scopes.push(scope.to_owned());
        }
        Ok(())
    }

    pub(crate) fn restrict_token(
        &mut self,
        label: &str,
        accounts: Option<Vec<String>>,
    ) -> Result<(), ControlError> {
        for id in accounts.iter().flatten() {
            found("account", id, self.accounts.contains_key(id))?;
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
