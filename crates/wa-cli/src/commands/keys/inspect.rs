//! `wa keys inspect`.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use wa_cloud::keys::file::FileError;
use wa_cloud::keys::{Action, Inspection, Item, KeyError, PublicKey};

use super::Context;
use crate::advice;
use crate::args::{InspectArgs, PassphraseArgs};
use crate::failure::{Exit, Failure};
use crate::input::{self, KeyPassphrase};
use crate::terminal::{BAD, STRONG, paint};

/// Inspects key files. The exit status is 3 if a file does not contain exactly one key that WhatsApp accepts,
/// and 1 if a file cannot be read as a key.
pub(crate) fn run(context: &mut Context, args: &InspectArgs) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    let mut human = String::new();
    let mut results = Vec::new();
    let passphrase = PassphraseArgs {
        passphrase_file: args.passphrase_file.clone(),
        empty_passphrase: args.empty_passphrase,
    };
    let mut passphrase = KeyPassphrase::of(&passphrase);
    for path in &args.files {
        match input::inspection(context, path, &mut passphrase) {
            Ok((inspection, opened)) => {
                let opened = Opened::new(path, &inspection, opened);
                if (inspection.problem().is_some() || opened.problem.is_some()) && exit == Exit::Success {
                    exit = Exit::CheckFailed;
                }
                describe(path, &inspection, &opened, &mut human);
                results.push(machine(path, &inspection, &opened));
            }
            Err(failure) if args.files.len() == 1 || failure.exit() == Exit::Usage => return Err(failure),
            Err(failure) => {
                exit = failure.exit();
                human.push_str(&failure.to_string());
                results.push(json!({ "good": false, "file": path, "error": failure.as_json() }));
            }
        }
    }
    context.terminal.result(
        &human,
        &json!({ "good": exit == Exit::Success, "results": results }),
    )?;
    Ok(exit)
}

/// The result of decrypting an encrypted key.
#[derive(Default)]
struct Opened {
    key: Option<PublicKey>,
    problem: Option<String>,
    remedy: Option<String>,
}

impl Opened {
    fn new(path: &Path, inspection: &Inspection, opened: Option<Result<PublicKey, FileError>>) -> Self {
        match opened {
            Some(Ok(key)) => Self {
                key: Some(key),
                ..Self::default()
            },
            Some(Err(error)) => Self {
                problem: Some(std::error::Error::source(&error).unwrap_or(&error).to_string()),
                remedy: match &error {
                    FileError::Key { source, .. } => advice::remedy(source, path),
                    _ => None,
                },
                ..Self::default()
            },
            None => Self {
                remedy: inspection.main().encryption().map(|_| {
                    "to show its size and fingerprint, pass --passphrase-file FILE or --empty-passphrase, or \
                     set WA_KEY_PASSPHRASE"
                        .to_owned()
                }),
                ..Self::default()
            },
        }
    }

    /// Returns the decrypted key, if `item` is the encrypted one.
    fn of(&self, item: &Item) -> Option<&PublicKey> {
        self.key.as_ref().filter(|_| item.encryption().is_some())
    }
}

fn describe(path: &Path, inspection: &Inspection, opened: &Opened, text: &mut String) {
    let _ = writeln!(text, "{}", paint(STRONG, path.display()));
    for item in inspection.items() {
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "  {name:<12} {value}");
        };
        line("format", &format!("{} ({})", item.kind(), inspection.encoding()));
        if let Some(algorithm) = item.algorithm() {
            line("algorithm", algorithm);
        }
        let key = opened.of(item);
        if let Some(bits) = item.bits().or(key.map(PublicKey::bits)) {
            line("bits", &bits);
        }
        if let Some(exponent) = item.exponent().or(key.map(|key| u64::from(key.exponent()))) {
            line("exponent", &exponent);
        }
        if item.kind().is_private() {
            line("protection", &protection(item));
        }
        if let Some(fingerprint) = item.fingerprint().or(key.map(PublicKey::fingerprint)) {
            line("fingerprint", &fingerprint);
        }
        if let Some(problem) = item.problem() {
            line("problem", &paint(BAD, problem));
        }
    }
    let is_listed = |problem: &KeyError| {
        let of_items = inspection.items().iter().filter_map(Item::problem);
        of_items
            .map(ToString::to_string)
            .any(|text| text == problem.to_string())
    };
    if let Some(problem) = inspection.problem().filter(|problem| !is_listed(problem)) {
        let _ = writeln!(text, "  {:<12} {}", "problem", paint(BAD, problem));
    }
    if let Some(problem) = &opened.problem {
        let _ = writeln!(text, "  {:<12} {}", "problem", paint(BAD, problem));
    }
    for remedy in remedies(path, inspection, opened) {
        let _ = writeln!(text, "  {:<12} {remedy}", "remedy");
    }
}

fn remedies(path: &Path, inspection: &Inspection, opened: &Opened) -> Vec<String> {
    let of_file = inspection.advice();
    of_file
        .iter()
        // The decrypted content cannot be converted.
        .filter(|advice| opened.problem.is_none() || advice.action() != Some(Action::Convert))
        .map(|advice| advice::sentence(advice, path))
        .chain(opened.remedy.clone())
        .collect()
}

fn protection(item: &Item) -> String {
    match item.encryption() {
        Some(encryption) => encryption.to_string(),
        None if item.fingerprint().is_some() => "none".to_owned(),
        None => "unknown".to_owned(),
    }
}

fn machine(path: &Path, inspection: &Inspection, opened: &Opened) -> Value {
    let item = |item: &Item| {
        let key = opened.of(item);
        let fingerprint = item.fingerprint().or(key.map(PublicKey::fingerprint));
        json!({
            "form": item.kind().to_string(),
            "private": item.kind().is_private(),
            "algorithm": item.algorithm().map(ToString::to_string),
            "bits": item.bits().or(key.map(PublicKey::bits)),
            "exponent": item.exponent().or(key.map(|key| u64::from(key.exponent()))),
            "encryption": item.encryption().map(|encryption| encryption.to_string()),
            "fingerprint": fingerprint.map(|fingerprint| fingerprint.to_string()),
            "problem": item.problem().map(ToString::to_string),
        })
    };
    json!({
        "good": inspection.problem().is_none() && opened.problem.is_none(),
        "problem": inspection.problem().map(ToString::to_string).or_else(|| opened.problem.clone()),
        "file": path,
        "encoding": inspection.encoding().to_string(),
        "items": inspection.items().iter().map(item).collect::<Vec<_>>(),
        "remedies": remedies(path, inspection, opened),
    })
}
