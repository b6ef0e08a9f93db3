//! The calls.

use serde_json::Value;
use tracing::{debug, info};
use wa_graph::{GraphClient, GraphError, GraphRequest, GraphResponse, NodeKind, PhoneNumberId, ResponseMeta};
use wa_keys::PublicKey;

use crate::business_public_key::BusinessPublicKey;
use crate::error::EncryptionError;
use crate::read_back::ReadBack;
use crate::verification::Verification;
use crate::wire;

/// The Encryption API of one phone number: `/{PHONE_NUMBER_ID}/whatsapp_business_encryption`
/// (Meta, *WhatsApp Business Encryption* guide).
///
/// The token needs the permission `whatsapp_business_messaging`; the number must be registered with Cloud API. A number has
/// one key; setting another replaces it. Setting the same key twice does no harm, so every call here is retried by the
/// client's policy.
///
/// # Set up encryption
///
/// Make a key pair (or bring one), keep the private half where the endpoint finds it and nobody else, register the public
/// half. [`register`](Self::register) sets it, reads it back and compares.
///
/// ```no_run
/// # async fn example(client: wa_graph::GraphClient) -> Result<(), Box<dyn std::error::Error>> {
/// use wa_encryption::EncryptionApi;
/// use wa_keys::PublicKey;
///
/// let encryption = EncryptionApi::new(client, "106540352242922".parse()?);
/// let key = PublicKey::parse(std::fs::read("public.pem")?)?;
/// let verification = encryption.register(&key).await?;
/// if !verification.is_valid() {
///     eprintln!("{verification}\n{}", verification.advice());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Verify before launch
///
/// Before a Flow goes live, and from time to time after, see that the key is still yours and `VALID`. A number that is
/// registered anew answers `MISMATCH` until its key is set again.
///
/// ```no_run
/// # async fn example(
/// #     encryption: wa_encryption::EncryptionApi, key: wa_keys::PublicKey,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use wa_encryption::Verification;
///
/// match encryption.verify(&key).await? {
///     Verification::Valid { .. } => println!("ready"),
///     Verification::Mismatch { .. } => println!("healed: {}", encryption.register(&key).await?),
///     other => println!("stop: {other}: {}", other.advice()),
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Handle errors by code
///
/// ```no_run
/// # async fn example(encryption: wa_encryption::EncryptionApi, key: wa_keys::PublicKey) {
/// use wa_graph::ErrorCode;
///
/// if let Err(error) = encryption.set_business_public_key(&key).await {
///     match error.code().map(ErrorCode::number) {
///         Some(100) => eprintln!("a parameter is not valid: the key, or the id"),
///         Some(10) => eprintln!("the token lacks a permission"),
///         _ if error.is_rate_limited() => eprintln!("come back later"),
///         _ => {}
///     }
///     eprintln!("{error}");
///     eprintln!("hint: {}", error.remedy().unwrap_or("see Meta's documentation"));
/// }
/// # }
/// ```
///
/// # Several numbers
///
/// Every phone number of an account needs its key set for itself; the same key may serve all of them. Clients are cheap to
/// clone, so make one `EncryptionApi` for each number.
///
/// ```no_run
/// # async fn example(
/// #     client: wa_graph::GraphClient, key: wa_keys::PublicKey,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use wa_encryption::EncryptionApi;
///
/// for id in ["106540352242922", "106540352242923"] {
///     let encryption = EncryptionApi::new(client.clone(), id.parse()?);
///     println!("{id}: {}", encryption.register(&key).await?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Security practice
///
/// Keep private keys apart from the code and readable only by the endpoint; change them from time to time, and keep the old
/// private key for a while after a change, since clients that fetched the old public key go on using it; give the token to
/// few.
#[derive(Debug, Clone)]
pub struct EncryptionApi {
    client: GraphClient,
    phone_number_id: PhoneNumberId,
    read_back: ReadBack,
}

impl EncryptionApi {
    /// Makes the API of one phone number.
    pub fn new(client: GraphClient, phone_number_id: PhoneNumberId) -> Self {
        Self {
            client,
            phone_number_id,
            read_back: ReadBack::default(),
        }
    }

    /// Sets how [`register`](Self::register) looks for the key after setting it.
    #[must_use]
    pub fn read_back(mut self, read_back: ReadBack) -> Self {
        self.read_back = read_back;
        self
    }

    /// Returns the number's id.
    pub fn phone_number_id(&self) -> &PhoneNumberId {
        &self.phone_number_id
    }

    /// Returns the client that the calls are made with.
    pub fn client(&self) -> &GraphClient {
        &self.client
    }

    /// Sets the number's business public key, which replaces any other.
    ///
    /// Sent as a form-urlencoded POST with the canonical PEM text, as in Meta's guide.
    ///
    /// # Errors
    ///
    /// [`EncryptionError::Graph`] when the call fails, [`EncryptionError::NotConfirmed`] when the answer is no confirmation.
    pub async fn set_business_public_key(&self, key: &PublicKey) -> Result<ResponseMeta, EncryptionError> {
        let request = GraphRequest::post(self.path())
            .form(wire::KEY, key.to_pem())
            .repeatable();
        let GraphResponse { body, meta, .. } = self.client.execute::<Value>(request).await?;
        if wire::is_success(&body) {
            info!(phone_number_id = %self.phone_number_id, fingerprint = %key.fingerprint(), "business public key set");
            Ok(meta)
        } else {
            let phone_number_id = self.phone_number_id.clone();
            Err(EncryptionError::NotConfirmed {
                phone_number_id,
                fbtrace_id: meta.fbtrace_id,
            })
        }
    }

    /// Gets the number's business public key and the state of Meta's signature over it.
    ///
    /// That no key is registered is not an error, nor is a registered text that is not a key: see
    /// [`BusinessPublicKey::registered`].
    ///
    /// # Errors
    ///
    /// [`EncryptionError::Graph`] when the call fails, [`EncryptionError::UnknownShape`] when the answer is of no documented
    /// shape.
    pub async fn get_business_public_key(&self) -> Result<BusinessPublicKey, EncryptionError> {
        let response = self.read().await?;
        self.interpret(response)
    }

    /// Compares a key with the registered one.
    ///
    /// # Errors
    ///
    /// As [`get_business_public_key`](Self::get_business_public_key).
    pub async fn verify(&self, key: &PublicKey) -> Result<Verification, EncryptionError> {
        Ok(Verification::of(key, &self.get_business_public_key().await?))
    }

    /// Sets a key, reads it back and compares, with a few reads more while it does not show yet ([`ReadBack`]).
    ///
    /// # Errors
    ///
    /// As [`set_business_public_key`](Self::set_business_public_key); [`EncryptionError::ReadBack`] when the key was set
    /// but reading it failed, [`EncryptionError::UnknownShape`] when what was read is of no documented shape. A key that
    /// is registered but not `VALID`, or not visible yet, is no error: see [`Verification::is_valid`].
    pub async fn register(&self, key: &PublicKey) -> Result<Verification, EncryptionError> {
        self.set_business_public_key(key).await?;
        let mut read = 1;
        loop {
            let response = self.read().await.map_err(|source| {
                let phone_number_id = self.phone_number_id.clone();
                EncryptionError::ReadBack {
                    phone_number_id,
                    source,
                }
            })?;
            let verification = Verification::of(key, &self.interpret(response)?);
            let Some(pause) = self
                .read_back
                .pause_after(read)
                .filter(|_| !verification.is_valid())
            else {
                return Ok(verification.after_upload());
            };
            debug!(read, pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), %verification, "key not yet valid");
            self.client.clock().sleep(pause).await;
            read += 1;
        }
    }

    /// Makes a refusal of the id more exact: where Graph answers that a parameter is wrong or that there is no such object,
    /// it asks Graph what the id belongs to ([`GraphClient::node_kind`]).
    ///
    /// Any other error is returned unchanged, and also this one if Graph does not answer the question.
    pub async fn explain(&self, error: EncryptionError) -> EncryptionError {
        let EncryptionError::Graph(source) = error else {
            return error;
        };
        let api = source.api();
        let has_other_cause = api.is_some_and(|api| api.is_not_eligible() || api.needs_app_secret_proof());
        if has_other_cause || !(source.is_parameter() || source.is_not_found()) {
            return source.into();
        }
        match self.client.node_kind(&self.phone_number_id).await {
            Ok(Some(node)) if node != NodeKind::PhoneNumber => EncryptionError::NotAPhoneNumber {
                id: self.phone_number_id.clone(),
                node,
                source,
            },
            _ => source.into(),
        }
    }

    async fn read(&self) -> Result<GraphResponse<Value>, GraphError> {
        let fields = format!("{},{}", wire::KEY, wire::STATUS);
        self.client
            .execute(GraphRequest::get(self.path()).query("fields", fields))
            .await
    }

    fn interpret(&self, response: GraphResponse<Value>) -> Result<BusinessPublicKey, EncryptionError> {
        wire::business_public_key(&response.body).ok_or_else(|| EncryptionError::UnknownShape {
            phone_number_id: self.phone_number_id.clone(),
            fbtrace_id: response.meta.fbtrace_id,
        })
    }

    fn path(&self) -> String {
        format!("{}/{}", self.phone_number_id, wire::EDGE)
    }
}
