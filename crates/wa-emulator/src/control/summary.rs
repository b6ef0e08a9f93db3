//! The summary of all objects, without secrets.

use serde_json::{Map, Value, json};

use crate::shared::State;

pub(crate) fn of(base_url: &str, state: &State) -> Value {
    let world = &state.world;
    let businesses: Map<String, Value> = world
        .businesses
        .iter()
        .map(|(id, business)| {
            let owned: Vec<&str> = business.owned.values().map(|id| &**id).collect();
            let client: Vec<&str> = business.shared.values().map(|id| &**id).collect();
            (
                id.clone(),
                json!({"name": business.name, "owned_accounts": owned, "client_accounts": client}),
            )
        })
        .collect();
    let accounts: Map<String, Value> = world
        .accounts
        .iter()
        .map(|(id, account)| {
            let numbers = account.numbers.len();
            (
                id.to_string(),
                json!({"name": account.name(id), "numbers": numbers}),
            )
        })
        .collect();
    let apps: Map<String, Value> = world
        .apps
        .iter()
        .map(|(id, app)| {
            (
                id.clone(),
                json!({"name": app.name, "require_proof": app.require_proof}),
            )
        })
        .collect();
    let tokens: Map<String, Value> = world
        .tokens
        .iter()
        .map(|(label, token)| {
            let summary = json!({
                "app": token.app,
                "permissions": token.scopes,
                "accounts": token.accounts,
                "expired": token.is_expired(world.clock.unix_seconds()),
                "revoked": token.revoked,
            });
            (label.clone(), summary)
        })
        .collect();
    json!({
        "base_url": base_url,
        "businesses": businesses,
        "accounts": accounts,
        "numbers": world.numbers.len(),
        "flows": world.flows.keys().collect::<Vec<_>>(),
        "apps": apps,
        "tokens": tokens,
        "faults": state.faults.rules().len(),
        "requests": state.log.total(),
    })
}
