//! Responses of the endpoint.

use std::fmt;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

use crate::endpoint::ReplyBody;
use crate::status::Refusal;

/// A response with a status of 200 or 427.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) text: Bytes,
}

impl Reply {
    pub(crate) fn into_response(self) -> Response<ReplyBody> {
        let mut response = Response::new(ReplyBody::new(self.text));
        *response.status_mut() = self.status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.status.as_u16(), self.text.len())
    }
}

/// A refusal has no body: there is no key to encrypt one with, or nothing that the phone would show.
pub(crate) fn refused(refusal: Refusal) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::default());
    *response.status_mut() = refusal.status();
    if refusal == Refusal::MethodNotAllowed {
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}
