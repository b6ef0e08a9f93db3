//! `wa fleet watch`.

use std::collections::HashSet;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::AsyncWriteExt as _;
use wa_cloud::fleet::{
    Healer, ItemOutcome, Metrics, Plan, RepairPolicy, StoreView, Watch, WatchChange, WatchConfig, next_audit,
};
use wa_cloud::graph::PhoneNumberId;

use super::Context;
use super::session::{Open, Session, exit};
use super::{apply, audit, metrics};
use crate::args::WatchArgs;
use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;

/// A hook or a webhook takes at most this long.
const HOOK_LIMIT: Duration = Duration::from_secs(30);
/// How often a wait for the next audit checks for Ctrl-C.
const TICK: Duration = Duration::from_millis(200);

struct Watcher<'a> {
    session: &'a Session,
    args: &'a WatchArgs,
    watch: Watch,
    healer: Healer,
    metrics: Arc<Mutex<Metrics>>,
    start: Instant,
}

pub(super) async fn run(context: &mut Context, args: &WatchArgs) -> Result<Exit, Failure> {
    let session = Session::open(context, &args.fleet, Open::Existing).await?;
    let terminal = &mut context.terminal;
    let metrics = Arc::<Mutex<Metrics>>::default();
    if let Some(address) = args.metrics_listen {
        let address = metrics::serve(address, Arc::clone(&metrics)).await?;
        terminal.note(&format!("metrics at http://{address}/metrics"));
    }
    let mut watcher = Watcher {
        session: &session,
        args,
        watch: Watch::default(),
        healer: Healer::default(),
        metrics,
        start: Instant::now(),
    };
    loop {
        let audited = watcher.audit(terminal).await;
        watcher.write_metrics(terminal);
        match audited {
            Ok(exit) if args.once => return Ok(exit),
            Err(failure) if args.once => return Err(failure),
            Ok(_) => {}
            // The next audit may succeed.
            Err(failure) => {
                watcher.lock().failed();
                failure.report(terminal);
            }
        }
        let next = Instant::now() + next_audit(session.config.watch.interval, random());
        while Instant::now() < next {
            if session.stop.is_requested() {
                return Ok(Exit::Interrupted);
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

impl Watcher<'_> {
    /// Audits once, reports changes and repairs numbers.
    async fn audit(&mut self, terminal: &mut Terminal) -> Result<Exit, Failure> {
        let began = Instant::now();
        let now = self.start.elapsed();
        let (inventory, is_complete) = self.session.inventory(terminal).await?;
        let view = self.session.view().await?;
        let mut plan = Plan::new(
            self.session.store.id(),
            RepairPolicy::Repair,
            false,
            SystemTime::now(),
        );
        let mut changes = Vec::new();
        let (watch, healer) = (&mut self.watch, &mut self.healer);
        let summary = audit::audit(
            self.session,
            &view,
            inventory.numbers(),
            terminal,
            |_, finding| {
                healer.note(&finding, now);
                // A watch writes no events, so it adds no number to a key set.
                if !finding.is_new && healer.is_due(&finding.phone_number_id, now) {
                    plan.add(&finding);
                }
                changes.extend(watch.note(&finding));
            },
        )
        .await;
        if is_complete {
            let known: HashSet<&PhoneNumberId> = inventory
                .numbers()
                .iter()
                .map(|number| &number.phone_number_id)
                .collect();
            self.watch.retain(|number| known.contains(number));
            self.healer.retain(|number| known.contains(number));
        }
        self.lock().audited(&summary, began.elapsed(), SystemTime::now());
        self.note_records().await;
        audit::describe(terminal, &summary);
        self.report(terminal, &changes).await?;
        if self.args.heal && !summary.interrupted {
            self.heal(terminal, &view, &plan, now).await?;
        }
        let is_read = summary.stopped.is_empty() && is_complete;
        Ok(exit(summary.interrupted, !is_read, summary.is_ok()))
    }

    async fn note_records(&self) {
        let Ok(records) = self.session.store.records().await else {
            return;
        };
        let now = SystemTime::now();
        let ages = records
            .iter()
            .filter(|record| !record.stopped)
            .filter_map(|record| now.duration_since(record.modified.unwrap_or(record.at)).ok());
        self.lock().oldest_record(ages.max());
    }

    async fn report(&self, terminal: &mut Terminal, changes: &[WatchChange]) -> Result<(), Failure> {
        let mut lines = String::new();
        for change in changes {
            lines += &serde_json::to_string(change).map_err(Failure::failed)?;
            lines.push('\n');
        }
        terminal.print(&lines)?;
        if changes.is_empty() {
            return Ok(());
        }
        let WatchConfig {
            on_change, webhook, ..
        } = &self.session.config.watch;
        if let Some((program, arguments)) = on_change.split_first()
            && let Err(problem) = run_hook(program, arguments, &lines).await
        {
            terminal.warn(&format!("the command of `on_change` failed: {problem}"));
        }
        if let Some(url) = webhook
            && let Err(problem) = wa_cloud::fleet::post_changes(url, changes, HOOK_LIMIT).await
        {
            terminal.warn(&format!("the webhook failed: {problem}"));
        }
        Ok(())
    }

    /// Uploads the primary key to the numbers of the plan, unless too many numbers are bad.
    async fn heal(
        &mut self,
        terminal: &mut Terminal,
        view: &StoreView,
        plan: &Plan,
        now: Duration,
    ) -> Result<(), Failure> {
        let breaker = self.healer.check(self.watch.numbers());
        self.lock().breaker(breaker.is_err());
        if let Err(breaker) = breaker {
            terminal.warn(&format!(
                "{breaker}; find the common cause, then use `wa fleet apply`"
            ));
            return Ok(());
        }
        if plan.items.is_empty() {
            return Ok(());
        }
        let reports = apply::repair(self.session, view, plan).await?;
        let mut valid = 0;
        for report in &reports {
            self.healer.repaired(report, now);
            valid += usize::from(report.outcome == ItemOutcome::Valid);
            let json = serde_json::to_string(report).map_err(Failure::failed)?;
            terminal.print(&format!("{{\"repair\":{json}}}\n"))?;
        }
        self.lock().repaired(reports.len(), reports.len() - valid);
        Ok(())
    }

    /// Writes the metrics file, whole.
    fn write_metrics(&self, terminal: &mut Terminal) {
        let Some(path) = &self.session.config.watch.metrics_file else {
            return;
        };
        let text = self.lock().to_string();
        let mut partial = path.clone().into_os_string();
        partial.push(".tmp");
        let written = std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, path));
        if let Err(error) = written {
            terminal.warn(&format!(
                "cannot write the metrics to {}: {error}",
                path.display()
            ));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Metrics> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run_hook(program: &str, arguments: &[String], lines: &str) -> Result<(), String> {
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let stdin = child.stdin.take();
    let work = async {
        if let Some(mut stdin) = stdin {
            // A command that does not read its input is not a failure.
            let _ = stdin.write_all(lines.as_bytes()).await;
        }
        child.wait().await
    };
    match tokio::time::timeout(HOOK_LIMIT, work).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("{program}: {status}")),
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Err(_) => Err(format!("{program} did not end within {} s", HOOK_LIMIT.as_secs())),
    }
}

/// Returns a random number in `0.0..1.0`; nothing secret depends on it.
fn random() -> f64 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};

    let bits = u32::try_from(RandomState::new().build_hasher().finish() >> 32).unwrap_or_default();
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}
