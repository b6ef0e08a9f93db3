//! `wa keys convert`.

use serde_json::json;

use super::{Context, NewProtection};
use crate::args::ConvertArgs;
use crate::failure::{Exit, Failure};
use crate::input::{self, KeyPassphrase};
use crate::settings::SecretSource;
use wa_cloud::secrets::variables;

pub(crate) fn run(context: &mut Context, args: &ConvertArgs) -> Result<Exit, Failure> {
    let existing = super::existing(args.force);
    super::refuse_existing(&[&args.out], existing)?;
    let mut passphrase = KeyPassphrase::of(&args.passphrase);
    let key = input::private_key(context, &args.file, &mut passphrase)?;
    let protection = protection(context, args, &mut passphrase)?;
    protection.write(&args.out, &key, existing)?;
    let fingerprint = key.public_key().fingerprint();
    let human = format!(
        "private key  {} ({})\nfingerprint  {fingerprint}\n",
        args.out.display(),
        protection.describe()
    );
    let machine = json!({
        "private_key_file": args.out,
        "protected": protection.is_some(),
        "fingerprint": fingerprint.to_string(),
    });
    context.terminal.result(&human, &machine)?;
    Ok(Exit::Success)
}

/// Selects the passphrase of the new file: the one given for it, otherwise that of the key that was read.
fn protection(
    context: &Context,
    args: &ConvertArgs,
    old: &mut KeyPassphrase<'_>,
) -> Result<NewProtection, Failure> {
    if args.no_passphrase {
        return Ok(NewProtection::none());
    }
    let environment = &context.environment;
    let hint = "pass --new-passphrase-file FILE, set WA_NEW_KEY_PASSPHRASE, or pass --no-passphrase";
    let new = SecretSource {
        option: "--new-passphrase-file",
        file: args.new_passphrase_file.as_ref(),
        variables: &[variables::NEW_KEY_PASSPHRASE],
    };
    match new.secret(environment)? {
        Some(new) => NewProtection::with(Some(&new), hint),
        // An empty passphrase protects nothing.
        None => NewProtection::with(old.given(environment)?.filter(|old| !old.is_empty()), hint),
    }
}
