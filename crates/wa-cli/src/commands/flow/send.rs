//! `wa flow send`.

use std::time::Duration;

use serde_json::{Value, json};
use wa_phone::{Exchange, FlowMessage, Outcome, ResponseFault, WhatsAppClient};

use super::endpoint::{self, EndpointSettings};
use super::{Context, Exit, Failure};
use crate::args::{ActionName, EndpointArgs, SendArgs};
use crate::failure::Usage;
use crate::terminal::{BAD, GOOD, paint};

const FLOW_TOKEN: &str = "wa-flow-send";

/// The action does not support an option.
#[derive(Debug, thiserror::Error)]
#[error("{action} has no {what}; remove the option, or choose another --action")]
struct Unsupported {
    action: &'static str,
    what: &'static str,
}

pub(super) async fn run(context: &mut Context, args: &SendArgs) -> Result<Exit, Failure> {
    let message = message(args)?;
    let phone = client(context, args)?;
    let exchange = phone.send(&message).await.map_err(|error| {
        let remedy = error.remedy();
        Failure::failed(error).with_hint(remedy)
    })?;
    report(context, exchange, &args.endpoint, message.action())
}

fn client(context: &mut Context, args: &SendArgs) -> Result<WhatsAppClient, Failure> {
    let known = EndpointSettings::of(context, &args.endpoint)?;
    // There is no retry after status 421, because the key is fixed.
    let mut builder = WhatsAppClient::builder(&*args.endpoint.url)
        .public_key_pem(known.public_key_pem)
        .sign_flow_token(args.endpoint.sign_flow_token)
        .retry_delay(Duration::ZERO)
        .timeout(Duration::from_secs(args.endpoint.timeout));
    match known.app_secret {
        Some(secret) => builder = builder.app_secret(secret.as_str()),
        None => context
            .terminal
            .warn("the request is not signed; to sign it, set WA_APP_SECRET or pass --app-secret-file FILE"),
    }
    if let Some(pem) = known.root_certificate {
        builder = builder.root_certificate_pem(pem);
    }
    builder
        .build()
        .map_err(|error| endpoint::setting("endpoint settings", error))
}

/// Builds the message from the options. Options that its action does not support are refused.
fn message(args: &SendArgs) -> Result<FlowMessage, Failure> {
    let action = args.action.unwrap_or(match (&args.error, &args.screen) {
        (None, None) => ActionName::Ping,
        _ => ActionName::DataExchange,
    });
    let token = args.flow_token.as_deref().unwrap_or(FLOW_TOKEN);
    let screen = args.screen.as_deref();
    let message = match (action, &args.error) {
        (ActionName::Ping, error) => {
            refuse("--screen", screen.is_some(), "a ping", "screen")?;
            refuse("--data", args.data.is_some(), "a ping", "data")?;
            refuse("--flow-token", args.flow_token.is_some(), "a ping", "Flow token")?;
            refuse("--error", error.is_some(), "a ping", "error")?;
            FlowMessage::ping()
        }
        (ActionName::Init, error) => {
            refuse("--screen", screen.is_some(), "INIT", "screen")?;
            match error {
                None => FlowMessage::init(token),
                Some(error) => FlowMessage::opening_error_notification(token, error, &args.error_message),
            }
        }
        (ActionName::Back, error) => {
            refuse("--error", error.is_some(), "BACK", "error")?;
            FlowMessage::back(token, screen.unwrap_or_default())
        }
        (ActionName::DataExchange, Some(error)) => {
            FlowMessage::error_notification(token, screen.unwrap_or_default(), error, &args.error_message)
        }
        (ActionName::DataExchange, None) => {
            FlowMessage::data_exchange(token, screen.ok_or_else(no_screen)?, json!({}))
        }
    };
    let message = if args.endpoint.sign_flow_token {
        message.version("4.0")
    } else {
        message
    };
    Ok(match &args.data {
        Some(data) => message.data(endpoint::data(data)?),
        None => message,
    })
}

fn refuse(option: &str, given: bool, action: &'static str, what: &'static str) -> Result<(), Failure> {
    if given {
        Err(endpoint::setting(option, Unsupported { action, what }))
    } else {
        Ok(())
    }
}

fn no_screen() -> Failure {
    Usage::Missing {
        what: "the screen",
        hint: "pass --screen NAME, the screen that the data_exchange comes from",
    }
    .into()
}

/// Returns the name of an outcome in JSON, its description, and the decrypted payload if there is one.
fn outcome(
    outcome: Outcome,
    remedy: &str,
    args: &EndpointArgs,
    action: &str,
) -> Result<(&'static str, String, Option<Value>), Failure> {
    Ok(match outcome {
        Outcome::NoResponse(failure) => return Err(endpoint::unanswered(failure, args, action)),
        Outcome::Response(payload) => ("answered", "status 200".to_owned(), Some(payload.into_value())),
        Outcome::FlowTokenInvalid { message, encrypted } => {
            let form = if encrypted { "encrypted" } else { "not encrypted" };
            let seen = format!("status 427: the Flow token is no longer valid ({form})");
            (
                "flow_token_invalid",
                seen,
                message.map(|message| json!({ "error_msg": message })),
            )
        }
        Outcome::KeyRefused => ("key_refused", format!("status 421: {remedy}"), None),
        Outcome::SignatureRefused => {
            // A ping has no Flow token, and so no Flow token signature.
            let question = if action == "ping" || args.sign_flow_token {
                ""
            } else {
                "; if the endpoint requires flow_token_signature, pass --sign-flow-token"
            };
            (
                "signature_refused",
                format!("status 432: {remedy}{question}"),
                None,
            )
        }
        Outcome::UnexpectedStatus(status) => {
            ("unexpected_status", format!("status {status}: {remedy}"), None)
        }
        Outcome::Unreadable(fault) => ("unreadable", format!("status 200, but {fault}"), shown(fault)),
        other => ("other", format!("{other:?}"), None),
    })
}

/// Returns the payload of a response that was decrypted but violates the schema.
fn shown(fault: ResponseFault) -> Option<Value> {
    match fault {
        ResponseFault::Schema { payload, .. } => Some(payload.into_value()),
        _ => None,
    }
}

fn report(
    context: &mut Context,
    exchange: Exchange,
    args: &EndpointArgs,
    action: &str,
) -> Result<Exit, Failure> {
    let milliseconds = u64::try_from(exchange.duration.as_millis()).unwrap_or(u64::MAX);
    let remedy = exchange.remedy().unwrap_or("WhatsApp shows a generic error");
    let (name, seen, payload) = outcome(exchange.outcome, remedy, args, action)?;
    let good = name == "answered";
    let machine = json!({
        "good": good,
        "outcome": name,
        "description": seen,
        "duration_ms": milliseconds,
        "attempts": exchange.attempts,
        "exchange_id": exchange.exchange_id,
        "payload": payload,
    });
    let human = payload
        .as_ref()
        .map(|payload| format!("{payload:#}\n"))
        .unwrap_or_default();
    let word = if good {
        paint(GOOD, "answered")
    } else {
        paint(BAD, "failed")
    };
    let id = match exchange.exchange_id {
        None => String::new(),
        Some(id) if good => format!(", exchange {id}"),
        Some(id) => format!(", exchange {id} (search for it in the endpoint's log)"),
    };
    context
        .terminal
        .note(&format!("{word}  {seen}, {milliseconds} ms{id}"));
    context.terminal.result(&human, &machine)?;
    Ok(if good { Exit::Success } else { Exit::CheckFailed })
}
