//! Commands that run after a step.

use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::process::Command;
use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;

use crate::progress::Stage;

/// A hook that takes longer has failed.
const TIMEOUT: Duration = Duration::from_mins(30);

/// Something that runs after each step of a rotation, for example a notification or a check.
#[async_trait]
pub trait Hook: fmt::Debug + Send + Sync {
    /// Runs after a step.
    ///
    /// # Errors
    ///
    /// What happened; the rotation then stops.
    async fn after(&self, context: &StepContext) -> Result<(), String>;
}

/// What a hook gets to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepContext {
    /// The step that is complete.
    pub stage: Stage,
    /// The key set.
    pub set: String,
    /// The key that is, or will be, the primary.
    pub key: Fingerprint,
    /// The numbers of the set.
    pub numbers: Vec<PhoneNumberId>,
}

/// A command of the system's shell. It gets `WA_STEP`, `WA_SET`, `WA_KEY` (64 hex digits) and `WA_NUMBERS`
/// (separated by commas) in its environment, and may run for 30 minutes.
#[derive(Debug, Clone)]
pub struct CommandHook {
    command: String,
}

impl CommandHook {
    /// Creates a hook from a command of the shell.
    #[must_use]
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
        }
    }
}

#[async_trait]
impl Hook for CommandHook {
    async fn after(&self, context: &StepContext) -> Result<(), String> {
        let (shell, option) = if cfg!(windows) {
            ("cmd", "/C")
        } else {
            ("sh", "-c")
        };
        let numbers: Vec<_> = context.numbers.iter().map(PhoneNumberId::as_str).collect();
        let mut command = Command::new(shell);
        command
            .arg(option)
            .arg(&self.command)
            .env("WA_STEP", context.stage.label())
            .env("WA_SET", &context.set)
            .env("WA_KEY", context.key.to_string())
            .env("WA_NUMBERS", numbers.join(","))
            .stdin(Stdio::null())
            // Standard output is for the program's own results.
            .stdout(Stdio::null())
            .kill_on_drop(true);
        match tokio::time::timeout(TIMEOUT, command.status()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("{} ended with {status}", self.command)),
            Ok(Err(error)) => Err(format!("{} cannot be started: {error}", self.command)),
            Err(_) => Err(format!("{} did not end within 30 minutes", self.command)),
        }
    }
}
