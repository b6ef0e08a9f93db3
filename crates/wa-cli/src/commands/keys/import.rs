//! `wa keys import`.

use serde_json::json;
use wa_cloud::keystore::{Added, StoreError};

use super::Context;
use crate::args::{ImportArgs, PassphraseArgs};
use crate::failure::{Exit, Failure};
use crate::input::{self, KeyPassphrase};
use crate::store::{self, NewKeys};

/// Attempts while other writers change the set.
const ATTEMPTS: usize = 10;

pub(crate) async fn run(context: &mut Context, args: &ImportArgs) -> Result<Exit, Failure> {
    let location = store::location(context, &args.set.store)?;
    let of_file = PassphraseArgs {
        passphrase_file: args
            .key_passphrase_file
            .clone()
            .or_else(|| args.new_key.passphrase.passphrase_file.clone()),
        empty_passphrase: args.empty_passphrase,
    };
    let key = input::private_key(context, &args.file, &mut KeyPassphrase::of(&of_file))?;
    let fingerprint = key.public_key().fingerprint();
    let store = store::open_or_create(context, &args.set.store).await?;
    let set = store::key_set(&store, &args.set, true).await?;
    let mut log = set.read().await.map_err(store::failure)?;
    // A known key needs no passphrase.
    let mut added = Added::Known;
    if log.key(fingerprint).is_none() {
        let protected = NewKeys::of(context, &args.new_key)?.protect(&key)?;
        for attempt in 1.. {
            match set.import(&mut log, &protected).await {
                Ok(result) => {
                    added = result;
                    break;
                }
                Err(StoreError::Conflict { .. }) if attempt < ATTEMPTS => {
                    set.catch_up(&mut log).await.map_err(store::failure)?;
                }
                Err(error) => return Err(store::failure(error)),
            }
        }
    }
    let state = log.key(fingerprint).map_or("unknown", |key| key.state.label());
    let (short, name) = (fingerprint.short(), set.name());
    let human = match added {
        Added::New => format!("imported {short} into key set {name} of {location} ({state})\n"),
        Added::Known => format!("{short} is in key set {name} of {location} already ({state})\n"),
    };
    let machine = json!({
        "store": location,
        "set": name,
        "fingerprint": fingerprint.to_string(),
        "imported": added == Added::New,
        "state": state,
    });
    context.terminal.result(&human, &machine)?;
    Ok(Exit::Success)
}
