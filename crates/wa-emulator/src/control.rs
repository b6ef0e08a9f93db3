//! The control API over HTTP: the same operations as the methods of [`Emulator`](crate::Emulator).

mod read;
mod summary;
mod table;

use http::StatusCode;
use http::request::Parts;
use serde_json::{Value, json};

use self::read::{read, read_secret};
pub(crate) use self::summary::of as summary;
pub use self::table::control_reference;
use crate::command::Command;
use crate::shared::State;
use crate::world::ControlError;

/// The most entries of the key log in one response.
const KEY_EVENTS: usize = 10_000;

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
            Self::Control(_) | Self::Body(_) => StatusCode::BAD_REQUEST,
        }
    }

    fn render(&self) -> Value {
        let (message, remedy) = match self {
            Self::Control(error) => (error.to_string(), error.remedy()),
            Self::Body(message) => (message.clone(), None),
            Self::NoSuchCall => (
                "there is no such control call".to_owned(),
                Some("see the page \"Control API of the emulator\" of the documentation".into()),
            ),
        };
        json!({"error": {"message": message, "remedy": remedy}})
    }
}

/// What a call asks for.
enum Action {
    Summary,
    Number(String),
    Limits,
    Faults,
    Requests,
    KeyLog { after: u64 },
    Apply(Box<Command>),
    ApplyAll(Vec<Command>),
}

pub(crate) fn is_control(path: &str) -> bool {
    path == "/_emulator" || path.starts_with("/_emulator/")
}

/// Executes a call; returns the status and the body of the response.
pub(crate) fn handle(base_url: &str, state: &mut State, head: &Parts, body: &[u8]) -> (StatusCode, Value) {
    let segments: Vec<&str> = head
        .uri
        .path()
        .split('/')
        .skip(2)
        .filter(|segment| !segment.is_empty())
        .collect();
    let action = route(head.method.as_str(), &segments, head.uri.query(), body);
    match action.and_then(|action| execute(base_url, state, action)) {
        Ok(value) => (StatusCode::OK, value),
        Err(refused) => (refused.status(), refused.render()),
    }
}

fn execute(base_url: &str, state: &mut State, action: Action) -> Result<Value, Refused> {
    Ok(match action {
        Action::Summary => summary(base_url, state),
        Action::Number(id) => json!(state.world.number(&id)?),
        Action::Limits => json!(state.world.limits.report()),
        Action::Faults => json!({"faults": state.faults.rules()}),
        Action::Requests => json!({"total": state.log.total(), "requests": state.log.entries()}),
        Action::KeyLog { after } => {
            let log = &state.world.key_log;
            json!({"total": log.total(), "events": log.events(after, KEY_EVENTS)})
        }
        Action::Apply(command) => {
            let adds_many = matches!(*command, Command::AddNumbers { .. } | Command::AddAccounts { .. });
            let ids = state.apply(*command)?;
            match ids.first() {
                _ if adds_many => json!({"ids": ids}),
                Some(id) => json!({"id": id}),
                None => json!({"done": true}),
            }
        }
        Action::ApplyAll(commands) => {
            let applied: Result<Vec<_>, _> =
                commands.into_iter().map(|command| state.apply(command)).collect();
            json!({"ids": applied?})
        }
    })
}

/// Finds what a call asks for. [`table`] describes the same calls.
fn route(method: &str, path: &[&str], query: Option<&str>, body: &[u8]) -> Result<Action, Refused> {
    let text = |text: &str| text.to_owned();
    let command = match (method, path) {
        ("GET", []) => return Ok(Action::Summary),
        ("GET", ["numbers", id]) => return Ok(Action::Number(text(id))),
        ("GET", ["limits"]) => return Ok(Action::Limits),
        ("GET", ["faults"]) => return Ok(Action::Faults),
        ("GET", ["requests"]) => return Ok(Action::Requests),
        ("GET", ["keys"]) => return key_log(query),
        ("POST", ["commands"]) => return Ok(Action::ApplyAll(read_secret(body)?)),
        ("POST", ["businesses"]) => Command::AddBusiness(read(body)?),
        ("POST", ["accounts"]) => Command::AddAccount(read(body)?),
        ("POST", ["accounts", "many"]) => read::<read::ManyAccounts>(body)?.into(),
        ("POST", ["numbers"]) => Command::AddNumber(read(body)?),
        ("POST", ["numbers", "many"]) => read::<read::ManyNumbers>(body)?.into(),
        ("POST", ["numbers", "reregister"]) => Command::Reregister(read(body)?),
        ("DELETE", ["numbers", id]) => Command::RemoveNumber { number: text(id) },
        ("POST", ["numbers", id, "reregister"]) => Command::Reregister(read::only(id)),
        ("PUT", ["numbers", id, "state"]) => Command::SetNumberState {
            number: text(id),
            state: read(body)?,
        },
        ("PUT", ["numbers", id, "key"]) => Command::SetNumberKey {
            number: text(id),
            key: Some(read(body)?),
        },
        ("DELETE", ["numbers", id, "key"]) => Command::SetNumberKey {
            number: text(id),
            key: None,
        },
        ("PUT", ["propagation_ms"]) => Command::SetPropagationDelay { ms: read(body)? },
        ("POST", ["flows"]) => Command::AddFlow(read(body)?),
        ("DELETE", ["flows", id]) => Command::RemoveFlow { flow: text(id) },
        ("POST", ["apps"]) => Command::AddApp(read_secret(body)?),
        ("PUT", ["apps", id, "require_proof"]) => Command::RequireProof {
            app: text(id),
            require: read(body)?,
        },
        ("POST", ["tokens"]) => Command::AddToken(read_secret(body)?),
        ("POST", ["tokens", label, "expire"]) => Command::ExpireToken { token: text(label) },
        ("POST", ["tokens", label, "revoke"]) => Command::RevokeToken { token: text(label) },
        ("PUT", ["tokens", label, "permissions", scope]) => Command::GrantPermission {
            token: text(label),
            permission: text(scope),
        },
        ("DELETE", ["tokens", label, "permissions", scope]) => Command::DropPermission {
            token: text(label),
            permission: text(scope),
        },
        ("PUT", ["tokens", label, "accounts"]) => Command::RestrictToken {
            token: text(label),
            accounts: read(body)?,
        },
        ("PUT", ["limits"]) => Command::SetRateLimits(read(body)?),
        ("DELETE", ["limits"]) => Command::SetRateLimits(crate::world::RateLimits::new()),
        ("PUT", ["shape"]) => Command::SetWireShape(read(body)?),
        ("PUT", ["clock"]) => Command::SetClock {
            offset_seconds: read::<read::Clock>(body)?.offset_seconds,
        },
        ("POST", ["faults"]) => Command::AddFault(read(body)?),
        ("DELETE", ["faults"]) => Command::ClearFaults,
        ("DELETE", ["requests"]) => Command::ClearRequests,
        ("DELETE", ["keys"]) => Command::ClearKeyLog,
        ("POST", ["reset"]) => Command::Reset,
        _ => return Err(Refused::NoSuchCall),
    };
    Ok(Action::Apply(Box::new(command)))
}

fn key_log(query: Option<&str>) -> Result<Action, Refused> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut after = 0;
    for (name, value) in pairs {
        if name != "after" {
            return Err(Refused::Body(format!("there is no parameter {name:?}")));
        }
        after = value
            .parse()
            .map_err(|_| Refused::Body("the parameter after is not a number".to_owned()))?;
    }
    Ok(Action::KeyLog { after })
}
