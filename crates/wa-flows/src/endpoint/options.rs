//! The settings of an endpoint that are plain values, with their defaults.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::ExchangeReport;
use crate::token::TokenSignatureMode;

pub(crate) type Observer = Arc<dyn Fn(&ExchangeReport) + Send + Sync>;

/// The settings that are plain values.
pub(crate) struct Options {
    pub(crate) token_signature: TokenSignatureMode,
    pub(crate) body_limit: usize,
    pub(crate) deadline: Duration,
    pub(crate) max_in_flight: NonZeroUsize,
    pub(crate) plain_token_invalid: bool,
    pub(crate) observer: Option<Observer>,
    pub(crate) log_payloads: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token_signature: TokenSignatureMode::default(),
            body_limit: 2 * 1024 * 1024,
            deadline: Duration::from_secs(9),
            max_in_flight: NonZeroUsize::new(1024).unwrap_or(NonZeroUsize::MIN),
            plain_token_invalid: false,
            observer: None,
            log_payloads: false,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("token_signature", &self.token_signature)
            .field("body_limit", &self.body_limit)
            .field("deadline", &self.deadline)
            .field("max_in_flight", &self.max_in_flight)
            .field("plain_token_invalid", &self.plain_token_invalid)
            .field("observed", &self.observer.is_some())
            .field("log_payloads", &self.log_payloads)
            .finish()
    }
}
