//! Prints the results of several phone numbers: each when it is available, then a summary; with `--json`, one
//! document.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use wa_cloud::encryption::EncryptionApi;

use super::Context;
use super::batch::RunEnd;
use super::outcome::{self, Outcome};
use crate::failure::{Exit, Failure};
use crate::terminal::{BAD, Terminal, WARN};

/// The categories of numbers, in the order of the summary.
const TALLIES: &[&str] = &[
    "registered",
    "uploaded",
    "unchanged",
    "valid",
    "read",
    "not valid",
    "failed",
    "unknown",
    "not tried",
];

pub(super) struct Report {
    ids: Vec<String>,
    entries: BTreeMap<usize, (Exit, &'static str, Value)>,
    /// The failure of the only number, which is then the failure of the program.
    single_failure: Option<Failure>,
    stopped: Option<String>,
    interrupted: bool,
}

impl Report {
    pub(super) fn new(apis: &[EncryptionApi]) -> Self {
        Self {
            ids: apis.iter().map(|api| api.phone_number_id().to_string()).collect(),
            entries: BTreeMap::new(),
            single_failure: None,
            stopped: None,
            interrupted: false,
        }
    }

    pub(super) fn id(&self, index: usize) -> &str {
        self.ids.get(index).map_or("", String::as_str)
    }

    /// Records a result, and prints it unless `--json` is given.
    pub(super) fn add(
        &mut self,
        terminal: &mut Terminal,
        index: usize,
        result: Result<Outcome, Failure>,
    ) -> Result<(), Failure> {
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(failure) if self.ids.len() == 1 => {
                self.single_failure = Some(failure);
                return Ok(());
            }
            Err(failure) => Outcome {
                exit: failure.exit(),
                tally: "failed",
                human: outcome::line(BAD, "FAILED", self.id(index), "") + &failure.to_string(),
                machine: json!({ "error": failure.as_json() }),
            },
        };
        let Outcome {
            exit,
            tally,
            human,
            machine,
        } = outcome;
        if !terminal.json() {
            terminal.print(&human)?;
        }
        self.entries.insert(index, (exit, tally, machine));
        Ok(())
    }

    /// Records how a run ended. `unknown` returns the remedy for a number whose interrupted call may have
    /// taken effect.
    pub(super) fn end(
        &mut self,
        terminal: &mut Terminal,
        rest: RunEnd,
        unknown: impl Fn(&str) -> Option<String>,
    ) -> Result<(), Failure> {
        self.interrupted |= rest.interrupted;
        if self.stopped.is_none() {
            self.stopped = rest.stopped;
        }
        for index in rest.unknown {
            let id = self.id(index).to_owned();
            let Some(remedy) = unknown(&id) else {
                self.leave(terminal, index)?;
                continue;
            };
            let sentence = "interrupted while the upload was in flight; it may have taken effect";
            let human = outcome::line(WARN, "UNKNOWN", &id, sentence) + &outcome::hint(&remedy);
            let machine = json!({ "description": sentence, "remedy": remedy });
            let outcome = Outcome {
                exit: Exit::Failed,
                tally: "unknown",
                human,
                machine,
            };
            self.add(terminal, index, Ok(outcome))?;
        }
        for index in rest.not_tried {
            self.leave(terminal, index)?;
        }
        Ok(())
    }

    /// Reports a number as not tried.
    pub(super) fn leave(&mut self, terminal: &mut Terminal, index: usize) -> Result<(), Failure> {
        let human = outcome::line(WARN, "NOT TRIED", self.id(index), "");
        let outcome = Outcome {
            exit: Exit::Failed,
            tally: "not tried",
            human,
            machine: json!({}),
        };
        self.add(terminal, index, Ok(outcome))
    }

    /// Prints the summary, or the JSON document, and returns the worst exit status of all results.
    pub(super) fn finish(self, context: &mut Context, go_on: Option<String>) -> Result<Exit, Failure> {
        if let Some(failure) = self.single_failure {
            return Err(failure);
        }
        let worst = self
            .entries
            .values()
            .map(|(exit, ..)| *exit)
            .max_by_key(|exit| rank(*exit));
        let exit = if self.interrupted {
            Exit::Interrupted
        } else {
            worst.unwrap_or(Exit::Success)
        };
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for tally in TALLIES {
            let count = self.entries.values().filter(|(_, of, _)| of == tally).count();
            if count > 0 {
                counts.push((tally, count));
            }
        }
        if context.terminal.json() {
            let document = self.document(exit, &counts);
            context.terminal.result("", &document)?;
        } else if self.ids.len() > 1 {
            let parts: Vec<String> = counts
                .iter()
                .map(|(tally, count)| format!("{count} {tally}"))
                .collect();
            let terminal = &mut context.terminal;
            terminal.note(&format!("{} numbers: {}", self.ids.len(), parts.join(", ")));
            if let Some(why) = &self.stopped {
                terminal.note(&format!(
                    "stopped early, because the other numbers would fail too: {why}"
                ));
            }
            let is_left = counts
                .iter()
                .any(|(tally, _)| matches!(*tally, "not tried" | "unknown"));
            if let Some(command) = go_on.filter(|_| is_left) {
                terminal.eprint(&outcome::hint(&format!(
                    "when the cause is fixed, continue with {command}"
                )));
            }
        }
        Ok(exit)
    }

    fn document(&self, exit: Exit, counts: &[(&str, usize)]) -> Value {
        let results: Vec<Value> = self
            .entries
            .iter()
            .map(|(index, (exit, tally, machine))| {
                let mut members = machine.as_object().cloned().unwrap_or_default();
                let outcome = match *tally {
                    "unknown" => "unknown",
                    "not tried" => "not_tried",
                    _ => name(*exit),
                };
                members.insert("outcome".to_owned(), json!(outcome));
                members.insert("phone_number_id".to_owned(), json!(self.id(*index)));
                members.into()
            })
            .collect();
        let mut summary = Map::new();
        summary.insert("numbers".to_owned(), json!(self.ids.len()));
        for (tally, count) in counts {
            summary.insert(tally.replace(' ', "_"), json!(count));
        }
        json!({
            "outcome": name(exit),
            "results": results,
            "stopped": self.stopped,
            "summary": summary,
        })
    }
}

/// Returns the name of an exit status in JSON.
fn name(exit: Exit) -> &'static str {
    match exit {
        Exit::Success => "done",
        Exit::CheckFailed => "not_valid",
        Exit::Failed | Exit::Usage => "failed",
        Exit::Interrupted => "interrupted",
    }
}

fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Success => 0,
        Exit::CheckFailed => 1,
        Exit::Failed => 2,
        Exit::Usage => 3,
        Exit::Interrupted => 4,
    }
}
