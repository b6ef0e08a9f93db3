//! The settings of a [`WhatsApp`].

use std::fmt;
use std::time::Duration;

use wa_graph::{
    AccessToken, ApiVersion, AppSecret, GraphClient, GraphClientBuilder, PhoneNumberId, RetryPolicy,
};
use wa_secrets::variables::{ACCESS_TOKEN, PHONE_NUMBER_ID};
use zeroize::Zeroizing;

use crate::error::BuildError;
use crate::whatsapp::WhatsApp;

/// Builds a [`WhatsApp`] from settings in text form; [`build`](Self::build) validates them.
///
/// [`GraphClient::builder`] has more settings; pass the client to [`WhatsApp::new`].
#[must_use]
#[derive(Default)]
pub struct WhatsAppBuilder {
    phone_number_id: Option<String>,
    access_token: Option<Zeroizing<String>>,
    app_secret: Option<Zeroizing<String>>,
    base_url: Option<String>,
    api_version: Option<String>,
    request_timeout: Option<Duration>,
    retry: Option<RetryPolicy>,
}

impl WhatsAppBuilder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sets the phone number id: about 15 digits, not the phone number itself.
    pub fn phone_number_id(mut self, id: impl Into<String>) -> Self {
        self.phone_number_id = Some(id.into());
        self
    }

    /// Sets the access token; it needs the permission `whatsapp_business_messaging`.
    pub fn access_token(mut self, token: impl Into<String>) -> Self {
        self.access_token = Some(Zeroizing::new(token.into()));
        self
    }

    /// Sets the app secret, with which every call sends `appsecret_proof`. Default: none.
    pub fn app_secret(mut self, secret: impl Into<String>) -> Self {
        self.app_secret = Some(Zeroizing::new(secret.into()));
        self
    }

    /// Sets the base URL of the Graph API. Default `https://graph.facebook.com`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the API version. Default `v25.0`.
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = Some(version.into());
        self
    }

    /// Sets the time limit of one attempt of a call. Default 30 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = Some(timeout);
        self
    }

    /// Sets the limits for attempts and pauses. Default [`RetryPolicy::default`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Validates the settings and builds the client.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names the setting that is missing or not valid.
    pub fn build(self) -> Result<WhatsApp, BuildError> {
        let id = self.phone_number_id.as_deref().ok_or(BuildError::Missing {
            setting: "the phone number id",
            method: "phone_number_id",
            variable: PHONE_NUMBER_ID,
        })?;
        let id = PhoneNumberId::new(id)?;
        let token = self.access_token.as_deref().ok_or(BuildError::Missing {
            setting: "the access token",
            method: "access_token",
            variable: ACCESS_TOKEN,
        })?;
        let mut client = GraphClient::builder(AccessToken::new(token.as_str())?);
        if let Some(secret) = self.app_secret.as_deref() {
            client = client.app_secret(AppSecret::new(secret.as_str())?);
        }
        if let Some(version) = &self.api_version {
            client = client.api_version(version.parse::<ApiVersion>()?);
        }
        client = set(client, self.base_url, GraphClientBuilder::base_url);
        client = set(client, self.request_timeout, GraphClientBuilder::request_timeout);
        client = set(client, self.retry, GraphClientBuilder::retry);
        Ok(WhatsApp::new(client.build()?, id))
    }
}

fn set<T>(
    client: GraphClientBuilder,
    value: Option<T>,
    setter: impl FnOnce(GraphClientBuilder, T) -> GraphClientBuilder,
) -> GraphClientBuilder {
    match value {
        Some(value) => setter(client, value),
        None => client,
    }
}

impl fmt::Debug for WhatsAppBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhatsAppBuilder")
            .field("phone_number_id", &self.phone_number_id)
            .field("has_access_token", &self.access_token.is_some())
            .field("has_app_secret", &self.app_secret.is_some())
            .field("api_version", &self.api_version)
            .finish_non_exhaustive()
    }
}
