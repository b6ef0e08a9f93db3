//! Creates an `EncryptionApi` for each phone number from the settings.

use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedSender};
use wa_cloud::encryption::{EncryptionApi, EncryptionError};
use wa_cloud::graph::{
    AccessToken, ApiVersion, AppSecret, ErrorCode, GraphClient, GraphErrorKind, LimitRetry, NodeKind,
    PhoneNumberId, RetryNotice, RetryPolicy,
};

use super::Context;
use super::batch::Batch;
use crate::args::GraphArgs;
use crate::failure::{Failure, Usage};
use crate::settings::{self, Environment, SecretSource};

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
    let client = client(&context.environment, args, sender)?;
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
        let variable = environment.get("WA_PHONE_NUMBER_ID");
        texts.extend(
            variable
                .iter()
                .flat_map(|ids| ids.split(','))
                .map(|id| id.trim().to_owned()),
        );
    }
    let mut ids: Vec<PhoneNumberId> = Vec::new();
    for text in texts {
        let id = text.parse().map_err(|error| setting("phone number id", error))?;
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

fn client(
    environment: &Environment,
    args: &GraphArgs,
    waits: UnboundedSender<Wait>,
) -> Result<GraphClient, Failure> {
    let token = SecretSource {
        option: "--access-token-file",
        file: args.access_token_file.as_ref(),
        variables: &["WA_ACCESS_TOKEN", "CLOUD_API_ACCESS_TOKEN"],
    };
    let token = token.secret(environment)?.ok_or(Usage::Missing {
        what: "the access token",
        hint: "set WA_ACCESS_TOKEN or pass --access-token-file FILE; the token needs the permission \
               whatsapp_business_messaging",
    })?;
    let token = AccessToken::new(token.as_str()).map_err(|error| setting("access token", error))?;
    let limit = Duration::from_secs(args.timeout);
    let mut builder = GraphClient::builder(token)
        .user_agent(concat!("wa/", env!("CARGO_PKG_VERSION")))
        .request_timeout(limit)
        .retry(
            // Calls prolong a rate limit, so none is made before the time that Graph names.
            RetryPolicy::default()
                .max_elapsed(limit)
                .limit_retry(LimitRetry::WhenRequested),
        )
        .on_retry(move |notice| {
            if notice.pause >= SHORT {
                // The receiver is dropped only when the program exits.
                let _ = waits.send(Wait::new(notice));
            }
        });
    if let Some(url) = environment.or(args.graph_url.as_ref(), "WA_GRAPH_URL") {
        builder = builder.base_url(url);
    }
    if let Some(version) = environment.or(args.api_version.as_ref(), "WA_API_VERSION") {
        let version: ApiVersion = version.parse().map_err(|error| setting("API version", error))?;
        builder = builder.api_version(version);
    }
    if let Some(secret) = settings::app_secret(args.app_secret_file.as_ref()).secret(environment)? {
        let secret = AppSecret::new(secret.as_str()).map_err(|error| setting("app secret", error))?;
        builder = builder.app_secret(secret);
    }
    if let Some(path) = &args.root_certificate {
        let pem = std::fs::read(path)
            .map_err(|error| setting(&format!("--root-certificate {}", path.display()), error))?;
        builder = builder.add_root_certificate_pem(pem);
    }
    if args.danger_allow_plain_http {
        builder = builder.danger_allow_plain_http();
    }
    builder
        .build()
        .map_err(|error| setting("Graph API settings", error))
}

fn setting(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Usage::Setting {
        name: name.to_owned(),
        source: Box::new(error),
    }
    .into()
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

/// A failed call with its remedy, code and trace id.
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
