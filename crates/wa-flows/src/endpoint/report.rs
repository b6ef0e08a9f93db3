//! Reports of exchanges, for the log and the observer.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use http::StatusCode;
use wa_keys::Fingerprint;

use crate::endpoint::ExchangeId;
use crate::endpoint::replay::Outcome;
use crate::message::FlowRequest;
use crate::status::Refusal;
use crate::throttle::LogThrottle;
use crate::token::TokenVerdict;

/// The outcome and timing of an exchange, without its content; for metrics.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExchangeReport {
    /// Identifies the exchange in logs.
    pub id: ExchangeId,
    /// The kind of request, see [`FlowRequest::label`]; `None` if it was not decrypted.
    pub action: Option<&'static str>,
    /// The screen that the request came from; `None` if its name has characters that no screen id has.
    pub screen: Option<String>,
    /// The key that decrypted the request.
    pub key: Option<Fingerprint>,
    /// The result of the check of `flow_token_signature`.
    pub token: Option<TokenVerdict>,
    /// The status of the response.
    pub status: StatusCode,
    /// The reason if the request was refused.
    pub refusal: Option<Refusal>,
    /// The exchange whose response was sent again, if this request is a repeat (see
    /// [`ReplayMemory`](crate::ReplayMemory)).
    pub repeat_of: Option<ExchangeId>,
    /// True if the [`ReplayStore`](crate::ReplayStore) failed or was too slow, so that the memory of this
    /// process decided.
    pub replay_store_failed: bool,
    /// The duration of the decryption, including the time in the queue.
    pub decrypt: Option<Duration>,
    /// The duration of the handler.
    pub handler: Option<Duration>,
    /// The duration of the exchange, from the head of the request to the response.
    pub total: Duration,
    /// True once the signature is verified and the request is not a replay; always false if signatures are
    /// not checked.
    pub(crate) signed: bool,
}

/// The log of an endpoint's exchanges. Lines that a client can cause without a valid signature are
/// rate-limited, each kind individually, so that no client can fill a disk or hide other lines.
pub(crate) struct ExchangeLog {
    checks_signatures: bool,
    answered: LogThrottle,
    repeated: LogThrottle,
    refused: HashMap<Refusal, LogThrottle>,
    handler: LogThrottle,
}

impl ExchangeLog {
    pub(crate) fn new(checks_signatures: bool) -> Self {
        let refused = |refusal: Refusal| (refusal, LogThrottle::new(refusal.label()));
        Self {
            checks_signatures,
            answered: LogThrottle::new("answered"),
            repeated: LogThrottle::new("repeated"),
            refused: Refusal::ALL.into_iter().map(refused).collect(),
            handler: LogThrottle::new("handler"),
        }
    }

    /// Writes a line about a handler.
    pub(crate) fn handler(&self, write: impl FnOnce(Option<u64>)) {
        if self.checks_signatures {
            write(None);
        } else {
            self.handler.log(write);
        }
    }

    /// Returns the rate limit of the line that reports an exchange; `None` if only Meta's servers can cause
    /// the line.
    fn throttle(&self, report: &ExchangeReport) -> Option<&LogThrottle> {
        match report.refusal {
            // Anyone who has recorded a signed request can send it.
            Some(Refusal::Replayed) => self.refused.get(&Refusal::Replayed),
            _ if report.repeat_of.is_some() => Some(&self.repeated),
            _ if report.signed => None,
            Some(refusal) => self.refused.get(&refusal),
            None => Some(&self.answered),
        }
    }
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
            repeat_of: None,
            replay_store_failed: false,
            decrypt: None,
            handler: None,
            total: Duration::ZERO,
            signed: false,
        }
    }

    /// Records what is known about a request once it is decrypted.
    pub(crate) fn decrypted(&mut self, request: &FlowRequest, key: Fingerprint, token: TokenVerdict) {
        self.action = Some(request.label());
        self.screen = request.loggable_screen().map(str::to_owned);
        self.key = Some(key);
        self.token = Some(token);
    }

    /// Records that the exchange gets the response of another.
    pub(crate) fn repeats(&mut self, first: &Outcome) {
        self.action = first.action;
        self.repeat_of = Some(first.id);
    }

    /// Records the outcome and writes the exchange to the log.
    pub(crate) fn finish(
        &mut self,
        started: Instant,
        outcome: Result<StatusCode, Refusal>,
        log: &ExchangeLog,
    ) {
        self.total = started.elapsed();
        self.refusal = outcome.err();
        self.status = outcome.unwrap_or_else(Refusal::status);
        match log.throttle(self) {
            Some(throttle) => throttle.log(|suppressed| self.write(suppressed)),
            None => self.write(None),
        }
    }

    /// Writes the line: at `info` if the request was answered, or refused for a reason that any client can
    /// cause, otherwise at `warn`.
    fn write(&self, suppressed: Option<u64>) {
        macro_rules! log {
            ($level:ident, $what:literal) => {
                tracing::$level!(
                    id = %self.id,
                    action = self.action,
                    screen = self.screen,
                    key = self.key.map(|key| key.short()),
                    status = self.status.as_u16(),
                    refusal = self.refusal.map(Refusal::label),
                    repeat_of = self.repeat_of.map(tracing::field::display),
                    duration_ms = millis(self.total),
                    suppressed,
                    $what
                )
            };
        }
        match self.refusal {
            _ if self.repeat_of.is_some() => log!(info, "repeated the response to a Flow request"),
            None => log!(info, "answered a Flow request"),
            Some(refusal) if self.any_client_can_cause(refusal) => log!(info, "refused a Flow request"),
            Some(_) => log!(warn, "refused a Flow request"),
        }
    }

    /// Returns true if a client that knows only the URL can cause the refusal.
    fn any_client_can_cause(&self, refusal: Refusal) -> bool {
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

/// Returns the duration in milliseconds, rounded to the microsecond.
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
