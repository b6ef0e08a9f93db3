//! `wa flow check`.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use wa_phone::{Check, ConformanceBuildError, ConformanceCheck, Counts, Finding, Report, Verdict};

use super::endpoint::{self, EndpointSettings};
use super::{Context, Exit, Failure};
use crate::args::CheckArgs;
use crate::failure::Usage;
use crate::terminal::{BAD, FAINT, GOOD, STRONG, WARN, paint};

pub(super) async fn run(context: &mut Context, args: &CheckArgs) -> Result<Exit, Failure> {
    let check = setup(context, args)?;
    let bar = progress(context);
    let report = check
        .run(|progress| {
            bar.set_message(progress.finding.check.title);
            bar.set_position(progress.done as u64);
        })
        .await;
    bar.finish_and_clear();
    let report = report.map_err(|error| {
        let remedy = error.remedy();
        Failure::failed(error).with_hint(remedy)
    })?;
    let good = report.is_conformant();
    let machine = json!({
        "good": good,
        "endpoint": args.endpoint.url,
        "counts": report.counts(),
        "latency_ms": report.latency,
        "findings": report.findings,
    });
    let human = describe(&report, context.terminal.verbose());
    context.terminal.result(&human, &machine)?;
    Ok(if good { Exit::Success } else { Exit::CheckFailed })
}

fn setup(context: &mut Context, args: &CheckArgs) -> Result<ConformanceCheck, Failure> {
    let known = EndpointSettings::of(context, &args.endpoint)?;
    let secret = known.app_secret.ok_or(Usage::Missing {
        what: "the app secret",
        hint: "set WA_APP_SECRET or pass --app-secret-file FILE; every request is signed with the app secret",
    })?;
    let mut builder = ConformanceCheck::builder(&*args.endpoint.url)
        .public_key_pem(known.public_key_pem)
        .app_secret(secret.as_str())
        .init(!args.no_init)
        .back(!args.no_back)
        .sign_flow_token(args.endpoint.sign_flow_token)
        .timeout(Duration::from_secs(args.endpoint.timeout))
        .total_time(Duration::from_secs(args.total_time))
        .pings(args.pings.into());
    if let Some(pem) = known.root_certificate {
        builder = builder.root_certificate_pem(pem);
    }
    if let Some(token) = &args.flow_token {
        builder = builder.flow_token(token);
    }
    if let Some(screen) = &args.screen {
        let data = args.data.as_deref().map_or(Ok(json!({})), endpoint::data)?;
        builder = builder.data_exchange(screen, data);
    }
    builder.build().map_err(|error| match error {
        ConformanceBuildError::Phone { source } => endpoint::setting("endpoint settings", source),
        other => {
            let remedy = other.remedy();
            Failure::usage(other).with_hint(remedy)
        }
    })
}

/// Formats the report: failures first. Rules that were not run are grouped by reason.
fn describe(report: &Report, verbose: bool) -> String {
    let mut text = String::new();
    for verdict in [Verdict::Fail, Verdict::Advice, Verdict::Pass, Verdict::Skipped] {
        for finding in of(report, verdict) {
            line(finding, &mut text);
        }
    }
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for Finding { check, seen, .. } in of(report, Verdict::NotRun) {
        match reasons.iter_mut().find(|(reason, _)| reason == seen) {
            Some((_, ids)) => ids.push(check.id),
            None => reasons.push((seen, vec![check.id])),
        }
    }
    for (reason, ids) in reasons {
        let (count, plural) = (ids.len(), if ids.len() == 1 { "" } else { "s" });
        let verdict = paint(FAINT, format!("{:7}", Verdict::NotRun));
        let _ = writeln!(text, "{verdict}  {count} rule{plural}: {reason}");
        if verbose {
            let _ = writeln!(text, "         {}", paint(FAINT, ids.join(", ")));
        }
    }
    let Counts {
        passed,
        advice,
        failed,
        skipped,
        not_run,
        ..
    } = report.counts();
    let verdict = if report.is_conformant() {
        paint(GOOD, "CONFORMANT")
    } else if failed > 0 {
        paint(BAD, "NOT CONFORMANT")
    } else {
        paint(WARN, "INCOMPLETE")
    };
    let _ = writeln!(
        text,
        "\n{verdict}  {passed} passed, {failed} failed, {advice} with advice, {skipped} skipped, {not_run} \
         not run"
    );
    text
}

fn of(report: &Report, verdict: Verdict) -> impl Iterator<Item = &Finding> {
    let all = report.findings.iter();
    all.filter(move |finding| finding.verdict == verdict)
}

/// Formats a finding, with its rule and source unless it was skipped, and with the remedy if it needs one.
fn line(finding: &Finding, text: &mut String) {
    let style = match finding.verdict {
        Verdict::Pass => GOOD,
        Verdict::Advice => WARN,
        Verdict::Fail => BAD,
        _ => FAINT,
    };
    let Check {
        id,
        title,
        rule,
        source,
        remedy,
        ..
    } = finding.check;
    let verdict = paint(style, format!("{:7}", finding.verdict));
    let (title, id) = (paint(STRONG, title), paint(FAINT, format!("({id})")));
    let _ = writeln!(text, "{verdict}  {title}: {}  {id}", finding.seen);
    if finding.verdict != Verdict::Skipped {
        let _ = writeln!(text, "         {}", paint(FAINT, format!("{rule} [{source}]")));
    }
    if matches!(finding.verdict, Verdict::Fail | Verdict::Advice) {
        let _ = writeln!(text, "         {}: {remedy}", paint(STRONG, "remedy"));
    }
}

/// Creates a progress bar, which is only visible on a terminal.
fn progress(context: &Context) -> ProgressBar {
    if context.terminal.json() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(Check::all().len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
