//! The decryption of a request in the RSA pool.

use std::sync::Arc;

use tracing::Span;
use wa_keys::Fingerprint;

use crate::endpoint::handler::FlowHandler;
use crate::endpoint::pipeline::Pipeline;
use crate::envelope::Envelope;
use crate::message::FlowRequest;
use crate::ring::{OpenError, Opening};
use crate::session::ResponseSeal;
use crate::status::Refusal;
use crate::token::{TokenVerdict, verify_flow_token};

/// A decrypted request that passed all checks.
pub(super) struct Decrypted {
    pub(super) request: FlowRequest,
    pub(super) seal: ResponseSeal,
    pub(super) key: Fingerprint,
    pub(super) token: TokenVerdict,
}

/// The result of trying the keys of the ring; boxed, for both are large.
enum Attempt {
    Decrypted(Box<Decrypted>),
    NoKeyFits(Box<Opening>),
}

impl Decrypted {
    /// Records in the span of the exchange what is known about the request.
    pub(super) fn describe(&self, span: &Span) {
        if span.is_disabled() {
            return;
        }
        span.record("action", self.request.label());
        span.record("key", self.key.short());
        if let Some(screen) = self.request.loggable_screen() {
            span.record("screen", screen);
        }
    }
}

impl<H: FlowHandler> Pipeline<H> {
    /// Decrypts a request. If no key fits, a signed request causes one refresh of the key ring from its
    /// source, and is tried with the keys that came in, whatever the reason of the failure.
    pub(super) async fn decrypt(&self, envelope: Envelope) -> Result<Decrypted, Refusal> {
        let opening = match self.attempt(Box::new(Opening::new(envelope))).await? {
            Attempt::Decrypted(decrypted) => return Ok(*decrypted),
            Attempt::NoKeyFits(opening) => opening,
        };
        if self.check_signature {
            self.ring.refresh().await;
            if opening.can_continue(&self.ring)
                && let Attempt::Decrypted(decrypted) = self.attempt(opening).await?
            {
                return Ok(*decrypted);
            }
        }
        Err(OpenError::Undecryptable.into())
    }

    /// Tries the keys of the ring, in the RSA pool, so that the serving threads stay free.
    async fn attempt(&self, mut opening: Box<Opening>) -> Result<Attempt, Refusal> {
        let ring = self.ring.clone();
        let app_secrets = Arc::clone(&self.app_secrets);
        let mode = self.options.token_signature;
        let span = Span::current();
        let work = move || {
            let _entered = span.enter();
            let Ok(opened) = opening.attempt(&ring) else {
                return Ok(Attempt::NoKeyFits(opening));
            };
            let key = opened.key;
            let (payload, seal) = opened.into_parts();
            let request = FlowRequest::parse(payload)?;
            let token = verify_flow_token(mode, &app_secrets, &request)?;
            Ok(Attempt::Decrypted(Box::new(Decrypted {
                request,
                seal,
                key,
                token,
            })))
        };
        let result = self.pool.submit(work).map_err(|_| Refusal::Overloaded)?;
        // The sender is dropped without a result only while the runtime shuts down.
        result.await.unwrap_or(Err(Refusal::Overloaded))
    }
}
