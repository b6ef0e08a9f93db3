//! The control API over HTTP: the same that the methods of [`Emulator`](crate::Emulator) do.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

use crate::body::Body;
use crate::respond;
use crate::shared::Shared;

pub(crate) fn is_control(path: &str) -> bool {
    path == "/_emulator" || path.starts_with("/_emulator/")
}

pub(crate) fn handle(_shared: &Shared, _head: &http::request::Parts, _body: &Bytes) -> Response<Body> {
    respond::json(StatusCode::NOT_FOUND, json!({"error": "not yet"}).to_string())
}
