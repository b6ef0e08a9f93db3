//! The settings of an endpoint.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::options::Options;
use crate::endpoint::pipeline::Pipeline;
use crate::endpoint::pool::RsaPool;
use crate::endpoint::replay::ReplayMemory;
use crate::endpoint::{ExchangeReport, FlowEndpoint, FlowHandler};
use crate::ring::KeyRing;
use crate::token::TokenSignatureMode;
use wa_secrets::AppSecret;

/// The settings of a [`FlowEndpoint`]; [`build`](FlowEndpointBuilder::build) checks them.
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

/// Settings that no endpoint can be built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointConfigError {
    /// There is no app secret, so that anybody's requests would be answered.
    #[error(
        "no app secret is set, so nothing proves that a request comes from Meta: set the secret of the app that is connected to the Flow (or danger_skip_signature_check, in tests)"
    )]
    NoAppSecret,
    /// `flow_token_signature` shall be checked, and there is no app secret to check it with.
    #[error("flow_token_signature cannot be checked without an app secret: set one, or leave the check off")]
    NoAppSecretForTokens,
    /// No request fits into the limit of the body.
    #[error("the limit of the body is 0 bytes: allow 2 MiB, as the default does")]
    NoBody,
    /// No answer is in time.
    #[error("the deadline is 0: allow 9 seconds, as the default does")]
    NoTime,
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

    /// Accepts requests signed with this app secret; call it twice while a secret is changed, with the old and the new.
    pub fn app_secret(mut self, secret: AppSecret) -> Self {
        self.app_secrets.push(secret);
        self
    }

    /// Answers unsigned requests: anyone who knows the URL and the public key can then send any.
    ///
    /// No client is authenticated then, so every line of the log is rate-limited as [`LogThrottle`](crate::LogThrottle) says;
    /// the [`observer`](FlowEndpointBuilder::observer) is called for each exchange.
    pub fn danger_skip_signature_check(mut self) -> Self {
        self.skip_signature_check = true;
        self
    }

    /// Whether `flow_token_signature` is checked; off by default.
    pub fn token_signature(mut self, mode: TokenSignatureMode) -> Self {
        self.options.token_signature = mode;
        self
    }

    /// The longest body that is read; by default 2 MiB, twice what Meta sends, in bytes.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.options.body_limit = bytes;
        self
    }

    /// How long an exchange may take, from the head of the request to the answer of the handler; by default 9 s, for
    /// the phone gives up after 10. A handler that has not answered by then is dropped and answered for with 504, a body that
    /// is not there by then, or after 5 s, 408.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options.deadline = deadline;
        self
    }

    /// How many exchanges may be under way at a time, waiting handlers included; by default 1,024. More are answered
    /// 503 at once. An exchange counts from when its signature holds.
    ///
    /// Bodies that are pending, because they did not arrive with their head as WhatsApp sends them, are bounded for all
    /// endpoints of the process: 1,024 of at most 64 KiB each and 16 MiB in all, and as many larger ones, of 16 MiB in all or
    /// eight times the largest [`body_limit`](Self::body_limit). Beyond, the oldest is answered 408.
    pub fn max_in_flight(mut self, exchanges: NonZeroUsize) -> Self {
        self.options.max_in_flight = exchanges;
        self
    }

    /// Where private key operations run; by default in the pool that the whole process shares.
    pub fn rsa_pool(mut self, pool: RsaPool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// The memory by which repeated requests are recognised: by default one of this endpoint alone, with the defaults of
    /// [`ReplayWindow`](crate::ReplayWindow).
    ///
    /// Give the same memory to endpoints whose rings share a key, and to an endpoint that takes the place of another while
    /// the process runs; give one with a [`ReplayStore`](crate::ReplayStore) where several processes serve.
    pub fn replay_memory(mut self, memory: ReplayMemory) -> Self {
        self.replay = Some(memory);
        self
    }

    /// Answers every request, however often it comes. Anyone who has recorded a request can then have the handler called
    /// again, and from two different responses to it learn the XOR of both.
    pub fn danger_allow_replays(mut self) -> Self {
        self.replay = None;
        self
    }

    /// Sends the answer to an invalid Flow token (427) as plain JSON rather than encrypted: Meta's guide shows it so,
    /// Meta's sample and its web client encrypt it.
    pub fn plain_token_invalid(mut self) -> Self {
        self.options.plain_token_invalid = true;
        self
    }

    /// Tells somebody how each exchange went, for metrics; it is called on the serving thread and must not block.
    pub fn observer(mut self, observer: impl Fn(&ExchangeReport) + Send + Sync + 'static) -> Self {
        self.options.observer = Some(Arc::new(observer));
        self
    }

    /// Logs decrypted requests and responses at `debug`: what users type, and their Flow tokens.
    pub fn danger_log_payloads(mut self) -> Self {
        self.options.log_payloads = true;
        self
    }

    /// Makes the endpoint.
    ///
    /// # Errors
    /// [`EndpointConfigError`] if no app secret is set and the signature check was not skipped on purpose, or if a limit
    /// lets nothing through.
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
        let pool = self.pool.unwrap_or_else(RsaPool::shared);
        let check_signature = !self.skip_signature_check;
        let pipeline = Pipeline::new(self.ring, self.handler, self.options, pool).with_checks(
            self.app_secrets.into(),
            check_signature,
            self.replay,
        );
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
