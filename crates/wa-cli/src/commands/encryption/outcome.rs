//! The result for one phone number, as text and as JSON.

use std::fmt::Display;

use anstyle::Style;
use serde_json::{Value, json};
use wa_cloud::encryption::Verification;

use super::hint::GivenOptions;
use crate::failure::Exit;
use crate::terminal::{BAD, GOOD, STRONG, WARN, paint};

/// The result for one phone number.
pub(super) struct Outcome {
    pub(super) exit: Exit,
    /// The category of the number in the summary.
    pub(super) tally: &'static str,
    pub(super) human: String,
    pub(super) machine: Value,
}

/// How a valid key is counted: `set` registers it, `verify` finds it.
#[derive(Clone, Copy)]
pub(super) enum Valid {
    Registered,
    Unchanged,
    Found,
}

impl Outcome {
    /// Creates the result of a verification. Unless the key is VALID, the exit status is 3.
    pub(super) fn verified(
        id: &str,
        verification: &Verification,
        valid: Valid,
        given: &GivenOptions,
    ) -> Self {
        let remedy = remedy(id, verification, given);
        let (word, style, kind) = verdict(verification);
        let unchanged = matches!(valid, Valid::Unchanged);
        let mut human = line(style, word, id, verification);
        if unchanged {
            human = line(style, word, id, format!("{verification}; not uploaded again"));
        }
        if let Some(remedy) = &remedy {
            human.push_str(&hint(remedy));
        }
        let is_valid = verification.is_valid();
        let registered = if verification.is_registered() {
            Some(verification.expected())
        } else {
            verification.other_key()
        };
        let mut machine = json!({
            "verification": kind,
            "registered": verification.is_registered(),
            "valid": is_valid,
            "fingerprint": verification.expected().to_string(),
            "registered_fingerprint": registered.map(|key| key.to_string()),
            "description": verification.to_string(),
            "remedy": remedy.as_deref().unwrap_or(NOTHING_TO_DO),
        });
        if let (Valid::Registered | Valid::Unchanged, Some(members)) = (valid, machine.as_object_mut()) {
            members.insert("uploaded".to_owned(), json!(!unchanged));
        }
        let tally = match valid {
            _ if !is_valid => "not valid",
            Valid::Registered => "registered",
            Valid::Unchanged => "unchanged",
            Valid::Found => "valid",
        };
        Self {
            exit: if is_valid {
                Exit::Success
            } else {
                Exit::CheckFailed
            },
            tally,
            human,
            machine,
        }
    }
}

/// Formats a result as one line: the verdict, the number, and the sentence if there is one.
pub(super) fn line(style: Style, verdict: &str, id: &str, sentence: impl Display) -> String {
    let sentence = sentence.to_string();
    let space = if sentence.is_empty() { "" } else { "  " };
    format!("{}  {id}{space}{sentence}\n", paint(style, verdict))
}

pub(super) fn hint(text: &str) -> String {
    format!("{}: {text}\n", paint(STRONG, "hint"))
}

/// Returns the verdict as text, its colour, and its name in JSON.
fn verdict(verification: &Verification) -> (&'static str, Style, &'static str) {
    match verification {
        Verification::Valid { .. } => ("VALID", GOOD, "valid"),
        Verification::Mismatch { .. } => ("MISMATCH", BAD, "mismatch"),
        Verification::UnknownStatus { .. } => ("UNKNOWN STATUS", BAD, "unknown_status"),
        Verification::AnotherKey { .. } => ("ANOTHER KEY", BAD, "another_key"),
        Verification::Unreadable { .. } => ("UNREADABLE", BAD, "unreadable"),
        Verification::NotRegistered { .. } => ("NOT REGISTERED", BAD, "not_registered"),
        Verification::NotVisible { .. } => ("NOT VISIBLE YET", WARN, "not_visible"),
        Verification::Several { .. } => ("SEVERAL KEYS", BAD, "several_keys"),
        _ => ("NOT VALID", BAD, "other"),
    }
}

/// The remedy in JSON for a valid key.
const NOTHING_TO_DO: &str = "Nothing to do. Verify from time to time, and after the number is re-registered.";

/// Returns the remedy, with its command.
fn remedy(id: &str, verification: &Verification, given: &GivenOptions) -> Option<String> {
    let command = match verification {
        Verification::Valid { .. } => return None,
        Verification::NotVisible { .. } => given.command("verify", "", [id]),
        Verification::AnotherKey { .. } => given.command("get", "", [id]),
        _ => given.command("set", "", [id]),
    };
    Some(format!(
        "{} Run {command}",
        verification.remedy().unwrap_or_default()
    ))
}
