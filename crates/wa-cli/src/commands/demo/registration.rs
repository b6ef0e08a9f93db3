//! First half of the demo: a key from its generation to a valid registration.

use wa_cloud::encryption::{EncryptionApi, EncryptionError, Verification};
use wa_cloud::keys::{Passphrase, PrivateKey, Protection, PublicKey};
use wa_emulator::{DEFAULT_PHONE_NUMBER_ID, Emulator};

use super::script::Script;
use crate::failure::Failure;
use crate::terminal::{BAD, GOOD, paint};

/// The label of the emulator's default token.
const TOKEN: &str = "default";
const PERMISSION: &str = "whatsapp_business_messaging";

pub(super) fn make_key(script: &mut Script<'_>) -> Result<PrivateKey, Failure> {
    let key = PrivateKey::generate().map_err(Failure::failed)?;
    let fingerprint = key.public_key().fingerprint();
    script.step(
        "A key pair is generated",
        format!(
            "RSA, {} bits, fingerprint {}",
            key.public_key().bits(),
            fingerprint.short()
        ),
    )?;

    let passphrase = Passphrase::new("correct horse battery staple");
    let pem = key
        .encrypted_pkcs8_pem(&passphrase, &Protection::default())
        .map_err(Failure::failed)?;
    let locked = PrivateKey::parse(&pem, None);
    script.expect(locked.is_err(), "the encrypted key opens without its passphrase")?;
    let opened = PrivateKey::parse(&pem, Some(&passphrase)).map_err(Failure::failed)?;
    script.expect(opened == key, "the encrypted key is another one")?;
    script.step(
        "The private key is encrypted with a passphrase",
        "PKCS#8, AES-256-CBC, PBKDF2-HMAC-SHA-256, 600,000 rounds",
    )?;
    Ok(opened)
}

pub(super) async fn register(
    script: &mut Script<'_>,
    api: &EncryptionApi,
    key: &PublicKey,
) -> Result<(), Failure> {
    let before = api.verify(key).await.map_err(Failure::failed)?;
    script.expect(matches!(before, Verification::NotRegistered { .. }), &before)?;
    script.step("Before the upload, Graph has no key", &before)?;
    let verification = api.register(key).await.map_err(Failure::failed)?;
    script.expect(verification.is_valid(), &verification)?;
    script.step("The public key is registered and read back", good(&verification))
}

pub(super) async fn lose_and_repair(
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
    let remedy = lost.remedy().unwrap_or_default();
    let found = format!("{}  {lost}\n    hint: {remedy}", paint(BAD, "MISMATCH"));
    script.step("The number is re-registered, and the check reports it", found)?;
    let repaired = api.register(key).await.map_err(Failure::failed)?;
    script.expect(repaired.is_valid(), &repaired)?;
    script.step("Uploading the same key again fixes it", good(&repaired))
}

pub(super) async fn lack_permission(
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
        error.remedy().unwrap_or("no remedy known".into())
    )
}

pub(super) fn good(verification: &Verification) -> String {
    format!("{}  {verification}", paint(GOOD, "VALID"))
}
