//! The registered key.

use wa_encryption::{EncryptionApi, EncryptionError, RegisteredKey, SignatureStatus};
use wa_graph::{ErrorCode, GraphClient, PhoneNumberId};
use wa_keys::PublicKey;

use super::check::Check;
use super::diagnosis::Notes;
use super::local::LocalKeys;

/// Examines the registered key; returns it if there is one readable key.
pub(super) async fn examine(
    client: &GraphClient,
    number: &PhoneNumberId,
    local: &LocalKeys,
    notes: &mut Notes,
) -> Option<PublicKey> {
    let api = EncryptionApi::new(client.clone(), number.clone());
    let found = match api.get_business_public_key().await {
        Ok(found) => found,
        Err(error) => {
            refused(number, &error, notes);
            return None;
        }
    };
    let key = match found.registered() {
        RegisteredKey::Key(key) => key,
        other => {
            notes.ok(Check::NumberRegistration, "Graph answers for its key");
            not_one_key(number, other, local, notes);
            return None;
        }
    };
    notes.ok(Check::NumberRegistration, "Graph answers for its key");
    notes.ok(Check::RegisteredKey, key.fingerprint().short());
    match found.signature_status() {
        Some(SignatureStatus::Valid) => notes.ok(Check::KeySignature, "VALID"),
        Some(status) => {
            let evidence =
                format!("{status}: the number was probably registered again after the key was uploaded");
            let remedy = format!("Upload the key again: {}", local.upload_command(number));
            notes.broken(Check::KeySignature, evidence, remedy);
        }
        None => notes.unknown(Check::KeySignature, "Graph returned no status"),
    }
    local.compare(number, key.fingerprint(), notes);
    Some(key.clone())
}

fn refused(number: &PhoneNumberId, error: &EncryptionError, notes: &mut Notes) {
    let Some(graph) = error.graph() else {
        return notes.unknown(Check::RegisteredKey, error.to_string());
    };
    let is_unregistered = error.code() == Some(ErrorCode::PHONE_NUMBER_NOT_REGISTERED);
    if is_unregistered {
        let evidence = format!("{number} is not registered with Cloud API (133010)");
        let remedy =
            format!("Register it first, with POST /{number}/register and its PIN; then upload the key.");
        return notes.broken(Check::NumberRegistration, evidence, remedy);
    }
    if error.api().is_some_and(wa_graph::ApiError::is_not_eligible) {
        return notes.failed_call(Check::NumberRegistration, graph);
    }
    // The causes of these have a finding of their own.
    let is_explained =
        graph.is_permission() || graph.is_not_found() || graph.is_parameter() || graph.is_token();
    if is_explained {
        return notes.unknown(Check::RegisteredKey, error.to_string());
    }
    notes.failed_call(Check::RegisteredKey, graph);
}

fn not_one_key(number: &PhoneNumberId, registered: &RegisteredKey, local: &LocalKeys, notes: &mut Notes) {
    let upload = local.upload_command(number);
    let (evidence, remedy) = match registered {
        RegisteredKey::Absent => (
            "no key is registered; publishing a Flow with an endpoint fails (139002)".to_owned(),
            format!("Upload the public key: {upload}"),
        ),
        RegisteredKey::Several { fingerprints } => {
            let keys: Vec<String> = fingerprints.iter().map(wa_keys::Fingerprint::short).collect();
            (
                format!("several keys are registered: {}", keys.join(", ")),
                format!("Upload one: {upload}"),
            )
        }
        RegisteredKey::Unreadable { problem, .. } => (
            format!("what is registered cannot be used by phones: {problem}"),
            format!("Upload the public key: {upload}"),
        ),
        _ => (
            "what is registered is not one key".to_owned(),
            format!("Upload the public key: {upload}"),
        ),
    };
    notes.broken(Check::RegisteredKey, evidence, remedy);
}
