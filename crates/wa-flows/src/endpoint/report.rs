//! What is told about an exchange: to logs and to the observer.

use std::time::{Duration, Instant};

use http::StatusCode;
use wa_keys::Fingerprint;

use crate::endpoint::ExchangeId;
use crate::message::FlowRequest;
use crate::status::Refusal;
use crate::token::TokenVerdict;

/// How an exchange went, without anything that was said in it: for metrics.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExchangeReport {
    /// The name of the exchange in logs.
    pub id: ExchangeId,
    /// The kind of request, see [`FlowRequest::label`]; none if it was not decrypted.
    pub action: Option<&'static str>,
    /// The screen that it came from, if it is written as screens are.
    pub screen: Option<String>,
    /// The key that opened it.
    pub key: Option<Fingerprint>,
    /// What is known of its `flow_token_signature`.
    pub token: Option<TokenVerdict>,
    /// The status of the reply.
    pub status: StatusCode,
    /// Why it was refused, if it was.
    pub refusal: Option<Refusal>,
    /// How long decrypting took, with the wait for it.
    pub decrypt: Option<Duration>,
    /// How long the handler took.
    pub handler: Option<Duration>,
    /// How long all of it took, from the head of the request to the reply.
    pub total: Duration,
}

impl ExchangeReport {
    pub(crate) fn new(id: ExchangeId) -> Self {
        Self {
            id,
            action: None,
            screen: None,
            key: None,
            token: None,
            status: StatusCode::OK,
            refusal: None,
            decrypt: None,
            handler: None,
            total: Duration::ZERO,
        }
    }

    /// Notes what is known of a request once it is decrypted.
    pub(crate) fn decrypted(&mut self, request: &FlowRequest, key: Fingerprint, token: TokenVerdict) {
        self.action = Some(request.label());
        self.screen = request.loggable_screen().map(str::to_owned);
        self.key = Some(key);
        self.token = Some(token);
    }

    /// Notes the outcome and writes the exchange to the log: at `info` if it was answered, or refused for what any stranger
    /// can cause, else at `warn`.
    pub(crate) fn finish(&mut self, started: Instant, outcome: Result<StatusCode, Refusal>) {
        macro_rules! log {
            ($level:ident, $what:literal) => {
                tracing::$level!(
                    id = %self.id,
                    action = self.action,
                    screen = self.screen,
                    key = self.key.map(|key| key.short()),
                    status = self.status.as_u16(),
                    refusal = self.refusal.map(Refusal::label),
                    duration_ms = millis(self.total),
                    $what
                )
            };
        }
        self.total = started.elapsed();
        self.refusal = outcome.err();
        self.status = outcome.unwrap_or_else(Refusal::status);
        match self.refusal {
            None => log!(info, "answered a Flow request"),
            Some(refusal) if self.is_a_strangers(refusal) => log!(info, "refused a Flow request"),
            Some(_) => log!(warn, "refused a Flow request"),
        }
    }

    /// True if nothing but the URL was needed to cause the refusal.
    fn is_a_strangers(&self, refusal: Refusal) -> bool {
        match refusal {
            Refusal::MethodNotAllowed
            | Refusal::UnsupportedMediaType
            | Refusal::BodyTooLarge
            | Refusal::BodyBroken
            | Refusal::BodyTooSlow
            | Refusal::BadSignature => true,
            Refusal::ClientLeft => self.key.is_none(),
            _ => false,
        }
    }
}

/// Milliseconds, to the microsecond.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_logged_to_the_microsecond() {
        assert_eq!(millis(Duration::from_nanos(720_601)).to_string(), "0.721");
        assert_eq!(millis(Duration::from_secs(9)).to_string(), "9000");
    }
}
