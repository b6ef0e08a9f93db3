//! From an answer's bytes to JSON or to a classified failure; no input or output happens here.

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::code::CodeKind;
use crate::error::{ApiError, BodyKind, GraphErrorKind, UnexpectedAnswer};
use crate::redact::Redactor;
use crate::transport::Incoming;

/// Reads an answer: the JSON of a success, or what kind of failure it is.
pub(crate) fn read(incoming: &Incoming, redactor: &Redactor<'_>) -> Result<Value, GraphErrorKind> {
    let status = incoming.status;
    if let Some(host) = &incoming.followed_to {
        return Err(GraphErrorKind::Redirect {
            status,
            host: Some(host.clone()),
        });
    }
    if status.is_redirection() {
        return Err(GraphErrorKind::Redirect {
            status,
            host: location_host(incoming),
        });
    }
    // A proxy or a server on Windows may write a byte order mark, which JSON does not allow.
    let body = incoming
        .body
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(&incoming.body);
    let json = serde_json::from_slice::<Value>(body).ok();
    let error = json
        .as_ref()
        .and_then(|json| json.get("error"))
        .filter(|error| !error.is_null());
    if let Some(api) = error.and_then(|error| ApiError::parse(status, error, redactor)) {
        let limited = status == StatusCode::TOO_MANY_REQUESTS || api.code().kind() == CodeKind::RateLimit;
        let api = Box::new(api);
        return Err(if limited {
            GraphErrorKind::RateLimited(Some(api))
        } else {
            GraphErrorKind::Api(api)
        });
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(GraphErrorKind::RateLimited(None));
    }
    let length = incoming.body.len();
    match json {
        Some(_) if status.is_success() && error.is_some() => Err(unexpected(UnexpectedAnswer::shape(
            status,
            length,
            "its error has no code",
        ))),
        Some(json) if status.is_success() => Ok(json),
        Some(_) => Err(unexpected(UnexpectedAnswer::shape(
            status,
            length,
            "it has no Graph error in it",
        ))),
        None => {
            let kind = BodyKind::of(&incoming.headers, body);
            Err(unexpected(UnexpectedAnswer::new(status, kind, length, None)))
        }
    }
}

/// Reads JSON into a type.
pub(crate) fn decode<T: DeserializeOwned>(status: StatusCode, json: Value) -> Result<T, GraphErrorKind> {
    T::deserialize(json).map_err(|error| {
        // Of serde's messages only this one is sure not to repeat the data.
        let text = error.to_string();
        let problem = if text.starts_with("missing field") {
            text
        } else {
            "a member is of another type".to_owned()
        };
        unexpected(UnexpectedAnswer::shape(status, 0, problem))
    })
}

fn unexpected(answer: UnexpectedAnswer) -> GraphErrorKind {
    GraphErrorKind::Unexpected(answer)
}

fn location_host(incoming: &Incoming) -> Option<String> {
    let location = incoming.headers.get(http::header::LOCATION)?.to_str().ok()?;
    Url::parse(location).ok()?.host_str().map(ToOwned::to_owned)
}
