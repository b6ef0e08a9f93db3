//! Listings of accounts and phone numbers, and the inspection of a token.

use crate::client::GraphClient;
use crate::error::GraphError;
use crate::id::{BusinessId, WabaId};
use crate::node::{ACCOUNT_FIELDS, PHONE_NUMBER_FIELDS, PhoneNumber, WhatsAppBusinessAccount};
use crate::paging::Paged;
use crate::redact::Redactor;
use crate::request::GraphRequest;
use crate::token_info::{TokenInfo, Wrapped};
use wa_secrets::AccessToken;

/// Rows per page; 100 is Graph's maximum.
const PAGE: &str = "100";

impl GraphClient {
    /// Lists the phone numbers of a WhatsApp Business Account: `/{WABA_ID}/phone_numbers`.
    ///
    /// The token needs the permission `whatsapp_business_management`.
    pub fn phone_numbers(&self, account: &WabaId) -> Paged<PhoneNumber> {
        let path = format!("{account}/phone_numbers");
        Paged::new(
            self.clone(),
            GraphRequest::get(path)
                .query("fields", PHONE_NUMBER_FIELDS)
                .query("limit", PAGE),
        )
    }

    /// Lists the accounts that a business owns: `/{BUSINESS_ID}/owned_whatsapp_business_accounts`.
    ///
    /// The token needs the permissions `whatsapp_business_management` and `business_management`.
    pub fn owned_accounts(&self, business: &BusinessId) -> Paged<WhatsAppBusinessAccount> {
        self.accounts(&format!("{business}/owned_whatsapp_business_accounts"))
    }

    /// Lists the accounts that clients share with a business:
    /// `/{BUSINESS_ID}/client_whatsapp_business_accounts`.
    ///
    /// The token needs the permissions `whatsapp_business_management` and `business_management`.
    pub fn client_accounts(&self, business: &BusinessId) -> Paged<WhatsAppBusinessAccount> {
        self.accounts(&format!("{business}/client_whatsapp_business_accounts"))
    }

    fn accounts(&self, path: &str) -> Paged<WhatsAppBusinessAccount> {
        Paged::new(
            self.clone(),
            GraphRequest::get(path)
                .query("fields", ACCOUNT_FIELDS)
                .query("limit", PAGE),
        )
    }

    /// Inspects a token: `/debug_token` (Meta, *Debug token*).
    ///
    /// The client's own token must belong to the same app; [`AccessToken::for_app`] is the usual choice.
    ///
    /// # Errors
    ///
    /// [`GraphError`] if the call fails. An invalid inspected token is not an error: see
    /// [`TokenInfo::is_valid`].
    pub async fn debug_token(&self, inspected: &AccessToken) -> Result<TokenInfo, GraphError> {
        let request = GraphRequest::get("debug_token").secret_query("input_token", inspected.expose_secret());
        let mut info = self.execute::<Wrapped>(request).await?.body.data;
        if let Some(message) = info.error.as_mut().and_then(|error| error.message.as_mut()) {
            *message = Redactor::new(inspected, None, &[]).clean(message);
        }
        Ok(info)
    }

    /// Inspects the client's own token.
    ///
    /// # Errors
    ///
    /// As [`debug_token`](Self::debug_token).
    pub async fn debug_own_token(&self) -> Result<TokenInfo, GraphError> {
        self.debug_token(self.access_token()).await
    }
}
