//! One received call, parsed completely before it is executed.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Method};

use super::error::ErrorResponse;
use super::params::Params;

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) raw_query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) query: Params,
    pub(crate) params: Result<Params, ErrorResponse>,
}

impl Call {
    pub(crate) async fn new(head: http::request::Parts, body: Bytes) -> Self {
        let params = Params::from_body(&head.headers, &body).await;
        Self {
            query: Params::from_query(head.uri.query()),
            raw_query: head.uri.query().map(str::to_owned),
            path: head.uri.path().to_owned(),
            method: head.method,
            headers: head.headers,
            body,
            params,
        }
    }

    /// Returns a parameter of the body, or else of the query.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params
            .as_ref()
            .ok()
            .and_then(|params| params.get(name))
            .or_else(|| self.query.get(name))
    }

    /// Returns whether the body is form-urlencoded, or is parsed as such.
    pub(crate) fn is_form(&self) -> bool {
        let content_type = self
            .headers
            .get(CONTENT_TYPE)
            .map_or(&b""[..], |value| value.as_bytes());
        content_type.is_empty() || content_type.starts_with(b"application/x-www-form-urlencoded")
    }

    /// Returns the access token: `Authorization: Bearer`, or the parameter `access_token`.
    pub(crate) fn token(&self) -> Option<&str> {
        let bearer = self
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let bearer = bearer.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        bearer
            .or_else(|| self.param("access_token"))
            .filter(|token| !token.is_empty())
    }
}
