//! Finds the kind of object that an id belongs to, if it is not a phone number id.

use serde_json::Value;

use crate::client::GraphClient;
use crate::error::GraphError;
use crate::id::{PhoneNumberId, WabaId};
use crate::request::GraphRequest;

/// The kind of object that an id belongs to.
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

/// Fields that only one kind of object has (Meta, *Business Messaging API* `OpenAPI` description; *Flows
/// API*).
const NUMBER: &str = "display_phone_number";
const ACCOUNT: &str = "timezone_id";
const FLOW: &str = "json_version";

impl GraphClient {
    /// Asks Graph what kind of object an id belongs to. `None` if it is another kind, or if no such object
    /// exists or is visible to the token.
    ///
    /// Takes 1 to 3 reads of fields that only one kind has, and for an account the list of its numbers.
    ///
    /// The token needs the permission `whatsapp_business_management`.
    ///
    /// # Errors
    ///
    /// [`GraphError`] if a read fails for a reason unrelated to the id, such as a missing permission.
    pub async fn node_kind(&self, id: &PhoneNumberId) -> Result<Option<NodeKind>, GraphError> {
        for field in [NUMBER, ACCOUNT, FLOW] {
            match self.has_field(id, field).await? {
                None => return Ok(None),
                Some(false) => {}
                Some(true) => {
                    return Ok(Some(match field {
                        NUMBER => NodeKind::PhoneNumber,
                        ACCOUNT => NodeKind::Account {
                            phone_numbers: self.numbers_of(id).await,
                        },
                        _ => NodeKind::Flow,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Returns whether the object has a field (Graph returns 100 if not); `None` if there is no such object.
    async fn has_field(&self, id: &PhoneNumberId, field: &str) -> Result<Option<bool>, GraphError> {
        let request = GraphRequest::get(id.to_string()).query("fields", format!("id,{field}"));
        match self.execute::<Value>(request).await {
            Ok(response) => Ok(Some(response.body.get(field).is_some())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) if error.is_parameter() => Ok(Some(false)),
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
