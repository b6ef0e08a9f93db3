//! From settings to an `EncryptionApi` for each phone number.

use std::time::Duration;

use wa_cloud::encryption::{EncryptionApi, EncryptionError};
use wa_cloud::graph::{
    AccessToken, ApiVersion, AppSecret, ErrorCode, GraphClient, PhoneNumberId, RetryPolicy,
};

use super::Context;
use crate::args::GraphArgs;
use crate::failure::{Failure, Usage};
use crate::settings::{self, Environment, Place};

/// One API for each phone number that was named, in the order of naming, over one client.
pub(super) fn apis(context: &Context, args: &GraphArgs) -> Result<Vec<EncryptionApi>, Failure> {
    let ids = phone_number_ids(&context.environment, args)?;
    let client = client(&context.environment, args)?;
    Ok(ids
        .into_iter()
        .map(|id| EncryptionApi::new(client.clone(), id))
        .collect())
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
        let id = text
            .parse()
            .map_err(|error| setting("the phone number id", error))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        return Err(Usage::Missing {
            what: "the phone number id",
            hint: "give --phone-number-id ID or set WA_PHONE_NUMBER_ID; WhatsApp Manager shows it under API Setup",
        }
        .into());
    }
    Ok(ids)
}

fn client(environment: &Environment, args: &GraphArgs) -> Result<GraphClient, Failure> {
    let token = Place {
        option: "--access-token-file",
        file: args.access_token_file.as_ref(),
        variables: &["WA_ACCESS_TOKEN", "CLOUD_API_ACCESS_TOKEN"],
    };
    let token = token.secret(environment)?.ok_or(Usage::Missing {
        what: "the access token",
        hint: "set WA_ACCESS_TOKEN or give --access-token-file FILE; the token needs whatsapp_business_messaging",
    })?;
    let token = AccessToken::new(token.as_str()).map_err(|error| setting("the access token", error))?;
    let limit = Duration::from_secs(args.timeout);
    let mut builder = GraphClient::builder(token)
        .user_agent(concat!("wa/", env!("CARGO_PKG_VERSION")))
        .request_timeout(limit)
        .retry(RetryPolicy::default().max_elapsed(limit));
    if let Some(url) = environment.or(args.graph_url.as_ref(), "WA_GRAPH_URL") {
        builder = builder.base_url(url);
    }
    if let Some(version) = environment.or(args.api_version.as_ref(), "WA_API_VERSION") {
        let version: ApiVersion = version
            .parse()
            .map_err(|error| setting("the API version", error))?;
        builder = builder.api_version(version);
    }
    if let Some(secret) = settings::app_secret(args.app_secret_file.as_ref()).secret(environment)? {
        let secret = AppSecret::new(secret.as_str()).map_err(|error| setting("the app secret", error))?;
        builder = builder.app_secret(secret);
    }
    if let Some(path) = &args.root_certificate {
        let pem = std::fs::read(path).map_err(|error| setting(&path.display().to_string(), error))?;
        builder = builder.add_root_certificate_pem(pem);
    }
    if args.danger_allow_plain_http {
        builder = builder.danger_allow_plain_http();
    }
    builder
        .build()
        .map_err(|error| setting("the Graph API's setting", error))
}

fn setting(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Usage::Setting {
        name: name.to_owned(),
        source: Box::new(error),
    }
    .into()
}

/// A failed call with its remedy, code and trace id.
pub(super) fn failed(error: EncryptionError) -> Failure {
    let remedy = error.remedy();
    let code = error.code().map(ErrorCode::number);
    let trace = error.fbtrace_id().map(str::to_owned);
    Failure::failed(error).with_hint(remedy).with_graph(code, trace)
}
