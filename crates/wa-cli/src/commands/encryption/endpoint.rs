//! Proof that an endpoint serves a key, before phones are told to use it.

use std::time::Duration;

use wa_cloud::keys::PublicKey;
use wa_emulator::{FlowMessage, Outcome, WhatsAppClient};

use super::Context;
use crate::args::SetArgs;
use crate::failure::{Failure, Usage};
use crate::settings;

/// WhatsApp's own time limit for an exchange.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The endpoint did not prove that it serves the key.
#[derive(Debug, thiserror::Error)]
enum NotProved {
    #[error("the endpoint does not serve key {key} yet (421): nothing was uploaded")]
    NotServed { key: String },
    #[error("the endpoint did not answer a ping encrypted with key {key} ({found}): nothing was uploaded")]
    NoPing { key: String, found: String },
    #[error("the endpoint could not be asked for key {key}: nothing was uploaded")]
    Unreachable {
        key: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Sends a signed ping that only the private half of `key` can read, and sees that it is answered.
pub(super) async fn prove(
    context: &mut Context,
    args: &SetArgs,
    url: &str,
    key: &PublicKey,
) -> Result<(), Failure> {
    let secret = settings::app_secret(args.graph.app_secret_file.as_ref())
        .secret(&context.environment)?
        .ok_or(Usage::Missing {
            what: "the app secret",
            hint: "set WA_APP_SECRET or give --app-secret-file FILE: the ping to --endpoint is signed with it",
        })?;
    // The key is given: after a 421 there is no other to wait for.
    let mut builder = WhatsAppClient::builder(url)
        .public_key_pem(key.to_pem())
        .app_secret(secret.as_str())
        .retry_delay(Duration::ZERO)
        .timeout(TIMEOUT);
    if let Some(path) = &args.graph.root_certificate {
        let setting = |error| Usage::Setting {
            name: path.display().to_string(),
            source: Box::new(error),
        };
        builder = builder.root_certificate_pem(std::fs::read_to_string(path).map_err(setting)?);
    }
    let phone = builder.build().map_err(|error| Usage::Setting {
        name: "--endpoint".to_owned(),
        source: Box::new(error),
    })?;
    let key = key.fingerprint().short();
    let exchange = phone.send(&FlowMessage::ping()).await.map_err(Failure::failed)?;
    let remedy = exchange.remedy();
    judge(exchange.outcome, remedy, key.clone())?;
    context
        .terminal
        .note(&format!("proved: {url} answers a ping encrypted with key {key}"));
    Ok(())
}

fn judge(outcome: Outcome, remedy: Option<&str>, key: String) -> Result<(), Failure> {
    let found = match outcome {
        Outcome::Response(_) => return Ok(()),
        Outcome::KeyRefused => {
            let hint = "add its private half to the keys that the endpoint serves, beside the old one, and wait until it has \
                        reloaded them; then give the same command again";
            return Err(Failure::failed(NotProved::NotServed { key }).with_hint(Some(hint)));
        }
        Outcome::NoResponse(failure) => {
            let source = Box::new(failure);
            return Err(Failure::failed(NotProved::Unreachable { key, source }));
        }
        Outcome::SignatureRefused => "status 432".to_owned(),
        Outcome::FlowTokenInvalid { .. } => "status 427".to_owned(),
        Outcome::UnexpectedStatus(status) => format!("status {status}"),
        Outcome::Unreadable(fault) => format!("status 200, but {fault}"),
        other => format!("{other:?}"),
    };
    Err(Failure::failed(NotProved::NoPing { key, found }).with_hint(remedy))
}
