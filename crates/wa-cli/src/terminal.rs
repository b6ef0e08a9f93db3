//! All output: results on standard output, messages on standard error.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::args::{ColorWhen, GlobalArgs};
use crate::output::StandardQueues;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const STRONG: Style = Style::new().bold();

/// Both standard streams, coloured if the stream and the options allow it.
pub(crate) struct Terminal {
    stdout: AutoStream<Stream>,
    stderr: AutoStream<Stream>,
    json: bool,
    verbose: bool,
}

type Stream = Box<dyn Write + Send + Sync>;

impl Terminal {
    /// Creates a terminal that writes to the standard streams, or to their queues.
    pub(crate) fn new(global: &GlobalArgs, queues: Option<&StandardQueues>) -> Self {
        let choice = match global.color {
            ColorWhen::Auto => ColorChoice::Auto,
            ColorWhen::Always => ColorChoice::Always,
            ColorWhen::Never => ColorChoice::Never,
        };
        let (stdout, stderr): (Stream, Stream) = match queues.cloned() {
            Some(queues) => (Box::new(queues.stdout), Box::new(queues.stderr)),
            None => (Box::new(io::stdout()), Box::new(io::stderr())),
        };
        // The streams decide about colours, even if output goes through the queues.
        let for_stdout = AutoStream::new(io::stdout(), choice).current_choice();
        let for_stderr = AutoStream::new(io::stderr(), choice).current_choice();
        Self {
            stdout: AutoStream::new(stdout, for_stdout),
            stderr: AutoStream::new(stderr, for_stderr),
            json: global.json,
            verbose: global.verbose > 0,
        }
    }

    /// Returns true if results are printed as JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Returns true if all details of a result are printed (`-v`).
    pub(crate) fn verbose(&self) -> bool {
        self.verbose
    }

    /// Returns true if the user can be prompted.
    pub(crate) fn can_prompt() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Prints a result: `machine` with `--json`, otherwise `human`.
    pub(crate) fn result(&mut self, human: &str, machine: &impl Serialize) -> io::Result<()> {
        if self.json {
            let mut text = serde_json::to_string_pretty(machine)?;
            text.push('\n');
            return self.print(&text);
        }
        self.print(human)
    }

    /// Writes to standard output. A closed pipe is not an error: the reader has read what it needs.
    pub(crate) fn print(&mut self, text: &str) -> io::Result<()> {
        let written = self
            .stdout
            .write_all(text.as_bytes())
            .and_then(|()| self.stdout.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Prints a message to standard error, unless `--json` is given.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.json {
            self.eprint(&format!("{text}\n"));
        }
    }

    /// Prints a warning to standard error.
    pub(crate) fn warn(&mut self, text: &str) {
        if self.json {
            self.eprint(&format!("{}\n", serde_json::json!({ "warning": text })));
        } else {
            self.eprint(&format!("{}: {text}\n", paint(WARN, "warning")));
        }
    }

    /// Writes to standard error. A failure is ignored, because there is nowhere to report it.
    pub(crate) fn eprint(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes());
        let _ = self.stderr.flush();
    }
}

/// Returns `text` with the escape sequences of a style; the stream removes them if colour is off.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
