//! Replay protection, optionally shared by several gateways.

mod store;

use std::time::Duration;

use wa_flows::{ReplayMemory, ReplayWindow};

use crate::config::{ConfigErrors, EndpointConfig, GatewayConfig, Problems};
use crate::material::secrets;
use store::RedisStore;

/// How long the gateway's own memory keeps a request.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);

/// The replay memories. All endpoints share them, because several endpoints can have the same key, and
/// reloads keep them.
#[derive(Debug, Clone)]
pub(crate) struct Replays {
    signed: ReplayMemory,
    /// Separate, so that unauthenticated clients cannot fill the memory of signed requests.
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

    /// Returns the memory of an endpoint; `None` if it accepts replays.
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
