//! Flows, as far as a diagnosis of their endpoint needs them.

use serde::Deserialize;
use serde_json::{Value, json};

/// A Flow to add.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlowSpec {
    pub(crate) id: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) endpoint_uri: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) json_version: Option<String>,
    pub(crate) data_api_version: Option<String>,
    pub(crate) validation_errors: Vec<String>,
    pub(crate) health_errors: Vec<HealthError>,
}

/// An error in the `health_status` of a Flow.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthError {
    pub(crate) code: i64,
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) solution: String,
}

impl FlowSpec {
    /// Creates a draft with a generated id, without an endpoint, in the account with the lowest id.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the id; digits only.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the account that the Flow belongs to.
    #[must_use]
    pub fn account(mut self, id: impl Into<String>) -> Self {
        self.account = Some(id.into());
        self
    }

    /// Sets the name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the status, such as `PUBLISHED` or `THROTTLED`; `DRAFT` by default.
    #[must_use]
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// Sets the URL of the endpoint.
    #[must_use]
    pub fn endpoint_uri(mut self, url: impl Into<String>) -> Self {
        self.endpoint_uri = Some(url.into());
        self
    }

    /// Connects the Flow to an app.
    #[must_use]
    pub fn application(mut self, app: impl Into<String>) -> Self {
        self.application = Some(app.into());
        self
    }

    /// Sets the version of the data API, such as `3.0`. Without it the Flow uses no endpoint.
    #[must_use]
    pub fn data_api_version(mut self, version: impl Into<String>) -> Self {
        self.data_api_version = Some(version.into());
        self
    }

    /// Adds an error of the Flow JSON.
    #[must_use]
    pub fn validation_error(mut self, message: impl Into<String>) -> Self {
        self.validation_errors.push(message.into());
        self
    }

    /// Adds an error to `health_status`, which then is BLOCKED.
    #[must_use]
    pub fn health_error(mut self, code: i64, description: impl Into<String>) -> Self {
        self.health_errors.push(HealthError {
            code,
            description: description.into(),
            solution: String::new(),
        });
        self
    }
}

#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) account: String,
    pub(crate) spec: FlowSpec,
}

impl Flow {
    /// Returns the `health_status` of the Flow (Meta, *Messaging health status*).
    pub(crate) fn health(&self, id: &str, business: Option<&str>) -> Value {
        let errors: Vec<Value> = self
            .spec
            .health_errors
            .iter()
            .map(|error| {
                json!({
                    "error_code": error.code,
                    "error_description": error.description,
                    "possible_solution": error.solution,
                })
            })
            .collect();
        let status = if errors.is_empty() { "AVAILABLE" } else { "BLOCKED" };
        let mut flow = json!({"entity_type": "FLOW", "id": id, "can_send_message": status});
        if let (Value::Object(flow), false) = (&mut flow, errors.is_empty()) {
            flow.insert("errors".into(), errors.into());
        }
        let mut entities = vec![flow];
        let others = [
            ("WABA", Some(self.account.as_str())),
            ("BUSINESS", business),
            ("APP", self.spec.application.as_deref()),
        ];
        for (kind, id) in others {
            if let Some(id) = id {
                entities.push(json!({"entity_type": kind, "id": id, "can_send_message": "AVAILABLE"}));
            }
        }
        json!({"can_send_message": status, "entities": entities})
    }
}
