//! `wa encryption set`: reads the registered keys, asks before one is replaced, uploads the key and reads it
//! back.

use std::collections::BTreeMap;

use serde_json::json;
use wa_cloud::encryption::{BusinessPublicKey, RegisteredKey, Verification};
use wa_cloud::keys::{Fingerprint, PublicKey};

use super::batch::{Batch, Next, Order};
use super::confirm::{Confirmation, Replacement};
use super::hint::GivenOptions;
use super::outcome::{self, Outcome, Valid};
use super::report::Report;
use super::{Context, client, endpoint};
use crate::args::SetArgs;
use crate::failure::{Exit, Failure};
use crate::input::{self, KeyPassphrase};
use crate::terminal::{GOOD, Terminal};

/// The registered keys before the upload, by number.
type Registered = BTreeMap<usize, BusinessPublicKey>;

pub(crate) async fn run(context: &mut Context, args: &SetArgs) -> Result<Exit, Failure> {
    let mut batch = client::batch(context, &args.graph)?;
    let key = input::public_half(context, &args.key, &mut KeyPassphrase::of(&args.passphrase))?;
    if let Some(url) = &args.endpoint {
        endpoint::prove(context, args, url, &key).await?;
    }
    let given = GivenOptions::new(context, &args.graph, Some((&args.key, &args.passphrase)));
    let mut report = Report::new(&batch.apis);
    let ids: Vec<String> = batch
        .apis
        .iter()
        .map(|api| api.phone_number_id().to_string())
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let go_on = given.command("set", " --skip-valid", ids.iter().copied());

    let mut numbers: Vec<usize> = (0..ids.len()).collect();
    // The registered keys are only needed for the confirmation and for `--skip-valid`.
    if !(args.yes && args.no_verify && !args.skip_valid) {
        let (registered, is_early) = read(&mut batch, &mut context.terminal, &mut report).await?;
        if is_early {
            // Nothing has been uploaded.
            for index in registered.keys() {
                report.leave(&mut context.terminal, *index)?;
            }
            return report.finish(context, Some(go_on));
        }
        let replaced = replacements(&registered, &key, &report);
        let confirmation = Confirmation {
            new: key.fingerprint(),
            yes: args.yes,
            given: &given,
            ids: &ids,
        };
        confirmation.get(context, &replaced).await?;
        numbers = registered.keys().copied().collect();
        if args.skip_valid {
            let terminal = &mut context.terminal;
            numbers = skip_valid(&registered, &key, &mut report, terminal, &given)?;
        }
    }
    let upload = Upload {
        key: &key,
        verify: !args.no_verify,
        given: &given,
    };
    upload
        .run(&mut batch, &mut context.terminal, numbers, &mut report)
        .await?;
    report.finish(context, Some(go_on))
}

/// Reads the registered keys of all numbers, and reports the numbers that cannot be read. Also returns
/// whether the run ended early.
async fn read(
    batch: &mut Batch,
    terminal: &mut Terminal,
    report: &mut Report,
) -> Result<(Registered, bool), Failure> {
    let mut registered = BTreeMap::new();
    let order = batch.all();
    if order.numbers.len() > 1 {
        terminal.note(&format!(
            "reading the registered keys of {} numbers",
            order.numbers.len()
        ));
    }
    let rest = batch
        .each(
            terminal,
            order,
            async |api| api.get_business_public_key().await,
            |terminal, index, result| {
                match result {
                    Ok(found) => drop(registered.insert(index, found)),
                    Err(error) => report.add(terminal, index, Err(client::failed(error)))?,
                }
                Ok(Next::Continue)
            },
        )
        .await?;
    let is_early = rest.is_early();
    report.end(terminal, rest, |_| None)?;
    Ok((registered, is_early))
}

/// Returns the numbers for which another key is registered.
fn replacements(registered: &Registered, key: &PublicKey, report: &Report) -> Vec<Replacement> {
    let other = |found: &BusinessPublicKey| match found.registered() {
        RegisteredKey::Key(other) if other != key => Some(other.fingerprint().short()),
        RegisteredKey::Several { fingerprints } => {
            let keys: Vec<String> = fingerprints.iter().map(Fingerprint::short).collect();
            Some(keys.join(" and "))
        }
        _ => None,
    };
    registered
        .iter()
        .filter_map(|(index, found)| {
            Some(Replacement {
                id: report.id(*index).to_owned(),
                registered: other(found)?,
            })
        })
        .collect()
}

/// Reports the numbers for which the key is already registered and VALID, and returns the others.
fn skip_valid(
    registered: &Registered,
    key: &PublicKey,
    report: &mut Report,
    terminal: &mut Terminal,
    given: &GivenOptions,
) -> Result<Vec<usize>, Failure> {
    let mut numbers = Vec::new();
    for (index, found) in registered {
        let verification = Verification::of(key, found);
        if verification.is_valid() {
            let outcome = Outcome::verified(report.id(*index), &verification, Valid::Unchanged, given);
            report.add(terminal, *index, Ok(outcome))?;
        } else {
            numbers.push(*index);
        }
    }
    Ok(numbers)
}

struct Upload<'a> {
    key: &'a PublicKey,
    verify: bool,
    given: &'a GivenOptions,
}

impl Upload<'_> {
    /// Uploads the key for the first number, and then for the others if that succeeded.
    async fn run(
        &self,
        batch: &mut Batch,
        terminal: &mut Terminal,
        numbers: Vec<usize>,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let mut is_first = true;
        let order = Order {
            numbers,
            alone_first: true,
        };
        let rest = batch
            .each(
                terminal,
                order,
                async |api| {
                    if self.verify {
                        return api.register(self.key).await.map(Some);
                    }
                    api.set_business_public_key(self.key).await.map(|_| None)
                },
                |terminal, index, result| {
                    let may_go_on = match &result {
                        Ok(Some(Verification::Valid { .. } | Verification::NotVisible { .. }) | None) => true,
                        Ok(Some(_)) | Err(_) => false,
                    };
                    let id = report.id(index).to_owned();
                    let result = result
                        .map(|found| self.outcome(&id, found.as_ref()))
                        .map_err(client::failed);
                    report.add(terminal, index, result)?;
                    let stops = std::mem::replace(&mut is_first, false) && !may_go_on;
                    Ok(if stops {
                        Next::Stop(format!(
                            "the key could not be registered for {id}, the first number"
                        ))
                    } else {
                        Next::Continue
                    })
                },
            )
            .await?;
        report.end(terminal, rest, |id| {
            Some(format!(
                "check the registered key: {}",
                self.given.command("verify", "", [id])
            ))
        })
    }

    fn outcome(&self, id: &str, found: Option<&Verification>) -> Outcome {
        if let Some(found) = found {
            return Outcome::verified(id, found, Valid::Registered, self.given);
        }
        let fingerprint = self.key.fingerprint();
        let sentence = format!("key {} was uploaded, but not read back", fingerprint.short());
        Outcome {
            exit: Exit::Success,
            tally: "uploaded",
            human: outcome::line(GOOD, "UPLOADED", id, sentence),
            machine: json!({ "fingerprint": fingerprint.to_string(), "uploaded": true }),
        }
    }
}
