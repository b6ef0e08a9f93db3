//! `wa fleet apply`.

use std::fmt::Write as _;
use std::io::BufRead as _;
use std::path::Path;

use serde_json::{Map, json};
use wa_cloud::fleet::{
    ApplyEvent, ApplyReport, InventoryNumber, ItemOutcome, ItemReport, Plan, PlanError, Reason, StoreView,
};

use super::Context;
use super::plan;
use super::session::{Open, Progress, Session, counted, exit, fleet_failed};
use super::stream::JsonList;
use crate::args::ApplyArgs;
use crate::failure::{Exit, Failure, Usage};
use crate::terminal::{BAD, GOOD, STRONG, Terminal, WARN, paint};

pub(super) async fn run(context: &mut Context, args: &ApplyArgs) -> Result<Exit, Failure> {
    let session = Session::open(context, &args.fleet, Open::Existing).await?;
    if args.yes && args.plan.is_none() && plan::policy(&session, &args.policy).is_none() {
        return Err(Usage::Missing {
            what: "a plan or a policy",
            hint: "with --yes, name a plan, pass --policy repair, or set `policy` in the configuration",
        }
        .into());
    }
    let view = session.view().await?;
    let terminal = &mut context.terminal;
    let (made, is_incomplete, others) = if let Some(path) = &args.plan {
        (read(path, &session)?, false, 0)
    } else {
        let planned = plan::make(&session, &view, terminal, &args.policy).await?;
        if planned.summary.interrupted {
            return Ok(Exit::Interrupted);
        }
        let is_ok = planned.summary.count(Reason::Ok);
        let others = planned.summary.total() - is_ok - planned.plan.items.len();
        (planned.plan, planned.is_incomplete, others)
    };
    plan::show(terminal, &session, &made)?;
    if !made.items.is_empty() && !args.yes {
        confirm(terminal, made.items.len())?;
    }
    let report = execute(&session, &view, terminal, &made).await?;
    let undecided = [ItemOutcome::Failed, ItemOutcome::NotTried, ItemOutcome::Sent];
    let failed = is_incomplete || undecided.iter().any(|outcome| report.count(*outcome) > 0);
    // Numbers that are not in order, and that the policy does not change.
    let is_valid = report.is_valid() && others == 0;
    Ok(exit(report.interrupted, failed, is_valid))
}

/// Executes a plan and prints the results as they arrive.
pub(super) async fn execute(
    session: &Session,
    view: &StoreView,
    terminal: &mut Terminal,
    plan: &Plan,
) -> Result<ApplyReport, Failure> {
    let fleet = session.fleet(&numbers(plan));
    let mut json = JsonList::begin_if_json(terminal, "items")?;
    let mut progress = Progress::new("uploaded", plan.items.len());
    let mut problem = Ok(());
    let report = fleet
        .apply(view, plan, &session.stop, |event| match event {
            ApplyEvent::Finished(report) if problem.is_ok() => {
                problem = match &mut json {
                    Some(json) => json.add(terminal, report),
                    None => terminal.print(&line(report)).map_err(Failure::from),
                };
            }
            ApplyEvent::Sent(_) => progress.step(terminal),
            _ => {}
        })
        .await
        .map_err(fleet_failed)?;
    problem?;
    if let Some(json) = json {
        let mut members = Map::new();
        members.insert("summary".to_owned(), json!(report));
        json.end(terminal, &members)?;
    }
    describe(terminal, &report);
    Ok(report)
}

/// Executes a plan of repairs without printing, and returns the results.
pub(super) async fn repair(
    session: &Session,
    view: &StoreView,
    plan: &Plan,
) -> Result<Vec<ItemReport>, Failure> {
    let mut reports = Vec::with_capacity(plan.items.len());
    let fleet = session.fleet(&numbers(plan));
    fleet
        .apply(view, plan, &session.stop, |event| {
            if let ApplyEvent::Finished(report) = event {
                reports.push(report.clone());
            }
        })
        .await
        .map_err(fleet_failed)?;
    Ok(reports)
}

fn numbers(plan: &Plan) -> Vec<InventoryNumber> {
    let items = plan.items.iter();
    items
        .map(|item| InventoryNumber::new(item.phone_number_id.clone()).with_account(item.account.clone()))
        .collect()
}

fn describe(terminal: &mut Terminal, report: &ApplyReport) {
    let counts: Vec<String> = report
        .outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    let counts = if counts.is_empty() {
        "nothing to do".to_owned()
    } else {
        counts.join(", ")
    };
    terminal.note(&format!("{}: {counts}", counted(report.total(), "number")));
    for cause in &report.stopped {
        terminal.note(&format!(
            "stopped early, because other calls with the same token would fail: {cause}"
        ));
    }
}

fn line(report: &ItemReport) -> String {
    let style = match report.outcome {
        ItemOutcome::Valid => GOOD,
        ItemOutcome::Sent | ItemOutcome::NotTried => WARN,
        _ => BAD,
    };
    let outcome = paint(style, format!("{:17}", report.outcome.label()));
    let mut text = format!(
        "{outcome}  {:17}  {:20}  {}\n",
        report.phone_number_id.as_str(),
        report.set,
        report.to.short(),
    );
    if let Some(detail) = &report.detail {
        let _ = writeln!(text, "  {detail}");
    }
    if let Some(remedy) = report
        .remedy
        .as_ref()
        .filter(|_| report.outcome != ItemOutcome::NotTried)
    {
        let _ = writeln!(text, "  {}: {remedy}", paint(STRONG, "hint"));
    }
    text
}

#[derive(Debug, thiserror::Error)]
#[error("cannot read the plan in {path}")]
struct CannotRead {
    path: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// A longer plan is not read, in bytes: 100,000 uploads take about 30 MB.
const MAX_PLAN: u64 = 256 * 1024 * 1024;

fn read(path: &Path, session: &Session) -> Result<Plan, Failure> {
    let name = path.display().to_string();
    let unreadable = |source| {
        Failure::failed(CannotRead {
            path: name.clone(),
            source,
        })
    };
    let length = std::fs::metadata(path)
        .map_err(|error| unreadable(error.into()))?
        .len();
    if length > MAX_PLAN {
        return Err(unreadable("it is longer than 256 MiB".into()));
    }
    let text = std::fs::read(path).map_err(|error| unreadable(error.into()))?;
    let fault = |error: PlanError| {
        let hint = error.remedy();
        unreadable(error.into()).with_hint(hint)
    };
    let plan = Plan::parse(&text).map_err(fault)?;
    plan.check_store(session.store.id()).map_err(fault)?;
    Ok(plan)
}

/// The user did not confirm.
#[derive(Debug, thiserror::Error)]
enum NotConfirmed {
    #[error("nothing was uploaded")]
    Refused,
    #[error("this needs a confirmation, and there is no terminal to ask on: nothing was uploaded")]
    NoTerminal,
}

pub(super) fn confirm(terminal: &mut Terminal, uploads: usize) -> Result<(), Failure> {
    ask(
        terminal,
        &format!("Upload keys to {}?", counted(uploads, "number")),
    )
}

/// Asks a question whose answer is yes or no.
pub(super) fn ask(terminal: &mut Terminal, question: &str) -> Result<(), Failure> {
    if terminal.json() || !Terminal::can_prompt() {
        let hint = Some("review what would be done, then pass --yes");
        return Err(Failure::failed(NotConfirmed::NoTerminal).with_hint(hint));
    }
    terminal.eprint(&format!("{question} [y/N] "));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Failure::failed(NotConfirmed::Refused))
    }
}
