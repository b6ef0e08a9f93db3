//! Errors of operations, with the exact command that helps.

use std::fmt::Write as _;

use wa_cloud::fleet::FleetError;
use wa_cloud::keystore::KeyState;

use crate::args::KeySetArgs;
use crate::commands::Context;
use crate::failure::Failure;
use crate::{shell, store};

/// The names of the store and of the set, as the user wrote them.
pub(crate) struct Names {
    store: String,
    set: String,
    is_store_given: bool,
    is_set_given: bool,
}

impl Names {
    pub(crate) fn new(context: &Context, args: &KeySetArgs, set: &str) -> Result<Self, Failure> {
        Ok(Self {
            store: store::location(context, &args.store)?,
            set: set.to_owned(),
            is_store_given: args.store.store.is_some(),
            is_set_given: args.set.is_some(),
        })
    }

    /// Returns a command on this key set.
    pub(crate) fn command(&self, words: &str) -> String {
        let mut command = format!("wa {words}");
        if self.is_store_given {
            let _ = write!(command, " --store {}", shell::word(&*self.store));
        }
        if self.is_set_given {
            let _ = write!(command, " --set {}", shell::word(&*self.set));
        }
        command
    }

    /// Converts an error into a failure. The hint names the command to run.
    pub(crate) fn failure(&self, error: FleetError) -> Failure {
        let hint = self.hint(&error).or_else(|| error.remedy().map(Into::into));
        Failure::failed(error).with_hint(hint)
    }

    fn hint(&self, error: &FleetError) -> Option<String> {
        Some(match error {
            FleetError::ForeignKey { owner: None, .. } => format!(
                "import its private key: `{}`; if nothing serves the key, pass --take-over",
                self.command("keys import FILE")
            ),
            FleetError::NoInstances => {
                "start the gateway with this key store; for an endpoint that writes no records, \
                                        run the same command with --no-instances: the pings then stand alone"
                    .to_owned()
            }
            FleetError::NotServed { lagging, .. } => {
                let name = lagging
                    .first()
                    .and_then(|text| text.split(' ').next())
                    .unwrap_or("NAME");
                format!(
                    "check that the instance runs and reads the key store, then run the same command again: \
                     it \
                     continues; if the instance does not run any more, pass --ignore-instance {}",
                    shell::word(name)
                )
            }
            FleetError::State {
                key,
                state: KeyState::Disabled | KeyState::DestroyScheduled,
                ..
            } => format!(
                "enable the key first: `{}`",
                self.command(&format!("keys enable {}", key.short()))
            ),
            FleetError::State {
                key,
                state: KeyState::Primary,
                ..
            } => format!(
                "rotate to a new key: `{}`",
                self.command(&format!("keys rotate --compromised {}", key.short()))
            ),
            FleetError::State { .. }
            | FleetError::UnknownKey { .. }
            | FleetError::AmbiguousKey { .. }
            | FleetError::NotPrimary { .. } => {
                format!(
                    "show the keys and their states: `{}`",
                    self.command("keys status")
                )
            }
            FleetError::RolledBack { from: Some(from), .. } => format!(
                "to return to {0}: `{1}`",
                from.short(),
                self.command(&format!("keys rollback --to {}", from.short()))
            ),
            _ => return None,
        })
    }
}
