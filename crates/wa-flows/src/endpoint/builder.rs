//! The settings of an endpoint.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::options::Options;
use crate::endpoint::pipeline::{Parts, Pipeline};
use crate::endpoint::pool::RsaPool;
use crate::endpoint::replay::ReplayMemory;
use crate::endpoint::{ExchangeReport, FlowEndpoint, FlowHandler};
use crate::ring::KeyRing;
use crate::token::TokenSignatureMode;
use wa_secrets::AppSecret;

/// A builder of a [`FlowEndpoint`]; [`build`](FlowEndpointBuilder::build) checks the settings.
#[must_use = "a builder serves nothing"]
pub struct FlowEndpointBuilder<H> {
    ring: KeyRing,
    handler: H,
    app_secrets: Vec<AppSecret>,
    skip_signature_check: bool,
    replay: Option<ReplayMemory>,
    pool: Option<RsaPool>,
    options: Options,
}

/// Settings with which no endpoint can be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointConfigError {
    /// No app secret is set, so the endpoint could not verify that a request comes from Meta.
    #[error("no app secret is set, so signatures cannot be verified")]
    NoAppSecret,
    /// The check of `flow_token_signature` is on, but no app secret is set.
    #[error("flow_token_signature cannot be verified without an app secret")]
    NoAppSecretForTokens,
    /// The body limit is 0, so every request would be refused.
    #[error("the body limit is 0 bytes")]
    NoBody,
    /// The deadline is 0, so no handler could respond in time.
    #[error("the deadline is 0")]
    NoTime,
}

impl EndpointConfigError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        let remedy = match self {
            Self::NoAppSecret => {
                "set the secret of the Meta app that is connected to the Flow with app_secret, or call \
                 danger_skip_signature_check in a test"
            }
            Self::NoAppSecretForTokens => "set an app secret, or turn the check of flow_token_signature off",
            Self::NoBody => "set a body limit above 0; the default is 2 MiB",
            Self::NoTime => "set a deadline above 0; the default is 9 seconds",
        };
        Some(Cow::Borrowed(remedy))
    }
}

impl<H: FlowHandler> FlowEndpointBuilder<H> {
    pub(crate) fn new(ring: KeyRing, handler: H) -> Self {
        Self {
            ring,
            handler,
            app_secrets: Vec::new(),
            skip_signature_check: false,
            replay: Some(ReplayMemory::default()),
            pool: None,
            options: Options::default(),
        }
    }

    /// Accepts requests signed with this app secret. During a change of the secret, call it with the old and
    /// with the new.
    pub fn app_secret(mut self, secret: AppSecret) -> Self {
        self.app_secrets.push(secret);
        self
    }

    /// Accepts unsigned requests: anyone who knows the URL and the public key can then send requests.
    ///
    /// No client is authenticated then, so every log line is rate-limited (see
    /// [`LogThrottle`](crate::LogThrottle)). The [`observer`](FlowEndpointBuilder::observer) is still called
    /// for each exchange.
    pub fn danger_skip_signature_check(mut self) -> Self {
        self.skip_signature_check = true;
        self
    }

    /// Sets whether `flow_token_signature` is verified; off by default.
    pub fn token_signature(mut self, mode: TokenSignatureMode) -> Self {
        self.options.token_signature = mode;
        self
    }

    /// Sets the maximum length of a body in bytes; by default 2 MiB, twice what Meta sends.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.options.body_limit = bytes;
        self
    }

    /// Sets how long an exchange may take, from the head of the request to the handler's response; by default
    /// 9 s, since WhatsApp gives up after 10 s.
    ///
    /// A handler that has not responded by then is dropped, and the client gets 504. A body that is
    /// incomplete by then, or after 5 s, gets 408.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options.deadline = deadline;
        self
    }

    /// Sets how many exchanges may be in flight, including those that wait for their handler; by default
    /// 1,024. Further requests get 503 immediately. An exchange counts from the moment its signature is
    /// verified.
    ///
    /// Pending bodies, which did not arrive together with their head as WhatsApp sends them, have limits of
    /// their own for all endpoints of the process: 1,024 bodies of up to 64 KiB each, 16 MiB in all, and
    /// 1,024 larger ones, in all 16 MiB or eight times the largest [`body_limit`](Self::body_limit). Beyond
    /// these limits the oldest gets 408.
    pub fn max_in_flight(mut self, exchanges: NonZeroUsize) -> Self {
        self.options.max_in_flight = exchanges;
        self
    }

    /// Sets the pool that runs private key operations; by default [`RsaPool::shared`].
    pub fn rsa_pool(mut self, pool: RsaPool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Sets the memory that recognises repeated requests; by default a new one with the defaults of
    /// [`ReplayWindow`](crate::ReplayWindow).
    ///
    /// Set the same memory for endpoints whose rings share a key, and for an endpoint that replaces another
    /// while the process runs. If several processes serve, set one with a
    /// [`ReplayStore`](crate::ReplayStore).
    pub fn replay_memory(mut self, memory: ReplayMemory) -> Self {
        self.replay = Some(memory);
        self
    }

    /// Turns replay protection off: every copy of a request is answered.
    ///
    /// Anyone who has recorded a request can then make the endpoint call the handler again, and learns the
    /// XOR of both plaintexts if the two responses differ.
    pub fn danger_allow_replays(mut self) -> Self {
        self.replay = None;
        self
    }

    /// Sends the body of a 427 (invalid Flow token) as plain JSON instead of encrypted.
    ///
    /// Meta's guide shows it in plain text, but Meta's sample endpoint encrypts it and the web client
    /// decrypts it.
    pub fn plain_token_invalid(mut self) -> Self {
        self.options.plain_token_invalid = true;
        self
    }

    /// Sets a callback that gets a report of each exchange, for metrics; it runs on the serving thread and
    /// must not block.
    pub fn observer(mut self, observer: impl Fn(&ExchangeReport) + Send + Sync + 'static) -> Self {
        self.options.observer = Some(Arc::new(observer));
        self
    }

    /// Logs decrypted requests and responses at `debug`, including what users type and their Flow tokens.
    pub fn danger_log_payloads(mut self) -> Self {
        self.options.log_payloads = true;
        self
    }

    /// Builds the endpoint.
    ///
    /// # Errors
    ///
    /// Returns [`EndpointConfigError`] if no app secret is set and the signature check was not skipped, or if
    /// a limit is 0.
    pub fn build(self) -> Result<FlowEndpoint<H>, EndpointConfigError> {
        if self.app_secrets.is_empty() {
            if !self.skip_signature_check {
                return Err(EndpointConfigError::NoAppSecret);
            }
            if self.options.token_signature != TokenSignatureMode::Off {
                return Err(EndpointConfigError::NoAppSecretForTokens);
            }
        }
        if self.options.body_limit == 0 {
            return Err(EndpointConfigError::NoBody);
        }
        if self.options.deadline.is_zero() {
            return Err(EndpointConfigError::NoTime);
        }
        let pipeline = Pipeline::new(Parts {
            ring: self.ring,
            handler: self.handler,
            app_secrets: self.app_secrets.into(),
            check_signature: !self.skip_signature_check,
            replay: self.replay,
            pool: self.pool.unwrap_or_else(RsaPool::shared),
            options: self.options,
        });
        Ok(FlowEndpoint {
            pipeline: Arc::new(pipeline),
        })
    }
}

impl<H> fmt::Debug for FlowEndpointBuilder<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowEndpointBuilder")
            .field("ring", &self.ring)
            .field("app_secrets", &self.app_secrets.len())
            .field("skip_signature_check", &self.skip_signature_check)
            .field("replay", &self.replay)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
