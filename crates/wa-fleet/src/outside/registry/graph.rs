//! The registry of the Graph API.

use std::time::Duration;

use async_trait::async_trait;
use wa_encryption::{EncryptionApi, EncryptionError, RegisteredKey as GraphKey};
use wa_graph::{GraphClient, GraphError, GraphErrorKind, PhoneNumberId, RetryPolicy, WabaId};
use wa_keys::PublicKey;

use super::{Effect, Registered, RegisteredKey, Registry, RegistryError};

/// An upload that takes longer is abandoned: it must have ended when its key is read back after a later
/// promotion.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// An upload waits no longer for a rate limit: what was checked before it would be outdated.
const UPLOAD_WAIT: Duration = Duration::from_secs(2);

/// The registry of Meta's Graph API, through the Encryption API.
///
/// Reads are retried as the client's retry policy allows, uploads are not.
///
/// ```no_run
/// # fn example(client: wa_graph::GraphClient) {
/// use wa_fleet::GraphRegistry;
///
/// let registry = GraphRegistry::new(client);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct GraphRegistry {
    reader: GraphClient,
    uploader: GraphClient,
    account: Option<WabaId>,
}

impl GraphRegistry {
    /// Creates a registry that calls Graph with this client.
    #[must_use]
    pub fn new(client: GraphClient) -> Self {
        let uploader = client
            .with_retry(RetryPolicy::none())
            .with_request_timeout(UPLOAD_TIMEOUT)
            .with_max_wait(UPLOAD_WAIT);
        Self {
            reader: client,
            uploader,
            account: None,
        }
    }

    /// Returns a registry for the numbers of an account: calls wait while a rate limit of the account lasts.
    #[must_use]
    pub fn with_account(&self, account: Option<WabaId>) -> Self {
        Self {
            account,
            ..self.clone()
        }
    }

    fn api(&self, client: &GraphClient, number: &PhoneNumberId) -> EncryptionApi {
        let api = EncryptionApi::new(client.clone(), number.clone());
        match &self.account {
            Some(account) => api.account(account.clone()),
            None => api,
        }
    }
}

#[async_trait]
impl Registry for GraphRegistry {
    async fn read(&self, number: &PhoneNumberId) -> Result<Registered, RegistryError> {
        let api = self.api(&self.reader, number);
        let response = match api.get_with_meta().await {
            Ok(response) => response,
            Err(error) => return Err(failure(api.explain(error).await)),
        };
        let key = match response.body.registered() {
            GraphKey::Absent => RegisteredKey::None,
            GraphKey::Key(key) => RegisteredKey::Key(key.fingerprint()),
            _ => RegisteredKey::Unreadable,
        };
        Ok(Registered::new(
            key,
            response.body.is_usable(),
            response.meta.date,
        ))
    }

    async fn upload(&self, number: &PhoneNumberId, key: &PublicKey) -> Result<(), RegistryError> {
        let api = self.api(&self.uploader, number);
        let sent = api.set_business_public_key(key).await;
        sent.map(drop).map_err(|error| {
            let graph = error.graph();
            let effect = if graph.is_some_and(GraphError::is_rate_limited) {
                Some(Effect::Limited)
            } else if graph.is_some_and(|error| matches!(error.kind(), GraphErrorKind::Transport(_))) {
                // The next read, which is retried, shows whether Graph can be reached.
                Some(Effect::Transient)
            } else {
                None
            };
            let mut error = failure(error);
            error.effect = effect.unwrap_or(error.effect);
            error
        })
    }
}

fn failure(error: EncryptionError) -> RegistryError {
    let effect = if error.graph().is_some_and(GraphError::affects_every_call) {
        Effect::All
    } else if error.is_transient() || matches!(error, EncryptionError::NotConfirmed { .. }) {
        Effect::Transient
    } else {
        Effect::Number
    };
    RegistryError {
        message: error.to_string(),
        remedy: error.remedy(),
        effect,
        source: Some(Box::new(error)),
    }
}
