//! `wa store check`.

use std::fmt::Write as _;

use serde_json::json;
use wa_cloud::keystore::{ConformanceError, KeyStore, Severity, check_conformance};

use crate::args::StoreCheckArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::store;
use crate::terminal::{BAD, FAINT, GOOD, WARN, paint};

pub(crate) async fn run(context: &mut Context, args: &StoreCheckArgs) -> Result<Exit, Failure> {
    let location = store::location(context, &args.store)?;
    let backend = store::backend(context, &args.store)?;
    let store = KeyStore::open(std::sync::Arc::clone(&backend))
        .await
        .map_err(store::failure)?;
    let report = store.check().await.map_err(store::failure)?;
    let storage = if args.read_only {
        None
    } else {
        match check_conformance(&backend).await {
            Ok(()) => Some(None),
            Err(ConformanceError::Backend(error)) => {
                return Err(Failure::failed(error).with_hint(Some(PROBES)));
            }
            Err(error) => Some(Some(error)),
        }
    };
    let worst = report
        .findings
        .iter()
        .map(wa_cloud::keystore::Finding::severity)
        .min();
    let is_fault = worst == Some(Severity::Fault)
        || (worst == Some(Severity::Warning) && context.environment.is_strict())
        || matches!(storage, Some(Some(_)));

    let mut human = format!(
        "key store {location}: {}, {}\n",
        counted(report.sets, "key set"),
        counted(report.keys, "key")
    );
    let storage_text = match &storage {
        None => "not checked".to_owned(),
        Some(None) => paint(GOOD, "creates are conditional, reads and listings are consistent"),
        Some(Some(error)) => {
            let remedy = error.remedy().unwrap_or_default();
            paint(BAD, format!("{error}. {remedy}"))
        }
    };
    let _ = writeln!(human, "storage: {storage_text}");
    let mut findings = Vec::new();
    for finding in &report.findings {
        let (label, style) = match finding.severity() {
            Severity::Fault => ("fault", BAD),
            Severity::Warning => ("warning", WARN),
            Severity::Note => ("note", FAINT),
        };
        let _ = writeln!(human, "{}  {finding}", paint(style, format!("{label:<7}")));
        findings.push(json!({ "severity": label, "message": finding.to_string() }));
    }
    let machine = json!({
        "valid": !is_fault,
        "store": location,
        "store_id": store.id().to_string(),
        "sets": report.sets,
        "keys": report.keys,
        "storage_checked": storage.is_some(),
        "storage_fault": storage.flatten().map(|error| error.to_string()),
        "findings": findings,
    });
    context.terminal.result(&human, &machine)?;
    Ok(if is_fault {
        Exit::CheckFailed
    } else {
        Exit::Success
    })
}

/// Returns a number with a noun in the singular or plural.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

const PROBES: &str =
    "the check writes and deletes probe objects below check/; to only read, pass --read-only";
