//! Fetches the registered key from Graph, in place of WhatsApp's servers.

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use http_body_util::Full;
use serde_json::Value;

use crate::cipher::BusinessKey;
use crate::client::PhoneError;
use crate::secret::Secret;
use crate::transport::Http;

/// The Graph URL of the registered key, and the access token for it.
#[derive(Debug)]
pub(crate) struct GraphKey {
    pub(crate) uri: Uri,
    pub(crate) token: Secret,
}

impl GraphKey {
    pub(crate) async fn fetch(&self, http: &Http) -> Result<BusinessKey, PhoneError> {
        let authorization = format!("Bearer {}", self.token.expose_secret());
        let mut authorization = HeaderValue::try_from(authorization).map_err(|_| PhoneError::InvalidToken)?;
        authorization.set_sensitive(true);
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(AUTHORIZATION, authorization);
        let response = http
            .send(request)
            .await
            .map_err(|source| PhoneError::KeyUnreachable { source })?;
        let body: Option<Value> = serde_json::from_slice(&response.body).ok();
        if response.status != 200 {
            let code = body.and_then(|body| body.pointer("/error/code").and_then(Value::as_i64));
            return Err(PhoneError::KeyRefused {
                status: response.status,
                code,
            });
        }
        registered(body.ok_or(PhoneError::KeyUnreadable)?)
    }
}

/// Returns the key in a response, in the shape with `data` or in the flat one.
fn registered(body: Value) -> Result<BusinessKey, PhoneError> {
    let entry = match body.get("data") {
        Some(Value::Array(entries)) => entries.first().cloned().ok_or(PhoneError::NoKey)?,
        Some(_) => return Err(PhoneError::KeyUnreadable),
        None => body,
    };
    let text = entry
        .get("business_public_key")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if text.trim().is_empty() {
        return Err(PhoneError::NoKey);
    }
    // WhatsApp's client verifies the signature itself, and opens no Flow if it is not valid.
    if entry
        .get("business_public_key_signature_status")
        .and_then(Value::as_str)
        != Some("VALID")
    {
        return Err(PhoneError::SignatureMismatch);
    }
    BusinessKey::from_pem(text).map_err(|reason| PhoneError::BadKey { reason })
}
