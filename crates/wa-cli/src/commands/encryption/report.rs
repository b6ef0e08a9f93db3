//! Results of several phone numbers as one report: a failure of one number does not keep the others from being tried.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use wa_cloud::encryption::{EncryptionApi, Verification};

use super::Context;
use crate::failure::{Exit, Failure};
use crate::terminal::{BAD, GOOD, STRONG, paint};

/// What came out for one number.
pub(super) struct Outcome {
    pub(super) exit: Exit,
    pub(super) human: String,
    pub(super) machine: Value,
}

impl Outcome {
    pub(super) fn new(exit: Exit, human: String, machine: Value) -> Self {
        Self { exit, human, machine }
    }

    /// A verification; anything but good ends with 3.
    pub(super) fn verified(verification: &Verification) -> Self {
        let good = verification.is_valid();
        let human = if good {
            format!("{}  {verification}\n", paint(GOOD, "VALID"))
        } else {
            let verdict = paint(BAD, "NOT GOOD");
            format!(
                "{verdict}  {verification}\n{}: {}\n",
                paint(STRONG, "hint"),
                verification.advice()
            )
        };
        let machine = json!({
            "verification": kind(verification),
            "fingerprint": verification.expected().to_string(),
            "description": verification.to_string(),
            "advice": verification.advice(),
        });
        Self::new(if good { Exit::Good } else { Exit::NotGood }, human, machine)
    }

    fn failed(failure: &Failure) -> Self {
        let machine = json!({ "error": failure.as_json() });
        Self::new(failure.exit(), failure.to_string(), machine)
    }
}

/// The finding in one word, for programs.
fn kind(verification: &Verification) -> &'static str {
    match verification {
        Verification::Valid { .. } => "valid",
        Verification::Mismatch { .. } => "mismatch",
        Verification::UnknownStatus { .. } => "unknown_status",
        Verification::AnotherKey { .. } => "another_key",
        Verification::Unreadable { .. } => "unreadable",
        Verification::NotRegistered { .. } => "not_registered",
        _ => "other",
    }
}

/// Does `work` for each number, prints the report, and ends as the worst of them: failed, then not good.
pub(super) async fn each<W>(context: &mut Context, apis: &[EncryptionApi], work: W) -> Result<Exit, Failure>
where
    W: AsyncFn(&EncryptionApi) -> Result<Outcome, Failure>,
{
    let bar = progress(context, apis.len());
    let mut outcomes = Vec::with_capacity(apis.len());
    for api in apis {
        bar.set_message(api.phone_number_id().to_string());
        outcomes.push((api, work(api).await));
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let [(_, Err(_))] = outcomes[..]
        && let Some((_, Err(failure))) = outcomes.pop()
    {
        return Err(failure);
    }
    print(context, &outcomes)
}

fn print(
    context: &mut Context,
    outcomes: &[(&EncryptionApi, Result<Outcome, Failure>)],
) -> Result<Exit, Failure> {
    let mut exit = Exit::Good;
    let mut human = String::new();
    let mut results = Vec::with_capacity(outcomes.len());
    for (api, outcome) in outcomes {
        let failed;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(failure) => {
                failed = Outcome::failed(failure);
                &failed
            }
        };
        if outcomes.len() > 1 {
            human.push_str(&paint(STRONG, api.phone_number_id()));
            human.push('\n');
        }
        human.push_str(&outcome.human);
        let mut machine = outcome.machine.clone();
        if let Some(members) = machine.as_object_mut() {
            // Here for every command, so that it says the same as the exit code.
            members.insert("good".to_owned(), json!(outcome.exit == Exit::Good));
            members.insert(
                "phone_number_id".to_owned(),
                json!(api.phone_number_id().to_string()),
            );
        }
        results.push(machine);
        exit = worse(exit, outcome.exit);
    }
    context
        .terminal
        .result(&human, &json!({ "good": exit == Exit::Good, "results": results }))?;
    Ok(exit)
}

fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit| match exit {
        Exit::Good => 0,
        Exit::NotGood => 1,
        Exit::Failed => 2,
        Exit::Usage => 3,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// A bar on a terminal when there is more than one number; nothing anywhere else.
fn progress(context: &Context, numbers: usize) -> ProgressBar {
    if numbers < 2 || context.terminal.json() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(numbers as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
