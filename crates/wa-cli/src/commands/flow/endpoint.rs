//! Collects what WhatsApp knows about an endpoint from the settings.

use std::path::Path;

use serde_json::Value;
use wa_phone::SendError;
use zeroize::Zeroizing;

use super::Context;
use crate::args::EndpointArgs;
use crate::failure::{Failure, Usage};
use crate::input::{self, KeyPassphrase};
use crate::settings::{self, Secret};

/// Maximum size of a `--data` file.
const MAX_DATA: usize = 2 * 1024 * 1024;

/// The public key as PEM, the app secret, and root certificates.
pub(super) struct EndpointSettings {
    pub(super) public_key_pem: String,
    pub(super) app_secret: Option<Secret>,
    pub(super) root_certificate: Option<String>,
}

impl EndpointSettings {
    pub(super) fn of(context: &mut Context, args: &EndpointArgs) -> Result<Self, Failure> {
        let key = input::public_half(
            context,
            &args.public_key,
            &mut KeyPassphrase::of(&args.passphrase),
        )?;
        let secret = settings::app_secret(args.app_secret_file.as_ref());
        let read = |path: &Path| {
            std::fs::read_to_string(path)
                .map_err(|error| setting(&format!("--root-certificate {}", path.display()), error))
        };
        Ok(Self {
            public_key_pem: key.to_pem(),
            app_secret: secret.secret(&context.environment)?,
            root_certificate: args.root_certificate.as_deref().map(read).transpose()?,
        })
    }
}

/// Why `--data` is invalid. The data itself is never quoted.
#[derive(Debug, thiserror::Error)]
enum NotAnObject {
    #[error("expected a JSON object like {{\"name\":\"value\"}}")]
    Other,
    #[error("expected JSON like '{{\"name\":\"value\"}}', or @FILE to read a file")]
    NoJson,
}

/// Parses the JSON object of `--data`, or of the file that is named after `@`.
pub(super) fn data(text: &str) -> Result<Value, Failure> {
    let bytes = match text.strip_prefix('@') {
        Some(path) => input::bytes(Path::new(path), MAX_DATA)?,
        None => Zeroizing::new(text.as_bytes().to_vec()),
    };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(members)) => Ok(Value::Object(members)),
        Ok(_) => Err(setting("--data", NotAnObject::Other)),
        Err(_) => Err(setting("--data", NotAnObject::NoJson)),
    }
}

/// Creates the failure for a request without a response; the hint names the likely cause.
pub(super) fn unanswered(failure: SendError, args: &EndpointArgs, action: &str) -> Failure {
    let hint = match &failure {
        SendError::Certificate { .. } if args.root_certificate.is_none() => {
            Some("to trust your own certificate authority, pass --root-certificate FILE".to_owned())
        }
        // Many TLS servers close a plain connection without a response.
        SendError::Closed { .. } if action == "ping" && args.url.starts_with("http://") => {
            Some("check the endpoint's log for a crash; if the endpoint uses TLS, write https://".to_owned())
        }
        SendError::Closed { .. } if action == "ping" => {
            Some("check the endpoint's log for a crash".to_owned())
        }
        SendError::Closed { .. } => Some(format!(
            "check the endpoint's log for a crash on {action}; to check the connection alone, send a ping \
             (without --action)"
        )),
        _ => failure.remedy().map(Into::into),
    };
    Failure::failed(failure).with_hint(hint)
}

/// Creates the failure for an invalid setting.
pub(super) fn setting(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Usage::Setting {
        name: name.to_owned(),
        source: Box::new(error),
    }
    .into()
}
