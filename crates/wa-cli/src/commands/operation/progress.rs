//! Progress on standard error.

use wa_cloud::fleet::{NumberReport, Progress};

use crate::commands::Context;
use crate::terminal::{BAD, FAINT, GOOD, WARN, paint};

/// Prints what an operation reports.
pub(super) fn show(context: &mut Context, progress: &Progress) {
    let line = match progress {
        Progress::Event { number, event, key } => {
            let key = key.map(|key| key.short()).unwrap_or_default();
            paint(FAINT, format!("{:<10} {number} {event} {key}", "event"))
        }
        Progress::Done { stage, key, detail } => {
            let detail = if detail.is_empty() {
                String::new()
            } else {
                format!(" ({detail})")
            };
            format!("{} {}{detail}", paint(GOOD, format!("{stage:<10}")), key.short())
        }
        Progress::Waiting { cause, at_most } => {
            let seconds = std::time::Duration::from_secs(at_most.as_secs().max(1));
            let most = humantime::format_duration(seconds);
            format!(
                "{} for {cause} (at most {most})",
                paint(WARN, format!("{:<10}", "waiting"))
            )
        }
        Progress::Skipped { cause, .. } => {
            format!("{} {cause}", paint(WARN, format!("{:<10}", "skipped")))
        }
        Progress::Uploading { number, key } => {
            format!("{:<10} {} to {number}", "uploading", key.short())
        }
        Progress::Number(report) => number(report),
        Progress::Disabled { key } => format!("{:<10} {}", "disabled", key.short()),
        Progress::Kept(kept) => format!("{:<10} {}: {}", "kept", kept.key.short(), kept.cause),
        _ => return,
    };
    context.terminal.note(&line);
}

/// Describes what became of a number.
pub(super) fn number(report: &NumberReport) -> String {
    let style = if report.is_valid() { GOOD } else { BAD };
    let outcome = paint(style, format!("{:<10}", report.outcome.label()));
    let uploads = match report.uploads {
        0 => String::new(),
        1 => ", 1 upload".to_owned(),
        uploads => format!(", {uploads} uploads"),
    };
    let detail = report
        .detail
        .as_ref()
        .map(|detail| format!(": {detail}"))
        .unwrap_or_default();
    format!("{outcome} {}{uploads}{detail}", report.number)
}
