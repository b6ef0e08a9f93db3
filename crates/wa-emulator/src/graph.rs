//! The Graph side: one call in, one answer out.

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
pub use error::ErrorAnswer;
use http::Method;
pub(crate) use params::Params;
use serde_json::{Value, json};
pub use shape::{NoKeyShape, WireShape};

use self::auth::Caller;
use self::listing::Edge;
use self::route::Route;
use crate::world::{Usage, World};

/// The answer to one call, before it is put into HTTP.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) result: Result<Value, ErrorAnswer>,
    pub(crate) usage: Usage,
}

/// Carries out a call.
pub(crate) fn answer(world: &mut World, shape: &WireShape, base_url: &str, call: &Call) -> Reply {
    let mut usage = Usage::default();
    let result = carry_out(world, shape, base_url, call, &mut usage);
    Reply { result, usage }
}

fn carry_out(
    world: &mut World,
    shape: &WireShape,
    base_url: &str,
    call: &Call,
    usage: &mut Usage,
) -> Result<Value, ErrorAnswer> {
    let route = Route::of(&call.path)?;
    let caller = Caller::identify(world, call)?;
    *usage = world.limits.count(caller.app(), limited_account(world, &route));
    if usage.app_exceeded {
        return Err(ErrorAnswer::app_rate_limit());
    }
    if usage.account_exceeded {
        return Err(ErrorAnswer::account_rate_limit());
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
        let error = ErrorAnswer::invalid_parameter(format!("Unsupported {method} request."));
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

/// All that a call which changes nothing looks at.
#[derive(Clone, Copy, Debug)]
struct Reading<'a> {
    world: &'a World,
    shape: &'a WireShape,
    base_url: &'a str,
    caller: &'a Caller,
    call: &'a Call,
}

/// The account whose own limit a call counts towards (Meta, *Graph API rate limiting*: its edges).
fn limited_account<'r>(world: &World, route: &'r Route) -> Option<&'r str> {
    match route {
        Route::PhoneNumbers(id) | Route::Node(id) if world.accounts.contains_key(id) => Some(id),
        _ => None,
    }
}
