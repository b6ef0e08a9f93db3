//! `wa fleet audit`.

use std::collections::BTreeMap;

use serde_json::{Map, json};
use wa_cloud::fleet::{AuditSummary, Finding, InventoryNumber, Reason, StoreView};
use wa_cloud::keys::Fingerprint;

use super::Context;
use super::session::{Open, Progress, Session, counted, exit};
use super::stream::JsonList;
use crate::args::AuditArgs;
use crate::commands::table;
use crate::failure::{Exit, Failure};
use crate::terminal::{BAD, GOOD, STRONG, Terminal, WARN, paint};

/// The columns of the CSV file.
const COLUMNS: [&str; 10] = [
    "phone_number_id",
    "account",
    "set",
    "reason",
    "registered",
    "valid",
    "state",
    "primary",
    "detail",
    "remedy",
];

pub(super) async fn run(context: &mut Context, args: &AuditArgs) -> Result<Exit, Failure> {
    let session = Session::open(context, &args.fleet, Open::Existing).await?;
    let terminal = &mut context.terminal;
    let (inventory, is_complete) = session.inventory(terminal).await?;
    let view = session.view().await?;
    let mut show = Show::begin(terminal, args)?;
    let mut problem = Ok(());
    let summary = audit(
        &session,
        &view,
        inventory.numbers(),
        terminal,
        |terminal, finding| {
            if problem.is_ok() {
                problem = show.finding(terminal, &finding);
            }
        },
    )
    .await;
    problem?;
    show.end(terminal, &summary)?;
    let not_read = summary.count(Reason::Unreachable) + summary.count(Reason::NotTried);
    let failed = !is_complete || not_read > 0;
    Ok(exit(summary.interrupted, failed, summary.is_ok()))
}

/// Audits numbers, with progress.
pub(super) async fn audit(
    session: &Session,
    view: &StoreView,
    numbers: &[InventoryNumber],
    terminal: &mut Terminal,
    mut found: impl FnMut(&mut Terminal, Finding) + Send,
) -> AuditSummary {
    let fleet = session.fleet(numbers);
    let mut progress = Progress::new("audited", numbers.len());
    fleet
        .audit(view, numbers, &session.stop, |finding| {
            found(terminal, finding);
            progress.step(terminal);
        })
        .await
}

/// Prints findings in one of three forms.
struct Show<'a> {
    args: &'a AuditArgs,
    json: Option<JsonList>,
    remedies: BTreeMap<Reason, (usize, String)>,
}

impl<'a> Show<'a> {
    fn begin(terminal: &mut Terminal, args: &'a AuditArgs) -> Result<Self, Failure> {
        let json = JsonList::begin_if_json(terminal, "findings")?;
        if args.csv {
            terminal.print(&table::csv_line(COLUMNS))?;
        }
        Ok(Self {
            args,
            json,
            remedies: BTreeMap::new(),
        })
    }

    fn finding(&mut self, terminal: &mut Terminal, finding: &Finding) -> Result<(), Failure> {
        if let Some(remedy) = &finding.remedy {
            let entry = self.remedies.entry(finding.reason);
            entry.or_insert_with(|| (0, remedy.clone())).0 += 1;
        }
        if let Some(json) = &mut self.json {
            // A document has every number, so that programs need no second call.
            return json.add(terminal, finding);
        }
        if finding.reason == Reason::Ok && !self.args.all {
            return Ok(());
        }
        if self.args.csv {
            terminal.print(&csv(finding))?;
        } else {
            terminal.print(&line(finding))?;
        }
        Ok(())
    }

    fn end(self, terminal: &mut Terminal, summary: &AuditSummary) -> Result<(), Failure> {
        if let Some(json) = self.json {
            let mut members = Map::new();
            members.insert("summary".to_owned(), summary_json(summary));
            return json.end(terminal, &members);
        }
        describe(terminal, summary);
        for (reason, (count, remedy)) in self.remedies {
            let hint = paint(STRONG, "hint");
            terminal.eprint(&format!("{hint}: {count} × {reason}: {remedy}\n"));
        }
        Ok(())
    }
}

pub(super) fn summary_json(summary: &AuditSummary) -> serde_json::Value {
    json!({
        "numbers": summary.total(),
        "reasons": summary.reasons,
        "stopped": summary.stopped,
        "interrupted": summary.interrupted,
        "oldest_primary_s": summary.oldest_primary_s,
    })
}

/// Prints the counts.
pub(super) fn describe(terminal: &mut Terminal, summary: &AuditSummary) {
    let counts: Vec<String> = summary
        .reasons
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    let numbers = counted(summary.total(), "number");
    terminal.note(&format!("{numbers}: {}", counts.join(", ")));
    for cause in &summary.stopped {
        terminal.note(&format!(
            "stopped early, because other calls with the same token would fail: {cause}"
        ));
    }
}

fn line(finding: &Finding) -> String {
    let style = match finding.reason {
        Reason::Ok => GOOD,
        reason if reason.is_served() => WARN,
        _ => BAD,
    };
    let short = |key: Option<Fingerprint>| key.map_or_else(|| "-".to_owned(), |key| key.short());
    // Padded before it is coloured, because escape sequences count as width.
    let reason = paint(style, format!("{:16}", finding.reason.label()));
    let set = finding.set.as_deref().unwrap_or("-");
    let detail = finding
        .detail
        .as_deref()
        .map_or_else(String::new, |detail| format!("  {detail}"));
    format!(
        "{reason}  {:17}  {set:20}  registered {:16}  primary {}{detail}\n",
        finding.phone_number_id.as_str(),
        short(finding.registered),
        short(finding.primary),
    )
}

fn csv(finding: &Finding) -> String {
    let full = |key: Option<Fingerprint>| key.map(|key| key.to_string()).unwrap_or_default();
    let (registered, primary) = (full(finding.registered), full(finding.primary));
    table::csv_line([
        finding.phone_number_id.as_str(),
        finding.account.as_ref().map_or("", |account| account.as_str()),
        finding.set.as_deref().unwrap_or_default(),
        finding.reason.label(),
        &registered,
        if finding.is_valid { "true" } else { "false" },
        finding.state.map_or("", |state| state.label()),
        &primary,
        finding.detail.as_deref().unwrap_or_default(),
        finding.remedy.as_deref().unwrap_or_default(),
    ])
}
