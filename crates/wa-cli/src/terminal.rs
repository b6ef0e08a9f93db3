//! The terminal: data on standard output, talk on standard error. The one place that prints.

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

/// Both streams, with colour as far as each of them and the user allow it.
pub(crate) struct Terminal {
    stdout: AutoStream<Stream>,
    stderr: AutoStream<Stream>,
    json: bool,
    verbose: bool,
}

type Stream = Box<dyn Write + Send + Sync>;

impl Terminal {
    /// Writes to the standard streams, or to queues in front of them.
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
        // What the streams themselves can show decides, whatever stands in front of them.
        let for_stdout = AutoStream::new(io::stdout(), choice).current_choice();
        let for_stderr = AutoStream::new(io::stderr(), choice).current_choice();
        Self {
            stdout: AutoStream::new(stdout, for_stdout),
            stderr: AutoStream::new(stderr, for_stderr),
            json: global.json,
            verbose: global.verbose > 0,
        }
    }

    /// True if results are to be printed as JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// True if every detail of a result is wanted (`-v`).
    pub(crate) fn verbose(&self) -> bool {
        self.verbose
    }

    /// True if a person may be asked something.
    pub(crate) fn can_ask() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Prints a result: `human` for people, `machine` with `--json`.
    pub(crate) fn result(&mut self, human: &str, machine: &impl Serialize) -> io::Result<()> {
        if self.json {
            let mut text = serde_json::to_string_pretty(machine)?;
            text.push('\n');
            return self.data(&text);
        }
        self.data(human)
    }

    /// Writes to standard output as it is. Whoever closed the pipe has read what they wanted: that changes no verdict.
    pub(crate) fn data(&mut self, text: &str) -> io::Result<()> {
        let written = self
            .stdout
            .write_all(text.as_bytes())
            .and_then(|()| self.stdout.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Says something beside the result; not with `--json`.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.json {
            self.talk(&format!("{text}\n"));
        }
    }

    /// Warns beside the result.
    pub(crate) fn warn(&mut self, text: &str) {
        if self.json {
            self.talk(&format!("{}\n", serde_json::json!({ "warning": text })));
        } else {
            self.talk(&format!("{}: {text}\n", paint(WARN, "warning")));
        }
    }

    /// Writes to standard error; nobody is left to be told when that fails.
    pub(crate) fn talk(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes());
        let _ = self.stderr.flush();
    }
}

/// `text` in a style; the stream takes it out again where colour is not wanted.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
