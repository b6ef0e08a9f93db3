//! `wa store reencrypt`.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;
use wa_cloud::keys::Passphrase;
use wa_cloud::keystore::{KeySet, KeyState, NewPassphrase};

use super::check::counted;
use crate::args::ReencryptArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure, Usage};
use crate::settings::{self, SecretSource};
use crate::store;

pub(crate) async fn run(context: &mut Context, args: &ReencryptArgs) -> Result<Exit, Failure> {
    let store = store::open(context, &args.store).await?;
    let names = match &args.set {
        Some(name) => vec![name.clone()],
        None => store.sets().await.map_err(store::failure)?,
    };
    // Keys that are not encrypted yet need no old passphrase.
    let old = store::passphrase(context, &args.passphrase)?;
    let change = NewPassphrase::new(old, new_passphrase(context, args)?);
    let mut report = Report::default();
    for name in names {
        let set = store.set(&name).map_err(store::usage)?;
        reencrypt(&set, &change, &mut report).await?;
    }
    let mut human = format!(
        "encrypted {} again; {} had the new passphrase already\n",
        counted(report.changed, "key"),
        report.unchanged
    );
    for failed in &report.failed {
        let _ = writeln!(human, "{failed}");
    }
    let machine = json!({
        "changed": report.changed,
        "unchanged": report.unchanged,
        "failed": report.failed,
    });
    context.terminal.result(&human, &machine)?;
    if report.changed > 0 {
        context
            .terminal
            .note("endpoints need both passphrases until the earlier encryptions are deleted");
    }
    Ok(if report.failed.is_empty() {
        Exit::Success
    } else {
        Exit::Failed
    })
}

#[derive(Default)]
struct Report {
    changed: usize,
    unchanged: usize,
    /// One line for each key that could not be opened.
    failed: Vec<String>,
}

/// Encrypts all keys of a set again. One that cannot be opened does not stop the others.
async fn reencrypt(set: &KeySet, change: &Arc<NewPassphrase>, report: &mut Report) -> Result<(), Failure> {
    let log = set.read().await.map_err(store::failure)?;
    for key in log.keys().iter().filter(|key| key.state != KeyState::Destroyed) {
        match set.reencrypt(key.fingerprint, change).await {
            Ok(Some(_)) => report.changed += 1,
            Ok(None) => report.unchanged += 1,
            Err(error) => {
                let failure = store::failure(error);
                report
                    .failed
                    .push(format!("key set {}: {}", set.name(), failure.chain().join(": ")));
            }
        }
    }
    Ok(())
}

fn new_passphrase(context: &Context, args: &ReencryptArgs) -> Result<Passphrase, Failure> {
    if let Some(command) = &args.new_passphrase_command {
        return store::from_command(command.clone());
    }
    let source = SecretSource {
        option: "--new-passphrase-file",
        file: args.new_passphrase_file.as_ref(),
        variables: &["WA_NEW_KEY_PASSPHRASE"],
    };
    let secret = match source.secret(&context.environment)? {
        Some(secret) => Some(secret),
        None => settings::ask_new_secret("New passphrase of the key store")?,
    };
    let secret = secret.filter(|secret| !secret.is_empty()).ok_or(Usage::Missing {
        what: "the new passphrase of the key store",
        hint: "pass --new-passphrase-file FILE or --new-passphrase-command COMMAND, or set \
               WA_NEW_KEY_PASSPHRASE",
    })?;
    Ok(Passphrase::new(secret.as_str()))
}
