//! `wa demo`: the life of a key against the emulator, each step checked.

use std::fmt::Display;

use serde_json::{Value, json};
use wa_cloud::encryption::{EncryptionApi, EncryptionError, Verification};
use wa_cloud::graph::{AccessToken, GraphClient, PhoneNumberId};
use wa_cloud::keys::{Passphrase, PrivateKey, Protection, PublicKey};
use wa_emulator::{DEFAULT_ACCESS_TOKEN, DEFAULT_PHONE_NUMBER_ID, Emulator};

use super::Context;
use crate::failure::{Exit, Failure};
use crate::terminal::{BAD, FAINT, GOOD, STRONG, Terminal, paint};

/// The label under which the emulator knows its default token.
const TOKEN: &str = "default";
const PERMISSION: &str = "whatsapp_business_messaging";

/// A step did not come out as it should.
#[derive(Debug, thiserror::Error)]
#[error("step {step} is not as it should be: {found}")]
struct NotAsItShouldBe {
    step: usize,
    found: String,
}

/// Prints the steps as they happen and keeps them for `--json`.
struct Script<'a> {
    terminal: &'a mut Terminal,
    steps: Vec<Value>,
}

impl Script<'_> {
    fn step(&mut self, title: &str, found: impl Display) -> Result<(), Failure> {
        let number = self.steps.len() + 1;
        self.steps
            .push(json!({ "step": title, "found": found.to_string() }));
        if self.terminal.json() {
            return Ok(());
        }
        let number = paint(FAINT, format!("{number:>2}"));
        self.terminal
            .data(&format!("{number}  {}\n    {found}\n", paint(STRONG, title)))?;
        Ok(())
    }

    fn expect(&self, holds: bool, found: impl Display) -> Result<(), Failure> {
        if holds {
            return Ok(());
        }
        let step = self.steps.len() + 1;
        Err(Failure::failed(NotAsItShouldBe {
            step,
            found: found.to_string(),
        }))
    }
}

pub(crate) async fn run(context: &mut Context) -> Result<Exit, Failure> {
    let mut script = Script {
        terminal: &mut context.terminal,
        steps: Vec::new(),
    };
    let emulator = Emulator::builder().start().await.map_err(Failure::failed)?;
    let number = DEFAULT_PHONE_NUMBER_ID;
    let address = emulator.base_url().to_owned();
    script.step(
        "A local stand-in for Meta is serving",
        format!("{address}, phone number id {number}"),
    )?;

    let key = make_key(&mut script)?;
    let key = key.public_key();
    let encryption = encryption_api(&address)?;
    register(&mut script, &encryption, key).await?;
    lose_and_heal(&mut script, &emulator, &encryption, key).await?;
    lack_permission(&mut script, &emulator, &encryption, key).await?;

    let found = encryption
        .get_business_public_key()
        .await
        .map_err(Failure::failed)?;
    script.expect(
        found.is_usable() && found.public_key() == Some(key),
        "the last read found another key",
    )?;
    emulator.shutdown().await;
    let human = format!("\nregistered {} {}\n", key.fingerprint(), paint(GOOD, "VALID"));
    let steps = std::mem::take(&mut script.steps);
    let machine = json!({
        "steps": steps,
        "fingerprint": key.fingerprint().to_string(),
        "business_public_key_signature_status": "VALID",
    });
    context.terminal.result(&human, &machine)?;
    Ok(Exit::Good)
}

fn encryption_api(address: &str) -> Result<EncryptionApi, Failure> {
    let token = AccessToken::new(DEFAULT_ACCESS_TOKEN).map_err(Failure::failed)?;
    let client = GraphClient::builder(token)
        .base_url(address)
        .build()
        .map_err(Failure::failed)?;
    let number: PhoneNumberId = DEFAULT_PHONE_NUMBER_ID.parse().map_err(Failure::failed)?;
    Ok(EncryptionApi::new(client, number))
}

fn make_key(script: &mut Script<'_>) -> Result<PrivateKey, Failure> {
    let key = PrivateKey::generate().map_err(Failure::failed)?;
    let fingerprint = key.public_key().fingerprint();
    script.step(
        "A key pair is generated",
        format!("RSA, {} bits, fingerprint {fingerprint}", key.public_key().bits()),
    )?;

    let passphrase = Passphrase::new("correct horse battery staple");
    let pem = key
        .encrypted_pkcs8_pem(&passphrase, &Protection::default())
        .map_err(Failure::failed)?;
    let locked = PrivateKey::parse(&pem, None);
    script.expect(locked.is_err(), "the protected key opens without its passphrase")?;
    let opened = PrivateKey::parse(&pem, Some(&passphrase)).map_err(Failure::failed)?;
    script.expect(opened == key, "the protected key is another one")?;
    script.step(
        "Its private half is protected by a passphrase",
        "PKCS#8, AES-256-CBC, PBKDF2-HMAC-SHA-256, 600,000 rounds",
    )?;
    Ok(opened)
}

async fn register(script: &mut Script<'_>, api: &EncryptionApi, key: &PublicKey) -> Result<(), Failure> {
    let before = api.verify(key).await.map_err(Failure::failed)?;
    script.expect(matches!(before, Verification::NotRegistered { .. }), &before)?;
    script.step("Before: what Graph has", &before)?;
    let verification = api.register(key).await.map_err(Failure::failed)?;
    script.expect(verification.is_good(), &verification)?;
    script.step("The public half is registered and read back", good(&verification))
}

async fn lose_and_heal(
    script: &mut Script<'_>,
    emulator: &Emulator,
    api: &EncryptionApi,
    key: &PublicKey,
) -> Result<(), Failure> {
    emulator
        .reregister_number(DEFAULT_PHONE_NUMBER_ID)
        .map_err(Failure::failed)?;
    let lost = api.verify(key).await.map_err(Failure::failed)?;
    script.expect(matches!(lost, Verification::Mismatch { .. }), &lost)?;
    let found = format!("{}  {lost}\n    hint: {}", paint(BAD, "MISMATCH"), lost.advice());
    script.step("The number is registered anew, and the check finds it", found)?;
    let healed = api.register(key).await.map_err(Failure::failed)?;
    script.expect(healed.is_good(), &healed)?;
    script.step("Uploading the same key again heals it", good(&healed))
}

async fn lack_permission(
    script: &mut Script<'_>,
    emulator: &Emulator,
    api: &EncryptionApi,
    key: &PublicKey,
) -> Result<(), Failure> {
    emulator
        .drop_permission(TOKEN, PERMISSION)
        .map_err(Failure::failed)?;
    let refused = api.set_business_public_key(key).await;
    let found = match &refused {
        Err(error) if error.is_permission() => explain(error),
        Err(error) => return script.expect(false, error),
        Ok(_) => return script.expect(false, "a token without the permission may set a key"),
    };
    script.step(&format!("A token without {PERMISSION} is refused"), found)?;
    emulator
        .grant_permission(TOKEN, PERMISSION)
        .map_err(Failure::failed)
}

fn explain(error: &EncryptionError) -> String {
    format!(
        "{}  {error}\n    hint: {}",
        paint(BAD, "REFUSED"),
        error.remedy().unwrap_or("no remedy known")
    )
}

fn good(verification: &Verification) -> String {
    format!("{}  {verification}", paint(GOOD, "VALID"))
}
