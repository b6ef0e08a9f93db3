//! The Graph API: executes one call and returns its response.

mod auth;
mod call;
mod catalogue;
mod debug_token;
mod error;
mod key;
mod listing;
mod node;
mod params;
mod route;
mod shape;

use std::sync::Arc;

pub(crate) use call::Call;
pub use error::ErrorResponse;
use http::Method;
pub(crate) use params::Params;
use serde_json::{Value, json};
pub use shape::{NoKeyShape, WireShape};

use self::auth::Caller;
use self::listing::Edge;
use self::route::Route;
use crate::world::{Id, LimitUsage, World};

/// The response to one call, before it is rendered as HTTP.
#[derive(Debug)]
pub(crate) struct GraphResponse {
    pub(crate) result: Result<Value, ErrorResponse>,
    pub(crate) usage: LimitUsage,
}

/// How the state is shown to one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) shape: &'a WireShape,
    pub(crate) base_url: &'a str,
    /// Whether the state before the last change of a key is shown.
    pub(crate) stale: bool,
}

/// Executes a call.
pub(crate) fn handle(world: &mut World, view: View<'_>, call: &Call) -> GraphResponse {
    let mut usage = LimitUsage::default();
    let result = execute(world, view, call, &mut usage);
    GraphResponse { result, usage }
}

fn execute(
    world: &mut World,
    view: View<'_>,
    call: &Call,
    usage: &mut LimitUsage,
) -> Result<Value, ErrorResponse> {
    let route = Route::of(&call.path)?;
    let caller = Caller::identify(world, call)?;
    let account = limited_account(world, &route);
    *usage = world.limits.count(caller.app(), account.as_deref());
    if usage.app_exceeded {
        return Err(ErrorResponse::app_rate_limit());
    }
    if usage.account_exceeded {
        return Err(ErrorResponse::account_rate_limit());
    }
    if let (&Method::POST, Route::Key(id)) = (&call.method, &route) {
        key::set(world, &caller, id, call)?;
        return Ok(if view.shape.success_as_text {
            json!({"success": "true"})
        } else {
            json!({"success": true})
        });
    }
    if call.method != Method::GET {
        let method = call.method.as_str().to_ascii_lowercase();
        let error = ErrorResponse::invalid_parameter(format!("Unsupported {method} request."));
        return Err(error.kind("GraphMethodException"));
    }
    let reading = Reading {
        world,
        shape: view.shape,
        base_url: view.base_url,
        stale: view.stale,
        caller: &caller,
        call,
    };
    match &route {
        Route::Key(id) => key::get(&reading, id),
        Route::PhoneNumbers(id) => listing::phone_numbers(&reading, id),
        Route::OwnedAccounts(id) => listing::accounts(&reading, id, Edge::Owned),
        Route::ClientAccounts(id) => listing::accounts(&reading, id, Edge::Client),
        Route::Node(id) => node::read(&reading, id),
        Route::DebugToken => debug_token::inspect(&reading),
    }
}

/// The inputs of a read call.
#[derive(Debug, Clone, Copy)]
struct Reading<'a> {
    world: &'a World,
    shape: &'a WireShape,
    base_url: &'a str,
    caller: &'a Caller,
    call: &'a Call,
    /// Whether the state before the last change of a key is read.
    stale: bool,
}

/// Returns the account whose own limit a call counts towards (Meta, *Graph API rate limiting*: its edges).
fn limited_account(world: &World, route: &Route) -> Option<Id> {
    match route {
        Route::PhoneNumbers(id) | Route::Node(id) => world
            .accounts
            .get_key_value(id.as_str())
            .map(|(id, _)| Arc::clone(id)),
        Route::Key(id) if world.limits.counts_keys() => world
            .numbers
            .get(id.as_str())
            .map(|number| Arc::clone(&number.account)),
        _ => None,
    }
}
