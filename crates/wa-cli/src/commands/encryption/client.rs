//! Creates an `EncryptionApi` for each phone number from the settings.

use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc;
use wa_cloud::encryption::{EncryptionApi, EncryptionError};
use wa_cloud::graph::{ErrorCode, GraphErrorKind, NodeKind, PhoneNumberId, RetryNotice};
use wa_cloud::secrets::variables;

use super::Context;
use super::batch::Batch;
use crate::args::GraphArgs;
use crate::commands::graph;
use crate::failure::{Failure, Usage};
use crate::settings::Environment;

/// A pause before a call is retried.
pub(super) struct Wait {
    id: String,
    pub(super) pause: Duration,
    pub(super) is_limit: bool,
    is_requested: bool,
    cause: String,
}

/// Maximum number of phone number ids of an account in a hint.
const SHOWN: usize = 5;

/// Shorter pauses are not reported.
const SHORT: Duration = Duration::from_secs(1);

/// Creates the APIs of the given phone numbers, in their order. They share one client.
pub(super) fn batch(context: &Context, args: &GraphArgs) -> Result<Batch, Failure> {
    let ids = phone_number_ids(&context.environment, args)?;
    let (sender, waits) = mpsc::unbounded_channel();
    let client = graph::client(&context.environment, &args.connection)?
        .on_retry(move |notice| {
            if notice.pause >= SHORT {
                // The receiver is dropped only when the program exits.
                let _ = sender.send(Wait::new(notice));
            }
        })
        .build()
        .map_err(|error| graph::setting("Graph API settings", error))?;
    let apis = ids.into_iter().map(|id| EncryptionApi::new(client.clone(), id));
    Ok(Batch {
        apis: apis.collect(),
        concurrency: usize::from(args.concurrency),
        waits,
    })
}

fn phone_number_ids(environment: &Environment, args: &GraphArgs) -> Result<Vec<PhoneNumberId>, Failure> {
    let mut texts = args.phone_number_id.clone();
    if texts.is_empty() {
        let variable = environment.get(variables::PHONE_NUMBER_ID);
        texts.extend(
            variable
                .iter()
                .flat_map(|ids| ids.split(','))
                .map(|id| id.trim().to_owned()),
        );
    }
    let mut ids: Vec<PhoneNumberId> = Vec::new();
    for text in texts {
        let id = text
            .parse()
            .map_err(|error| graph::setting("phone number id", error))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        return Err(Usage::Missing {
            what: "the phone number id",
            hint: "pass --phone-number-id ID or set WA_PHONE_NUMBER_ID; the App Dashboard shows the id \
                   under API Setup",
        }
        .into());
    }
    Ok(ids)
}

impl Wait {
    fn new(notice: &RetryNotice<'_>) -> Self {
        // `/{version}/{id}/{edge}`
        let id = notice.path.rsplit('/').nth(1).unwrap_or_default();
        Self {
            id: id.to_owned(),
            pause: notice.pause,
            is_limit: matches!(notice.cause, GraphErrorKind::RateLimited(_)),
            is_requested: notice.is_requested,
            cause: cause(notice.cause),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.pause.as_secs_f64().ceil();
        let requested = if self.is_requested {
            ", as requested by Graph"
        } else {
            ""
        };
        write!(
            f,
            "waiting {seconds} s for {}{requested}: {}",
            self.id, self.cause
        )
    }
}

/// Describes a failure briefly: the Graph error code with its meaning, or the error itself.
pub(super) fn cause(kind: &GraphErrorKind) -> String {
    let Some(api) = kind.api() else {
        return kind.to_string();
    };
    let code = api.code();
    let limit = if matches!(kind, GraphErrorKind::RateLimited(_)) {
        "rate limit, "
    } else {
        ""
    };
    match code.meaning() {
        Some(meaning) => format!("{limit}Graph error {code} ({meaning})"),
        None => format!("{limit}Graph error {code}"),
    }
}

/// Creates the failure of a call, with its remedy, code and trace id.
pub(super) fn failed(error: EncryptionError) -> Failure {
    let remedy = remedy(&error);
    let code = error.code().map(ErrorCode::number);
    let trace = error.fbtrace_id().map(str::to_owned);
    Failure::failed(error).with_hint(remedy).with_graph(code, trace)
}

/// Returns the remedy. If the id is that of an account, it lists the ids of the account's phone numbers.
fn remedy(error: &EncryptionError) -> Option<String> {
    if let EncryptionError::NotAPhoneNumber {
        node: NodeKind::Account { phone_numbers },
        ..
    } = error
        && !phone_numbers.is_empty()
    {
        let ids: Vec<&str> = phone_numbers
            .iter()
            .take(SHOWN)
            .map(PhoneNumberId::as_str)
            .collect();
        let more = if phone_numbers.len() > SHOWN {
            " and more"
        } else {
            ""
        };
        return Some(format!(
            "pass the id of one of its phone numbers: --phone-number-id {}{more}",
            ids.join(" or ")
        ));
    }
    error.remedy().map(Into::into)
}
