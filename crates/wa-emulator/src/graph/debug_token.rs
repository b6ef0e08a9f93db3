//! `/debug_token` (Meta, *Debug token*).

use serde_json::{Map, Value, json};

use super::Reading;
use super::auth;
use super::error::ErrorResponse;
use crate::world::{Token, World};

pub(crate) fn inspect(reading: &Reading<'_>) -> Result<Value, ErrorResponse> {
    let &Reading {
        world, caller, call, ..
    } = reading;
    let input = call.param("input_token").filter(|text| !text.is_empty());
    let input = input.ok_or_else(|| ErrorResponse::missing_parameter("input_token"))?;
    if let Some(app) = auth::app_of(world, input) {
        return Ok(json!({"data": {
            "app_id": app, "type": "APP", "application": name(world, &app), "is_valid": true, "scopes": [],
        }}));
    }
    let Some((label, token)) = world.find_token(input) else {
        return Ok(json!({"data": {
            "error": {"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"},
            "is_valid": false,
            "scopes": [],
        }}));
    };
    if token.app != caller.app() {
        return Err(ErrorResponse::invalid_parameter(
            "(#100) You must provide an app access token, or a user access token of an owner or developer of \
             the app",
        ));
    }
    Ok(json!({"data": describe(world, label, token)}))
}

fn describe(world: &World, label: &str, token: &Token) -> Map<String, Value> {
    let granular: Vec<Value> = token
        .scopes
        .iter()
        .map(|scope| granular_scope(token, scope))
        .collect();
    let is_expired = token.is_expired(world.clock.unix_seconds());
    let mut data = Map::new();
    data.insert("app_id".into(), token.app.clone().into());
    data.insert("type".into(), "SYSTEM_USER".into());
    data.insert("application".into(), name(world, &token.app).into());
    data.insert("data_access_expires_at".into(), 0.into());
    data.insert("expires_at".into(), token.expires_at.into());
    data.insert("issued_at".into(), token.issued_at.into());
    data.insert("is_valid".into(), (!token.revoked && !is_expired).into());
    data.insert("scopes".into(), token.scopes.clone().into());
    data.insert("granular_scopes".into(), granular.into());
    data.insert("user_id".into(), user_id(label).into());
    let error = if token.revoked {
        Some((
            467,
            "Error validating access token: The session has been invalidated.",
        ))
    } else if is_expired {
        Some((463, "Error validating access token: Session has expired."))
    } else {
        None
    };
    if let Some((subcode, message)) = error {
        data.insert(
            "error".into(),
            json!({"code": 190, "message": message, "subcode": subcode}),
        );
    }
    data
}

/// Renders a permission; `target_ids` is present only if the token is limited to certain accounts.
fn granular_scope(token: &Token, scope: &str) -> Value {
    match &token.accounts {
        Some(accounts) if scope.starts_with("whatsapp_") => json!({"scope": scope, "target_ids": accounts}),
        _ => json!({"scope": scope}),
    }
}

fn name(world: &World, app: &str) -> String {
    world
        .apps
        .get(app)
        .map(|app| app.name.clone())
        .unwrap_or_default()
}

/// Returns a user id that is stable for a label.
fn user_id(label: &str) -> String {
    let sum = label
        .bytes()
        .fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    (122_000_000_000_000 + sum % 1_000_000_000_000).to_string()
}
