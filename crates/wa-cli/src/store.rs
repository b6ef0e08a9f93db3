//! The key store of a command: its location, its key set, and the passphrase of its keys.

use std::sync::Arc;

use wa_cloud::keys::{Passphrase, PrivateKey};
use wa_cloud::keystore::{Backend, KeySet, KeyStore, ProtectedKey, StoreError, open_url_with};
use wa_cloud::secrets;

use crate::args::{KeySetArgs, NewKeyArgs, StoreArgs, StorePassphraseArgs};
use crate::commands::Context;
use crate::failure::{Failure, Usage};
use crate::settings::{self, SecretSource};

/// The key set of a new store.
const DEFAULT_SET: &str = "default";
/// Variables of `--env-file` that are settings of buckets.
const BUCKET_VARIABLES: &[&str] = &["AWS_", "AZURE_", "GOOGLE_"];

/// Returns the location of the key store.
pub(crate) fn location(context: &Context, args: &StoreArgs) -> Result<String, Failure> {
    context
        .environment
        .or(args.store.as_ref(), "WA_KEY_STORE")
        .ok_or_else(|| {
            Usage::Missing {
                what: "the key store",
                hint: "pass --store LOCATION or set WA_KEY_STORE",
            }
            .into()
        })
}

/// Returns the backend of the key store; nothing is read yet.
pub(crate) fn backend(context: &Context, args: &StoreArgs) -> Result<Arc<dyn Backend>, Failure> {
    open_location(context, &location(context, args)?)
}

/// Returns the backend of a location; nothing is read yet.
pub(crate) fn open_location(context: &Context, location: &str) -> Result<Arc<dyn Backend>, Failure> {
    let variables = context.environment.file_variables(BUCKET_VARIABLES);
    open_url_with(location, variables).map_err(|error| match error {
        StoreError::Location { .. } => usage(error),
        other => failure(other),
    })
}

/// Opens a key store that exists.
pub(crate) async fn open(context: &Context, args: &StoreArgs) -> Result<KeyStore, Failure> {
    let store = KeyStore::open(backend(context, args)?).await.map_err(failure)?;
    warn(context, &store).await?;
    Ok(store)
}

/// Prints what is unsafe about where the store is; with `--strict`, the first warning is an error.
pub(crate) async fn warn(context: &Context, store: &KeyStore) -> Result<(), Failure> {
    for warning in store.warnings().await {
        let remedy = warning.remedy().unwrap_or_default();
        context.environment.warn_text(&warning.to_string(), &remedy)?;
    }
    Ok(())
}

/// Opens a key store, or creates it.
pub(crate) async fn open_or_create(context: &Context, args: &StoreArgs) -> Result<KeyStore, Failure> {
    let store = KeyStore::open_or_create(backend(context, args)?)
        .await
        .map_err(failure)?;
    warn(context, &store).await?;
    Ok(store)
}

/// Returns the key set that is named, or the only one of the store; with `create`, a store without sets gets
/// one. Its events are by the user of this process.
pub(crate) async fn key_set(store: &KeyStore, args: &KeySetArgs, create: bool) -> Result<KeySet, Failure> {
    let name = match &args.set {
        Some(name) => name.clone(),
        None => only_set(&store.sets().await.map_err(failure)?, create)?,
    };
    Ok(store.set(&name).map_err(usage)?.by(&user()))
}

fn only_set(sets: &[String], create: bool) -> Result<String, Failure> {
    match sets {
        [only] => Ok(only.clone()),
        [] if create => Ok(DEFAULT_SET.to_owned()),
        [] => Err(Failure::failed(NoSet).with_hint(Some("import a key: `wa keys import FILE`"))),
        several => Err(Failure::usage(SeveralSets(several.join(", "))).with_hint(Some("pass --set NAME"))),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the key store has no key set yet")]
struct NoSet;

#[derive(Debug, thiserror::Error)]
#[error("the key store has several key sets: {0}")]
struct SeveralSets(String);

/// Returns who writes events: the user and the host, as far as the environment names them.
pub(crate) fn user() -> String {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER")
        .or_else(|| variable("LOGNAME"))
        .or_else(|| variable("USERNAME"));
    let host = variable("HOSTNAME").or_else(|| {
        let name = std::fs::read_to_string("/etc/hostname").ok()?;
        Some(name.trim().to_owned())
    });
    [user, host].into_iter().flatten().collect::<Vec<_>>().join("@")
}

/// Converts an error of a key store into a failure with its remedy as the hint.
pub(crate) fn failure(error: StoreError) -> Failure {
    let hint = error.remedy();
    Failure::failed(error).with_hint(hint)
}

/// Like [`failure`], for an invalid option.
pub(crate) fn usage(error: StoreError) -> Failure {
    let hint = error.remedy();
    Failure::usage(error).with_hint(hint)
}

/// How new private keys are stored.
pub(crate) enum NewKeys {
    Encrypted(Passphrase),
    Unencrypted,
}

impl NewKeys {
    /// Returns how a command stores new keys: with the passphrase that [`given`] found, or asking for one.
    pub(crate) fn of(args: &NewKeyArgs, given: Option<Passphrase>) -> Result<Self, Failure> {
        if args.no_passphrase {
            return Ok(Self::Unencrypted);
        }
        let found = match given {
            Some(found) => Some(found),
            None => settings::ask_new_secret("Passphrase of the key store")?
                .map(|secret| Passphrase::new(secret.as_str())),
        };
        found.map(Self::Encrypted).ok_or_else(missing)
    }

    /// Brings a private key into the form in which it is stored. It takes some 0.2 seconds.
    pub(crate) fn protect(&self, key: &PrivateKey) -> Result<ProtectedKey, Failure> {
        match self {
            Self::Encrypted(passphrase) => ProtectedKey::encrypt(key, passphrase).map_err(|error| {
                let hint = error.remedy();
                Failure::failed(error).with_hint(hint)
            }),
            Self::Unencrypted => Ok(ProtectedKey::unencrypted(key)),
        }
    }
}

/// Returns the passphrase of the stored keys, asking for it if none is given; `None` without a terminal.
pub(crate) fn passphrase(
    context: &Context,
    args: &StorePassphraseArgs,
) -> Result<Option<Passphrase>, Failure> {
    if let Some(found) = given(context, args)? {
        return Ok(Some(found));
    }
    let asked = settings::ask_secret("Passphrase of the key store: ")?;
    Ok(asked.map(|secret| Passphrase::new(secret.as_str())))
}

/// Returns the passphrase that an option, a command or the environment gives.
pub(crate) fn given(context: &Context, args: &StorePassphraseArgs) -> Result<Option<Passphrase>, Failure> {
    let variable = || context.environment.get("WA_KEY_PASSPHRASE_COMMAND");
    let command = args.passphrase_command.clone().or_else(|| {
        // A file or the passphrase itself is more specific than the command in the environment.
        let is_given =
            args.passphrase_file.is_some() || context.environment.get("WA_KEY_PASSPHRASE").is_some();
        variable()
            .filter(|_| !is_given)
            .map(|command| command.as_str().to_owned())
    });
    if let Some(command) = command {
        return from_command(command).map(Some);
    }
    let source = SecretSource {
        option: "--passphrase-file",
        file: args.passphrase_file.as_ref(),
        variables: &["WA_KEY_PASSPHRASE"],
    };
    let secret = source.secret(&context.environment)?;
    Ok(secret.map(|secret| Passphrase::new(secret.as_str())))
}

/// Runs a command once, and returns the first line that it prints.
pub(crate) fn from_command(command: String) -> Result<Passphrase, Failure> {
    match secrets::SecretSource::Command(command).read(|_| None) {
        Ok(found) => Ok(Passphrase::new(found.expose_secret())),
        Err(error) => {
            let hint = error.remedy();
            Err(Failure::usage(error).with_hint(hint))
        }
    }
}

fn missing() -> Failure {
    Usage::Missing {
        what: "the passphrase of the key store",
        hint: "pass --passphrase-file FILE or --passphrase-command COMMAND, or set WA_KEY_PASSPHRASE; to store keys \
               unencrypted in a directory, pass --no-passphrase",
    }
    .into()
}
