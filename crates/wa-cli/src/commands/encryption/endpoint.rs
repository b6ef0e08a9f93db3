//! Checks that an endpoint serves a key before the key is registered.

use std::time::Duration;

use wa_cloud::keys::PublicKey;
use wa_phone::{FlowMessage, Outcome, WhatsAppClient};

use super::Context;
use crate::args::SetArgs;
use crate::failure::{Failure, Usage};
use crate::settings;

/// The time limit of WhatsApp for an exchange.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The check that the endpoint serves the key failed.
#[derive(Debug, thiserror::Error)]
enum NotProved {
    #[error("the endpoint does not serve key {key} (status 421); nothing was uploaded")]
    NotServed { key: String },
    #[error("the ping encrypted with key {key} failed ({found}); nothing was uploaded")]
    NoPing { key: String, found: String },
    #[error("cannot send a ping encrypted with key {key} to the endpoint; nothing was uploaded")]
    Unreachable {
        key: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Sends a signed ping that is encrypted with `key`, and checks the response.
pub(super) async fn prove(
    context: &mut Context,
    args: &SetArgs,
    url: &str,
    key: &PublicKey,
) -> Result<(), Failure> {
    let secret = settings::app_secret(args.graph.connection.app_secret_file.as_ref())
        .secret(&context.environment)?
        .ok_or(Usage::Missing {
            what: "the app secret",
            hint: "set WA_APP_SECRET or pass --app-secret-file FILE; the ping to the endpoint is signed with \
                   it",
        })?;
    // There is no retry after status 421, because the key is fixed.
    let mut builder = WhatsAppClient::builder(url)
        .public_key_pem(key.to_pem())
        .app_secret(secret.as_str())
        .retry_delay(Duration::ZERO)
        .timeout(TIMEOUT);
    if let Some(path) = &args.graph.connection.root_certificate {
        let setting = |error| Usage::Setting {
            name: format!("--root-certificate {}", path.display()),
            source: Box::new(error),
        };
        builder = builder.root_certificate_pem(std::fs::read_to_string(path).map_err(setting)?);
    }
    let phone = builder.build().map_err(|error| Usage::Setting {
        name: "--endpoint".to_owned(),
        source: Box::new(error),
    })?;
    let key = key.fingerprint().short();
    let exchange = phone.send(&FlowMessage::ping()).await.map_err(|error| {
        let remedy = error.remedy();
        Failure::failed(error).with_hint(remedy)
    })?;
    let remedy = exchange.remedy();
    judge(exchange.outcome, remedy, key.clone())?;
    context.terminal.note(&format!("checked: {url} serves key {key}"));
    Ok(())
}

fn judge(outcome: Outcome, remedy: Option<&str>, key: String) -> Result<(), Failure> {
    let found = match outcome {
        Outcome::Response(_) => return Ok(()),
        Outcome::KeyRefused => {
            let hint = "make the endpoint serve the private key of this public key in addition to the old \
                        one, wait until it has reloaded its keys, and run the same command again";
            return Err(Failure::failed(NotProved::NotServed { key }).with_hint(Some(hint)));
        }
        Outcome::NoResponse(failure) => {
            let remedy = failure.remedy();
            let source = Box::new(failure);
            return Err(Failure::failed(NotProved::Unreachable { key, source }).with_hint(remedy));
        }
        Outcome::SignatureRefused => "status 432".to_owned(),
        Outcome::FlowTokenInvalid { .. } => "status 427".to_owned(),
        Outcome::UnexpectedStatus(status) => format!("status {status}"),
        Outcome::Unreadable(fault) => format!("status 200, but {fault}"),
        other => format!("{other:?}"),
    };
    Err(Failure::failed(NotProved::NoPing { key, found }).with_hint(remedy))
}
