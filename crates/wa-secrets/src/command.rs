//! Commands that print a secret.

use std::borrow::Cow;
use std::io;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::{FoundSecret, SecretFile, SecretFileError};

/// The longest time that a command takes: the user may have to touch a hardware key.
const DEADLINE: Duration = Duration::from_mins(1);
/// The pause between two looks at a command that has printed everything and has not exited yet.
const PAUSE: Duration = Duration::from_millis(20);
/// The name of the output in errors.
const OUTPUT: &str = "the output of the command";

/// The reason why a command did not return a secret. Neither the command nor its output is repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretCommandError {
    /// The command cannot be started.
    #[error("the command cannot be started")]
    Start(#[source] io::Error),
    /// The command did not exit with status 0.
    #[error("the command failed ({0})")]
    Failed(ExitStatus),
    /// The command did not end within a minute, and was stopped.
    #[error("the command did not end within {} s", DEADLINE.as_secs())]
    TimedOut,
    /// The output is not a secret.
    #[error(transparent)]
    Output(SecretFileError),
}

impl SecretCommandError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(
            "run the command in a shell of the same user: it must print the secret in its first line",
        ))
    }
}

/// Runs a command in the system's shell and returns the first line that it prints. It gets no input, and what
/// it writes to standard error is discarded.
pub(crate) fn run(command: &str) -> Result<FoundSecret, SecretCommandError> {
    let started = Instant::now();
    let mut child = shell(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(SecretCommandError::Start)?;
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || {
            // The receiver is gone if the command took too long.
            drop(sender.send(SecretFile::from_reader(OUTPUT, output)));
        });
    }
    let text = receiver.recv_timeout(DEADLINE);
    let status = text.is_ok().then(|| wait(&mut child, started)).flatten();
    let (Ok(text), Some(status)) = (text, status) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(SecretCommandError::TimedOut);
    };
    if !status.success() {
        return Err(SecretCommandError::Failed(status));
    }
    text.and_then(SecretFile::into_first_line)
        .map_err(SecretCommandError::Output)
}

/// Waits for the end of a command; `None` if it does not end in time.
fn wait(child: &mut Child, started: Instant) -> Option<ExitStatus> {
    while started.elapsed() < DEADLINE {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) => thread::sleep(PAUSE),
            Err(_) => return None,
        }
    }
    None
}

#[cfg(not(windows))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
}

#[cfg(windows)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.args(["/C", command]);
    shell
}
