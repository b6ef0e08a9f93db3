//! A JSON document with a long list, printed as the entries arrive, so that none of it is kept.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::terminal::Terminal;

pub(super) struct JsonList {
    is_empty: bool,
}

impl JsonList {
    /// With `--json`, prints the beginning: an object whose first member is the list.
    pub(super) fn begin_if_json(terminal: &mut Terminal, name: &str) -> Result<Option<Self>, Failure> {
        if !terminal.json() {
            return Ok(None);
        }
        terminal.print(&format!("{{\n  \"{name}\": ["))?;
        Ok(Some(Self { is_empty: true }))
    }

    pub(super) fn add(&mut self, terminal: &mut Terminal, entry: &impl Serialize) -> Result<(), Failure> {
        let comma = if self.is_empty { "" } else { "," };
        self.is_empty = false;
        let json = serde_json::to_string(entry).map_err(Failure::failed)?;
        terminal.print(&format!("{comma}\n    {json}"))?;
        Ok(())
    }

    /// Prints the end: the other members.
    pub(super) fn end(self, terminal: &mut Terminal, members: &Map<String, Value>) -> Result<(), Failure> {
        let close = if self.is_empty { "]" } else { "\n  ]" };
        let mut text = close.to_owned();
        for (name, value) in members {
            let value = serde_json::to_string(value).map_err(Failure::failed)?;
            let _ = write!(text, ",\n  \"{name}\": {value}");
        }
        terminal.print(&(text + "\n}\n"))?;
        Ok(())
    }
}
