//! What a backend answered.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use wa_flows::FlowResponse;

use crate::upstream::UpstreamError;

/// The answer of a backend, read by the upstream contract.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 200 with a JSON object: the phone's next step.
    Reply(FlowResponse),
    /// 427: the flow token is no longer valid.
    TokenInvalid(FlowResponse),
    /// Any other 2xx: enough for what is only told, not for what is asked.
    Accepted(u16),
}

impl Answer {
    pub(crate) fn read(status: StatusCode, body: &Bytes) -> Result<Self, UpstreamError> {
        match status.as_u16() {
            200 => match FlowResponse::from_json(body.to_vec()) {
                Ok(response) => Ok(Self::Reply(response)),
                Err(_) if body.is_empty() => Ok(Self::Accepted(200)),
                Err(_) => Err(UpstreamError::NotAnObject),
            },
            427 => Ok(Self::TokenInvalid(FlowResponse::token_invalid(error_message(
                body,
            )))),
            other if status.is_success() => Ok(Self::Accepted(other)),
            other => Err(UpstreamError::Status(other)),
        }
    }

    /// Returns what is sent to a phone that asked for something, and its outcome. A response that the phone cannot show is
    /// sent all the same, since the phone reports it to its user and to Meta.
    pub(crate) fn into_response(
        self,
        expects_screen: bool,
    ) -> Result<(FlowResponse, &'static str), UpstreamError> {
        let outcome = self.label();
        match self {
            Self::Reply(response) if expects_screen && response.check_schema().is_err() => {
                Ok((response, "bad_schema"))
            }
            Self::Reply(response) | Self::TokenInvalid(response) => Ok((response, outcome)),
            Self::Accepted(200) => Err(UpstreamError::NotAnObject),
            Self::Accepted(status) => Err(UpstreamError::Status(status)),
        }
    }

    /// The answer in one word, for metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Reply(_) | Self::Accepted(_) => "answered",
            Self::TokenInvalid(_) => "token_invalid",
        }
    }
}

/// The text of `{"error_msg": "…"}`; without one the phone shows a text of its own.
fn error_message(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("error_msg")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &'static str) -> Result<Vec<u8>, String> {
        let answer = Answer::read(
            StatusCode::from_u16(status).unwrap(),
            &Bytes::from_static(body.as_bytes()),
        );
        let response = answer.and_then(|answer| answer.into_response(true));
        response
            .map(|(response, _)| response.into_json().unwrap())
            .map_err(|error| error.label().to_owned())
    }

    #[test]
    fn the_upstream_contract_in_full() {
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
