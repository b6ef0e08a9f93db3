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
    match (&call.method, &route) {
        (&Method::POST, Route::Key(id)) => {
            key::set(world, &caller, id, call)?;
            Ok(if shape.success_as_text {
                json!({"success": "true"})
            } else {
                json!({"success": true})
            })
        }
        (&Method::GET, Route::Key(id)) => key::get(world, shape, &caller, id, call),
        (&Method::GET, Route::PhoneNumbers(id)) => listing::phone_numbers(world, &caller, id, call, base_url),
        (&Method::GET, Route::OwnedAccounts(id)) => {
            listing::accounts(world, shape, &caller, (id, Edge::Owned), call, base_url)
        }
        (&Method::GET, Route::ClientAccounts(id)) => {
            listing::accounts(world, shape, &caller, (id, Edge::Client), call, base_url)
        }
        (&Method::GET, Route::Node(id)) => node::read(world, shape, &caller, id, call),
        (&Method::GET, Route::DebugToken) => debug_token::inspect(world, &caller, call),
        (method, _) => Err(ErrorAnswer::invalid_parameter(format!(
            "Unsupported {} request.",
            method.as_str().to_ascii_lowercase()
        ))
        .kind("GraphMethodException")),
    }
}

/// The account whose own limit a call counts towards (Meta, *Graph API rate limiting*: its edges).
fn limited_account<'r>(world: &World, route: &'r Route) -> Option<&'r str> {
    match route {
        Route::PhoneNumbers(id) | Route::Node(id) if world.accounts.contains_key(id) => Some(id),
        _ => None,
    }
}
