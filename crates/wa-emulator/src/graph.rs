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

pub(crate) use call::Call;
pub use error::ErrorResponse;
use http::Method;
pub(crate) use params::Params;
use serde_json::{Value, json};
pub use shape::{NoKeyShape, WireShape};

use self::auth::Caller;
use self::listing::Edge;
use self::route::Route;
use crate::world::{LimitUsage, World};

/// The response to one call, before it is rendered as HTTP.
#[derive(Debug)]
pub(crate) struct GraphResponse {
    pub(crate) result: Result<Value, ErrorResponse>,
    pub(crate) usage: LimitUsage,
}

/// Executes a call.
pub(crate) fn handle(world: &mut World, shape: &WireShape, base_url: &str, call: &Call) -> GraphResponse {
    let mut usage = LimitUsage::default();
    let result = execute(world, shape, base_url, call, &mut usage);
    GraphResponse { result, usage }
}

fn execute(
    world: &mut World,
    shape: &WireShape,
    base_url: &str,
    call: &Call,
    usage: &mut LimitUsage,
) -> Result<Value, ErrorResponse> {
    let route = Route::of(&call.path)?;
    let caller = Caller::identify(world, call)?;
    *usage = world.limits.count(caller.app(), limited_account(world, &route));
    if usage.app_exceeded {
        return Err(ErrorResponse::app_rate_limit());
    }
    if usage.account_exceeded {
        return Err(ErrorResponse::account_rate_limit());
    }
    if let (&Method::POST, Route::Key(id)) = (&call.method, &route) {
        key::set(world, &caller, id, call)?;
        return Ok(if shape.success_as_text {
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
        shape,
        base_url,
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
#[derive(Clone, Copy, Debug)]
struct Reading<'a> {
    world: &'a World,
    shape: &'a WireShape,
    base_url: &'a str,
    caller: &'a Caller,
    call: &'a Call,
}

/// Returns the account whose own limit a call counts towards (Meta, *Graph API rate limiting*: its edges).
fn limited_account<'r>(world: &World, route: &'r Route) -> Option<&'r str> {
    match route {
        Route::PhoneNumbers(id) | Route::Node(id) if world.accounts.contains_key(id) => Some(id),
        _ => None,
    }
}
