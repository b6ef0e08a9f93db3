//! The steps of the demo. Each is checked, printed when it is complete, and recorded for `--json`.

use std::fmt::Display;

use serde_json::{Value, json};

use crate::failure::Failure;
use crate::terminal::{FAINT, STRONG, Terminal, paint};

/// A step had an unexpected result.
#[derive(Debug, thiserror::Error)]
#[error("step {step} had an unexpected result: {found}")]
struct UnexpectedResult {
    step: usize,
    found: String,
}

pub(super) struct Script<'a> {
    pub(super) terminal: &'a mut Terminal,
    pub(super) steps: Vec<Value>,
}

impl<'a> Script<'a> {
    pub(super) fn new(terminal: &'a mut Terminal) -> Self {
        Self {
            terminal,
            steps: Vec::new(),
        }
    }

    /// Prints a step that succeeded.
    pub(super) fn step(&mut self, title: &str, found: impl Display) -> Result<(), Failure> {
        let number = self.steps.len() + 1;
        // JSON would escape the colour sequences, so that they could not be removed later.
        let plain = anstream::adapter::strip_str(&found.to_string()).to_string();
        self.steps.push(json!({ "step": title, "found": plain }));
        if self.terminal.json() {
            return Ok(());
        }
        let number = paint(FAINT, format!("{number:>2}"));
        self.terminal
            .print(&format!("{number}  {}\n    {found}\n", paint(STRONG, title)))?;
        Ok(())
    }

    /// Ends the demo unless the next step had the expected result.
    pub(super) fn expect(&self, holds: bool, found: impl Display) -> Result<(), Failure> {
        if holds {
            return Ok(());
        }
        let step = self.steps.len() + 1;
        Err(Failure::failed(UnexpectedResult {
            step,
            found: found.to_string(),
        }))
    }
}
