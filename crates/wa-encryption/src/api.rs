//! The calls of the Encryption API.

use serde_json::Value;
use tracing::{debug, info};
use wa_graph::{GraphClient, GraphError, GraphRequest, GraphResponse, NodeKind, PhoneNumberId, WabaId};

use crate::business_public_key::BusinessPublicKey;
use crate::error::EncryptionError;
use crate::key_input::PublicKeyInput;
use crate::read_back::ReadBack;
use crate::upload::Uploaded;
use crate::verification::Verification;
use crate::wire;

/// The Encryption API of one phone number: `/{PHONE_NUMBER_ID}/whatsapp_business_encryption`
/// (Meta, *WhatsApp Business Encryption* guide).
///
/// The token needs the permission `whatsapp_business_messaging`, and the number must be registered with Cloud
/// API. A number has one key; setting another one replaces it. Setting the same key twice does no harm, so
/// the client retries all calls as its policy allows.
///
/// # Set up encryption
///
/// Generate a key pair or reuse one, store the private key where only the endpoint can read it, and register
/// the public key. [`register`](Self::register) sets it, reads it back and compares.
///
/// ```no_run
/// # async fn example(client: wa_graph::GraphClient) -> Result<(), Box<dyn std::error::Error>> {
/// use wa_encryption::EncryptionApi;
///
/// let encryption = EncryptionApi::new(client, "106540352242922".parse()?);
/// let verification = encryption.register(std::fs::read("public.pem")?).await?;
/// if !verification.is_valid() {
///     eprintln!("{verification}\n{}", verification.remedy().unwrap_or_default());
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Verify before launch
///
/// Before a Flow goes live, and regularly afterwards, check that the registered key is yours and its status
/// `VALID`. After a number is re-registered, its status is `MISMATCH` until the key is set again.
///
/// ```no_run
/// # async fn example(
/// #     encryption: wa_encryption::EncryptionApi, key: wa_keys::PublicKey,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use wa_encryption::Verification;
///
/// match encryption.verify(&key).await? {
///     Verification::Valid { .. } => println!("ready"),
///     Verification::Mismatch { .. } => println!("repaired: {}", encryption.register(&key).await?),
///     other => println!("stop: {other}: {}", other.remedy().unwrap_or_default()),
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
///     match error.code() {
///         Some(ErrorCode::INVALID_PARAMETER) => eprintln!("the key or the id is not valid"),
///         _ if error.is_permission() => eprintln!("the token lacks a permission"),
///         _ if error.is_rate_limited() => eprintln!("too many calls"),
///         _ => {}
///     }
///     eprintln!("error: {}", error.report());
/// }
/// # }
/// ```
///
/// # Several numbers
///
/// Every phone number of an account needs its own registration; the numbers may share a key pair. Clients are
/// cheap to clone, so create one `EncryptionApi` per number.
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
/// Store private keys outside the code, readable by the endpoint only. Rotate them regularly, and keep the
/// previous private key for some time after a rotation, because clients that fetched the previous public key
/// continue to use it. Give the token to as few processes as possible.
#[derive(Debug, Clone)]
pub struct EncryptionApi {
    client: GraphClient,
    phone_number_id: PhoneNumberId,
    account: Option<WabaId>,
    read_back: ReadBack,
}

impl EncryptionApi {
    /// Creates the API of one phone number.
    pub fn new(client: GraphClient, phone_number_id: PhoneNumberId) -> Self {
        Self {
            client,
            phone_number_id,
            account: None,
            read_back: ReadBack::default(),
        }
    }

    /// Sets how often [`register`](Self::register) reads the key back. Default [`ReadBack::default`].
    #[must_use]
    pub fn read_back(mut self, read_back: ReadBack) -> Self {
        self.read_back = read_back;
        self
    }

    /// Names the WhatsApp Business Account of the number, so that the client keeps calls back while a rate
    /// limit of that account lasts ([`Pacer`](wa_graph::Pacer)). Default: unknown.
    #[must_use]
    pub fn account(mut self, account: WabaId) -> Self {
        self.account = Some(account);
        self
    }

    /// Returns the phone number id.
    pub fn phone_number_id(&self) -> &PhoneNumberId {
        &self.phone_number_id
    }

    /// Returns the client that makes the calls.
    pub fn client(&self) -> &GraphClient {
        &self.client
    }

    /// Sets the number's business public key, replacing any other key.
    ///
    /// The key is sent as canonical PEM in a form-urlencoded POST, as in Meta's guide.
    ///
    /// # Errors
    ///
    /// [`EncryptionError::Key`] if the key is not usable (nothing is sent), [`EncryptionError::Graph`] if the
    /// call fails, [`EncryptionError::NotConfirmed`] if the response is not a confirmation.
    pub async fn set_business_public_key(
        &self,
        key: impl PublicKeyInput,
    ) -> Result<Uploaded, EncryptionError> {
        let key = key.into_public_key()?;
        let request = self
            .tagged(GraphRequest::post(self.path()))
            .form(wire::KEY, key.to_pem())
            .repeatable();
        let GraphResponse { body, meta, .. } = self.client.execute::<Value>(request).await?;
        if wire::is_success(&body) {
            let (phone_number_id, fingerprint) = (&self.phone_number_id, key.fingerprint());
            info!(%phone_number_id, %fingerprint, "business public key set");
            Ok(Uploaded::new(phone_number_id.clone(), fingerprint, meta))
        } else {
            let phone_number_id = self.phone_number_id.clone();
            Err(EncryptionError::NotConfirmed {
                phone_number_id,
                fbtrace_id: meta.fbtrace_id,
            })
        }
    }

    /// Gets the number's business public key and the status of Meta's signature over it.
    ///
    /// A missing key is not an error, nor is a registered text that is not a key: see
    /// [`BusinessPublicKey::registered`].
    ///
    /// # Errors
    ///
    /// [`EncryptionError::Graph`] if the call fails, [`EncryptionError::UnknownShape`] if the response has no
    /// documented format.
    pub async fn get_business_public_key(&self) -> Result<BusinessPublicKey, EncryptionError> {
        let GraphResponse { body, meta, .. } = self.get_with_meta().await?;
        Ok(body.with_meta(meta))
    }

    /// Like [`get_business_public_key`](Self::get_business_public_key), with the metadata of the response.
    ///
    /// # Errors
    ///
    /// As [`get_business_public_key`](Self::get_business_public_key).
    pub async fn get_with_meta(&self) -> Result<GraphResponse<BusinessPublicKey>, EncryptionError> {
        self.interpret(self.read().await?)
    }

    /// Compares a key with the registered key.
    ///
    /// # Errors
    ///
    /// [`EncryptionError::Key`] if the given key is not usable; otherwise as
    /// [`get_business_public_key`](Self::get_business_public_key).
    pub async fn verify(&self, key: impl PublicKeyInput) -> Result<Verification, EncryptionError> {
        Ok(self.verify_with_meta(key).await?.body)
    }

    /// Like [`verify`](Self::verify), with the metadata of the response.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub async fn verify_with_meta(
        &self,
        key: impl PublicKeyInput,
    ) -> Result<GraphResponse<Verification>, EncryptionError> {
        let key = key.into_public_key()?;
        let found = self.get_with_meta().await?;
        Ok(found.map(|found| Verification::of(&key, &found)))
    }

    /// Sets a key, reads it back and compares, repeating the read while the key is not visible yet
    /// ([`ReadBack`]).
    ///
    /// # Errors
    ///
    /// As [`set_business_public_key`](Self::set_business_public_key); [`EncryptionError::ReadBack`] if the
    /// key was set but reading it failed, [`EncryptionError::UnknownShape`] if the response to a read has no
    /// documented format. A key that is registered but not `VALID`, or not visible yet, is not an error: see
    /// [`Verification::is_valid`].
    pub async fn register(&self, key: impl PublicKeyInput) -> Result<Verification, EncryptionError> {
        Ok(self.register_with_meta(key).await?.body)
    }

    /// Like [`register`](Self::register), with the metadata of the last response.
    ///
    /// # Errors
    ///
    /// As [`register`](Self::register).
    pub async fn register_with_meta(
        &self,
        key: impl PublicKeyInput,
    ) -> Result<GraphResponse<Verification>, EncryptionError> {
        let key = key.into_public_key()?;
        self.set_business_public_key(&key).await?;
        let mut read = 1;
        loop {
            let response = self.read().await.map_err(|source| {
                let phone_number_id = self.phone_number_id.clone();
                EncryptionError::ReadBack {
                    phone_number_id,
                    source,
                }
            })?;
            let found = self.interpret(response)?;
            let verification = found.map(|found| Verification::of(&key, &found));
            let Some(pause) = self
                .read_back
                .pause_after(read)
                .filter(|_| !verification.body.is_valid())
            else {
                return Ok(verification.map(Verification::after_upload));
            };
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            debug!(read, pause_ms, verification = %verification.body, "key not yet valid");
            self.client.clock().sleep(pause).await;
            read += 1;
        }
    }

    /// Makes the refusal of an id more specific: if Graph reports an invalid parameter or a missing object,
    /// asks Graph what the id belongs to ([`GraphClient::node_kind`]) and returns
    /// [`EncryptionError::NotAPhoneNumber`] if it is another kind.
    ///
    /// Returns every other error unchanged, and this one too if that call fails.
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
        let request = GraphRequest::get(self.path()).query("fields", fields);
        self.client.execute(self.tagged(request)).await
    }

    fn interpret(
        &self,
        response: GraphResponse<Value>,
    ) -> Result<GraphResponse<BusinessPublicKey>, EncryptionError> {
        match wire::business_public_key(&response.body) {
            Some(found) => Ok(response.map(|_| found)),
            None => Err(EncryptionError::UnknownShape {
                phone_number_id: self.phone_number_id.clone(),
                fbtrace_id: response.meta.fbtrace_id,
            }),
        }
    }

    /// Names the account in a request, if it is known.
    fn tagged(&self, request: GraphRequest) -> GraphRequest {
        match &self.account {
            Some(account) => request.account(account.clone()),
            None => request,
        }
    }

    fn path(&self) -> String {
        format!("{}/{}", self.phone_number_id, wire::EDGE)
    }
}
