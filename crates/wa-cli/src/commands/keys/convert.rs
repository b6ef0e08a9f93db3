//! `wa keys convert`.

use serde_json::json;

use super::{Context, NewFile};
use crate::args::ConvertArgs;
use crate::failure::{Exit, Failure};
use crate::input;

pub(crate) fn run(context: &mut Context, args: &ConvertArgs) -> Result<Exit, Failure> {
    let existing = super::existing(args.force);
    super::refuse_existing(&[&args.out], existing)?;
    let key = input::private_key(context, &args.file, &args.passphrase)?;
    let new = NewFile {
        passphrase_file: args
            .new_passphrase_file
            .as_ref()
            .or(args.passphrase.passphrase_file.as_ref()),
        variables: &["WA_NEW_KEY_PASSPHRASE", "WA_KEY_PASSPHRASE"],
        unprotected: args.no_passphrase,
    };
    let protection = new.protection(&context.environment)?;
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
    Ok(Exit::Good)
}
