//! A Flow that uses the endpoint (Meta, *Flows API*).

use reqwest::Url;
use serde::Deserialize;
use wa_graph::{GraphClient, GraphError, GraphRequest, WabaId};

use super::check::Check;
use super::diagnosis::Notes;

const FIELDS: &str = "id,name,status,validation_errors,json_version,data_api_version,endpoint_uri,\
                      health_status,\
                      whatsapp_business_account,application";

/// A Flow, as Graph returned it, or why it did not.
pub(super) struct Reading(Result<Flow, GraphError>);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Flow {
    name: Option<String>,
    status: Option<String>,
    validation_errors: Vec<ValidationError>,
    data_api_version: Option<String>,
    endpoint_uri: Option<String>,
    health_status: Option<Health>,
    whatsapp_business_account: Option<Node>,
    application: Option<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ValidationError {
    error: Option<String>,
    message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Health {
    can_send_message: Option<String>,
    entities: Vec<Entity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entity {
    #[serde(rename = "entity_type")]
    kind: Option<String>,
    id: Option<String>,
    can_send_message: Option<String>,
    errors: Vec<HealthError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HealthError {
    error_code: Option<i64>,
    error_description: Option<String>,
    possible_solution: Option<String>,
}

pub(super) async fn read(client: &GraphClient, id: &str) -> Reading {
    let request = GraphRequest::get(id).query("fields", FIELDS);
    Reading(
        client
            .execute::<Flow>(request)
            .await
            .map(|response| response.body),
    )
}

impl Reading {
    fn flow(&self) -> Option<&Flow> {
        self.0.as_ref().ok()
    }

    /// Returns the app that is connected to the Flow: it signs requests.
    pub(super) fn app(&self) -> Option<&str> {
        Some(&self.flow()?.application.as_ref()?.id)
    }

    pub(super) fn account(&self) -> Option<WabaId> {
        self.flow()?.whatsapp_business_account.as_ref()?.id.parse().ok()
    }

    pub(super) fn endpoint(&self) -> Option<&str> {
        self.flow()?.endpoint_uri.as_deref()
    }

    pub(super) fn judge(&self, id: &str, endpoint: Option<&str>, token_app: Option<&str>, notes: &mut Notes) {
        let flow = match &self.0 {
            Ok(flow) => flow,
            Err(error) if error.is_not_found() || error.is_parameter() => {
                let evidence = format!("there is no Flow {id} that the token can read: {error}");
                let remedy = "Compare the id with the one that WhatsApp Manager shows under Flows.";
                return notes.broken(Check::Flow, evidence, remedy);
            }
            Err(error) => return notes.failed_call(Check::Flow, error),
        };
        flow.judge_status(id, notes);
        flow.judge_endpoint(id, endpoint, notes);
        flow.judge_app(token_app, notes);
        flow.judge_json(notes);
        flow.judge_health(notes);
    }
}

impl Flow {
    fn judge_status(&self, id: &str, notes: &mut Notes) {
        let name = self.name.as_deref().unwrap_or(id);
        let status = self.status.as_deref().unwrap_or("unknown");
        let evidence = format!("{name}, {status}");
        match status {
            "BLOCKED" | "THROTTLED" => {
                let remedy = "WhatsApp limits it because its endpoint fails or is slow: repair the endpoint, \
                              and the status \
                              returns to PUBLISHED.";
                notes.broken(Check::Flow, evidence, remedy);
            }
            "DEPRECATED" => notes.broken(
                Check::Flow,
                evidence,
                "Create a new Flow: a deprecated one cannot be sent.",
            ),
            _ => notes.ok(Check::Flow, evidence),
        }
    }

    fn judge_endpoint(&self, id: &str, endpoint: Option<&str>, notes: &mut Notes) {
        let set = |url: &str| format!("Set it: POST /{id} with endpoint_uri={url}.");
        let Some(uri) = self.endpoint_uri.as_deref() else {
            if self.data_api_version.is_none() {
                let evidence = "it uses no endpoint: its Flow JSON has no data_api_version";
                return notes.warning(
                    Check::FlowEndpoint,
                    evidence,
                    "Add data_api_version to the Flow JSON.",
                );
            }
            let evidence = "it has no endpoint_uri; publishing it fails (139002)";
            let url = endpoint.unwrap_or("https://example.com/flow");
            return notes.broken(Check::FlowEndpoint, evidence, set(url));
        };
        let is_same = |url: &str| match (Url::parse(uri), Url::parse(url)) {
            (Ok(one), Ok(other)) => one == other,
            _ => uri == url,
        };
        match endpoint {
            Some(url) if !is_same(url) => {
                let evidence = format!("its endpoint is {uri}, not {url}");
                notes.broken(Check::FlowEndpoint, evidence, set(url));
            }
            _ => notes.ok(Check::FlowEndpoint, uri),
        }
    }

    fn judge_app(&self, token_app: Option<&str>, notes: &mut Notes) {
        let Some(app) = &self.application else {
            let evidence =
                "no app is connected to it, so nothing signs its requests; publishing it fails (139002)";
            let remedy = "Connect the app: POST /FLOW_ID with application_id, or in WhatsApp Manager.";
            return notes.broken(Check::FlowApp, evidence, remedy);
        };
        match token_app {
            Some(token_app) if token_app != app.id => {
                let evidence = format!(
                    "it is connected to app {}, the token belongs to app {token_app}",
                    app.id
                );
                let remedy = format!(
                    "The endpoint must verify signatures with the secret of app {}.",
                    app.id
                );
                notes.warning(Check::FlowApp, evidence, remedy);
            }
            _ => notes.ok(Check::FlowApp, format!("app {}", app.id)),
        }
    }

    fn judge_json(&self, notes: &mut Notes) {
        let Some(first) = self.validation_errors.first() else {
            return notes.ok(Check::FlowJson, "no validation errors");
        };
        let text = first
            .message
            .as_deref()
            .or(first.error.as_deref())
            .unwrap_or("no message");
        let count = self.validation_errors.len();
        let evidence = format!("{count} validation errors, the first: {text}; publishing it fails (139002)");
        notes.broken(
            Check::FlowJson,
            evidence,
            "Correct the Flow JSON, and upload it again.",
        );
    }

    fn judge_health(&self, notes: &mut Notes) {
        let Some(health) = &self.health_status else { return };
        match health.can_send_message.as_deref() {
            Some("AVAILABLE") => notes.ok(Check::FlowHealth, "AVAILABLE"),
            Some(status @ ("BLOCKED" | "LIMITED")) => {
                let (evidence, remedy) = explain(health, status);
                if status == "BLOCKED" {
                    notes.broken(Check::FlowHealth, evidence, remedy);
                } else {
                    notes.warning(Check::FlowHealth, evidence, remedy);
                }
            }
            other => notes.unknown(Check::FlowHealth, other.unwrap_or("Graph returned no status")),
        }
    }
}

/// Returns what blocks or limits the Flow, and what Meta or this program advises.
fn explain(health: &Health, status: &str) -> (String, String) {
    let is_blocked = |entity: &&Entity| entity.can_send_message.as_deref() == Some(status);
    let entity = health
        .entities
        .iter()
        .find(|entity| is_blocked(entity) && !entity.errors.is_empty());
    let entity = entity.or_else(|| health.entities.iter().find(is_blocked));
    let Some(entity) = entity else {
        return (status.to_owned(), "See the Flow in WhatsApp Manager.".to_owned());
    };
    let kind = entity.kind.as_deref().unwrap_or("object");
    let id = entity.id.as_deref().unwrap_or_default();
    let Some(error) = entity.errors.first() else {
        return (
            format!("{kind} {id} is {status}"),
            "See it in WhatsApp Manager.".to_owned(),
        );
    };
    let description = error.error_description.as_deref().unwrap_or("no description");
    let code = error
        .error_code
        .map(|code| format!(" ({code})"))
        .unwrap_or_default();
    let remedy = match (
        error.possible_solution.as_deref().filter(|text| !text.is_empty()),
        error.error_code,
    ) {
        (Some(solution), _) => solution.to_owned(),
        (None, Some(131_000)) => {
            "Most often a failed health check of the endpoint: repair what is broken above first.".to_owned()
        }
        (None, _) => "See the Flow in WhatsApp Manager.".to_owned(),
    };
    (format!("{kind} {id} is {status}: {description}{code}"), remedy)
}
