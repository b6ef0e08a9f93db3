//! Creates a client of the Graph API from the settings.

use std::time::Duration;

use wa_cloud::graph::{
    AccessToken, ApiVersion, AppSecret, GraphClient, GraphClientBuilder, LimitRetry, RetryPolicy,
};
use wa_cloud::secrets::variables;

use crate::args::ConnectionArgs;
use crate::failure::{Failure, Usage};
use crate::settings::{self, Environment, SecretSource};

/// Returns the builder of a client with the given address and credentials.
pub(crate) fn client(
    environment: &Environment,
    args: &ConnectionArgs,
) -> Result<GraphClientBuilder, Failure> {
    let builder = client_without_proof(environment, args)?;
    Ok(
        match settings::app_secret(args.app_secret_file.as_ref()).secret(environment)? {
            Some(secret) => {
                let secret = AppSecret::new(secret.as_str()).map_err(|error| setting("app secret", error))?;
                builder.app_secret(secret)
            }
            None => builder,
        },
    )
}

/// Like [`client`], without the app secret.
pub(crate) fn client_without_proof(
    environment: &Environment,
    args: &ConnectionArgs,
) -> Result<GraphClientBuilder, Failure> {
    let token = SecretSource {
        option: "--access-token-file",
        file: args.access_token_file.as_ref(),
        variables: &[variables::ACCESS_TOKEN, variables::ACCESS_TOKEN_FALLBACK],
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
        );
    if let Some(url) = environment.or(args.graph_url.as_ref(), variables::GRAPH_URL) {
        builder = builder.base_url(url);
    }
    if let Some(version) = environment.or(args.api_version.as_ref(), variables::API_VERSION) {
        let version: ApiVersion = version.parse().map_err(|error| setting("API version", error))?;
        builder = builder.api_version(version);
    }
    if let Some(path) = &args.root_certificate {
        let pem = std::fs::read(path)
            .map_err(|error| setting(&format!("--root-certificate {}", path.display()), error))?;
        builder = builder.add_root_certificate_pem(pem);
    }
    if args.danger_allow_plain_http {
        builder = builder.danger_allow_plain_http();
    }
    Ok(builder)
}

/// Returns the usage error for an invalid setting.
pub(crate) fn setting(name: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Usage::Setting {
        name: name.to_owned(),
        source: Box::new(error),
    }
    .into()
}
