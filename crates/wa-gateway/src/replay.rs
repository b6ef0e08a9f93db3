//! Requests that are answered once, also by several gateways.

mod store;

use std::time::Duration;

use wa_flows::{ReplayMemory, ReplayWindow};

use crate::config::{ConfigErrors, EndpointConfig, GatewayConfig, Problems};
use crate::material::secrets;
use store::RedisStore;

/// How long the gateway's own memory lasts.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);

/// The memories of all endpoints, which outlive every reload of keys and configuration. They are shared, for several endpoints
/// may have the same key.
#[derive(Debug, Clone)]
pub(crate) struct Replays {
    signed: ReplayMemory,
    /// Unauthenticated clients must not fill the memory that protects signed requests.
    unsigned: ReplayMemory,
}

impl Replays {
    /// Creates the memories, and connects to the store in the background. It needs a Tokio runtime.
    pub(crate) fn open(config: &GatewayConfig) -> Result<Self, ConfigErrors> {
        let settings = &config.settings;
        let mut problems = Problems::default();
        let mut reader = secrets::Reader {
            environment: &config.environment,
            strict: settings.strict_secrets,
            warnings: Vec::new(),
        };
        let url = reader.store_url(settings.replay_store.as_ref(), &mut problems);
        for warning in reader.warnings {
            tracing::warn!("{warning}");
        }
        problems.unless_any(Some(()))?;
        let window = ReplayWindow::new(REMEMBERED_FOR, settings.limits.replay_marks)
            .response_bytes(settings.limits.replay_responses);
        let signed = ReplayMemory::new(window);
        Ok(Self {
            signed: match url {
                Some(url) => signed.with_store(RedisStore::open(&url, settings.replay_window)),
                None => signed,
            },
            unsigned: ReplayMemory::new(window),
        })
    }

    /// The memory of an endpoint; none if it answers replays.
    pub(crate) fn of(&self, endpoint: &EndpointConfig) -> Option<&ReplayMemory> {
        match endpoint {
            EndpointConfig {
                allow_replays: true, ..
            } => None,
            EndpointConfig {
                skip_signature: true, ..
            } => Some(&self.unsigned),
            _ => Some(&self.signed),
        }
    }
}
