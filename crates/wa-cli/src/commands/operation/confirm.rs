//! Confirmations.

use tokio::sync::oneshot;

use crate::commands::Context;
use crate::failure::Failure;
use crate::terminal::Terminal;

#[derive(Debug, thiserror::Error)]
enum NotConfirmed {
    #[error("this needs a confirmation; nothing was changed")]
    CannotAsk,
    #[error("not confirmed; nothing was changed")]
    Denied,
}

/// Warns, and asks unless `yes` confirms.
pub(crate) async fn confirm(
    context: &mut Context,
    warning: &str,
    question: &str,
    yes: bool,
) -> Result<(), Failure> {
    context.terminal.warn(warning);
    if yes {
        return Ok(());
    }
    if !Terminal::can_prompt() {
        let hint = "run the same command with --yes";
        return Err(Failure::usage(NotConfirmed::CannotAsk).with_hint(Some(hint)));
    }
    context.terminal.eprint(&format!("{question} [y/N] "));
    let (sender, line) = oneshot::channel();
    // A blocking task would delay the shutdown of the runtime until the line is read, even after Ctrl-C.
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = std::io::stdin().read_line(&mut text);
        let _ = sender.send(read.map(|_| text).unwrap_or_default());
    });
    let line = tokio::select! {
        line = line => line.unwrap_or_default(),
        _ = tokio::signal::ctrl_c() => {
            context.terminal.eprint("\n");
            return Err(Failure::interrupted(NotConfirmed::Denied));
        }
    };
    if matches!(line.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Failure::failed(NotConfirmed::Denied))
    }
}
