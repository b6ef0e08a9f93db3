//! Turns the bytes of a response into JSON or into a classified failure, without any I/O.

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::code::CodeKind;
use crate::error::{ApiError, BodyKind, GraphErrorKind, UnexpectedResponse};
use crate::redact::Redactor;
use crate::transport::Incoming;

/// Returns the JSON of a successful response, or the kind of failure.
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
    // A proxy or a server on Windows may add a byte order mark, which JSON does not allow.
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
        Some(_) if status.is_success() && error.is_some() => Err(unexpected(UnexpectedResponse::shape(
            status,
            length,
            "its error has no code",
        ))),
        Some(json) if status.is_success() => Ok(json),
        Some(_) => Err(unexpected(UnexpectedResponse::shape(
            status,
            length,
            "it contains no Graph error",
        ))),
        None => {
            let kind = BodyKind::of(&incoming.headers, body);
            Err(unexpected(UnexpectedResponse::new(status, kind, length, None)))
        }
    }
}

/// Deserializes JSON into a type.
pub(crate) fn decode<T: DeserializeOwned>(status: StatusCode, json: Value) -> Result<T, GraphErrorKind> {
    T::deserialize(json).map_err(|error| {
        // This is the only message of serde that never repeats the data.
        let text = error.to_string();
        let problem = if text.starts_with("missing field") {
            text
        } else {
            "a member has an unexpected type".to_owned()
        };
        unexpected(UnexpectedResponse::shape(status, 0, problem))
    })
}

fn unexpected(response: UnexpectedResponse) -> GraphErrorKind {
    GraphErrorKind::Unexpected(response)
}

fn location_host(incoming: &Incoming) -> Option<String> {
    let location = incoming.headers.get(http::header::LOCATION)?.to_str().ok()?;
    Url::parse(location).ok()?.host_str().map(ToOwned::to_owned)
}
