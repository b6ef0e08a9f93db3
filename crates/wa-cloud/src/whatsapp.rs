//! The client for one phone number.

use wa_encryption::EncryptionApi;
use wa_graph::{GraphClient, PhoneNumberId};

use crate::builder::WhatsAppBuilder;
use crate::environment;
use crate::error::BuildError;

/// A client of the Cloud API for one phone number. Cloning is cheap; clones share connections.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use wa_cloud::WhatsApp;
///
/// let whatsapp = WhatsApp::from_env()?;
/// for id in ["106540352242922", "106540352242923"] {
///     let number = whatsapp.for_phone_number(id.parse()?);
///     println!("{id}: {:?}", number.encryption().get_business_public_key().await?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WhatsApp {
    client: GraphClient,
    phone_number_id: PhoneNumberId,
}

impl WhatsApp {
    /// Returns a builder; the phone number id and the access token are required.
    pub fn builder() -> WhatsAppBuilder {
        WhatsAppBuilder::new()
    }

    /// Creates a `WhatsApp` from a configured Graph client.
    pub fn new(client: GraphClient, phone_number_id: PhoneNumberId) -> Self {
        Self {
            client,
            phone_number_id,
        }
    }

    /// Builds a client from environment variables; [`builder_from_env`](Self::builder_from_env) lists them.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names the variable that is missing, or the setting that is not valid.
    pub fn from_env() -> Result<Self, BuildError> {
        Self::builder_from_env()?.build()
    }

    /// Returns a builder with the settings from environment variables; empty variables count as not set.
    ///
    /// | variable | setting |
    /// |---|---|
    /// | `WA_ACCESS_TOKEN`, else `CLOUD_API_ACCESS_TOKEN` | access token |
    /// | `WA_PHONE_NUMBER_ID` | phone number id |
    /// | `WA_APP_SECRET` | app secret |
    /// | `WA_GRAPH_URL` | base URL |
    /// | `WA_API_VERSION` | API version |
    ///
    /// # Errors
    ///
    /// [`BuildError::NotUnicode`] if a variable is not UTF-8.
    pub fn builder_from_env() -> Result<WhatsAppBuilder, BuildError> {
        environment::settings()
    }

    /// Returns a client for another phone number that shares settings and connections with this one.
    #[must_use]
    pub fn for_phone_number(&self, phone_number_id: PhoneNumberId) -> Self {
        Self {
            client: self.client.clone(),
            phone_number_id,
        }
    }

    /// Returns the Encryption API of the phone number.
    pub fn encryption(&self) -> EncryptionApi {
        EncryptionApi::new(self.client.clone(), self.phone_number_id.clone())
    }

    /// Returns the phone number id.
    pub fn phone_number_id(&self) -> &PhoneNumberId {
        &self.phone_number_id
    }

    /// Returns the Graph client, for calls that this facade does not cover.
    pub fn client(&self) -> &GraphClient {
        &self.client
    }
}
