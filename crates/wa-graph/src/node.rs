//! Nodes in the form that the listings return (Meta, *Business Messaging API* `OpenAPI` description).

use serde::Deserialize;

use crate::id::{PhoneNumberId, WabaId};
use crate::lenient;

/// The fields that [`GraphClient::phone_numbers`](crate::GraphClient::phone_numbers) requests.
pub(crate) const PHONE_NUMBER_FIELDS: &str = "id,display_phone_number,verified_name,status,quality_rating,\
     code_verification_status,account_mode,platform_type";

/// The fields that the listings of accounts request.
pub(crate) const ACCOUNT_FIELDS: &str = "id,name,currency,timezone_id";

/// A phone number of a WhatsApp Business Account. All members except the id are optional and keep Graph's
/// spelling.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct PhoneNumber {
    /// The id, which calls are addressed to.
    pub id: PhoneNumberId,
    /// The phone number, formatted for display.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_phone_number: Option<String>,
    /// The name that customers see.
    #[serde(default, deserialize_with = "lenient::text")]
    pub verified_name: Option<String>,
    /// The status, for example `CONNECTED`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: Option<String>,
    /// The quality rating, for example `GREEN`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub quality_rating: Option<String>,
    /// Whether the number was verified with a code, for example `VERIFIED`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub code_verification_status: Option<String>,
    /// `LIVE` or `SANDBOX`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub account_mode: Option<String>,
    /// Where the number is hosted, for example `CLOUD_API`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub platform_type: Option<String>,
}

/// A WhatsApp Business Account. All members except the id are optional and keep Graph's spelling.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct WhatsAppBusinessAccount {
    /// The account's id.
    pub id: WabaId,
    /// The account's name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// The billing currency, for example `USD`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub currency: Option<String>,
    /// The id of its time zone.
    #[serde(default, deserialize_with = "lenient::text")]
    pub timezone_id: Option<String>,
}
