//! `wa keys inspect`.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use wa_cloud::keys::{Inspection, Item, KeyError};

use super::Context;
use crate::args::InspectArgs;
use crate::failure::{Exit, Failure};
use crate::input;
use crate::terminal::{BAD, STRONG, paint};

/// Ends with 3 if a file does not hold one key that WhatsApp would take, with 1 if nothing can be told of one.
pub(crate) fn run(context: &mut Context, args: &InspectArgs) -> Result<Exit, Failure> {
    let mut exit = Exit::Good;
    let mut human = String::new();
    let mut results = Vec::new();
    for path in &args.files {
        match input::inspection(context, path) {
            Ok(inspection) => {
                if inspection.problem().is_some() && exit == Exit::Good {
                    exit = Exit::NotGood;
                }
                describe(path, &inspection, &mut human);
                results.push(machine(path, &inspection));
            }
            Err(failure) if args.files.len() == 1 || failure.exit() == Exit::Usage => return Err(failure),
            Err(failure) => {
                exit = failure.exit();
                human.push_str(&failure.to_string());
                results.push(json!({ "good": false, "file": path, "error": failure.as_json() }));
            }
        }
    }
    context
        .terminal
        .result(&human, &json!({ "good": exit == Exit::Good, "results": results }))?;
    Ok(exit)
}

fn describe(path: &Path, inspection: &Inspection, text: &mut String) {
    let _ = writeln!(text, "{}", paint(STRONG, path.display()));
    for item in inspection.items() {
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "  {name:<12} {value}");
        };
        line("form", &format!("{} ({})", item.kind(), inspection.encoding()));
        if let Some(algorithm) = item.algorithm() {
            line("algorithm", algorithm);
        }
        if let Some(bits) = item.bits() {
            line("bits", &bits);
        }
        if let Some(exponent) = item.exponent() {
            line("exponent", &exponent);
        }
        if item.kind().is_private() {
            line("protection", &protection(item));
        }
        if let Some(fingerprint) = item.fingerprint() {
            line("fingerprint", &fingerprint);
        }
        if let Some(problem) = item.problem() {
            line("problem", &paint(BAD, problem));
        }
    }
    let told = |problem: &KeyError| {
        let of_items = inspection.items().iter().filter_map(Item::problem);
        of_items
            .map(ToString::to_string)
            .any(|text| text == problem.to_string())
    };
    if let Some(problem) = inspection.problem().filter(|problem| !told(problem)) {
        let _ = writeln!(text, "  {:<12} {}", "problem", paint(BAD, problem));
    }
    for advice in inspection.advice() {
        let _ = writeln!(text, "  {:<12} {advice}", "advice");
    }
}

fn protection(item: &Item) -> String {
    match item.encryption() {
        Some(encryption) => encryption.to_string(),
        None if item.fingerprint().is_some() => "none".to_owned(),
        None => "unknown".to_owned(),
    }
}

fn machine(path: &Path, inspection: &Inspection) -> Value {
    let item = |item: &Item| {
        json!({
            "form": item.kind().to_string(),
            "private": item.kind().is_private(),
            "algorithm": item.algorithm().map(ToString::to_string),
            "bits": item.bits(),
            "exponent": item.exponent(),
            "encryption": item.encryption().map(|encryption| encryption.to_string()),
            "fingerprint": item.fingerprint().map(|fingerprint| fingerprint.to_string()),
            "problem": item.problem().map(ToString::to_string),
        })
    };
    json!({
        "good": inspection.problem().is_none(),
        "problem": inspection.problem().map(ToString::to_string),
        "file": path,
        "encoding": inspection.encoding().to_string(),
        "items": inspection.items().iter().map(item).collect::<Vec<_>>(),
        "advice": inspection.advice(),
    })
}
