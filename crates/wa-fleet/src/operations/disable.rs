//! Disabling a key, and enabling it again.

use wa_keys::Fingerprint;
use wa_keystore::{Change, KeyState};

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::policy::ROUNDS;
use crate::steps::retire::Reason;

/// How a key is disabled.
#[derive(Debug, Clone, Copy, Default)]
pub struct DisableOptions {
    /// The private key may be known to others: the key is disabled without grace time, and never enabled
    /// again. Flows that are open on WhatsApp Web fail until they are opened again; other phones fetch the
    /// new key.
    pub compromised: bool,
}

impl SetOperator {
    /// Disables a key: instances no longer serve it.
    ///
    /// # Errors
    ///
    /// [`FleetError::State`] for the primary, [`FleetError::IsRegistered`] if a number has the key,
    /// [`FleetError::InGrace`] inside its grace time, [`FleetError::InUse`] if requests use it.
    pub async fn disable(&self, key: Fingerprint, options: DisableOptions) -> Result<(), FleetError> {
        self.open_log().await?;
        let reason = if options.compromised {
            Reason::Compromised
        } else {
            Reason::Named
        };
        self.disable_key(key, reason).await
    }

    /// Enables a disabled key: instances serve it again.
    ///
    /// # Errors
    ///
    /// [`FleetError::State`] unless the key is disabled or its destruction is scheduled,
    /// [`FleetError::Compromised`] if its private key may be known to others.
    pub async fn enable(&self, key: Fingerprint) -> Result<(), FleetError> {
        let log = self.open_log().await?;
        // For the registry's time.
        if let Some(number) = self.numbers(&log)?.first() {
            let reading = self.read_number(number).await;
            reading.map_err(|source| FleetError::Registry {
                number: number.clone(),
                source,
            })?;
        }
        for _ in 0..ROUNDS {
            let mut log = self.read_log().await?;
            let state = self.key_state(&log, key)?;
            if log.key(key).is_some_and(|key| key.compromised) {
                return Err(FleetError::Compromised { key });
            }
            if !matches!(state, KeyState::Disabled | KeyState::DestroyScheduled) {
                let action = "enabled";
                return Err(FleetError::State { key, state, action });
            }
            if self.append(&mut log, Change::Enabled { key }).await? {
                return Ok(());
            }
        }
        Err(self.contended())
    }
}
