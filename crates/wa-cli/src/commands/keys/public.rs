//! `wa keys public`.

use serde_json::json;
use wa_cloud::keys::file;

use super::Context;
use crate::args::PublicArgs;
use crate::failure::{Exit, Failure, Usage};
use crate::input::{self, KeyPassphrase};

pub(crate) fn run(context: &mut Context, args: &PublicArgs) -> Result<Exit, Failure> {
    let existing = super::existing(args.force);
    if let Some(path) = &args.out {
        if super::same_file(&args.file, path) {
            return Err(Usage::OverInput { path: path.clone() }.into());
        }
        super::refuse_existing(&[path], existing)?;
    }
    let key = input::public_half(context, &args.file, &mut KeyPassphrase::of(&args.passphrase))?;
    if let Some(path) = &args.out {
        file::write_public_key(path, &key, existing).map_err(input::failure)?;
    }
    let human = match &args.out {
        Some(path) => format!(
            "public key   {}\nfingerprint  {}\n",
            path.display(),
            key.fingerprint()
        ),
        None => key.to_pem(),
    };
    let machine = json!({
        "fingerprint": key.fingerprint().to_string(),
        "business_public_key": key.to_pem(),
        "public_key_file": args.out,
    });
    context.terminal.result(&human, &machine)?;
    Ok(Exit::Success)
}
