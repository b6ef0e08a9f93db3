//! The response of a backend, read according to the upstream contract.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use wa_flows::FlowResponse;

use crate::upstream::UpstreamError;

/// The response of a backend.
#[derive(Debug)]
pub(crate) enum UpstreamResponse {
    /// 200 with a JSON object: the response for the phone.
    Object(FlowResponse),
    /// 427: the flow token is no longer valid.
    TokenInvalid(FlowResponse),
    /// Any other 2xx: enough for a notification, but not for a request that needs a response.
    Success(u16),
}

impl UpstreamResponse {
    pub(crate) fn read(status: StatusCode, body: &Bytes) -> Result<Self, UpstreamError> {
        match status.as_u16() {
            200 => match FlowResponse::from_json(body.to_vec()) {
                Ok(response) => Ok(Self::Object(response)),
                Err(_) if body.is_empty() => Ok(Self::Success(200)),
                Err(_) => Err(UpstreamError::NotAnObject),
            },
            427 => Ok(Self::TokenInvalid(FlowResponse::token_invalid(error_message(
                body,
            )))),
            other if status.is_success() => Ok(Self::Success(other)),
            other => Err(UpstreamError::Status(other)),
        }
    }

    /// Returns the response for the phone, and the outcome for the metrics. A response that the phone cannot
    /// show is sent anyway, because the phone reports the error to its user and to Meta.
    pub(crate) fn into_flow_response(
        self,
        expects_screen: bool,
    ) -> Result<(FlowResponse, &'static str), UpstreamError> {
        let outcome = self.label();
        match self {
            Self::Object(response) if expects_screen && response.check_schema().is_err() => {
                Ok((response, "bad_schema"))
            }
            Self::Object(response) | Self::TokenInvalid(response) => Ok((response, outcome)),
            Self::Success(200) => Err(UpstreamError::NotAnObject),
            Self::Success(status) => Err(UpstreamError::Status(status)),
        }
    }

    /// Returns the outcome label for the metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Object(_) | Self::Success(_) => "answered",
            Self::TokenInvalid(_) => "token_invalid",
        }
    }
}

/// Returns the text of `{"error_msg": "…"}`; without it, the phone shows its default text.
fn error_message(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("error_msg")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &'static str) -> Result<Vec<u8>, String> {
        let response = UpstreamResponse::read(
            StatusCode::from_u16(status).unwrap(),
            &Bytes::from_static(body.as_bytes()),
        );
        let response = response.and_then(|response| response.into_flow_response(true));
        response
            .map(|(response, _)| response.into_json().unwrap())
            .map_err(|error| error.label().to_owned())
    }

    #[test]
    fn responses_are_read_according_to_the_contract() {
        let cases: [(u16, &str, Result<&str, &str>); 12] = [
            (
                200,
                r#"{ "screen": "A", "data": {} }"#,
                Ok(r#"{ "screen": "A", "data": {} }"#),
            ),
            (200, "[]", Err("bad_json")),
            (200, "<html>", Err("bad_json")),
            (200, "", Err("bad_json")),
            (427, r#"{"error_msg":"over"}"#, Ok(r#"{"error_msg":"over"}"#)),
            (427, "", Ok("{}")),
            (427, r#"{"error_msg":7}"#, Ok("{}")),
            (201, "{}", Err("bad_status")),
            (204, "", Err("bad_status")),
            (302, "", Err("bad_status")),
            (404, "{}", Err("bad_status")),
            (500, "{}", Err("bad_status")),
        ];
        for (status, body, expected) in cases {
            let expected = expected
                .map(|text| text.as_bytes().to_vec())
                .map_err(str::to_owned);
            assert_eq!(read(status, body), expected, "{status} {body}");
        }
    }
}
