//! `wa keys generate`.

use std::path::Path;

use serde_json::json;
use wa_cloud::keys::{PrivateKey, file};

use super::{Context, NewProtection};
use crate::args::{GenerateArgs, PassphraseArgs};
use crate::failure::{Exit, Failure, Usage};
use crate::input::{self, KeyPassphrase};
use crate::shell;

pub(crate) fn run(context: &mut Context, args: &GenerateArgs) -> Result<Exit, Failure> {
    let in_folder = |name: &Path| {
        if args.out_dir == Path::new(".") {
            name.to_owned()
        } else {
            args.out_dir.join(name)
        }
    };
    let (private, public) = (in_folder(&args.private), in_folder(&args.public));
    if super::same_file(&private, &public) {
        return Err(Usage::SameFile { path: private }.into());
    }
    let existing = super::existing(args.force);
    // Neither file is written if the other one exists.
    super::refuse_existing(&[&private, &public], existing)?;
    let protection = protection(context, args)?;
    let key = PrivateKey::generate().map_err(Failure::failed)?;
    // The public key is written first: if that fails, an existing private key is still in place, and a public
    // key can be derived again.
    file::write_public_key(&public, key.public_key(), existing).map_err(input::failure)?;
    if let Err(failure) = protection.write(&private, &key, existing) {
        if !args.force {
            // Its private key was not saved.
            let _ = std::fs::remove_file(&public);
        }
        return Err(failure);
    }
    let fingerprint = key.public_key().fingerprint();
    let human = format!(
        "private key  {} ({})\npublic key   {}\nfingerprint  {fingerprint}\n",
        private.display(),
        protection.describe(),
        public.display()
    );
    let machine = json!({
        "private_key_file": private,
        "public_key_file": public,
        "protected": protection.is_some(),
        "fingerprint": fingerprint.to_string(),
    });
    context.terminal.result(&human, &machine)?;
    context.terminal.note(&next(&private, &public));
    Ok(Exit::Success)
}

/// Returns the next steps, for a first key and for a rotation. In a rotation, the wrong order causes an
/// outage.
fn next(private: &Path, public: &Path) -> String {
    let public = shell::path(public).unwrap_or_else(|| "PUBLIC_KEY".to_owned());
    let set = format!("wa encryption set {public}");
    format!(
        "\nnext, for a number without a key:\n  {set}\nin a rotation, first make the endpoint serve {} in \
         addition to the old key, or Flows will fail; then:\n  {set}\n(add --endpoint URL to check that the \
         endpoint serves the new key)",
        private.display()
    )
}

fn protection(context: &Context, args: &GenerateArgs) -> Result<NewProtection, Failure> {
    if args.no_passphrase {
        return Ok(NewProtection::none());
    }
    let hint = "pass --passphrase-file FILE, set WA_KEY_PASSPHRASE, or pass --no-passphrase";
    let source = PassphraseArgs {
        passphrase_file: args.passphrase_file.clone(),
        empty_passphrase: false,
    };
    let mut passphrase = KeyPassphrase::of(&source);
    NewProtection::with(passphrase.given(&context.environment)?, hint)
}
