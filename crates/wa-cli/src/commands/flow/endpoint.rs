//! From settings to what WhatsApp knows of an endpoint.

use std::path::Path;

use serde_json::Value;
use wa_emulator::SendError;
use zeroize::Zeroizing;

use super::Context;
use crate::args::EndpointArgs;
use crate::failure::{Failure, Usage};
use crate::input::{self, KeyPassphrase};
use crate::settings::{self, Secret};

/// The most that is read of a file with data.
const MAX_DATA: usize = 2 * 1024 * 1024;

/// The public key as PEM, the app secret, and root certificates.
pub(super) struct Known {
    pub(super) public_key_pem: String,
    pub(super) app_secret: Option<Secret>,
    pub(super) root_certificate: Option<String>,
}

impl Known {
    pub(super) fn of(context: &mut Context, args: &EndpointArgs) -> Result<Self, Failure> {
        let key = input::public_half(
            context,
            &args.public_key,
            &mut KeyPassphrase::of(&args.passphrase),
        )?;
        let secret = settings::app_secret(args.app_secret_file.as_ref());
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|error| setting(&path.display().to_string(), error))
        };
        Ok(Self {
            public_key_pem: key.to_pem(),
            app_secret: secret.secret(&context.environment)?,
            root_certificate: args.root_certificate.as_deref().map(read).transpose()?,
        })
    }
}

/// Why `--data` cannot be used; the data itself is not quoted.
#[derive(Debug, thiserror::Error)]
enum NotAnObject {
    #[error("it is JSON, but no object: write it like {{\"name\":\"value\"}}")]
    Other,
    #[error("it is no JSON: write it like '{{\"name\":\"value\"}}', or @FILE for a file")]
    NoJson,
}

/// The JSON object of `--data`: itself, or after `@` the name of its file.
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

/// Reports that no response came, with the option or the place that may be wrong.
pub(super) fn unanswered(failure: SendError, args: &EndpointArgs, action: &str) -> Failure {
    let hint = match failure {
        SendError::Certificate { .. } if args.root_certificate.is_none() => {
            Some("--root-certificate FILE trusts an authority of your own".to_owned())
        }
        // Many servers close a connection that does not begin with TLS, without a response; a ping finds that out.
        SendError::Closed { .. } if action == "ping" && args.url.starts_with("http://") => {
            Some("check the endpoint's log for a crash; if it serves TLS, write https://".to_owned())
        }
        SendError::Closed { .. } if action == "ping" => {
            Some("check the endpoint's log for a crash".to_owned())
        }
        SendError::Closed { .. } => Some(format!(
            "check the endpoint's log for a crash on {action}; without --action, a ping shows whether it responds at all"
        )),
        _ => None,
    };
    Failure::failed(failure).with_hint(hint)
}

/// A setting that cannot be used.
pub(super) fn setting(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Usage::Setting {
        name: name.to_owned(),
        source: Box::new(error),
    }
    .into()
}
