//! Authentication and authorization: tokens, `appsecret_proof`, permissions.

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;

use super::call::Call;
use super::error::ErrorResponse;
use crate::world::{App, Token, World};

/// How long a timed proof is valid, in seconds (Meta, *Securing requests*).
const PROOF_LIFETIME: u64 = 5 * 60;

pub(crate) const MESSAGING: &str = "whatsapp_business_messaging";
pub(crate) const MANAGEMENT: &str = "whatsapp_business_management";
pub(crate) const BUSINESS: &str = "business_management";

/// The caller of a call.
#[derive(Debug)]
pub(crate) enum Caller {
    /// An access token, by its label.
    Token { label: String, app: String },
    /// `APP_ID|APP_SECRET`.
    App { app: String },
}

impl Caller {
    pub(crate) fn identify(world: &World, call: &Call) -> Result<Self, ErrorResponse> {
        let text = call.token().ok_or_else(ErrorResponse::no_token)?;
        if let Some(app) = app_of(world, text) {
            return Ok(Self::App { app });
        }
        let (label, token) = world.find_token(text).ok_or_else(ErrorResponse::unknown_token)?;
        if token.revoked {
            return Err(ErrorResponse::revoked_token());
        }
        if token.is_expired(world.clock.unix_seconds()) {
            return Err(ErrorResponse::expired_token());
        }
        if let Some(app) = world.apps.get(&token.app) {
            check_proof(app, text, call, world.clock.unix_seconds())?;
        }
        Ok(Self::Token {
            label: label.to_owned(),
            app: token.app.clone(),
        })
    }

    pub(crate) fn app(&self) -> &str {
        match self {
            Self::Token { app, .. } | Self::App { app } => app,
        }
    }

    fn token<'w>(&self, world: &'w World) -> Option<&'w Token> {
        match self {
            Self::Token { label, .. } => world.tokens.get(label),
            Self::App { .. } => None,
        }
    }

    /// Returns code 10 unless the token has all of `scopes`; an app's own token has none.
    pub(crate) fn need(&self, world: &World, scopes: &[&str]) -> Result<(), ErrorResponse> {
        let token = self.token(world);
        match scopes
            .iter()
            .find(|scope| !token.is_some_and(|token| token.has_scope(scope)))
        {
            None => Ok(()),
            Some(scope) => Err(ErrorResponse::missing_permission(format!(
                "The access token lacks the permission {scope}."
            ))),
        }
    }

    /// Returns code 200 unless the token may access `account`.
    pub(crate) fn reach(&self, world: &World, account: &str) -> Result<(), ErrorResponse> {
        if self.token(world).is_some_and(|token| token.reaches(account)) {
            Ok(())
        } else {
            Err(ErrorResponse::permission_denied())
        }
    }
}

/// Returns the app if the text is its `APP_ID|APP_SECRET`.
pub(crate) fn app_of(world: &World, text: &str) -> Option<String> {
    let (id, secret) = text.split_once('|')?;
    world
        .apps
        .get(id)
        .filter(|app| app.secret.matches(secret))
        .map(|_| id.to_owned())
}

/// Verifies `appsecret_proof`, classic or timed. A proof that is sent must be valid even if none is required.
fn check_proof(app: &App, token: &str, call: &Call, now: u64) -> Result<(), ErrorResponse> {
    let refused = |message: &str| Err(ErrorResponse::invalid_parameter(message).kind("GraphMethodException"));
    let Some(proof) = call.param("appsecret_proof") else {
        return if app.require_proof {
            refused("API calls from the server require an appsecret_proof argument")
        } else {
            Ok(())
        };
    };
    let message = match call.param("appsecret_time") {
        None => token.to_owned(),
        Some(time) => {
            let fresh = time
                .parse::<u64>()
                .is_ok_and(|time| now.abs_diff(time) <= PROOF_LIFETIME);
            if !fresh {
                return refused("The appsecret_time is more than five minutes away from now");
            }
            format!("{token}|{time}")
        }
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, app.secret.expose_secret().as_bytes());
    // Lowercase hex is the documented form, and the only one accepted.
    let bytes = HEXLOWER.decode(proof.as_bytes()).unwrap_or_default();
    match hmac::verify(&key, message.as_bytes(), &bytes) {
        Ok(()) => Ok(()),
        Err(_) => refused("Invalid appsecret_proof provided in the API argument"),
    }
}
