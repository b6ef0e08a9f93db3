//! `wa encryption get`.

use serde_json::{Value, json};
use wa_cloud::encryption::{BusinessPublicKey, RegisteredKey, SignatureStatus};
use wa_cloud::keys::{Fingerprint, PublicKey};

use super::batch::Next;
use super::hint::GivenOptions;
use super::outcome::{self, Outcome};
use super::report::Report;
use super::{Context, client};
use crate::args::GetArgs;
use crate::failure::{Exit, Failure, Usage};
use crate::terminal::{BAD, GOOD, paint};

/// `--pem` was given, but there is no key to print.
#[derive(Debug, thiserror::Error)]
#[error("no readable key is registered for {0}")]
struct NoKey(String);

pub(crate) async fn run(context: &mut Context, args: &GetArgs) -> Result<Exit, Failure> {
    // clap cannot check this conflict, because it ignores a global option before the command.
    if args.pem && context.terminal.json() {
        return Err(Usage::PemWith { with: "--json" }.into());
    }
    let mut batch = client::batch(context, &args.graph)?;
    if args.pem && batch.apis.len() > 1 {
        let with = "several phone numbers";
        return Err(Usage::PemWith { with }.into());
    }
    let given = GivenOptions::new(context, &args.graph, None);
    let mut report = Report::new(&batch.apis);
    let order = batch.all();
    let terminal = &mut context.terminal;
    let rest = batch
        .each(
            terminal,
            order,
            async |api| api.get_business_public_key().await,
            |terminal, index, result| {
                let id = report.id(index).to_owned();
                let result = result.map_err(client::failed).and_then(|found| {
                    if args.pem {
                        pem(&id, &found)
                    } else {
                        Ok(shown(&id, &found, &given))
                    }
                });
                report.add(terminal, index, result).map(|()| Next::Continue)
            },
        )
        .await?;
    report.end(terminal, rest, |_| None)?;
    report.finish(context, None)
}

fn pem(id: &str, found: &BusinessPublicKey) -> Result<Outcome, Failure> {
    let key = found
        .public_key()
        .ok_or_else(|| Failure::failed(NoKey(id.to_owned())))?;
    Ok(read(key.to_pem(), json!({})))
}

fn shown(id: &str, found: &BusinessPublicKey, given: &GivenOptions) -> Outcome {
    let remedy = remedy(id, found, given);
    let hint = remedy.as_deref().map(outcome::hint).unwrap_or_default();
    read(describe(id, found) + &hint, machine(found, remedy.as_deref()))
}

fn read(human: String, machine: Value) -> Outcome {
    Outcome {
        exit: Exit::Success,
        tally: "read",
        human,
        machine,
    }
}

fn describe(id: &str, found: &BusinessPublicKey) -> String {
    let status = match found.signature_status() {
        Some(SignatureStatus::Valid) => paint(GOOD, "VALID"),
        Some(other) => paint(BAD, other),
        None => paint(BAD, "none"),
    };
    let key = match found.registered() {
        RegisteredKey::Key(key) => format!("{}\n{}", key.fingerprint(), key.to_pem()),
        RegisteredKey::Unreadable { problem, .. } => {
            format!("none\nthe registered text is not a usable key: {problem}\n")
        }
        RegisteredKey::Several { fingerprints } => {
            let keys: Vec<String> = fingerprints.iter().map(Fingerprint::short).collect();
            format!("several: {}\n", keys.join(", "))
        }
        _ => "none\nno key is registered\n".to_owned(),
    };
    format!("number       {id}\nstatus       {status}\nfingerprint  {key}")
}

/// Returns the remedy for the registered state, if it needs one.
fn remedy(id: &str, found: &BusinessPublicKey, given: &GivenOptions) -> Option<String> {
    Some(match found.registered() {
        RegisteredKey::Key(_) => match found.signature_status() {
            Some(SignatureStatus::Valid) => return None,
            Some(SignatureStatus::Mismatch) => format!(
                "Meta's signature of this key is not valid, so Flows fail; this happens after each \
                 re-registration of the number. Register the same key again: {}",
                given.same_again(id)
            ),
            _ => "read the status again in a minute; if it does not change, register the same key \
                  again"
                .to_owned(),
        },
        RegisteredKey::Absent => {
            "register the public key of your endpoint; `wa keys generate` creates a key pair and prints the \
             next command"
                .to_owned()
        }
        RegisteredKey::Unreadable { .. } | RegisteredKey::Several { .. } => {
            "register the key that your endpoint serves; it replaces the registered keys".to_owned()
        }
        _ => return None,
    })
}

fn machine(found: &BusinessPublicKey, remedy: Option<&str>) -> Value {
    let problem = match found.registered() {
        RegisteredKey::Unreadable { problem, .. } => Some(problem.to_string()),
        RegisteredKey::Several { .. } => Some("several keys are listed".to_owned()),
        _ => None,
    };
    json!({
        "registered": found.is_registered(),
        "usable": found.is_usable(),
        "business_public_key": found.public_key().map(PublicKey::to_pem),
        "business_public_key_signature_status": found.signature_status().map(SignatureStatus::as_str),
        "fingerprint": found.fingerprint().map(|fingerprint| fingerprint.to_string()),
        "problem": problem,
        "remedy": remedy,
    })
}
