//! HTTP responses of the endpoint.

use std::fmt;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

use crate::endpoint::ResponseBody;
use crate::status::Refusal;

/// The status, content type and body of a response with status 200 or 427.
#[derive(Clone)]
pub(crate) struct ResponseParts {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) text: Bytes,
}

impl ResponseParts {
    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::new(self.text));
        *response.status_mut() = self.status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response
    }
}

impl fmt::Debug for ResponseParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ResponseParts({}, {} bytes)",
            self.status.as_u16(),
            self.text.len()
        )
    }
}

/// Returns the response to a refused request. It has no body: there is no key to encrypt it with, or the
/// phone would not show it.
pub(crate) fn refused(refusal: Refusal) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = refusal.status();
    if refusal == Refusal::MethodNotAllowed {
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}
