//! `wa flow decrypt`.

use std::path::Path;

use serde_json::{Value, json};
use wa_cloud::flows::{KeyRing, OpenError};

use super::{Context, Exit, Failure};
use crate::args::DecryptArgs;
use crate::failure::Usage;
use crate::input::{self, KeyPassphrase};
use crate::terminal::{STRONG, paint};

/// Twice the maximum size of a request from WhatsApp.
const MAX_BODY: usize = 2 * 1024 * 1024;

pub(super) fn run(context: &mut Context, args: &DecryptArgs) -> Result<Exit, Failure> {
    // The body defaults to standard input, so a key from standard input needs a named body file.
    let inputs = args.key.iter().chain([&args.body]);
    if inputs.filter(|path| path.as_path() == Path::new("-")).count() > 1 {
        return Err(Usage::StandardInputTwice.into());
    }
    let ring = ring(context, args)?;
    let body = input::bytes(&args.body, MAX_BODY)?;
    let opened = ring.open(&body).map_err(|error| refused(error, &ring))?;
    let payload = opened.expose_payload();
    let text = String::from_utf8_lossy(payload);
    let value: Value = serde_json::from_slice(payload).unwrap_or_else(|_| json!(text));
    let human = format!("{}\n", text.trim_end_matches('\n'));
    let label = paint(STRONG, "decrypted with key");
    context.terminal.note(&format!("{label}  {}", opened.key));
    let machine = json!({ "fingerprint": opened.key.to_string(), "payload": value });
    context.terminal.result(&human, &machine)?;
    Ok(Exit::Success)
}

fn ring(context: &mut Context, args: &DecryptArgs) -> Result<KeyRing, Failure> {
    let mut ring: Option<KeyRing> = None;
    let mut passphrase = KeyPassphrase::of(&args.passphrase);
    for path in &args.key {
        let key = input::private_key(context, path, &mut passphrase)?;
        let with_it = match ring {
            Some(ring) => ring.with_previous(&key),
            None => KeyRing::new(&key),
        };
        ring = Some(with_it.map_err(|error| {
            let hint = error.remedy();
            Failure::failed(error).with_hint(hint)
        })?);
    }
    // clap requires at least one key.
    ring.ok_or_else(|| {
        Usage::Missing {
            what: "the private key",
            hint: "pass --key FILE",
        }
        .into()
    })
}

fn refused(error: OpenError, ring: &KeyRing) -> Failure {
    let tried: Vec<String> = ring
        .keys()
        .iter()
        .map(|key| key.fingerprint.to_string())
        .collect();
    let tried = tried.join(", ");
    let hint = match error {
        OpenError::Undecryptable => {
            format!(
                "none of the given keys ({tried}) decrypts it; `wa encryption get` prints the registered key"
            )
        }
        _ => "pass the complete request body: JSON with encrypted_flow_data, encrypted_aes_key and \
              initial_vector"
            .to_owned(),
    };
    Failure::failed(error).with_hint(Some(hint))
}
