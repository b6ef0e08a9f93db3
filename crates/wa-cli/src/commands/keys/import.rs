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
        passphrase_file: args.key_passphrase_file.clone(),
        empty_passphrase: args.empty_passphrase,
    };
    let of_store = store::given(context, &args.new_key.passphrase)?;
    let secret = of_store
        .as_ref()
        .map(|found| found.expose_secret().to_owned().into());
    let mut of_file = KeyPassphrase::of(&of_file).or_found(secret);
    let key = input::private_key(context, &args.file, &mut of_file)?;
    // Before the store is opened, so that a usage error does not create one.
    let protected = NewKeys::of(&args.new_key, of_store)?.protect(&key)?;
    let fingerprint = key.public_key().fingerprint();
    let store = store::open_or_create(context, &args.set.store).await?;
    let set = store::key_set(&store, &args.set, true).await?;
    let mut log = set.read().await.map_err(store::failure)?;
    let mut attempt = 1;
    let added = loop {
        match set.import(&mut log, &protected).await {
            Ok(added) => break added,
            Err(StoreError::Conflict { .. }) if attempt < ATTEMPTS => {
                set.catch_up(&mut log).await.map_err(store::failure)?;
                attempt += 1;
            }
            Err(error) => return Err(store::failure(error)),
        }
    };
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
