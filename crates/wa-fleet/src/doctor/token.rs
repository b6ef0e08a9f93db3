//! The access token and the app secret.

use std::time::{Duration, SystemTime};

use wa_graph::{AccessToken, GraphClient, GraphError, TokenInfo, WabaId};
use wa_secrets::AppSecret;

use super::check::Check;
use super::diagnosis::Notes;

const MESSAGING: &str = "whatsapp_business_messaging";
const MANAGEMENT: &str = "whatsapp_business_management";
/// A token that expires within this time is a warning.
const SOON: Duration = Duration::from_hours(14 * 24);
const NEW_TOKEN: &str = "Create a token of a system user in Meta Business Suite (Settings > System users), \
                         with the permissions whatsapp_business_messaging and whatsapp_business_management.";

/// What Graph returned about the token.
pub(super) struct Token(Result<TokenInfo, GraphError>);

pub(super) async fn inspect(client: &GraphClient) -> Token {
    Token(client.debug_own_token().await)
}

impl Token {
    /// Returns whether calls with the token are worth a try.
    pub(super) fn is_usable(&self) -> bool {
        match &self.0 {
            Ok(info) => info.is_valid,
            // A response, even an error, says that Graph can be reached. It may refuse this inspection only.
            Err(error) => error.api().is_some() && !error.is_token() && !needs_proof(error),
        }
    }

    pub(super) fn app(&self) -> Option<&str> {
        self.0.as_ref().ok()?.app_id.as_deref()
    }

    /// Returns the accounts that the token is limited to.
    pub(super) fn accounts(&self) -> Vec<WabaId> {
        let Ok(info) = &self.0 else { return Vec::new() };
        let scopes = info
            .granular_scopes
            .iter()
            .filter(|scope| scope.scope == MANAGEMENT);
        let ids = scopes.filter_map(|scope| scope.target_ids.as_ref()).flatten();
        ids.filter_map(|id| id.parse().ok()).collect()
    }

    pub(super) fn judge(&self, notes: &mut Notes) {
        let info = match &self.0 {
            Ok(info) => info,
            Err(error) if error.is_token() => {
                notes.ok(Check::Graph, "Graph responds");
                return notes.broken(Check::Token, error.to_string(), token_remedy(error.subcode()));
            }
            Err(error) if error.api().is_none() => {
                let remedy = error.remedy().map_or_else(
                    || "Check the connection of this machine, and the base URL.".to_owned(),
                    std::borrow::Cow::into_owned,
                );
                return notes.broken(Check::Graph, error.to_string(), remedy);
            }
            Err(error) if needs_proof(error) => {
                notes.ok(Check::Graph, "Graph responds");
                let remedy =
                    "Give the secret of the token's app: it requires an appsecret_proof with every call.";
                return notes.broken(Check::AppSecret, error.to_string(), remedy);
            }
            Err(error) => {
                notes.ok(Check::Graph, "Graph responds");
                let remedy = "Its other calls show whether it works.";
                return notes.unknown_until(
                    Check::Token,
                    format!("Graph does not inspect it: {error}"),
                    remedy,
                );
            }
        };
        notes.ok(Check::Graph, "Graph responds");
        if !info.is_valid {
            let problem = info.error.as_ref();
            let message = problem.and_then(|problem| problem.message.clone());
            let evidence = message.unwrap_or_else(|| "Graph reports that it is not valid".to_owned());
            let subcode = problem.and_then(|problem| problem.subcode);
            return notes.broken(Check::Token, evidence, token_remedy(subcode));
        }
        notes.ok(Check::Token, description(info));
        judge_expiry(info, notes);
        judge_permissions(info, notes);
    }
}

fn needs_proof(error: &GraphError) -> bool {
    error
        .api()
        .is_some_and(wa_graph::ApiError::needs_app_secret_proof)
}

fn token_remedy(subcode: Option<i64>) -> String {
    let reason = match subcode {
        Some(463) => "It has expired. ",
        Some(460 | 467) => "It was revoked. ",
        _ => "",
    };
    format!("{reason}{NEW_TOKEN}")
}

fn description(info: &TokenInfo) -> String {
    let kind = info.token_type.as_deref().unwrap_or("unknown kind");
    let app = info.app_id.as_deref().unwrap_or("unknown");
    match &info.application {
        Some(name) => format!("{kind} token of app {app} ({name})"),
        None => format!("{kind} token of app {app}"),
    }
}

fn judge_expiry(info: &TokenInfo, notes: &mut Notes) {
    let Some(expires) = info.expires() else {
        return notes.ok(Check::TokenExpiry, "it does not expire");
    };
    let left = expires.duration_since(SystemTime::now()).unwrap_or_default();
    let hours = Duration::from_hours(left.as_secs() / 3600);
    let evidence = format!("it expires in {}", humantime::format_duration(hours));
    if left < SOON {
        notes.warning(Check::TokenExpiry, evidence, NEW_TOKEN);
    } else {
        notes.ok(Check::TokenExpiry, evidence);
    }
}

fn judge_permissions(info: &TokenInfo, notes: &mut Notes) {
    if info.scopes.is_empty() && info.granular_scopes.is_empty() {
        return notes.unknown(Check::TokenPermissions, "Graph does not list them");
    }
    if !info.has_scope(MESSAGING) {
        let evidence = format!("it lacks {MESSAGING}, which reading and setting a key needs");
        return notes.broken(Check::TokenPermissions, evidence, NEW_TOKEN);
    }
    if !info.has_scope(MANAGEMENT) {
        let evidence = format!("it lacks {MANAGEMENT}, which reading numbers and Flows needs");
        return notes.warning(Check::TokenPermissions, evidence, NEW_TOKEN);
    }
    notes.ok(Check::TokenPermissions, format!("{MESSAGING}, {MANAGEMENT}"));
}

/// Checks that the secret is that of the app: Graph accepts the two together as a token.
pub(super) async fn judge_secret(
    client: &GraphClient,
    app: Option<&str>,
    secret: Option<&AppSecret>,
    notes: &mut Notes,
) {
    let (Some(app), Some(secret)) = (app, secret) else {
        return;
    };
    let Ok(token) = AccessToken::for_app(app, secret) else {
        return;
    };
    match client.with_access_token(token).debug_own_token().await {
        Ok(info) if info.is_valid => notes.ok(Check::AppSecret, format!("it is that of app {app}")),
        Ok(_) => wrong_secret(app, notes),
        Err(error) if error.is_token() => wrong_secret(app, notes),
        Err(error) => notes.unknown(Check::AppSecret, error.to_string()),
    }
}

fn wrong_secret(app: &str, notes: &mut Notes) {
    let evidence = format!("it is not the secret of app {app}");
    let remedy = format!(
        "Give the secret that the App Dashboard of app {app} shows under App settings > Basic; it is neither \
         the webhook's verify token nor the access token."
    );
    notes.broken(Check::AppSecret, evidence, remedy);
}
