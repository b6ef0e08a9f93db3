//! `wa fleet plan`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use wa_cloud::fleet::{AuditSummary, Plan, Reason, RepairPolicy, StoreView, aws_command};

use super::Context;
use super::audit;
use super::session::{Open, Session, counted, exit, store_failed};
use crate::args::{PlanArgs, PolicyArgs};
use crate::failure::{Exit, Failure};
use crate::shell;
use crate::terminal::{STRONG, Terminal, paint};

/// A plan, and the audit that it rests on.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) summary: AuditSummary,
    /// True if numbers could not be listed or read, so that the plan may lack them.
    pub(super) is_incomplete: bool,
}

pub(super) async fn run(context: &mut Context, args: &PlanArgs) -> Result<Exit, Failure> {
    let session = Session::open(context, &args.fleet, Open::Existing).await?;
    let view = session.view().await?;
    let terminal = &mut context.terminal;
    let planned = make(&session, &view, terminal, &args.policy).await?;
    let plan = &planned.plan;
    if let Some(path) = &args.output {
        write(path, plan)?;
        show(terminal, &session, plan)?;
        let path = shell::path(path).unwrap_or_else(|| "FILE".to_owned());
        let config = shell::path(&args.fleet.config).unwrap_or_else(|| "FILE".to_owned());
        let hint = paint(STRONG, "hint");
        if !plan.items.is_empty() {
            terminal.note(&format!(
                "{hint}: review the plan, then `wa fleet apply {path} --config {config}`"
            ));
        }
    } else if terminal.json() {
        terminal.result("", plan)?;
    } else {
        show(terminal, &session, plan)?;
    }
    show_aws(&session, &view, terminal).await?;
    let is_done = plan.items.is_empty() && planned.summary.is_ok();
    Ok(exit(planned.summary.interrupted, planned.is_incomplete, is_done))
}

/// Prints the commands for numbers that AWS hosts. Their registered keys cannot be read with Graph.
async fn show_aws(session: &Session, view: &StoreView, terminal: &mut Terminal) -> Result<(), Failure> {
    for (set, number, key) in view.aws_numbers() {
        let key_set = session.store.set(set).map_err(store_failed)?;
        let key = key_set.public_key(key).await.map_err(store_failed)?;
        terminal.note(&format!(
            "{number} of key set {set} is hosted by AWS. To set its key:"
        ));
        terminal.note(&aws_command(number, &key));
    }
    Ok(())
}

/// Audits the fleet and makes a plan.
pub(super) async fn make(
    session: &Session,
    view: &StoreView,
    terminal: &mut Terminal,
    args: &PolicyArgs,
) -> Result<Planned, Failure> {
    let policy = policy(session, args).unwrap_or(RepairPolicy::Repair);
    let (inventory, is_complete) = session.inventory(terminal).await?;
    let mut plan = Plan::new(session.store.id(), policy, args.take_over, SystemTime::now());
    let summary = audit::audit(session, view, inventory.numbers(), terminal, |_, finding| {
        plan.add(&finding);
    })
    .await;
    let not_read = summary.count(Reason::Unreachable) + summary.count(Reason::NotTried);
    audit::describe(terminal, &summary);
    Ok(Planned {
        plan,
        is_incomplete: !is_complete || not_read > 0,
        summary,
    })
}

/// Returns the policy that is given, here or in the configuration.
pub(super) fn policy(session: &Session, args: &PolicyArgs) -> Option<RepairPolicy> {
    let given = args.policy.as_ref().and_then(|policy| policy.parse().ok());
    given.or(session.config.policy)
}

/// Prints the uploads of a plan, and what they cost.
pub(super) fn show(terminal: &mut Terminal, session: &Session, plan: &Plan) -> Result<(), Failure> {
    if !terminal.json() {
        for item in &plan.items {
            let from = item.from.map_or_else(|| "no key".to_owned(), |key| key.short());
            terminal.print(&format!(
                "upload  {:17}  {:20}  {from} -> {}  {}\n",
                item.phone_number_id.as_str(),
                item.set,
                item.to.short(),
                item.reason,
            ))?;
        }
    }
    let (requests, time) = plan.cost(session.config.graph.calls_per_hour);
    let time = time
        .filter(|time| time.as_secs() >= 60)
        .map_or_else(String::new, |time| {
            format!(
                ", at least {} min at the configured pace",
                time.as_secs().div_ceil(60)
            )
        });
    terminal.note(&format!(
        "plan with the policy {}: {}, about {requests} calls{time}",
        plan.policy.label(),
        counted(plan.items.len(), "upload"),
    ));
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write the plan to {path}")]
struct CannotWrite {
    path: String,
    source: std::io::Error,
}

fn write(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let mut json = serde_json::to_vec_pretty(plan).map_err(Failure::failed)?;
    json.push(b'\n');
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(&json).and_then(|()| file.sync_all()));
    written.map_err(|source| {
        let path = path.display().to_string();
        let exists = source.kind() == std::io::ErrorKind::AlreadyExists;
        Failure::failed(CannotWrite { path, source })
            .with_hint(exists.then_some("give the name of a new file; an existing one is not overwritten"))
    })
}
