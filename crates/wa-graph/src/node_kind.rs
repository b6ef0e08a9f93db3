//! What an id belongs to, for ids that were given where a phone number id is due.

use serde_json::Value;

use crate::client::GraphClient;
use crate::error::GraphError;
use crate::id::{PhoneNumberId, WabaId};
use crate::request::GraphRequest;

/// What kind of object an id belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKind {
    /// A phone number.
    PhoneNumber,
    /// A WhatsApp Business Account.
    Account {
        /// The ids of its phone numbers; empty if the token may not list them.
        phone_numbers: Vec<PhoneNumberId>,
    },
    /// A Flow.
    Flow,
}

impl NodeKind {
    /// Returns the kind's name with its article, for messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PhoneNumber => "a phone number",
            Self::Account { .. } => "a WhatsApp Business Account",
            Self::Flow => "a Flow",
        }
    }
}

/// Fields that only one kind of object has (Meta, *Business Messaging API* `OpenAPI` description; *Flows API*).
const NUMBER: &str = "display_phone_number";
const ACCOUNT: &str = "timezone_id";
const FLOW: &str = "json_version";

impl GraphClient {
    /// Asks Graph what kind of object an id belongs to, by fields that only one kind has: 1 to 3 reads, and for an account
    /// the list of its numbers. `None` if it is another kind, or if no such object exists or is visible to the token.
    ///
    /// The token needs the permission `whatsapp_business_management`.
    ///
    /// # Errors
    ///
    /// [`GraphError`] when a read fails for a reason that says nothing of the id, such as a missing permission.
    pub async fn node_kind(&self, id: &PhoneNumberId) -> Result<Option<NodeKind>, GraphError> {
        if self.has_field(id, NUMBER).await? {
            return Ok(Some(NodeKind::PhoneNumber));
        }
        if self.has_field(id, ACCOUNT).await? {
            let phone_numbers = self.numbers_of(id).await;
            return Ok(Some(NodeKind::Account { phone_numbers }));
        }
        Ok(self.has_field(id, FLOW).await?.then_some(NodeKind::Flow))
    }

    /// Graph answers 100 to a field that the object does not have, and 100 or 803 to an object that it does not show.
    async fn has_field(&self, id: &PhoneNumberId, field: &str) -> Result<bool, GraphError> {
        let request = GraphRequest::get(id.to_string()).query("fields", format!("id,{field}"));
        match self.execute::<Value>(request).await {
            Ok(response) => Ok(response.body.get(field).is_some()),
            Err(error) if error.is_parameter() || error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn numbers_of(&self, id: &PhoneNumberId) -> Vec<PhoneNumberId> {
        let Ok(account) = id.as_str().parse::<WabaId>() else {
            return Vec::new();
        };
        let rows = self.phone_numbers(&account).all().await.unwrap_or_default();
        rows.into_iter().map(|row| row.id).collect()
    }
}
