//! `wa keys export`.

use std::path::Path;

use serde_json::json;
use wa_cloud::keys::Fingerprint;
use wa_cloud::keys::file::{self, Existing};
use wa_cloud::keystore::{KeyRecord, SetLog};

use super::Context;
use crate::args::ExportArgs;
use crate::failure::{Exit, Failure};
use crate::{input, store};

/// Fewer digits of a fingerprint are no name of a key.
const LEAST_DIGITS: usize = 8;

pub(crate) async fn run(context: &mut Context, args: &ExportArgs) -> Result<Exit, Failure> {
    let store = store::open(context, &args.set.store).await?;
    let set = store::key_set(&store, &args.set, false).await?;
    let log = set.read().await.map_err(store::failure)?;
    let fingerprint = find(&log, set.name(), &args.fingerprint)?.fingerprint;
    let Some(out) = &args.out else {
        let public = set.public_key(fingerprint).await.map_err(store::failure)?;
        let machine = json!({ "fingerprint": fingerprint.to_string(), "public_key": public.to_pem() });
        context.terminal.result(&public.to_pem(), &machine)?;
        return Ok(Exit::Success);
    };
    super::refuse_existing(&[out], Existing::Refuse)?;
    let stored = set.private_key(fingerprint).await.map_err(store::failure)?;
    write(out, stored.expose_pem())?;
    let protection = if stored.is_encrypted() {
        "encrypted with the passphrase of the key store"
    } else {
        "not encrypted"
    };
    let human = format!(
        "private key  {} ({protection})\nfingerprint  {fingerprint}\n",
        out.display()
    );
    let machine = json!({
        "private_key_file": out,
        "protected": stored.is_encrypted(),
        "fingerprint": fingerprint.to_string(),
    });
    context.terminal.result(&human, &machine)?;
    Ok(Exit::Success)
}

fn write(path: &Path, pem: &[u8]) -> Result<(), Failure> {
    file::write_private_text(path, pem, Existing::Refuse).map_err(input::failure)
}

/// Finds the key of a fingerprint or of its first digits.
pub(crate) fn find<'a>(log: &'a SetLog, set: &str, text: &str) -> Result<&'a KeyRecord, Failure> {
    let text = text.trim().to_ascii_lowercase();
    let exact: Option<Fingerprint> = text.parse().ok();
    let mut found = log.keys().iter().filter(|key| {
        exact == Some(key.fingerprint)
            || (text.len() >= LEAST_DIGITS && key.fingerprint.to_string().starts_with(&text))
    });
    match (found.next(), found.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(Failure::failed(UnknownKey {
            set: set.to_owned(),
            text,
        })
        .with_hint(Some(
            "give at least 8 digits of a fingerprint that `wa keys status` shows",
        ))),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("key set {set} has no key {text}")]
struct UnknownKey {
    set: String,
    text: String,
}
