//! The control API over HTTP: the same operations as the methods of [`Emulator`](crate::Emulator).

mod summary;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::body::Body;
use crate::fault::FaultRule;
use crate::graph::WireShape;
use crate::respond;
use crate::shared::{Shared, State};
use crate::world::{
    AccountSpec, AppSpec, BusinessSpec, ControlError, NumberSpec, NumberState, RateLimits, TokenSpec,
};

/// The most phone numbers that one call adds.
const MAX_COUNT: usize = 100_000;

/// The reason why a control call was refused.
#[derive(Debug)]
enum Refused {
    Control(ControlError),
    Body(String),
    NoSuchCall,
}

impl From<ControlError> for Refused {
    fn from(error: ControlError) -> Self {
        Self::Control(error)
    }
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Control(ControlError::NotFound { .. }) | Self::NoSuchCall => StatusCode::NOT_FOUND,
            Self::Control(ControlError::AlreadyExists { .. }) => StatusCode::CONFLICT,
            Self::Control(
                ControlError::InvalidId { .. }
                | ControlError::InvalidLabel { .. }
                | ControlError::InvalidKey { .. },
            )
            | Self::Body(_) => StatusCode::BAD_REQUEST,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Control(error) => error.to_string(),
            Self::Body(message) => message.clone(),
            Self::NoSuchCall => {
                "there is no such control call: see the documentation of the crate wa-emulator".to_owned()
            }
        }
    }
}

pub(crate) fn is_control(path: &str) -> bool {
    path == "/_emulator" || path.starts_with("/_emulator/")
}

pub(crate) fn handle(shared: &Shared, head: &Parts, body: &[u8]) -> Response<Body> {
    let segments: Vec<&str> = head
        .uri
        .path()
        .split('/')
        .skip(2)
        .filter(|segment| !segment.is_empty())
        .collect();
    let outcome = match (&head.method, segments.as_slice()) {
        (&Method::POST, ["reset"]) => {
            shared.reset();
            Ok(done())
        }
        (&Method::GET, []) => Ok(summary::of(&shared.base_url, &shared.state())),
        (method, ["numbers", rest @ ..]) => numbers(&mut shared.state(), method, rest, body),
        (method, ["tokens", rest @ ..]) => tokens(&mut shared.state(), method, rest, body),
        (method, rest) => others(&mut shared.state(), method, rest, body),
    };
    match outcome {
        Ok(value) => respond::json(StatusCode::OK, value.to_string()),
        Err(refused) => respond::json(
            refused.status(),
            json!({"error": {"message": refused.message()}}).to_string(),
        ),
    }
}

fn others(state: &mut State, method: &Method, path: &[&str], body: &[u8]) -> Result<Value, Refused> {
    match (method, path) {
        (&Method::POST, ["businesses"]) => {
            Ok(json!({"id": state.world.add_business(&read::<BusinessSpec>(body)?)?}))
        }
        (&Method::POST, ["accounts"]) => {
            Ok(json!({"id": state.world.add_account(&read::<AccountSpec>(body)?)?}))
        }
        (&Method::POST, ["apps"]) => {
            state.world.add_app(&read_secret::<AppSpec>(body)?)?;
            Ok(done())
        }
        (&Method::PUT, ["apps", id, "require_proof"]) => {
            state.world.require_proof(id, read::<bool>(body)?)?;
            Ok(done())
        }
        (&Method::PUT, ["limits"]) => {
            state.world.limits.set(read::<RateLimits>(body)?);
            Ok(done())
        }
        (&Method::DELETE, ["limits"]) => {
            state.world.limits.set(RateLimits::new());
            Ok(done())
        }
        (&Method::PUT, ["shape"]) => {
            state.shape = read::<WireShape>(body)?;
            Ok(done())
        }
        (&Method::GET, ["faults"]) => Ok(json!({"faults": state.faults.rules()})),
        (&Method::POST, ["faults"]) => {
            state.faults.push(read::<FaultRule>(body)?);
            Ok(done())
        }
        (&Method::DELETE, ["faults"]) => {
            state.faults.clear();
            Ok(done())
        }
        (&Method::GET, ["requests"]) => {
            Ok(json!({"total": state.log.total(), "requests": state.log.entries()}))
        }
        (&Method::DELETE, ["requests"]) => {
            state.log.clear();
            Ok(done())
        }
        _ => Err(Refused::NoSuchCall),
    }
}

fn numbers(state: &mut State, method: &Method, path: &[&str], body: &[u8]) -> Result<Value, Refused> {
    let world = &mut state.world;
    match (method, path) {
        (&Method::POST, []) => return Ok(json!({"id": world.add_number(&read::<NumberSpec>(body)?)?})),
        (&Method::POST, ["many"]) => {
            let many: Many = read(body)?;
            if many.count > MAX_COUNT {
                return Err(Refused::Body(format!("count is at most {MAX_COUNT} per call")));
            }
            return Ok(json!({"ids": world.add_numbers(&many.account, many.count)?}));
        }
        (&Method::GET, [id]) => return Ok(json!(world.number(id)?)),
        (&Method::DELETE, [id]) => world.remove_number(id)?,
        (&Method::POST, [id, "reregister"]) => world.reregister_number(id)?,
        (&Method::PUT, [id, "state"]) => world.set_number_state(id, read::<NumberState>(body)?)?,
        (&Method::PUT, [id, "key"]) => world.set_number_key(id, Some(&read::<String>(body)?))?,
        (&Method::DELETE, [id, "key"]) => world.set_number_key(id, None)?,
        _ => return Err(Refused::NoSuchCall),
    }
    Ok(done())
}

fn tokens(state: &mut State, method: &Method, path: &[&str], body: &[u8]) -> Result<Value, Refused> {
    let world = &mut state.world;
    match (method, path) {
        (&Method::POST, []) => world.add_token(&read_secret::<TokenSpec>(body)?)?,
        (&Method::POST, [label, "expire"]) => world.expire_token(label)?,
        (&Method::POST, [label, "revoke"]) => world.revoke_token(label)?,
        (&Method::PUT, [label, "permissions", scope]) => world.grant_permission(label, scope)?,
        (&Method::DELETE, [label, "permissions", scope]) => world.drop_permission(label, scope)?,
        (&Method::PUT, [label, "accounts"]) => {
            world.restrict_token(label, read::<Option<Vec<String>>>(body)?)?;
        }
        _ => return Err(Refused::NoSuchCall),
    }
    Ok(done())
}

/// The body of `POST /numbers/many`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    account: String,
    count: usize,
}

fn done() -> Value {
    json!({"done": true})
}

/// Parses a body; an empty one is an empty object.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Refused::Body(format!("invalid JSON body: {error}")))
}

/// Parses a body that contains a secret. An error shows the position of the fault and what was expected
/// there, never the body.
fn read_secret<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        let place = format!("at line {}, column {}", error.line(), error.column());
        let missing = text
            .strip_prefix("missing field ")
            .and_then(|rest| rest.split(" at line ").next());
        // The text before this may quote the body; only the last part is the parser's own.
        let expected = text.rsplit_once(", expected ").map(|(_, rest)| rest);
        Refused::Body(match (missing, expected) {
            (Some(name), _) => format!("invalid JSON body: {name} is missing"),
            (None, Some(expected)) => format!("invalid JSON body: expected {expected}"),
            (None, None) => format!("invalid JSON body {place}"),
        })
    })
}
