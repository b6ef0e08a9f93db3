//! Step 4: the intention to upload is durable before any upload.

use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;
use wa_keystore::{Change, KeyState, SetLog};

use crate::error::FleetError;
use crate::operator::SetOperator;
use crate::policy::ROUNDS;
use crate::progress::Stage;
use crate::rules::Rule;

/// What became of a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promoted {
    /// The key is the primary.
    Done,
    /// Another operator promoted another key meanwhile.
    Joined(Fingerprint),
    /// The operation ends before the promotion.
    Stopped(Stage),
}

enum Attempt {
    Promoted(Promoted),
    ProveAgain,
}

impl SetOperator {
    /// Waits until the key is served, proves it, and promotes it; ends after a step if that is wanted.
    pub(crate) async fn serve_prove_promote(
        &self,
        key: Fingerprint,
        before: Option<Fingerprint>,
        numbers: &[PhoneNumberId],
        until: Option<Stage>,
    ) -> Result<Promoted, FleetError> {
        let public = self.public_key(key).await?;
        for _ in 0..ROUNDS {
            let served = self.wait_until_served(key).await?;
            let plural = if served.instances == 1 { "" } else { "s" };
            let detail = format!("{} instance{plural}", served.instances);
            self.done(Stage::Served, key, numbers, detail).await?;
            if until == Some(Stage::Served) {
                return Ok(Promoted::Stopped(Stage::Served));
            }
            let pings = self.prove(&public, served.instances).await?;
            self.done(Stage::Proved, key, numbers, format!("{pings} pings"))
                .await?;
            if until == Some(Stage::Proved) {
                return Ok(Promoted::Stopped(Stage::Proved));
            }
            match self.promote(key, before, served.seen).await? {
                Attempt::Promoted(promoted) => return Ok(promoted),
                Attempt::ProveAgain => {}
            }
        }
        Err(self.contended())
    }

    /// Writes `promoted`, unless the set changed since the key was served and proved.
    async fn promote(
        &self,
        key: Fingerprint,
        before: Option<Fingerprint>,
        seen: u64,
    ) -> Result<Attempt, FleetError> {
        for _ in 0..ROUNDS {
            let mut log = self.read_log().await?;
            let primary = log.primary().map(|key| key.fingerprint);
            if primary == Some(key) {
                return Ok(Attempt::Promoted(Promoted::Done));
            }
            if primary != before
                && self.rules.hold(Rule::Join)
                && let Some(primary) = primary
            {
                return Ok(Attempt::Promoted(Promoted::Joined(primary)));
            }
            let state = self.key_state(&log, key)?;
            if !matches!(state, KeyState::Pending | KeyState::Enabled) {
                let action = "promoted";
                return Err(FleetError::State { key, state, action });
            }
            if changed_since(&log, key, seen) && self.rules.hold(Rule::ProveAgain) {
                return Ok(Attempt::ProveAgain);
            }
            let change = Change::Promoted { key, from: primary };
            if self.append(&mut log, change).await? {
                return Ok(Attempt::Promoted(Promoted::Done));
            }
        }
        Err(self.contended())
    }

    /// Promotes a key that needs no proof, because all numbers have it: nothing is uploaded.
    pub(crate) async fn adopt(&self, key: Fingerprint) -> Result<(), FleetError> {
        for _ in 0..ROUNDS {
            let mut log = self.read_log().await?;
            if let Some(primary) = log.primary() {
                if primary.fingerprint == key {
                    return Ok(());
                }
                return Err(self.contended());
            }
            let change = Change::Promoted { key, from: None };
            if self.append(&mut log, change).await? {
                return Ok(());
            }
        }
        Err(self.contended())
    }
}

/// Returns true if the log has an event about the key after this one.
fn changed_since(log: &SetLog, key: Fingerprint, seen: u64) -> bool {
    log.events()
        .iter()
        .any(|event| event.number > seen && event.change.key() == Some(key))
}
