//! The confirmation before another registered key is replaced.

use tokio::sync::oneshot;
use wa_cloud::keys::Fingerprint;

use super::Context;
use super::hint::GivenOptions;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Maximum number of phone numbers in the warning; the others are only counted.
const SHOWN: usize = 10;

/// A registered key that an upload would replace.
pub(super) struct Replacement {
    pub(super) id: String,
    /// The short fingerprint of the registered key, or of several keys.
    pub(super) registered: String,
}

#[derive(Debug, thiserror::Error)]
enum NotConfirmed {
    #[error("replacing a registered key needs a confirmation; nothing was uploaded")]
    CannotAsk,
    #[error("not confirmed; nothing was uploaded")]
    Denied,
}

/// The upload that needs a confirmation.
pub(super) struct Confirmation<'a> {
    pub(super) new: Fingerprint,
    /// True if `--yes` confirms the upload.
    pub(super) yes: bool,
    pub(super) given: &'a GivenOptions,
    /// All numbers of the command.
    pub(super) ids: &'a [&'a str],
}

impl Confirmation<'_> {
    /// Warns about each key that would be replaced, and prompts for a confirmation unless `--yes` is given.
    pub(super) async fn get(&self, context: &mut Context, replaced: &[Replacement]) -> Result<(), Failure> {
        if replaced.is_empty() {
            return Ok(());
        }
        let new = self.new.short();
        for Replacement { id, registered } in replaced.iter().take(SHOWN) {
            let text = format!("key {registered} of {id} will be replaced by {new}");
            context.terminal.warn(&text);
        }
        if let Some(more) = replaced.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            context.terminal.warn(&format!("and {more} more numbers"));
        }
        if self.yes {
            return Ok(());
        }
        if !Terminal::can_prompt() {
            let hint = format!(
                "make sure that your endpoint serves {new} in addition to the old key, or Flows will fail; then \
                 run {}",
                self.given.command("set", " --yes", self.ids.iter().copied())
            );
            return Err(Failure::usage(NotConfirmed::CannotAsk).with_hint(Some(hint)));
        }
        context.terminal.eprint(&format!(
            "Flows will fail unless the endpoint already serves {new}. Replace the registered key? [y/N] "
        ));
        match read_line().await {
            Some(line) if matches!(line.trim(), "y" | "Y" | "yes") => Ok(()),
            Some(_) => Err(Failure::failed(NotConfirmed::Denied)),
            None => {
                context.terminal.eprint("\n");
                Err(Failure::interrupted(NotConfirmed::Denied))
            }
        }
    }
}

/// Reads a line, which is empty at the end of the input. Returns `None` after Ctrl-C.
async fn read_line() -> Option<String> {
    let (sender, line) = oneshot::channel();
    // A blocking task would delay the shutdown of the runtime until the line is read, even after Ctrl-C.
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = std::io::stdin().read_line(&mut text);
        let _ = sender.send(read.map(|_| text).unwrap_or_default());
    });
    tokio::select! {
        line = line => Some(line.unwrap_or_default()),
        _ = tokio::signal::ctrl_c() => None,
    }
}
