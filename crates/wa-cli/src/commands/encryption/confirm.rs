//! The question before a registered key is replaced by another one.

use tokio::sync::oneshot;
use wa_cloud::keys::Fingerprint;

use super::Context;
use super::hint::Given;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// More numbers than these are counted, not listed.
const SHOWN: usize = 10;

/// A registered key that an upload would replace.
pub(super) struct Replacement {
    pub(super) id: String,
    /// The registered key, as far as it can be named.
    pub(super) registered: String,
}

#[derive(Debug, thiserror::Error)]
enum NotConfirmed {
    #[error("replacing a registered key needs a confirmation: nothing was uploaded")]
    CannotAsk,
    #[error("not confirmed: nothing was uploaded")]
    Denied,
}

/// What a confirmation is asked for.
pub(super) struct Confirmation<'a> {
    pub(super) new: Fingerprint,
    /// `--yes`: the user has confirmed already.
    pub(super) yes: bool,
    pub(super) given: &'a Given,
    /// All numbers of the command.
    pub(super) ids: &'a [&'a str],
}

impl Confirmation<'_> {
    /// Warns of every key that would be replaced, and asks unless `--yes` was given.
    pub(super) async fn get(&self, context: &mut Context, replaced: &[Replacement]) -> Result<(), Failure> {
        if replaced.is_empty() {
            return Ok(());
        }
        let new = self.new.short();
        for Replacement { id, registered } in replaced.iter().take(SHOWN) {
            let text = format!("{id} has key {registered}, which {new} will replace");
            context.terminal.warn(&text);
        }
        if let Some(more) = replaced.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            context.terminal.warn(&format!("and {more} more numbers"));
        }
        if self.yes {
            return Ok(());
        }
        if !Terminal::can_ask() {
            let hint = format!(
                "if your endpoint serves {new} already: {}; if not, serve it beside the old key first, or Flows fail until \
                 it does",
                self.given.command("set", " --yes", self.ids.iter().copied())
            );
            return Err(Failure::usage(NotConfirmed::CannotAsk).with_hint(Some(hint)));
        }
        context.terminal.talk(&format!(
            "Flows fail unless the endpoint serves {new} already. Replace the registered key? [y/N] "
        ));
        match answer().await {
            Some(line) if matches!(line.trim(), "y" | "Y" | "yes") => Ok(()),
            Some(_) => Err(Failure::failed(NotConfirmed::Denied)),
            None => {
                context.terminal.talk("\n");
                Err(Failure::interrupted(NotConfirmed::Denied))
            }
        }
    }
}

/// Reads a line, empty at the end of the input; `None` after Ctrl-C.
async fn answer() -> Option<String> {
    let (sender, line) = oneshot::channel();
    // Not a task of the runtime: that would wait for the line at its end, also after Ctrl-C.
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
